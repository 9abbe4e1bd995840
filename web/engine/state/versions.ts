// A region of a text as people see it: what every side had there, what they began with, and what stands there today; as
// mesh/state/versions.py has it.
//
// A text is gone through at the moments of all sides; what was found for some edits stays, as long as today's text shows
// the letters between which they lie. This module finds no overlaps (regions.ts) and chooses no side.
import { ascending, type Hex } from "../names.js";
import type { Footprint } from "./footprints.js";
import type { History } from "./history.js";
import type { Moments } from "./moments.js";
import type { OperationId } from "./operations.js";
import { byAge, byTurn, type Reach } from "./reaches.js";

const MARGIN = 64; // letters beside a region that are first looked at for one that everybody sees; then 8 times as many
const WIDER = 8;

/** A region as somebody had it: the last change that made it so, its text, and the letters of that. */
export interface Version {
  readonly change: Hex;
  readonly text: string;
  readonly letters: readonly OperationId[];
}

/**
 * Edits that overlap and that nobody settled, between the nearest letters that every side and today's text show.
 *
 * `prints` are the names of the edits, ascending, and `footprints` these edits; `changes` are those that made them, in
 * the order in which they count. `sides` are what those had of whom nobody else here knew, the oldest first, equal ones
 * once. `start` and `length` say where it is in today's text, in letters; `merged` is what stands there, and `letters`
 * are its letters.
 */
export interface Region {
  readonly prints: readonly Hex[];
  readonly changes: readonly Hex[];
  readonly sides: readonly Version[];
  readonly ancestor: string;
  readonly start: number;
  readonly length: number;
  readonly merged: string;
  readonly letters: readonly OperationId[];
  readonly footprints: readonly Footprint[];
}

/** Footprints by their names, ascending. */
export type Group = ReadonlyMap<Hex, Footprint>;

/** Where each letter is. */
type Places = ReadonlyMap<OperationId, number>;

/** What does not change about some edits: the letters between which they lie (null at the edges), the versions. */
interface Drawn {
  readonly left: OperationId | null;
  readonly right: OperationId | null;
  readonly sides: readonly Version[];
  readonly ancestor: string;
}

/** A region while its bounds and versions are looked for. */
class Sketch {
  left = 0;
  right = 0;
  /** The places of the letters that each side shows, by its number; then the ancestor, then today. */
  readonly seen: (readonly number[])[] = [];
  readonly first: number;
  readonly last: number;
  #margin = MARGIN;
  #shared: { before: Uint8Array; after: Uint8Array } | null = null;

  constructor(
    places: readonly number[],
    readonly sides: readonly Hex[],
  ) {
    this.first = places.reduce((least, place) => Math.min(least, place));
    this.last = places.reduce((most, place) => Math.max(most, place));
  }

