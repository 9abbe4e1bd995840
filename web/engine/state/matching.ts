// What two lists have in common, as the longest blocks that match: Python's difflib, step by step.
//
// It knows no texts. Items are compared as they are; of long lists those that are everywhere do not begin a block.

/** What to do with a stretch of one list to make a stretch of the other of it. */
export type Opcode = readonly ["replace" | "delete" | "insert" | "equal", number, number, number, number];

type Block = readonly [a: number, b: number, size: number];

const POPULAR_FROM = 200; // items in a list; in shorter ones none is too frequent
const POPULAR_SHARE = 100;

/** How to make the second list of the first, from left to right. */
export function opcodes(a: readonly string[], b: readonly string[]): Opcode[] {
  const found: Opcode[] = [];
  let [i, j] = [0, 0];
  for (const [ai, bj, size] of blocks(a, b)) {
    const tag = i < ai && j < bj ? "replace" : i < ai ? "delete" : j < bj ? "insert" : null;
    if (tag) found.push([tag, i, ai, j, bj]);
    [i, j] = [ai + size, bj + size];
    if (size > 0) found.push(["equal", ai, i, bj, j]);
  }
  return found;
}

/** The blocks that match, in order, neighbours as one; an empty one stands at the end. */
function blocks(a: readonly string[], b: readonly string[]): Block[] {
  const places = placesOf(b);
  const open: [number, number, number, number][] = [[0, a.length, 0, b.length]];
  const matching: Block[] = [];
  for (let next = open.pop(); next; next = open.pop()) {
    const [alo, ahi, blo, bhi] = next;
    const [i, j, size] = longest(a, b, places, next);
    if (size === 0) continue;
    matching.push([i, j, size]);
    if (alo < i && blo < j) open.push([alo, i, blo, j]);
    if (i + size < ahi && j + size < bhi) open.push([i + size, ahi, j + size, bhi]);
  }
  matching.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const found: Block[] = [];
  for (const [i, j, size] of matching) {
    const [a0, b0, length] = found.at(-1) ?? [0, 0, 0];
    if (length > 0 && a0 + length === i && b0 + length === j) found[found.length - 1] = [a0, b0, length + size];
    else found.push([i, j, size]);
  }
  return [...found, [a.length, b.length, 0]];
}

/** Where each item is in a list; those that are nearly everywhere are left out. */
function placesOf(b: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [place, item] of b.entries()) {
    const known = places.get(item);
    if (known) known.push(place);
    else places.set(item, [place]);
  }
  if (b.length < POPULAR_FROM) return places;
  const most = Math.floor(b.length / POPULAR_SHARE) + 1;
  return new Map([...places].filter(([, known]) => known.length <= most));
}

/** The longest block that matches in two stretches; of several the first in `a`, of those the first in `b`. */
function longest(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  [alo, ahi, blo, bhi]: readonly [number, number, number, number],
): Block {
  let [besti, bestj, size] = [alo, blo, 0];
  let lengths = new Map<number, number>();
  for (let i = alo; i < ahi; i++) {
    const following = new Map<number, number>();
    for (const j of places.get(a[i]!) ?? []) {
      if (j < blo) continue;
      if (j >= bhi) break;
      const length = (lengths.get(j - 1) ?? 0) + 1;
      following.set(j, length);
      if (length > size) [besti, bestj, size] = [i - length + 1, j - length + 1, length];
    }
    lengths = following;
  }
  while (besti > alo && bestj > blo && a[besti - 1] === b[bestj - 1]) {
    [besti, bestj, size] = [besti - 1, bestj - 1, size + 1];
  }
  while (besti + size < ahi && bestj + size < bhi && a[besti + size] === b[bestj + size]) size += 1;
  return [besti, bestj, size];
}
