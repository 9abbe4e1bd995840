// What somebody does to a document, and the operations that this becomes; as mesh/state/edits.py has it.
//
// Edits count in code points. Text is always written in single characters: Automerge takes a longer insert for one
// element that nobody could write into. This module changes no document; it only says what a change consists of.
import { Misuse, TooLarge } from "../errors.js";
import type { Value } from "../events/kinds.js";
import { BODY_PLAIN_BYTES_MAX, CHANGE_OPERATIONS_MAX } from "../limits.js";
import { ascending, type Hex } from "../names.js";
import { encode } from "./encoding.js";
import type { History } from "./history.js";
import { Action, type Change, type Operation, type OperationId, operationId } from "./operations.js";

const WRAPPING_BYTES = 16; // what an event's body adds to a change, rounded up

/** Set a register. All values that live in it are replaced. */
export interface Put {
  readonly edit: "put";
  readonly key: string;
  readonly value: Value;
}

/**
 * Of the values that live in a register take out the named ones, which live, and put others beside the rest.
 *
 * `again`: values that were written before come back, each the one of this operation, which does not live; the new
 * operation names it among what it replaces, and so stands for it (undoing.ts).
 */
export interface Swap {
  readonly edit: "swap";
  readonly key: string;
  readonly replaced: readonly OperationId[];
  readonly values: readonly Value[];
  readonly again: readonly OperationId[];
}

/** Remove a register with all values that live in it. Removing nothing is no edit. */
export interface Delete {
  readonly edit: "delete";
  readonly key: string;
}

/** At a place in the text, after the edits before this one, take characters out and put others in. */
export interface Splice {
  readonly edit: "splice";
  readonly position: number;
  readonly deleted: number;
  readonly inserted: string;
}

/** Take letters out of the text, by name; they are shown. After splices only. */
export interface Strike {
  readonly edit: "strike";
  readonly letters: readonly OperationId[];
}

/** Write letters that are gone once more, each where it was: behind itself. After splices only. */
export interface Revive {
  readonly edit: "revive";
  readonly letters: readonly (readonly [letter: OperationId, value: string])[];
}

export type Edit = Put | Swap | Delete | Splice | Strike | Revive;

/** Set a register. */
export function put(key: string, value: Value): Put {
  return { edit: "put", key, value };
}

/** Take some values of a register out, and put others beside the rest. */
export function swap(
  key: string,
  replaced: readonly OperationId[],
  values: readonly Value[] = [],
  again: readonly OperationId[] = [],
): Swap {
  return { edit: "swap", key, replaced, values, again };
}

/** Remove a register. */
export function remove(key: string): Delete {
  return { edit: "delete", key };
}

/** Take characters out of the text and put others in; places count in code points. */
export function splice(position: number, deleted: number, inserted: string): Splice {
  return { edit: "splice", position, deleted, inserted };
}

/** Take letters out of the text by their names. */
export function strike(letters: readonly OperationId[]): Strike {
  return { edit: "strike", letters };
}

/** Write letters that are gone once more. */
export function revive(letters: readonly (readonly [letter: OperationId, value: string])[]): Revive {
  return { edit: "revive", letters };
}

/** Letters of a document by their places, `first` up to `end`; or letters that were just written. */
type Piece = { readonly first: number; readonly end: number } | readonly OperationId[];

/** The letters of a text by place, while edits are made; the document is asked only for those that are touched. */
export class Letters {
  readonly #at: (place: number) => OperationId;
  #pieces: Piece[];
  length: number;

  /** Begin with a document's text, of which `at` names the letter at a place. */
  constructor(length: number, at: (place: number) => OperationId) {
    this.#at = at;
    this.#pieces = [{ first: 0, end: length }];
    this.length = length;
  }

  /** The name of the letter at a place, which is in the text. */
  letter(position: number): OperationId {
    for (const piece of this.#pieces) {
      if (position < sizeOf(piece)) return "first" in piece ? this.#at(piece.first + position) : piece[position]!;
      position -= sizeOf(piece);
    }
    throw new RangeError(`a letter at ${position} beyond the text`);
  }

  /** Take letters out and put others in. */
  splice(position: number, deleted: number, inserted: readonly OperationId[]): void {
    const pieces = [...this.#cut(0, position), inserted, ...this.#cut(position + deleted, this.length)];
    this.#pieces = pieces.filter((piece) => sizeOf(piece) > 0);
    this.length += inserted.length - deleted;
  }

  #cut(first: number, end: number): Piece[] {
    let offset = 0;
    return this.#pieces.map((piece) => {
      const [from, to] = [Math.max(first - offset, 0), Math.min(Math.max(end - offset, 0), sizeOf(piece))];
      offset += sizeOf(piece);
      if (!("first" in piece)) return piece.slice(from, to);
      return { first: piece.first + Math.min(from, to), end: piece.first + to };
    });
  }
}

