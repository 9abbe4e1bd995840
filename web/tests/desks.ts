// One person's copy of a document: what was said in it, what is in conflict by that, and what settles it or takes it
// back, in the forms of tests/vectors/conflicts. It compares nothing.
import type { Born, Carrier, Value } from "../engine/events/kinds.js";
import { DocumentId, hex, type Hex, unhex } from "../engine/names.js";
import { decode } from "../engine/state/changes.js";
import { type Conflict, conflictsOf, fields, replacedBy } from "../engine/state/conflicts.js";
import { Document } from "../engine/state/documents.js";
import type { Edit } from "../engine/state/edits.js";
import { type Footprint, footprints, printName } from "../engine/state/footprints.js";
import { BuiltOn, type Took } from "../engine/state/lines.js";
import { Moments } from "../engine/state/moments.js";
import { actorOf, type Change, counterOf, type OperationId } from "../engine/state/operations.js";
import { type Choice, editsFor, Settlements } from "../engine/state/settling.js";
import * as undoing from "../engine/state/undoing.js";
import { Undos } from "../engine/state/undos.js";
import "./automerge.js";

// JSON of many forms; what is read of it is checked by what comes out.
type Case = any;

const ANYTHING = "bóth 🌱"; // what somebody says who takes no side
const BIRTH = "birth";

/** One event: its change and what it says. */
export interface Event {
  readonly digest: Hex;
  readonly change: Change;
  readonly body: Carrier;
}

/** A birth out of JSON. */
export function bornOf({ registers, text, salt }: Case): Born {
  return { kind: "born", registers: new Map(Object.entries(registers)), text, salt: unhex(salt ?? "") };
}

/** An event as vectors have it: its digest, its change, and what it says. */
export function eventOf([digest, raw, kind, ...told]: Case): Event {
  const change = unhex(raw);
  const body: Carrier =
    kind === "settled"
      ? { kind, change, conflict: told[0], prints: told[1], rule: told[2] }
      : kind === "undone"
        ? { kind, change, event: told[0] }
        : { kind: "changed", change };
  return { digest, change: decode(change), body };
}

/** A choice as vectors have it: the number of a side, `merge`, or something else. */
function choiceOf(told: number | string): Choice {
  if (typeof told === "number") return { choice: "take", side: told };
  return told === "merge" ? { choice: "merge" } : { choice: "say", value: told === "say" ? ANYTHING : told };
}

export class Desk {
  readonly events = new Map<Hex, Event>();
  settlements = new Settlements();

  constructor(
    public document: Document,
    readonly isVoid: ReadonlySet<Hex> = new Set(),
  ) {}

  /** A copy of what was just born. */
  static born(document: string, birth: Case): Desk {
    return new Desk(Document.born(DocumentId.parse(document), bornOf(birth)));
  }

  /** A copy made from all events at once, of which some are void. */
  static folded(given: Case): Desk {
    const events: Event[] = given.events.map(eventOf);
    const isVoid = new Set<Hex>(given.void);
    const changes = events.map(({ digest, change }) => [digest, change] as const);
    const desk = new Desk(Document.fold(DocumentId.parse(given.document), bornOf(given.birth), changes, isVoid), isVoid);
    for (const event of events) desk.#keep(event);
    return desk;
  }

  /** The same, out of what it saves. */
  loaded(): Desk {
    const other = new Desk(Document.load(this.document.save()), this.isVoid);
    for (const event of this.events.values()) other.#keep(event);
    return other;
  }

  /** Take events in. A settlement counts when its change is in the document. */
  hear(events: readonly Event[]): void {
    this.document.take(events.filter(({ digest }) => !this.events.has(digest)).map(({ change }) => change));
    for (const event of events) this.events.set(event.digest, event);
    for (const event of this.events.values()) this.#keep(event);
  }

  #keep(event: Event): void {
    this.events.set(event.digest, event);
    const { digest, body, change } = event;
    if (this.#counts(event)) this.settlements.add(digest, body, change.hash);
  }

