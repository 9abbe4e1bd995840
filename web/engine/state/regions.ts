// The places of a text where concurrent edits overlap, each with what every side had there and what they began with; as
// mesh/state/regions.py has it.
//
// What is found follows from the set of changes, from which of them are void, and from what is settled. Only changes
// that have concurrent ones are looked at; what was found about them stays, since nothing that comes later alters it.
// This module settles nothing and knows no Automerge.
import { ascending, type DocumentId, type Hex } from "../names.js";
import type { Fold } from "./fold.js";
import { type Footprint, footprints, printName } from "./footprints.js";
import type { History } from "./history.js";
import { Moments } from "./moments.js";
import type { OperationId } from "./operations.js";
import { Overlaps } from "./overlaps.js";
import { byTurn } from "./reaches.js";
import { Drawing, type Region } from "./versions.js";

/** Changes two by two, in their order. */
export type Pairs = readonly (readonly [Hex, Hex])[];

/** What is settled, as Settlements tell it. */
export interface Settled {
  /** The effective settlements that name a print. Edits that one settlement names are settled with each other. */
  naming(print: Hex): ReadonlySet<Hex>;
  /** The changes of effective settlements that name a common print. */
  rivals(): Pairs;
  /** By which changes a print was settled. */
  choices(print: Hex): ReadonlySet<Hex>;
}

const NOTHING: ReadonlySet<Hex> = new Set();

/** The numbers of connected edits, as they were named, and the parts of them that are left open by what names them. */
interface Parts {
  readonly of: string;
  readonly parts: readonly (readonly number[])[];
}

/** What is known of the overlapping edits of one document. */
export class Regions {
  readonly #prints = new Map<Hex, readonly Footprint[]>();
  readonly #names = new Map<string, Hex>();
  readonly #parts = new Map<number, Parts>();
  readonly #drawing: Drawing;
  #found: Overlaps;
  #seen: readonly Hex[] = [];
  #last: { changes: number; void: number; moments: Moments } | null = null;

  /** Begin without having looked at anything. `history` may grow. */
  constructor(
    readonly document: DocumentId,
    readonly history: History,
  ) {
    this.#found = new Overlaps(history);
    this.#drawing = new Drawing(history);
  }

