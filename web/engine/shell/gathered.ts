// What is gathered for one commit: events as weighed, standings and views that change, and what the log says by then; as
// mesh/node/gathered.py has it.
//
// It weighs nothing and writes nothing; the engine commits it, or drops it as a whole. Documents are keys by their text.
import type { Placed } from "../events/event.js";
import type { Born, Carrier } from "../events/kinds.js";
import type { Reading } from "../events/reading.js";
import { Standing } from "../events/verdict.js";
import type { Digest, DocumentId, Hex } from "../names.js";
import type { Document } from "../state/documents.js";
import type { Change } from "../state/operations.js";
import { Settlements } from "../state/settling.js";
import type {
  Author,
  Batch,
  ConflictRow,
  DocumentText,
  Kept,
  NoteRow,
  RecordRow,
  Row,
  SettlementRow,
  Shown,
  Snapshot,
  Weighed,
} from "./store_port.js";

/** How a document was born, by one event. `counts`: authority allows it. */
export interface Birth {
  readonly placed: Placed;
  readonly born: Born;
  readonly counts: boolean;
  /** Who said it. */
  readonly author: Author;
}

/** One change of a document, by one event. `counts`: authority allows it; others may stand on it even if not. */
export interface Step {
  readonly placed: Placed;
  readonly change: Change;
  readonly counts: boolean;
  readonly body: Carrier;
  /** Who said it. */
  readonly author: Author;
}

/** Who said an event, by what its headers say. */
export function authorOf(placed: Placed, agent: string, timeMs: number): Author {
  return { event: placed.digest, admission: placed.admission, agent, timeMs, lamport: placed.header.lamport };
}

/** A document in memory. */
export class Loaded {
  /** Changes that count and wait, by event. */
  aside = new Map<Digest, Step>();
  /** Whether it was given its void changes too: not before something waits, which may stand on one of them. */
  whole = false;
  /** Fresh for this document and this run. */
  actor: Hex = "";
  /** Changes since the last snapshot. */
  unsaved = 0;
  /** What was settled in it and taken back, as far as it is honoured. */
  settlements = new Settlements();
  /** Its open conflicts as the store has them, or will with this commit; null: nobody looked. */
  conflicts: readonly ConflictRow[] | null = null;
  /** What came into it since its conflicts were looked at. */
  entered: Step[] = [];
  /** Who wrote the changes that are sides of its open conflicts. */
  authors: ReadonlyMap<Hex, Author> = new Map();

  /** `born`: who said its birth, where it was made from that; else its row says so, if it has one. */
  constructor(
    public document: Document,
    public row: Shown | null = null,
    readonly born: Author | null = null,
  ) {}

  /** How long its text is: what it takes in memory goes by that. */
  get letters(): number {
    if (!this.row) return 0;
    return ("note" in this.row ? this.row.note.body : this.row.record.text).length;
  }

  /** Whether anything in it counts. */
  get shown(): boolean {
    const { hidden, changeCount } = this.document;
    return hidden.size === 0 || changeCount > hidden.size;
  }
}

/** Everything of the next commit. `begin` starts it anew; `waiting` and `unsettled` go on. */
export class Gathered {
  /** Documents of which an event waits, or did. */
  readonly waiting = new Set<DocumentText>();
  /** Documents of which an event waits or is void, or did or was. */
  readonly unsettled = new Set<DocumentText>();
  /** In the order of arrival, which is that of each chain. */
  events = new Map<Digest, Kept>();
  weighed = new Map<Digest, Weighed>();
  bodies = new Map<Digest, Uint8Array>();
  births = new Map<DocumentText, Birth>();
  /** Documents that were born in this commit, and of which nothing was shown before. */
  fresh = new Set<DocumentText>();
  born = new Map<DocumentText, Shown>();
  /** Null: nothing of the document is shown. */
  rows = new Map<DocumentText, readonly [DocumentId, Shown | null]>();
  stale = new Map<DocumentText, DocumentId>();
  /** Changes that were read for this commit, and how often the scales had been turned then. */
  steps = new Map<Digest, readonly [turns: number, Step, Reading]>();
  conflicts = new Map<DocumentText, readonly [DocumentId, readonly ConflictRow[]]>();
  settlements = new Map<DocumentText, readonly [DocumentId, ReadonlyMap<Digest, SettlementRow>, boolean]>();
  changes = new Map<Digest, Hex>();
  forgotten: readonly DocumentId[] | null = null;
  #log = new Map<Digest, Weighed>(); // what is said of events in the log, of those that were read
  #named = new Map<DocumentText, Placed[]>(); // those that the log does not know to be of a document

