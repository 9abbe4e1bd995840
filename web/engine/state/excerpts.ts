// Excerpts: the piece of a text in which the words that somebody searched for stand; as mesh/state/excerpts.py has it.
//
// This module searches nothing.
import { beginning, oneLine } from "../letters.js";

const BEFORE = 4; // of an excerpt, a quarter stands before the word
const WORD = /[\p{L}\p{N}]+/gu;

const known = new Map<string, string>();

/** A text without case and accents, letter by letter, so that places in it stay what they are. */
export function plain(text: string): string[] {
  return [...text].map((letter) => {
    let found = known.get(letter);
    if (found === undefined) {
      [found] = letter.toUpperCase().toLowerCase().normalize("NFKD") as unknown as [string];
      known.set(letter, found);
    }
    return found;
  });
}

/**
 * At most so many letters of a text, on one line, around the first word that begins with one of these words.
 *
 * Its beginning when there is none. What was cut off is marked with an ellipsis, which comes on top.
 */
export function excerpt(text: string, words: string, most: number): string {
  const wanted = [...new Set(plain(words).join("").match(WORD) ?? [])];
  const letters = [...text];
  const found = wanted.length > 0 ? firstOf(plain(text).join(""), wanted) : -1;
  let start = found > 0 ? Math.max(0, found - Math.floor(most / BEFORE)) : 0;
  if (start > 0) {
    const space = letters.indexOf(" ", start);
    start = space >= 0 && space < found ? space + 1 : start; // not in the middle of a word
  }
  const line = oneLine(letters.slice(start, start + most).join(""));
  const said = (cut: string[]) => (oneLine(cut.join("")) ? "…" : "");
  return said(letters.slice(0, start)) + line + said(letters.slice(start + most));
}

/** The letter at which the first word begins that begins with one of these; -1 where there is none. */
function firstOf(text: string, wanted: readonly string[]): number {
  const longest = [...wanted].sort((one, other) => other.length - one.length);
  const place = text.search(new RegExp(`(?<![\\p{L}\\p{N}])(?:${longest.join("|")})`, "u"));
  return place < 0 ? -1 : [...text.slice(0, place)].length;
}

/** The beginning of a text on one line: what lists show of it. */
export function snippet(text: string, most: number): string {
  const line = oneLine(beginning(text, most));
  return line.length > 0 && oneLine(text.slice(beginning(text, most).length)) ? `${line}…` : line;
}
