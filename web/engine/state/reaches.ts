// What a change stands on, kept short: how far in the order of arrival, and beyond that how far of which actors; as
// mesh/state/reaches.py has it.
//
// Values for history.ts, which alone knows which change is where. This module compares nothing with another device: the
// order of arrival is our own.
import type { Hex } from "../names.js";

/**
 * A change and all that it stands on: the first so many changes held here, and of some actors more.
 *
 * Most changes stand on all that is held, so the map is empty and nobody's clock grows with the document.
 */
export interface Reach {
  readonly first: number;
  readonly beyond: ReadonlyMap<Hex, number>;
}

/** One actor's changes in their order: where they are in the history, their first counter, what they made. */
export interface Line {
  readonly positions: number[];
  readonly starts: number[];
  readonly made: (readonly (string | null)[])[];
}

/** A reach, and an actor's next change. */
export function goingOn({ first, beyond }: Reach, actor: Hex, sequence: number): Reach {
  return { first, beyond: new Map([...beyond, [actor, sequence]]) };
}

/** The same line, which goes on by itself. */
export function copied(line: Line): Line {
  return { positions: [...line.positions], starts: [...line.starts], made: [...line.made] };
}

/** How many of an actor's changes are in a reach. */
export function reached(line: Line, reach: Reach, actor: Hex): number {
  if (reach.first > line.positions.at(-1)!) return line.positions.length;
  return Math.max(before(line.positions, reach.first), reach.beyond.get(actor) ?? 0);
}

/** How many of these, which ascend, are smaller than a number. */
export function before(ascending: readonly number[], number: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
