// Frontiers: the tips of all chains that a device holds, and what one lacks of another's; as mesh/clocks/frontier.py.
//
// Tips carry digests, not numbers only, so two different events at one height are seen at the first meeting. This
// module never holds an event.
import { ascending, type Digest } from "../names.js";
import { byHead, type Head, sameHead } from "./chain.js";

/** Chain -> its tips, ascending. More than one tip: the chain is forked. */
export type Frontier = ReadonlyMap<Digest, readonly Head[]>;

/** A chain, and a tip of it. */
export type Tip = readonly [chain: Digest, head: Head];

/** A run of a chain that somebody lacks: everything up to `target` that is not under one of `after`, best first. */
export interface Span {
  readonly chain: Digest;
  readonly target: Head;
  readonly after: readonly Head[];
}

/** A frontier from (chain, tip) pairs. */
export function frontierOf(tips: Iterable<Tip>): Frontier {
  const found = new Map<Digest, Head[]>();
  for (const [chain, head] of tips) found.set(chain, [...(found.get(chain) ?? []), head]);
  for (const heads of found.values()) heads.sort(byHead);
  return found;
}

/** The chains of a frontier, ascending. */
export function inOrder(frontier: Frontier): [Digest, readonly Head[]][] {
  return [...frontier].sort(([one], [other]) => ascending(one, other));
}

/** The tips of `theirs` that are none of mine: behind mine, or lacking; only the log can tell. */
export function unknownHeads(mine: Frontier, theirs: Frontier): Tip[] {
  return inOrder(theirs).flatMap(([chain, heads]) => {
    const known = mine.get(chain) ?? [];
    return heads.filter((head) => !known.some((one) => sameHead(one, head))).map((head): Tip => [chain, head]);
  });
}

/** The tips of `theirs` that I lack. `held`: has those of `unknownHeads` that are in my log. */
export function lacking(mine: Frontier, theirs: Frontier, held: { has(digest: Digest): boolean }): Tip[] {
  return unknownHeads(mine, theirs).filter(([, head]) => !held.has(head.digest));
}

/** How many events the side behind lacks, by the numbers of the tips; a branch of a fork counts as one. */
export function eventsBetween(behind: Frontier, ahead: Frontier): number {
  let lacks = 0;
  for (const [chain, heads] of ahead) {
    const known = behind.get(chain) ?? [];
    const highest = Math.max(0, ...known.map((head) => head.seq));
    const fresh = heads.filter((head) => !known.some((one) => sameHead(one, head)));
    lacks += Math.max(0, ...fresh.map(({ seq }) => (seq > highest ? seq - highest : 0)));
  }
  return lacks;
}

/** At most so many tips, and so many of one chain; another part at each turn, so that in time all are told. */
export function window(frontier: Frontier, tipsMax: number, headsMax: number, turn: number): Frontier {
  let count = 0;
  for (const heads of frontier.values()) count += Math.min(heads.length, headsMax);
  const rounds = Math.max(1, Math.ceil(count / tipsMax));
  const tips = inOrder(frontier).flatMap(([chain, heads]) =>
    part(heads, headsMax, Math.floor(turn / rounds)).map((head): Tip => [chain, head]),
  );
  return frontierOf(part(tips, tipsMax, turn));
}

function part<T>(items: readonly T[], most: number, turn: number): readonly T[] {
  if (items.length <= most) return items;
  const start = (turn * most) % items.length;
  return [...items.slice(start), ...items.slice(0, start)].slice(0, most);
}