function sizeOf(piece: Piece): number {
  return "first" in piece ? piece.end - piece.first : piece.length;
}

/** Edits on their way to becoming one change. */
export class Draft {
  readonly operations: Operation[] = [];
  readonly #written = new Map<string, readonly OperationId[]>();

  /** Begin with no operation; `start` is the counter of the first one. */
  constructor(
    readonly start: number,
    readonly actor: Hex,
    readonly body: OperationId | null,
    readonly letters: Letters,
  ) {}

  /** Add the operations of one edit. Throws Misuse or TooLarge. */
  apply(edit: Edit, live: (edit: Put | Delete) => Iterable<OperationId>): void {
    if (edit.edit === "splice") this.#splice(edit);
    else if (edit.edit === "strike") this.#strike(edit.letters);
    else if (edit.edit === "revive") this.#revive(edit);
    else if (edit.edit === "swap") this.#swap(edit);
    else this.#register(edit, this.#written.get(edit.key) ?? [...live(edit)].sort(ascending));
    if (this.operations.length > CHANGE_OPERATIONS_MAX) {
      throw new TooLarge(`an edit has more than ${CHANGE_OPERATIONS_MAX} operations`);
    }
  }

  /** The change that these edits became, standing on these heads. Throws TooLarge. */
  change(history: History, heads: readonly Hex[], sequence: number): Change {
    const change = encode(heads, this.actor, sequence, this.start, this.operations);
    if (change.raw.length > BODY_PLAIN_BYTES_MAX - WRAPPING_BYTES) {
      throw new TooLarge(`an edit has ${change.raw.length} bytes`, "Make it in several steps.");
    }
    const fault = history.fault(change);
    if (fault !== null) throw new Error(fault); // our own bug: it was made to fit
    return change;
  }

  get #next(): OperationId {
    return operationId(this.start + this.operations.length, this.actor);
  }

  /** Several values of one change live side by side: only the first replaces what is to go. */
  #swap({ key, replaced, values, again }: Swap): void {
    values.forEach((value, place) => {
      const before = new Set([...(place === 0 ? replaced : []), ...again.slice(place, place + 1)]);
      this.operations.push(root(Action.PUT, key, value, [...before].sort(ascending)));
    });
    if (values.length === 0 && replaced.length > 0) {
      this.operations.push(root(Action.DELETE, key, null, [...replaced].sort(ascending)));
    }
  }

  #register(edit: Put | Delete, before: readonly OperationId[]): void {
    if (edit.edit === "put") {
      this.#written.set(edit.key, [this.#next]);
      this.operations.push(root(Action.PUT, edit.key, edit.value, before));
    } else if (before.length > 0) {
      this.#written.set(edit.key, []);
      this.operations.push(root(Action.DELETE, edit.key, null, before));
    }
  }

  #splice({ position, deleted, inserted }: Splice): void {
    const letters = this.letters;
    if (this.body === null) {
      throw new Misuse("this text is one value, since it was born long", "Put the whole text as `body`.");
    }
    if (!(0 <= position && 0 <= deleted && position + deleted <= letters.length)) {
      throw new Misuse(`the text has ${letters.length} characters, not ${position + deleted}`);
    }
    const values = [...inserted];
    this.#mustFit(letters.length + values.length - deleted, values.length - deleted);
    this.#strike(Array.from({ length: deleted }, (_, place) => letters.letter(position + place)));
    let left = position > 0 ? letters.letter(position - 1) : null;
    const made = values.map((value) => {
      const own = this.#next;
      this.operations.push(this.#inserted(left, value));
      return (left = own);
    });
    letters.splice(position, deleted, made);
  }

  #strike(letters: Iterable<OperationId>): void {
    const deleted = { action: Action.DELETE, object: this.body, key: null, insert: false, value: null };
    for (const gone of letters) this.operations.push({ ...deleted, element: gone, before: [gone] });
  }

  #revive({ letters }: Revive): void {
    this.#mustFit(this.letters.length + letters.length, letters.length);
    for (const [gone, letter] of letters) this.operations.push(this.#inserted(gone, letter));
  }

  #inserted(left: OperationId | null, value: string): Operation {
    return { action: Action.PUT, object: this.body, key: null, element: left, insert: true, value, before: [] };
  }

  #mustFit(length: number, growth: number): void {
    if (growth > 0 && length > BODY_PLAIN_BYTES_MAX) {
      throw new TooLarge(`a text has more than ${BODY_PLAIN_BYTES_MAX} characters`);
    }
  }
}

function root(action: Action, key: string, value: Value, before: readonly OperationId[]): Operation {
  return { action, object: null, key, element: null, insert: false, value, before };
}
