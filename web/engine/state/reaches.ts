// What a change stands on, kept short: how far in the order of arrival, and beyond that how far of which actors; as
// mesh/state/reaches.py has it.
//
// Values for history.ts, which alone knows which change is where. This module compares nothing with another device:
// the order of arrival is our own.
import { ascending, type Hex } from "../names.js";

/**
 * A change and all that it stands on: the first so many changes held here, and of some actors more.
 *
 * Most changes stand on all that is held, so the map is empty and nobody's clock grows with the document.
 */
export interface Reach {
  readonly first: number;
  readonly beyond: ReadonlyMap<Hex, number>;
}

/** A reach, and an actor's next change. */
export function goingOn(reach: Reach, actor: Hex, sequence: number): Reach {
  return { first: reach.first, beyond: new Map([...reach.beyond, [actor, sequence]]) };
}

/** One actor's changes in their order: where they are in the history, their first counter, what they made. */
export class Line {
  constructor(
    readonly positions: number[] = [],
    readonly starts: number[] = [],
    readonly made: (readonly (string | null)[])[] = [],
  ) {}

  /** The same line, which goes on by itself. */
  copy(): Line {
    return new Line([...this.positions], [...this.starts], [...this.made]);
  }
}

/** How many of an actor's changes are in a reach. */
export function reached(line: Line, reach: Reach, actor: Hex): number {
  if (reach.first > line.positions.at(-1)!) return line.positions.length;
  return Math.max(bisectLeft(line.positions, reach.first), reach.beyond.get(actor) ?? 0);
}

/** All that is in any of some reaches. */
export function joinedReach(lines: ReadonlyMap<Hex, Line>, reaches: readonly Reach[]): Reach {
  const first = reaches.reduce((most, reach) => Math.max(most, reach.first), 0);
  const beyond = new Map<Hex, number>();
  for (const reach of reaches) {
    for (const [actor, sequence] of reach.beyond) {
      const held = lines.get(actor)!.positions[sequence - 1]!;
      if (held >= first && sequence > (beyond.get(actor) ?? 0)) beyond.set(actor, sequence);
    }
  }
  return { first, beyond };
}

/** What is in each of some reaches, of which there is one. */
export function sharedReach(lines: ReadonlyMap<Hex, Line>, reaches: readonly Reach[]): Reach {
  const [least, ...others] = [...reaches].sort((one, other) => one.first - other.first) as [Reach, ...Reach[]];
  const beyond = new Map<Hex, number>();
  for (const [actor, sequence] of least.beyond) {
    const line = lines.get(actor)!;
    const common = others.reduce((count, other) => Math.min(count, reached(line, other, actor)), sequence);
    if (common > bisectLeft(line.positions, least.first)) beyond.set(actor, common);
  }
  return { first: least.first, beyond };
}

/** Where a change is in time: the counter of its last operation, and its hash. */
export type Age = readonly [top: number, hash: Hex];

/** The order of ages, for `sort`. */
export function byAge(one: Age, other: Age): number {
  return one[0] - other[0] || ascending(one[1], other[1]);
}

/** The stretch that a change is in, whose it is, and the how manieth of that actor. */
export type Turn = readonly [stretch: number, actor: Hex, sequence: number];

/** The order of turns, for `sort`. */
export function byTurn(one: Turn, other: Turn): number {
  return one[0] - other[0] || ascending(one[1], other[1]) || one[2] - other[2];
}

/** Where a number belongs among ascending ones, before its equals. */
export function bisectLeft(sorted: readonly number[], wanted: number): number {
  return bisect(sorted, (one) => one < wanted);
}

/** Where a number belongs among ascending ones, behind its equals. */
export function bisectRight(sorted: readonly number[], wanted: number): number {
  return bisect(sorted, (one) => one <= wanted);
}

/** How many of these are before something: all that are stand first. */
export function bisect<T>(sorted: readonly T[], before: (one: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