  /**
   * The regions that are not settled, as they follow each other in the text. A fold is asked for if needed.
   *
   * A choice between edits is what one of them came to, so it is a side in their place when somebody comes late.
   */
  open(fold: () => Fold, isVoid: ReadonlySet<Hex>, settled: Settled): readonly Region[] {
    this.#look(fold, isVoid);
    const groups = this.#contested(this.#groups(settled), settled);
    const named = groups.map((group) => {
      return new Map(group.map((one) => [this.#name(one), one] as const).sort(([a], [b]) => ascending(a, b)));
    });
    const made = named.map((group) => {
      const found = [...group.keys()].flatMap((name) => [...settled.choices(name)]);
      return [...new Set(found)].filter((change) => this.history.has(change)).sort(ascending);
    });
    return named.length > 0 ? this.#drawing.regions(this.#moments(fold, isVoid), named, made) : [];
  }

  /** The text at any moment since the changes parted, without void ones; kept until something comes. */
  #moments(fold: () => Fold, isVoid: ReadonlySet<Hex>): Moments {
    const now = { changes: this.history.size, void: isVoid.size };
    if (this.#last?.changes !== now.changes || this.#last.void !== now.void) {
      this.#last = { ...now, moments: new Moments(fold(), this.history, this.history.parted[0]![0], isVoid) };
    }
    return this.#last.moments;
  }

  /** Find the footprints of all changes that have concurrent ones, and which of them overlap. */
  #look(fold: () => Fold, isVoid: ReadonlySet<Hex>): void {
    const history = this.history;
    const parted = history.parted.flatMap(([first, last]) => [...history.placed(first, last + 1)]);
    const fresh = parted.filter((name) => !this.#prints.has(name));
    fresh.sort((one, other) => byTurn(history.turn(one), history.turn(other)));
    if (fresh.length > 0) {
      const found = new Map<Hex, Footprint[]>(fresh.map((name) => [name, []]));
      for (const one of footprints(this.#moments(fold, NOTHING), history, fresh)) found.get(one.change)!.push(one);
      for (const [name, prints] of found) this.#prints.set(name, prints);
    }
    if (this.#seen.some((name, place) => parted[place] !== name)) {
      [this.#found, this.#seen] = [new Overlaps(history), []];
      this.#parts.clear();
    }
    for (const name of parted.slice(this.#seen.length)) {
      if (!isVoid.has(name)) for (const one of this.#prints.get(name)!) this.#found.add(one);
    }
    this.#seen = parted;
  }

  /** Edits that are connected by overlaps that nobody settled. */
  #groups(settled: Settled): Footprint[][] {
    return this.#found.groups().flatMap((group) => {
      const prints = group.map((number) => this.#found.prints[number]!);
      const names = prints.map((one) => settled.naming(this.#name(one)));
      if (names.every((some) => some.size === 0)) return [prints];
      const of = JSON.stringify([group, names.map((some) => [...some].sort(ascending))]);
      let known = this.#parts.get(group[0]!);
      if (known?.of !== of) {
        const again = new Overlaps(this.history, (number) => names[number]!);
        for (const one of prints) again.add(one);
        this.#parts.set(group[0]!, (known = { of, parts: again.groups() }));
      }
      return known.parts.map((part) => part.map((number) => prints[number]!));
    });
  }

  /**
   * Connect what two did who settled the same edits, not knowing of each other, unless they deleted the same.
   *
   * Each may have deleted what the other one chose: then nothing of it is seen, and no two of their edits overlap.
   */
  #contested(groups: Footprint[][], settled: Settled): Footprint[][] {
    const rivals = settled.rivals();
    const where = new Map<string, Footprint[]>();
    if (rivals.length > 0) for (const group of groups) for (const one of group) where.set(keyOf(one), group);
    let found = groups;
    for (const pair of rivals) {
      const [mine, theirs] = pair.map((change) => this.#prints.get(change) ?? []) as [Footprint[], Footprint[]];
      if (mine.length === 0 || theirs.length === 0 || !this.#apart(...pair)) continue;
      if (sameSet(deleted(mine), deleted(theirs))) continue;
      for (const one of mine) {
        for (const other of theirs) {
          const [names, others] = [settled.naming(this.#name(one)), settled.naming(this.#name(other))];
          if (![...names].some((name) => others.has(name))) found = connected(found, where, one, other);
        }
      }
    }
    return found;
  }

  /** Whether neither of two changes stands on the other. */
  #apart(one: Hex, other: Hex): boolean {
    return !this.history.standsOn(one, other) && !this.history.standsOn(other, one);
  }

  #name(one: Footprint): Hex {
    const key = keyOf(one);
    const known = this.#names.get(key) ?? printName(this.document, one);
    this.#names.set(key, known);
    return known;
  }
}

/** What tells a footprint from all others of its document. */
function keyOf(one: Footprint): string {
  return `${one.change} ${one.left ?? ""}`;
}

function deleted(prints: readonly Footprint[]): Set<OperationId> {
  return new Set(prints.flatMap((one) => [...one.deleted]));
}

function sameSet<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item));
}

/** Groups of footprints after two of these were connected. */
function connected(
  groups: Footprint[][],
  where: Map<string, Footprint[]>,
  one: Footprint,
  other: Footprint,
): Footprint[][] {
  const [mine, theirs] = [where.get(keyOf(one)) ?? [one], where.get(keyOf(other)) ?? [other]];
  if (mine === theirs) return groups;
  const joined = [...mine, ...theirs];
  for (const print of joined) where.set(keyOf(print), joined);
  return [...groups.filter((group) => group !== mine && group !== theirs), joined];
}
