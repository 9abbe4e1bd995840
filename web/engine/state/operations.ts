// What a document's history consists of: operations, and the changes that carry them; as mesh/state/operations.py.
//
// Values only. This module reads and writes no bytes.
import type { Value } from "../events/kinds.js";
import type { Hex } from "../names.js";

export const ACTOR_BYTES = 16;
const COUNTER_DIGITS = 16; // of a counter in 8 bytes

/** What an operation does, by Automerge's number for it. */
export const Action = { PUT: 1, DELETE: 3, MAKE_TEXT: 4 } as const;
export type Action = (typeof Action)[keyof typeof Action];

/**
 * Names one operation of a document: its counter in 8 bytes and its actor, in hex. So names are equal where their texts
 * are, and `ascending` is their order; of two in one place Automerge shows the greater.
 */
export type OperationId = Hex;

/** The name of an actor's operation. */
export function operationId(counter: number, actor: Hex): OperationId {
  return counter.toString(16).padStart(COUNTER_DIGITS, "0") + actor;
}

/** The counter in a name. */
export function counterOf(name: OperationId): number {
  return Number.parseInt(name.slice(0, COUNTER_DIGITS), 16);
}

/** The actor in a name. */
export function actorOf(name: OperationId): Hex {
  return name.slice(COUNTER_DIGITS);
}

/**
 * One step of a change. Its own id is (start + its place, actor of the change).
 *
 * `object` null is the document itself: there `key` is a register's name. In a text `element` is the letter that the
 * step stands on, null before the first. `before` are the operations that it replaces.
 */
export interface Operation {
  readonly action: Action;
  readonly object: OperationId | null;
  readonly key: string | null;
  readonly element: OperationId | null;
  readonly insert: boolean;
  readonly value: Value;
  readonly before: readonly OperationId[];
}

/** What one actor did to a document at once. `raw` are Automerge's own bytes, never deflated. */
export interface Change {
  readonly hash: Hex;
  readonly dependencies: readonly Hex[];
  readonly actor: Hex;
  readonly sequence: number;
  readonly start: number;
  readonly operations: readonly Operation[];
  readonly raw: Uint8Array;
}
