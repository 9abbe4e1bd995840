// Which of the changes that were given to a document fit, and which of those are in it; what becomes of the others; as
// mesh/state/intake.py has it.
//
// In the document are the changes that count and all that they stand on, void ones too. A void change on which nothing
// that counts stands is kept aside, and comes in as soon as something does. The answer depends on the set of changes
// and on which of them are void, not on their order. This module knows no Automerge and throws nothing away: what does
// not fit is kept with the reason.
import { CHANGES_KEPT_READ } from "../limits.js";
import { ascending, type Digest, type Hex } from "../names.js";
import type { Genesis } from "./genesis.js";
import { History } from "./history.js";
import type { Change } from "./operations.js";

export const OUTDONE = "its actor gave its number twice, and the other event goes before it";

/** Where nothing is void. */
export const NONE: ReadonlySet<Hex> = new Set();

/**
 * What became of the changes that were given to a document, each list by hash.
 *
 * `applied`: what came into the document, void changes beneath included. `waiting`, `refused` (with the reason) and
 * `aside` (void, and nothing that counts stands on them) are all that the document holds of these. `doubled`: an
 * actor's number came twice with different bytes, or a change has another standing than before; nothing was taken,
 * and the document must be folded again from its events.
 */
export interface Taken {
  readonly applied: readonly Hex[];
  readonly waiting: readonly Hex[];
  readonly refused: readonly (readonly [hash: Hex, reason: string])[];
  readonly doubled: boolean;
  readonly aside: readonly Hex[];
}

/** What an event carries: its digest, and its change. */
export type Carried = readonly [event: Digest, change: Change];

type Refusal = readonly [change: Change, reason: string];

/** A document's history, and beside it the changes that are not in it. */
export class Intake {
  #judged: History; // all that fit; one object with `history` until a void change is kept aside
  readonly #aside = new Map<Hex, Change>();
  readonly #waiting = new Map<Hex, Change>();
  readonly #wanted = new Map<Hex, Change[]>();
  readonly #refused = new Map<Hex, Refusal>();
  readonly #claims = new Map<string, Hex>();
  /** Every change known here that does not count. */
  readonly void = new Set<Hex>();
  /** Those of them that are in the document, the first change included if the birth is void. */
  readonly hidden = new Set<Hex>();
  /** Some changes that are in the document, so that they need not be read again; null: nobody wants them. */
  read: Map<Hex, Change> | null = new Map();

  /** Begin with a history, nothing waiting and nothing void. */
  constructor(readonly history: History) {
    this.#judged = history;
  }

  /** Begin with a document as it was born; `isVoid` may have the hash of that first change. */
  static begun(genesis: Genesis, isVoid: ReadonlySet<Hex> = NONE): Intake {
    const history = new History();
    history.begin(genesis);
    const intake = new Intake(history);
    if (isVoid.has(genesis.hash)) {
      intake.void.add(genesis.hash);
      intake.hidden.add(genesis.hash);
    }
    return intake;
  }

