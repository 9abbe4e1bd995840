// What an edited text changed, as few small splices, so that edits of different paragraphs merge; as
// mesh/state/rewording.py has it.
//
// Lines are compared first, then the words of changed lines, with a bound on both: a text rewritten from end to end is
// one splice. This module knows no document. Inside it places are those of the browser; a splice has code points.
import { isPair, lettersIn } from "../letters.js";
import { DIFF_LINES_MAX } from "../limits.js";
import type { Splice } from "./edits.js";
import { opcodes } from "./matching.js";

/** Where in the old text, what is there, what shall be. */
type Place = readonly [at: number, before: string, after: string];

const WORD = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]+/gu;
const LINE = /[^\n]*\n|[^\n]+/gu;

/** The splices that make one text of the other, the last place first, so that none moves another. */
export function splices(old: string, fresh: string): Splice[] {
  const found: Splice[] = [];
  let free = 0; // from where on nothing was spliced yet
  for (const place of compared(LINE, [0, old, fresh])) {
    for (const small of compared(WORD, place)) {
      const [start, before, after] = asLines(old, free, small);
      const position = lettersIn(old.slice(0, start));
      found.push({ edit: "splice", position, deleted: lettersIn(before), inserted: after });
      free = start + before.length;
    }
  }
  return found.reverse();
}

/** A text in pieces: words that another text has as well, and words of its own (true). */
export function pieces(text: string, other: string): [piece: string, own: boolean][] {
  const [mine, theirs] = [text.match(WORD) ?? [], other.match(WORD) ?? []];
  if (Math.max(mine.length, theirs.length) > DIFF_LINES_MAX) return [[text, true]];
  const found: [string, boolean][] = [];
  const parts = opcodes(mine, theirs).filter(([, start, end]) => end > start);
  for (const [place, [tag, start, end]] of parts.entries()) {
    const piece = mine.slice(start, end).join("");
    const between = place > 0 && place < parts.length - 1 && !piece.trim(); // a blank between own words is theirs
    const [own, last] = [tag !== "equal" || between, found.at(-1)];
    if (last && last[1] === own) last[0] += piece;
    else found.push([piece, own]);
  }
  return found;
}

/**
 * The same splice as one of whole lines, where it can be told so, not before `free`.
 *
 * A line above one that begins alike could as well be the end of it and the beginning of the next: what another device
 * adds there at once would tear both.
 */
function asLines(old: string, free: number, place: Place): Place {
  const [at, before, after] = place;
  const words = before || after;
  const back = words.length - 1 - words.lastIndexOf("\n"); // letters behind its last line, which may stand before it too
  const start = at - back;
  const whole = (before && after) || back === words.length || start < free;
  if (whole || old.slice(start, at) !== words.slice(words.length - back)) return place;
  if (start && old[start - 1] !== "\n") return place;
  const moved = old.slice(start, at) + words.slice(0, words.length - back);
  return [start, before ? moved : "", after ? moved : ""];
}

/** The places where two texts differ, token by token. */
function compared(token: RegExp, [at, old, fresh]: Place): Place[] {
  const head = common(old, fresh);
  const tail = commonEnd(old.slice(head), fresh.slice(head));
  const [before, after] = [old.slice(head, old.length - tail), fresh.slice(head, fresh.length - tail)];
  if (!before || !after) return before || after ? [[at + head, before, after]] : [];
  const [left, right] = [before.match(token) ?? [], after.match(token) ?? []];
  if (Math.max(left.length, right.length) > DIFF_LINES_MAX) return [[at + head, before, after]];
  const offsets = [at + head];
  for (const one of left) offsets.push(offsets.at(-1)! + one.length);
  return opcodes(left, right)
    .filter(([tag]) => tag !== "equal")
    .map(([, i, j, k, m]) => [offsets[i]!, left.slice(i, j).join(""), right.slice(k, m).join("")]);
}

/** How much two texts begin with in common, in whole letters. */
function common(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let place = 0;
  while (place < end && a[place] === b[place]) place += 1;
  return place > 0 && (isPair(a, place - 1) || isPair(b, place - 1)) ? place - 1 : place;
}

/** How much two texts end with in common, in whole letters. */
function commonEnd(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let count = 0;
  while (count < end && a[a.length - 1 - count] === b[b.length - 1 - count]) count += 1;
  const cut = (text: string) => text.length > count && isPair(text, text.length - count - 1);
  return count > 0 && (cut(a) || cut(b)) ? count - 1 : count;
}
