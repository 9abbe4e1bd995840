// Which of many footprints overlap, directly or through others, without looking at each pair of them; as
// mesh/state/overlaps.py has it.
//
// Two footprints meet only at a letter that both name, so they are looked for there; of one actor's only those are
// concurrent that come after what a change stands on; and what is known to be connected is not connected again. So a
// thousand edits of one place cost about as much as a thousand edits. This module decides nothing about what it finds.
import { ascending, type Hex } from "../names.js";
import type { Footprint } from "./footprints.js";
import type { History } from "./history.js";
import type { OperationId } from "./operations.js";
import { bisectLeft } from "./reaches.js";

/** The settlements that name a footprint, by its number. Two that one settlement names do not overlap any more. */
export type Settled = (number: number) => ReadonlySet<Hex>;

const NOBODY: ReadonlySet<Hex> = new Set();

/** A letter, a patch of letters, or the edge of the text. */
type Place = OperationId | number | null;

/** What a footprint has to do with a letter or, where it deletes, with a patch of them. */
enum Part {
  LEFT, // it inserts, and the letter is the one to the left
  RIGHT, // it inserts, and the letter is the one to the right
  REPLACED, // it deletes the letter, and inserts
  REMOVED, // it deletes the letter, and inserts nothing
  GAP, // it deletes nothing, and the letter is the one to the left
}

const PARTS = [Part.LEFT, Part.RIGHT, Part.REPLACED, Part.REMOVED, Part.GAP];

/**
 * Footprints of one actor that the same settlements name and that play one part at one letter, in their order.
 *
 * `cuts` begin with 0: from one to the next all are known to be connected.
 */
class Row {
  constructor(
    readonly sequences: number[] = [],
    readonly members: number[] = [],
    readonly cuts: number[] = [],
  ) {}

  copy(): Row {
    return new Row([...this.sequences], [...this.members], [...this.cuts]);
  }
}

interface Rows {
  readonly names: ReadonlySet<Hex>;
  readonly byActor: Map<Hex, Row>;
}

/**
 * All that play one part at one place: by the settlements that name them, then by actor.
 *
 * `first` is one of them. `one`: they are known to be connected, all of them.
 */
class Room {
  one = true;

  constructor(
    readonly first: number,
    readonly rows = new Map<string, Rows>(),
  ) {}

  copy(): Room {
    const rows = [...this.rows].map(([key, { names, byActor }]): [string, Rows] => {
      return [key, { names, byActor: new Map([...byActor].map(([actor, row]) => [actor, row.copy()])) }];
    });
    const other = new Room(this.first, new Map(rows));
    other.one = this.one;
    return other;
  }

  all(): Row[] {
    return [...this.rows.values()].flatMap(({ byActor }) => [...byActor.values()]);
  }
}

/** Footprints, each added after those of what its change stands on. */
export class Overlaps {
  readonly prints: Footprint[] = [];
  readonly #history: History;
  readonly #settled: Settled;
  readonly #above: number[] = [];
  readonly #sizes: number[] = [];
  readonly #rooms = new Map<Part, Map<Place, Room>>(PARTS.map((part) => [part, new Map()]));
  readonly #patches = new Patches();

  constructor(history: History, settled: Settled = () => NOBODY) {
    this.#history = history;
    this.#settled = settled;
  }