  /** Of the letters around, leave those that this moment shows too. */
  narrow(shown: Uint8Array): void {
    const before = shown.slice(Math.max(0, this.first - this.#margin), this.first);
    const after = shown.slice(this.last + 1, this.last + 1 + this.#margin);
    const known = this.#shared;
    if (known) {
      before.forEach((one, place) => (before[place] = one & known.before[place]!));
      after.forEach((one, place) => (after[place] = one & known.after[place]!));
    }
    this.#shared = { before, after };
  }

  /** After all moments: whether a letter that all show, or the edge of the text, was found on either side. */
  bounded(total: number): boolean {
    const { before, after } = this.#shared!;
    this.#shared = null;
    const [low, high] = [Math.max(0, this.first - this.#margin), this.last + 1];
    const [left, right] = [before.lastIndexOf(1), after.indexOf(1)];
    this.left = left >= 0 ? low + left : -1;
    this.right = right >= 0 ? high + right : total;
    const found = (left >= 0 || low === 0) && (right >= 0 || high + this.#margin >= total);
    this.#margin *= WIDER;
    return found;
  }
}

/** The regions of one document, each with the text at all the moments that somebody should see of it. */
export class Drawing {
  #drawn = new Map<string, Drawn>();

  /** Begin without any. `history` may grow. */
  constructor(readonly history: History) {}

  /**
   * These groups of footprints, each by its name, as regions in the order of the text.
   *
   * `choices`: for each of them the changes by which some of it was settled.
   */
  regions(moments: Moments, groups: readonly Group[], choices: readonly (readonly Hex[])[]): readonly Region[] {
    const today: Reach = { first: this.history.size, beyond: new Map() };
    const places = new Map(moments.names.map((name, place) => [name, place]));
    moments.go(today);
    const keys = groups.map((group, number) => `${[...group.keys()].join()} ${choices[number]!.join()}`);
    this.#drawn = new Map(keys.flatMap((key) => {
      const drawn = this.#drawn.get(key);
      return drawn && stays(drawn, places, moments) ? [[key, drawn] as const] : [];
    }));
    const fresh = keys.flatMap((key, number) => (this.#drawn.has(key) ? [] : [number]));
    const sketches = fresh.map((number) => this.#sketch(places, groups[number]!, choices[number]!));
    this.#draw(moments, sketches);
    sketches.forEach((sketch, place) => this.#drawn.set(keys[fresh[place]!]!, finished(moments, sketch)));
    moments.go(today);
    const found = groups.map((group, number) => this.#region(moments, places, group, this.#drawn.get(keys[number]!)!));
    return found.sort((one, other) => one.start - other.start || byNames(one.prints, other.prints));
  }

  #sketch(places: Places, group: Group, made: readonly Hex[]): Sketch {
    const [touched, changes]: [number[], Hex[]] = [[], [...made]];
    for (const { change, deleted, inserted } of group.values()) {
      for (const letter of [...deleted, ...inserted]) touched.push(places.get(letter)!);
      changes.push(change);
    }
    return new Sketch(touched, this.history.tips(changes));
  }

  /** Find the bounds of regions, and then what everybody sees between them. */
  #draw(moments: Moments, sketches: readonly Sketch[]): void {
    let unbounded = sketches;
    while (unbounded.length > 0) {
      for (const [sketch] of this.#stops(moments, unbounded)) sketch.narrow(moments.shown);
      unbounded = unbounded.filter((sketch) => !sketch.bounded(moments.names.length));
    }
    for (const [sketch, which] of this.#stops(moments, sketches)) {
      sketch.seen[which] = moments.between(sketch.left, sketch.right);
    }
  }

  /** Go to each moment at which a region is looked at, with a number for what it is there; today is the last. */
  *#stops(moments: Moments, sketches: readonly Sketch[]): Generator<[Sketch, number]> {
    const [history, sides] = [this.history, new Map<Hex, [Sketch, number][]>()];
    const ancestors = new Map<string, [Reach, Sketch[]]>();
    for (const sketch of sketches) {
      for (const [number, change] of sketch.sides.entries()) {
        sides.set(change, [...(sides.get(change) ?? []), [sketch, number]]);
      }
      const shared = history.shared(sketch.sides);
      const key = JSON.stringify([shared.first, [...shared.beyond].sort(([one], [other]) => ascending(one, other))]);
      const [reach, those] = ancestors.get(key) ?? [shared, []];
      ancestors.set(key, [reach, [...those, sketch]]);
    }
    const changes = [...sides.keys()].sort((one, other) => byTurn(history.turn(one), history.turn(other)));
    for (const change of changes) {
      moments.go(history.reach([change]));
      yield* sides.get(change)!;
    }
    for (const [reach, those] of [...ancestors.values()].sort(([one], [other]) => one.first - other.first)) {
      moments.go(reach);
      for (const sketch of those) yield [sketch, sketch.sides.length];
    }
    moments.go({ first: history.size, beyond: new Map() });
    for (const sketch of sketches) yield [sketch, sketch.sides.length + 1];
  }

  #region(moments: Moments, places: Places, group: Group, drawn: Drawn): Region {
    const left = drawn.left === null ? -1 : places.get(drawn.left)!;
    const right = drawn.right === null ? moments.names.length : places.get(drawn.right)!;
    const today = moments.between(left, right);
    const changes = [...new Set([...group.values()].map((one) => one.change))];
    return {
      prints: [...group.keys()],
      changes: changes.sort((one, other) => byAge(this.history.age(one), this.history.age(other))),
      sides: drawn.sides,
      ancestor: drawn.ancestor,
      start: moments.count(left + 1),
      length: today.length,
      merged: textAt(moments, today),
      letters: lettersAt(moments, today),
      footprints: [...group.values()],
    };
  }
}

/** Whether some edits that were seen before still lie between the same letters: today's text shows both. */
function stays({ left, right }: Drawn, places: Places, moments: Moments): boolean {
  return [left, right].every((edge) => edge === null || moments.shown[places.get(edge)!] === 1);
}

function finished(moments: Moments, sketch: Sketch): Drawn {
  const once = new Map<string, Version>();
  for (const [number, change] of [...sketch.sides.entries()].reverse()) {
    const text = textAt(moments, sketch.seen[number]!);
    if (!once.has(text)) once.set(text, { change, text, letters: lettersAt(moments, sketch.seen[number]!) });
  }
  return {
    left: moments.names[sketch.left] ?? null,
    right: moments.names[sketch.right] ?? null,
    sides: [...once.values()].reverse(),
    ancestor: textAt(moments, sketch.seen[sketch.sides.length]!),
  };
}

/** The order of lists of names, which have the same length: the first that differ decide. */
function byNames(one: readonly Hex[], other: readonly Hex[]): number {
  return ascending(one.join(), other.join());
}

function textAt(moments: Moments, places: readonly number[]): string {
  return places.map((place) => moments.values[place]!).join("");
}

function lettersAt(moments: Moments, places: readonly number[]): OperationId[] {
  return places.map((place) => moments.names[place]!);
}