  #counts({ change }: Event): boolean {
    return this.document.contains(change.hash) && !this.isVoid.has(change.hash);
  }

  /** The events that count, by their digests. */
  counting(): Event[] {
    const found = [...this.events.values()].filter((event) => this.#counts(event));
    return found.sort((one, other) => (one.digest < other.digest ? -1 : 1));
  }

  /** What is in conflict here. */
  open(): readonly Conflict[] {
    return conflictsOf(this.document, this.settlements);
  }

  /** The change by which somebody settles a conflict. */
  settle(conflict: Conflict, choice: number | string, actor: Hex): Hex {
    return hex(this.document.edit(actor, editsFor(this.document, conflict, choiceOf(choice)), true).raw);
  }

  // ── undo ────────────────────

  #undos(events: readonly Event[]): Undos {
    const known = new Set([BIRTH, ...events.map(({ digest }) => digest)]);
    const pairs = events.flatMap(({ digest, body }) => (body.kind === "undone" ? [[digest, body.event] as const] : []));
    return new Undos(pairs.filter(([, target]) => known.has(target)), new Set([BIRTH]));
  }

  /** What must be written so that an event is taken back; null where it was. Throws BuiltOn. */
  #back(event: Hex): readonly [Edit[], readonly Hex[]] | null {
    const events = this.counting();
    const undos = this.#undos(events);
    const changes = new Map(events.map(({ digest, change }) => [digest, change]));
    if (!undos.stands(event)) return null;
    const plan = undos.plan(event);
    if (event === BIRTH) return [undoing.unborn(this.document), plan.names];
    if (!plan.turns) return [[], plan.names];
    const of = (names: Iterable<Hex>) => {
      return new Set([...names].map((name) => changes.get(name)?.hash).filter((hash) => hash !== undefined));
    };
    const took = plan.names.map((name): Took => {
      const change = changes.get(name)!;
      const knew = (undo: Hex) => {
        const other = changes.get(undo)!;
        return other.hash !== change.hash && this.document.history.standsOn(change.hash, other.hash);
      };
      return { change, back: of(undos.known(knew).back) };
    });
    const reversal = { root: changes.get(plan.root)!, stops: undos.stands(plan.root), undos: of(undos.undos) };
    return [undoing.inverse(this.document, { ...reversal, took, back: of(undos.back) }), plan.names];
  }

  /** The changes that take an event back, or the later one that is built on it; null where it is taken back. */
  undo(event: Hex, actor: Hex): Hex[] | null {
    try {
      const found = this.#back(event);
      if (!found) return null;
      const [edits, names] = found;
      let change = this.document.edit(actor, edits, true);
      return names.map((_, place) => hex((change = place > 0 ? undoing.beside(change) : change).raw));
    } catch (error) {
      if (!(error instanceof BuiltOn)) throw error;
      return ["built on", error.change];
    }
  }

  // ── telling ────────────────────

  /** What is in conflict, and what would be written by whoever settles it or takes something back. */
  facts(actor: Hex): Case {
    const [found, counting] = [this.open(), this.counting()];
    return {
      ...this.look(),
      effective: Object.fromEntries([...this.events.keys()].map((name) => [name, this.settlements.effective(name)])),
      settles: found.map((one) => this.#settles(one, actor)),
      ended: counting.map(({ change }) => replacedBy(this.document, change).map(told)),
      undoes: Object.fromEntries(counting.map(({ digest }) => [digest, alone(this.undo(digest, actor))])),
    };
  }

  /** What is seen, and what is in conflict. */
  look(): Case {
    const found = this.open();
    return { text: this.document.text(), fields: fields(found), conflicts: found.map(told) };
  }

  #settles(one: Conflict, actor: Hex): Case {
    const choices: (number | string)[] = one.sides.map((_, number) => number);
    if (one.kind === "text") choices.push("merge", "say");
    else if (one.kind === "register" && one.field === "title") choices.push("say");
    return choices.map((choice) => [choice, this.settle(one, choice, actor)]);
  }
}

/** Of an undo the change that does it; where something is built on it, which of several is named follows no rule. */
function alone(changes: Hex[] | null): Case {
  return changes && changes[0] === "built on" ? ["built on"] : (changes?.[0] ?? null);
}

/** The footprints and the open regions of a text, as the vectors of overlaps have them. */
export function overlapping({ document, birth, changes, void: isVoid, settled }: Case): Case {
  const carried = changes.map(([event, raw]: [Hex, Hex]) => [event, decode(unhex(raw))]);
  const [id, void_] = [DocumentId.parse(document), new Set<Hex>(isVoid)];
  const one = Document.fold(id, bornOf(birth), carried, void_);
  const { history } = one;
  const prints = [...footprints(new Moments(one.folded(), history, 1), history, history.placed(1, history.size))];
  const naming = (name: Hex) => {
    return new Set<Hex>(settled.flatMap((names: Hex[], number: number) => (names.includes(name) ? [String(number)] : [])));
  };
  const regions = one.regions({ naming, rivals: () => [], choices: () => new Set() });
  return {
    text: one.text(),
    prints: Object.fromEntries(prints.map((print) => [printName(id, print), printed(print)])),
    regions: regions.map(({ prints, sides, ancestor, start, length, merged }) => {
      return { prints, sides: sides.map(({ change, text }) => [change, text]), ancestor, start, length, merged };
    }),
  };
}

function printed({ change, left, right, deleted, inserted }: Footprint): Case {
  const letter = (name: OperationId | null) => (name === null ? "" : `${counterOf(name)}@${actorOf(name)}`);
  const gone = [...deleted].sort().map(letter);
  return { change, left: letter(left), right: letter(right), deleted: gone, inserted: inserted.map(letter) };
}

function told(one: Conflict): Case {
  return {
    name: one.name,
    kind: one.kind,
    field: one.field,
    sides: one.sides.map(({ change, value }): [Hex, Value] => [change, value]),
    ancestor: one.ancestor,
    prints: one.prints,
    place: [one.start, one.length, one.merged],
    words: one.words,
  };
}