  /** Changes that count, of which a dependency is not held, or itself waits or was refused. */
  get waiting(): ReadonlyMap<Hex, Change> {
    return new Map([...this.#waiting].filter(([hash]) => !this.void.has(hash)));
  }

  /** Changes that never fit, with the reason. */
  get refused(): ReadonlyMap<Hex, Refusal> {
    return this.#refused;
  }

  /** Void changes that nothing in the document stands on, whether they would fit or wait. */
  get aside(): ReadonlyMap<Hex, Change> {
    return new Map([...this.#aside, ...[...this.#waiting].filter(([hash]) => this.void.has(hash))]);
  }

  /** Whether a change was given before, whatever became of it. */
  knows(hash: Hex): boolean {
    return this.#judged.has(hash) || this.#waiting.has(hash) || this.#refused.has(hash);
  }

  /** The hash of the change that has a number of an actor, in the history or beside it. */
  claimed(actor: Hex, sequence: number): Hex | null {
    return this.#claims.get(placeOf({ actor, sequence })) ?? this.#judged.at(actor, sequence);
  }

  /** Whether any of these has a number that another change has, among them or held before. */
  doubled(changes: Iterable<Change>): boolean {
    const seen = new Map<string, Hex>();
    for (const change of changes) {
      const place = placeOf(change);
      const other = seen.get(place) ?? this.claimed(change.actor, change.sequence) ?? change.hash;
      if (other !== change.hash) return true;
      seen.set(place, other);
    }
    return false;
  }

  /** Whether these give a change another standing than before, or may turn a contest between void changes. */
  unsettled(changes: Iterable<Change>, isVoid: ReadonlySet<Hex>): boolean {
    const contested = [...this.#refused].some(([hash, [, why]]) => why === OUTDONE && this.void.has(hash));
    for (const { hash, dependencies } of changes) {
      if (this.knows(hash)) {
        if (isVoid.has(hash) !== this.void.has(hash)) return true;
      } else if (contested && dependencies.some((name) => this.#refused.has(name) || this.#waiting.has(name))) {
        return true;
      }
    }
    return false;
  }

  /** Put a change aside for good. One that was outdone leaves its number to the other. */
  refuse(change: Change, reason: string, isVoid: ReadonlySet<Hex> = NONE): void {
    if (isVoid.has(change.hash)) this.void.add(change.hash);
    this.#refused.set(change.hash, [change, reason]);
    if (reason !== OUTDONE) this.#claims.set(placeOf(change), change.hash);
  }

  /** Take in what fits, together with what waited for it; what is in the document by that, in a fitting order. */
  admit(changes: Iterable<Change>, isVoid: ReadonlySet<Hex> = NONE): Change[] {
    const entered: Change[] = [];
    const ready = [...changes].reverse();
    for (const { hash } of ready) if (isVoid.has(hash)) this.void.add(hash);
    for (let change = ready.pop(); change; change = ready.pop()) {
      const missing = this.#judged.missing(change);
      if (missing !== null) {
        this.#waiting.set(change.hash, change);
        this.#claims.set(placeOf(change), change.hash);
        const wanted = this.#wanted.get(missing);
        if (wanted) wanted.push(change);
        else this.#wanted.set(missing, [change]);
        continue;
      }
      this.#waiting.delete(change.hash);
      this.#claims.delete(placeOf(change));
      const fault = this.#judged.fault(change);
      if (fault !== null) {
        this.refuse(change, fault);
        continue;
      }
      entered.push(...this.#enter(change));
      ready.push(...(this.#wanted.get(change.hash) ?? []));
      this.#wanted.delete(change.hash);
    }
    return entered;
  }

  /** Take in a change that was in the document when it was saved, void or not. */
  restore(change: Change): void {
    this.history.add(change);
    if (this.read && this.read.size < CHANGES_KEPT_READ) this.read.set(change.hash, change);
    if (this.void.has(change.hash)) this.hidden.add(change.hash);
  }

  /** Take in a change that fits: into the document with the void ones beneath it, or aside if it is void. */
  #enter(change: Change): Change[] {
    if (this.void.has(change.hash)) {
      if (this.#judged === this.history) this.#judged = this.history.copy();
      this.#judged.add(change);
      this.#aside.set(change.hash, change);
      return [];
    }
    const entering = [...this.#beneath(change), change];
    if (this.#judged !== this.history) this.#judged.add(change);
    for (const one of entering) this.restore(one);
    return entering;
  }

  /** The changes kept aside that a change stands on, which are aside no more. */
  #beneath(change: Change): Change[] {
    const found: Change[] = [];
    const open = [change];
    for (let above = open.pop(); above; above = open.pop()) {
      for (const name of above.dependencies) {
        const one = this.#aside.get(name);
        if (!one) continue;
        this.#aside.delete(name);
        found.push(one);
        open.push(one);
      }
    }
    // A change begins to count above what it stands on.
    return found.sort((one, other) => one.start - other.start || ascending(one.hash, other.hash));
  }

  /** What became of the changes that were given. */
  report(applied: Iterable<Change>, doubled: boolean): Taken {
    const refused = [...this.#refused].map(([hash, [, reason]]) => [hash, reason] as const);
    return {
      applied: [...applied].map((change) => change.hash),
      waiting: [...this.waiting.keys()].sort(ascending),
      refused: refused.sort(([one], [other]) => ascending(one, other)),
      doubled,
      aside: [...this.aside.keys()].sort(ascending),
    };
  }
}

function placeOf({ actor, sequence }: Pick<Change, "actor" | "sequence">): string {
  return `${sequence}@${actor}`;
}

/**
 * Of changes with one actor and number, the one that stays; and the others. Both ordered by hash.
 *
 * One that counts goes before a void one, a void one on which one that counts stands before any other void one, so
 * that whoever was shut out can push out nobody's work. Else the smallest event digest decides.
 */
export function contest(
  changes: Iterable<Carried>,
  isVoid: ReadonlySet<Hex> = NONE,
): [stay: Change[], outdone: Change[]] {
  const known = new Map<Hex, Change>();
  const events = new Map<Hex, Digest>();
  for (const [event, change] of changes) {
    known.set(change.hash, change);
    const before = events.get(change.hash);
    if (before === undefined || event < before) events.set(change.hash, event);
  }
  const places = new Set([...known.values()].map(placeOf));
  const under = places.size < known.size ? beneath(known, isVoid) : NONE;
  const rank = (hash: Hex) => (!isVoid.has(hash) ? 0 : under.has(hash) ? 1 : 2);
  const goesFirst = (one: Hex, other: Hex) =>
    rank(one) - rank(other) || ascending(events.get(one)!, events.get(other)!) || ascending(one, other);
  const first = new Map<string, Hex>();
  for (const change of known.values()) {
    const held = first.get(placeOf(change));
    if (held === undefined || goesFirst(change.hash, held) < 0) first.set(placeOf(change), change.hash);
  }
  const ordered = [...known.values()].sort((one, other) => ascending(one.hash, other.hash));
  const stays = (change: Change) => first.get(placeOf(change)) === change.hash;
  return [ordered.filter(stays), ordered.filter((change) => !stays(change))];
}

/** The changes on which some that count stand, by what they say themselves. */
function beneath(known: ReadonlyMap<Hex, Change>, isVoid: ReadonlySet<Hex>): ReadonlySet<Hex> {
  const found = new Set<Hex>();
  const open = [...known.values()].filter(({ hash }) => !isVoid.has(hash));
  for (let above = open.pop(); above; above = open.pop()) {
    for (const name of above.dependencies) {
      const one = known.get(name);
      if (!one || found.has(name)) continue;
      found.add(name);
      open.push(one);
    }
  }
  return found;
}
