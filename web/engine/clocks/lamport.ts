// Lamport time: one number per event that never runs backwards along a cause (Lamport 1978); as mesh/clocks/lamport.py.
//
// It orders lists and breaks display ties. It never decides what is true, and it never reads a wall clock.
import { LAMPORT_STEP_MAX } from "../limits.js";
import { ascending, type Digest } from "../names.js";

/** (Lamport time, chain): the total order in which people see events. */
export interface Stamp {
  readonly lamport: number;
  readonly chain: Digest;
}

/** The order of stamps, for `sort`. */
export function byStamp(one: Stamp, other: Stamp): number {
  return one.lamport - other.lamport || ascending(one.chain, other.chain);
}

/** The Lamport number of the next event of a chain whose last number is `own`, after hearing `heard`. */
export function tick(own: number, heard: number): number {
  return Math.min(Math.max(own, heard) + 1, own + LAMPORT_STEP_MAX);
}

/** Whether an event may carry this number after a parent with that one (0 before an opening). */
export function follows(lamport: number, parent: number): boolean {
  return lamport > parent && lamport - parent <= LAMPORT_STEP_MAX;
}
