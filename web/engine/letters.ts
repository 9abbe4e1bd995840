// Texts by their letters, which are code points: how many there are, blanks and lines, as Python has them.
//
// A browser counts and sorts by half letters; what devices must agree on never does. This module knows no meaning of any.

const BLANK = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANKS = new RegExp(`[${BLANK}]+`, "u");
const ENDS = new RegExp(`^[${BLANK}]+|[${BLANK}]+$`, "gu");
const HALF = /\p{Cs}/u;

/** How many letters a text has. */
export function lettersIn(text: string): number {
  let count = text.length;
  for (let place = 0; place < text.length - 1; place++) {
    if (isPair(text, place)) [count, place] = [count - 1, place + 1];
  }
  return count;
}

/** At most so many letters of a text. */
export function beginning(text: string, most: number): string {
  if (text.length <= most) return text;
  let end = 0;
  for (let count = 0; count < most && end < text.length; count++) end += isPair(text, end) ? 2 : 1;
  return text.slice(0, end);
}

/** Whether two halves of one letter stand at a place of a text. */
export function isPair(text: string, place: number): boolean {
  return (text.codePointAt(place) ?? 0) > 0xffff;
}

/** The words of a text, between blanks of any kind. */
export function wordsOf(text: string): string[] {
  return text.split(BLANKS).filter((word) => word !== "");
}

/** A text on one line, with single spaces between its words. */
export function oneLine(text: string): string {
  return wordsOf(text).join(" ");
}

/** A text without blanks around it. */
export function stripped(text: string): string {
  return text.replace(ENDS, "");
}

/** Whether a text has half a letter in it: it was cut, or is none. */
export function hasHalfLetter(text: string): boolean {
  return HALF.test(text);
}