  /** Connect a footprint with all concurrent ones that it overlaps. */
  add(print: Footprint): void {
    const number = this.prints.length;
    this.prints.push(print);
    this.#above.push(number);
    this.#sizes.push(1);
    const taken = this.#taken(print);
    for (const [part, place] of this.#met(print, taken)) this.#meet(number, this.#room(part, place), true);
    if (print.deleted.size === 0) {
      this.#meet(number, this.#room(Part.REMOVED, this.#patches.of(print.left)), false);
    }
    if (print.inserted.length === 0) {
      for (const letter of print.deleted) this.#meet(number, this.#room(Part.GAP, letter), false);
    }
    for (const [part, place] of played(print, taken)) {
      const rooms = this.#rooms.get(part)!;
      const room = rooms.get(place) ?? new Room(number);
      rooms.set(place, room);
      this.#enter(number, room);
    }
  }

  /** The numbers of those that are connected, where there is more than one. */
  groups(): number[][] {
    const found = new Map<number, number[]>();
    for (let number = 0; number < this.prints.length; number++) {
      const root = this.#root(number);
      if (this.#sizes[root]! > 1) found.set(root, [...(found.get(root) ?? []), number]);
    }
    return [...found.values()];
  }

  #room(part: Part, place: Place): Room | undefined {
    return this.#rooms.get(part)!.get(place);
  }

  /** The patches that a footprint deletes; those of which it deletes a part are two from now on. */
  #taken(print: Footprint): number[] {
    return this.#patches.cut(print.deleted).map(([patch, origin]) => {
      for (const part of [Part.REPLACED, Part.REMOVED]) {
        const room = origin === null ? undefined : this.#room(part, origin);
        if (room) this.#rooms.get(part)!.set(patch, room.copy());
      }
      return patch;
    });
  }

  /** Where all that are concurrent overlap a footprint. */
  *#met(print: Footprint, taken: readonly number[]): Generator<[Part, Place]> {
    const inserts = print.inserted.length > 0;
    for (const patch of taken) {
      yield [Part.REPLACED, patch];
      if (inserts) yield [Part.REMOVED, patch];
    }
    if (!inserts) return;
    yield [Part.LEFT, print.left];
    yield [Part.RIGHT, print.right];
    yield [Part.REPLACED, this.#patches.of(print.left)];
    yield [Part.REPLACED, this.#patches.of(print.right)];
    for (const letter of print.deleted) {
      yield [Part.LEFT, letter];
      yield [Part.RIGHT, letter];
    }
  }

  /** Connect with those in a room that are concurrent; if not with the `whole` of them, with those around. */
  #meet(number: number, room: Room | undefined, whole: boolean): void {
    if (room === undefined) return;
    const reach = this.#history.reach([this.prints[number]!.change]);
    const names = this.#settled(number);
    let met = false;
    for (const { names: others, byActor } of room.rows.values()) {
      if ([...names].some((name) => others.has(name))) continue;
      for (const [actor, row] of byActor) {
        const first = bisectLeft(row.sequences, 1 + this.#history.reached(reach, actor));
        if (first === row.members.length) continue;
        if (!whole) {
          this.#surround(number, row.members.slice(first));
          continue;
        }
        this.#connect(number, row, first);
        met = true;
        if (room.one) return;
      }
    }
    if (!met) return;
    const root = this.#root(number);
    room.one = room.all().every(({ cuts, members }) => {
      return cuts.length === 1 && cuts[0] === 0 && this.#root(members[0]!) === root;
    });
  }

  /** Connect with all in a row from one on, which are then connected. */
  #connect(number: number, row: Row, first: number): void {
    while (row.cuts.at(-1)! > first) this.#join(number, row.members[row.cuts.pop()!]!);
    this.#join(number, row.members[row.cuts.at(-1)!]!);
  }

  #surround(number: number, others: readonly number[]): void {
    for (const other of others) {
      if (around(this.prints[number]!, this.prints[other]!)) this.#join(number, other);
    }
  }

  #enter(number: number, room: Room): void {
    const [actor, sequence] = this.#history.number(this.prints[number]!.change);
    room.one = room.one && this.#root(room.first) === this.#root(number);
    const names = this.#settled(number);
    const key = [...names].sort(ascending).join();
    const rows = room.rows.get(key) ?? { names, byActor: new Map<Hex, Row>() };
    room.rows.set(key, rows);
    const row = rows.byActor.get(actor) ?? new Row();
    rows.byActor.set(actor, row);
    const last = row.members.at(-1);
    if (last === undefined || this.#root(last) !== this.#root(number)) row.cuts.push(row.members.length);
    row.sequences.push(sequence);
    row.members.push(number);
  }

  #join(one: number, other: number): void {
    const roots = [this.#root(one), this.#root(other)] as const;
    if (roots[0] === roots[1]) return;
    const [small, large] = this.#sizes[roots[0]]! <= this.#sizes[roots[1]]! ? roots : [roots[1], roots[0]];
    this.#above[small] = large;
    this.#sizes[large]! += this.#sizes[small]!;
  }

  #root(number: number): number {
    const above = this.#above;
    let root = number;
    while (above[root] !== root) root = above[root] = above[above[root]!]!;
    return root;
  }
}

/** Letters that the same footprints deleted, as one place: so a long deletion costs no more than a short one. */
class Patches {
  readonly #of = new Map<OperationId, number>();
  readonly #sizes: number[] = [];

  /** The patch of a letter that was deleted. */
  of(letter: OperationId | null): number | null {
    return letter === null ? null : (this.#of.get(letter) ?? null);
  }

  /** The patches that these letters are now, each with the one that it was cut out of, if there is one. */
  cut(deleted: Iterable<OperationId>): [number, number | null][] {
    const parts = new Map<number | null, OperationId[]>();
    for (const letter of deleted) {
      const origin = this.of(letter);
      const part = parts.get(origin);
      if (part) part.push(letter);
      else parts.set(origin, [letter]);
    }
    return [...parts].map(([origin, letters]): [number, number | null] => {
      if (origin !== null && letters.length === this.#sizes[origin]) return [origin, null];
      if (origin !== null) this.#sizes[origin]! -= letters.length;
      const patch = this.#sizes.push(letters.length) - 1;
      for (const letter of letters) this.#of.set(letter, patch);
      return [patch, origin];
    });
  }
}

/** Where others will look for a footprint. */
function* played(print: Footprint, taken: readonly number[]): Generator<[Part, Place]> {
  const inserts = print.inserted.length > 0;
  if (inserts) {
    yield [Part.LEFT, print.left];
    yield [Part.RIGHT, print.right];
  }
  if (print.deleted.size === 0) yield [Part.GAP, print.left];
  for (const patch of taken) yield [inserts ? Part.REPLACED : Part.REMOVED, patch];
}

/** Whether one only inserts, and the other deletes the letters on both sides of that. */
function around(one: Footprint, other: Footprint): boolean {
  const [inserting, deleting] = one.inserted.length > 0 ? [one, other] : [other, one];
  const { left, right } = inserting;
  return left !== null && right !== null && deleting.deleted.has(left) && deleting.deleted.has(right);
}
