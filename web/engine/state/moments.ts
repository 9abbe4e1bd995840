// The text of a document at any point of its history: after any set of changes that is closed under what they stand on;
// as mesh/state/moments.py has it.
//
// All letters that ever were lie in their one order, and each of them is shown or not; to go from one point to another
// costs as much as the changes between them. The point from which it starts is the earliest that it can go to. This
// module decides nothing and knows no Automerge.
import type { Hex } from "../names.js";
import type { Fold } from "./fold.js";
import type { History } from "./history.js";
import { NONE } from "./intake.js";
import type { OperationId } from "./operations.js";
import type { Reach } from "./reaches.js";

const SHOWN = 1; // in a byte per letter, so that the next shown letter is found at the speed of memory
const NOWHERE: readonly number[] = [];

/** A text that goes back and forth in time. */
export class Moments {
  /** Every letter that ever was, in the order of the text. */
  readonly names: OperationId[] = [];
  readonly values: string[] = [];
  /** For each of them whether it is seen now. */
  readonly shown: Uint8Array;
  readonly #history: History;
  readonly #inserted = new Map<Hex, number[]>();
  readonly #deleted = new Map<Hex, number[]>();
  readonly #gone: number[] = []; // by how many changes of where we are
  readonly #here: number[] = [];
  #reach: Reach;

  /** Start after the changes at the first so many places of the history. Nothing is seen of void ones. */
  constructor(fold: Fold, history: History, first: number, isVoid: ReadonlySet<Hex> = NONE) {
    this.#history = history;
    this.#reach = { first, beyond: new Map() };
    const counted = new Map<Hex, number>(history.placed(0, first).map((name) => [name, 1]));
    for (const name of isVoid) counted.set(name, 0);
    for (const [name, value, change, gone] of fold.strokes()) {
      const place = this.names.push(name) - 1;
      this.values.push(value);
      const here = counted.get(change);
      if (here === undefined) put(this.#inserted, change, place);
      this.#here.push(here ?? 0);
      let count = 0;
      for (const by of gone.length > 1 ? new Set(gone) : gone) {
        const one = counted.get(by);
        if (one === undefined) put(this.#deleted, by, place);
        count += one ?? 0;
      }
      this.#gone.push(count);
    }
    this.shown = Uint8Array.from(this.#here, (here, place) => (here && !this.#gone[place] ? SHOWN : 0));
  }

  /** Show the text as it was after these changes. */
  go(reach: Reach): void {
    for (const change of this.#history.difference(this.#reach, reach)) this.#revert(change);
    for (const change of this.#history.difference(reach, this.#reach)) this.#apply(change);
    this.#reach = reach;
  }

  /**
   * Where a change, made after the start, inserted letters and deleted some, if we are just behind it.
   *
   * Only what could be seen counts: no letter of its own that it deleted itself, none that was gone before it.
   */
  effect(change: Hex): [inserted: number[], deleted: number[]] {
    const inserted = this.#inserted.get(change) ?? NOWHERE;
    const own = new Set(inserted);
    const erased = (this.#deleted.get(change) ?? NOWHERE).filter((place) => {
      return this.#here[place] && this.#gone[place] === 1 && !own.has(place);
    });
    return [inserted.filter((place) => this.shown[place]), erased];
  }

  /** Do not show these letters, which are seen, while something is looked at. */
  hidden<T>(places: Iterable<number>, look: () => T): T {
    for (const place of places) this.shown[place] = 0;
    const found = look();
    for (const place of places) this.shown[place] = SHOWN;
    return found;
  }

  /** Where the next letter is seen, going left; -1 at the start of the text. */
  before(place: number): number {
    return place > 0 ? this.shown.lastIndexOf(SHOWN, place - 1) : -1;
  }

  /** Where the next letter is seen, going right; the number of all letters at the end of the text. */
  after(place: number): number {
    const found = this.shown.indexOf(SHOWN, place + 1);
    return found >= 0 ? found : this.shown.length;
  }

  /** Where letters are seen between two places. */
  between(left: number, right: number): number[] {
    const found: number[] = [];
    for (let place = this.after(left); place < right; place = this.after(place)) found.push(place);
    return found;
  }

  /** How many letters are seen before a place. */
  count(end: number): number {
    let found = 0;
    for (let place = 0; place < end; place++) found += this.shown[place]!;
    return found;
  }

  #apply(change: Hex): void {
    for (const place of this.#inserted.get(change) ?? NOWHERE) {
      this.#here[place] = 1;
      this.shown[place] = this.#gone[place] ? 0 : SHOWN;
    }
    for (const place of this.#deleted.get(change) ?? NOWHERE) {
      this.#gone[place]! += 1;
      this.shown[place] = 0;
    }
  }

  #revert(change: Hex): void {
    for (const place of this.#deleted.get(change) ?? NOWHERE) {
      this.#gone[place]! -= 1;
      this.shown[place] = this.#here[place] && !this.#gone[place] ? SHOWN : 0;
    }
    for (const place of this.#inserted.get(change) ?? NOWHERE) this.#here[place] = this.shown[place] = 0;
  }
}

function put(lists: Map<Hex, number[]>, change: Hex, place: number): void {
  const found = lists.get(change);
  if (found) found.push(place);
  else lists.set(change, [place]);
}