  /** Begin the next commit. */
  begin(): void {
    for (const map of [this.events, this.weighed, this.bodies, this.births, this.born, this.rows]) map.clear();
    for (const map of [this.stale, this.steps, this.conflicts, this.settlements, this.changes]) map.clear();
    this.#log.clear();
    this.#named.clear();
    this.fresh.clear();
    this.forgotten = null;
  }

  /** Events that the log takes with this commit, each after its parent. */
  arrived(events: readonly Placed[]): void {
    for (const placed of events) {
      this.events.set(placed.digest, { placed, document: null, standing: Standing.WAITS, reason: "" });
    }
  }

  /** Say what an event counts for; the last word counts. */
  stand(placed: Placed, document: DocumentId | null, standing: Standing, reason = ""): void {
    if (document && (standing === Standing.WAITS || standing === Standing.VOID)) {
      this.unsettled.add(document.text);
      if (standing === Standing.WAITS) this.waiting.add(document.text);
    }
    const event = placed.digest;
    if (this.events.has(event)) {
      this.events.set(event, { placed, document, standing, reason });
      return;
    }
    const [word, before] = [{ event, standing, reason, document }, this.#log.get(event)];
    if (before && isSame(word, before)) {
      this.weighed.delete(event);
      return;
    }
    if (document && !this.weighed.has(event) && !before?.document) {
      const named = this.#named.get(document.text) ?? [];
      named.push(placed);
      this.#named.set(document.text, named);
    }
    this.weighed.set(event, word);
  }

  /** Whether an event counts by the log, of those that were read. */
  counted({ digest }: Placed): boolean {
    return this.#log.get(digest)?.standing === Standing.HONOURED;
  }

  /** Whether an event waits by the log, of those that were read. */
  waited({ digest }: Placed): boolean {
    return this.#log.get(digest)?.standing === Standing.WAITS;
  }

  /** Say which change an event carries, where the log may not know it: it is new, or was not honoured. */
  carries({ placed, change }: Step): void {
    if (!this.counted(placed)) this.changes.set(placed.digest, change.hash);
  }

  /** Settlements of a document that are new, or all that it has. */
  settles(document: DocumentId, rows: readonly SettlementRow[], whole: boolean): void {
    const found = rows.map((row) => [row.author.event, row] as const);
    const [, before, wasWhole] = this.settlements.get(document.text) ?? [document, new Map(), false];
    if (whole) this.settlements.set(document.text, [document, new Map(found), true]);
    else if (found.length > 0) this.settlements.set(document.text, [document, new Map([...before, ...found]), wasWhole]);
  }

  /** The events of rows, with the bodies of this commit; what the log says of them is remembered. */
  read(rows: Iterable<Row>): Placed[] {
    return [...rows].map(({ placed, standing, reason, document }) => {
      const { digest, event } = placed;
      this.#log.set(digest, { event: digest, standing, reason, document });
      const body = event.body ?? this.bodies.get(digest);
      return body && !event.body ? { ...placed, event: { header: event.header, body } } : placed;
    });
  }

  /** All events of a document: its rows, and those of this commit. */
  of(document: DocumentId, rows: Iterable<Row>): Placed[] {
    const found = new Map(this.read(rows).map((placed) => [placed.digest, placed]));
    for (const placed of this.#named.get(document.text) ?? []) found.set(placed.digest, placed);
    for (const { placed, document: of } of this.events.values()) {
      if (of?.text === document.text) found.set(placed.digest, placed);
    }
    return [...found.values()];
  }

  /** All of it as the store takes it. */
  batch(snapshots: readonly Snapshot[], settings: ReadonlyMap<string, Uint8Array>, timeMs: number): Batch {
    const rows = [...this.rows.values()];
    const shown = rows.flatMap(([, row]) => row ?? []);
    return {
      events: [...this.events.values()],
      bodies: [...this.bodies],
      standings: [...this.weighed.values()],
      ...(this.forgotten && { forgotten: this.forgotten }),
      unshown: rows.flatMap(([document, row]) => (row ? [] : [document])),
      stale: [...this.stale.values()],
      born: [...this.born].flatMap(([name, row]) => (this.rows.has(name) ? [] : [row])),
      notes: shown.filter((row): row is NoteRow => "note" in row),
      records: shown.filter((row): row is RecordRow => "record" in row),
      conflicts: [...this.conflicts.values()],
      settlements: [...this.settlements.values()].map(([name, found, all]) => [name, [...found.values()], all] as const),
      changes: [...this.changes],
      snapshots,
      settings: [...settings],
      timeMs,
    };
  }
}

function isSame(one: Weighed, other: Weighed): boolean {
  const same = one.standing === other.standing && one.reason === other.reason;
  return same && one.document?.text === other.document?.text;
}

/** Whether a batch says nothing but when it is. */
export function isEmpty(batch: Batch): boolean {
  return Object.entries(batch).every(([key, value]) => key === "timeMs" || (Array.isArray(value) && value.length === 0));
}
