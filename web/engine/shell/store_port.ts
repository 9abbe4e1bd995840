// What the phone asks of its store: the port, and the plain values that cross it; as mesh/node/storage/store_port.py and
// views_port.py have them, but for what only admins and full devices ask.
//
// The log of events is the truth; notes, records, snapshots and digests are views of it, kept by the same commit. Nothing
// here does anything. Documents stand in maps by their `text`, digests and hashes of changes are hex.
import type { Head } from "../clocks/chain.js";
import type { Frontier, Span } from "../clocks/frontier.js";
import type { Lane, Placed, Run } from "../events/event.js";
import type { Mark, Value } from "../events/kinds.js";
import type { Standing } from "../events/verdict.js";
import type { Digest, DocumentId, Hex } from "../names.js";
import type { Note } from "../state/notes.js";
import type { Record } from "../state/records.js";
import type { Body } from "../sync/messages.js";

// ── what is written ────────────────────────────────────────────────────────────────────────────

/** A document's text, where it is the key of a map. */
export type DocumentText = string;

/** An event to be kept, as weighed. `document` is null for control, openings, and what cannot be read yet. */
export interface Kept {
  readonly placed: Placed;
  readonly document: DocumentId | null;
  readonly standing: Standing;
  readonly reason: string;
}

/** A held event that was weighed anew. `document`: what it belongs to, once it can be read; it never moves. */
export interface Weighed {
  readonly event: Digest;
  readonly standing: Standing;
  readonly reason: string;
  readonly document: DocumentId | null;
}

/** Who said an event, and when: the event, the admission, the agent (empty for the person), its numbers. */
export interface Author {
  readonly event: Digest;
  readonly admission: Digest;
  readonly agent: string;
  readonly timeMs: number;
  readonly lamport: number;
}

/** A note as lists show it, with who touched it last (an admission) and when; `placed` says who gave it its path. */
export interface NoteRow {
  readonly note: Note;
  readonly updatedMs: number;
  readonly updatedBy: Digest;
  readonly lamport: number;
  readonly placed: Author | null;
}

/** A record as lists show it, with who said its birth and who touched it last. */
export interface RecordRow {
  readonly record: Record;
  readonly born: Author;
  readonly updated: Author;
}

/** What lists show of a document; `"note" in row` tells which. */
export type Shown = NoteRow | RecordRow;

/** One side of a conflict as lists show it: the value, at most CONFLICT_SIDE_CHARACTERS of it; its true size. */
export interface SideRow {
  readonly value: Value;
  readonly characters: number;
  readonly author: Author | null;
}

/**
 * An open conflict as lists show it, with at most CONFLICT_SIDES_KEPT of its `count` sides.
 *
 * `sinceMs`: when the second of its sides was written, by that device's clock. `lamport`: of its newest side. `devices`
 * are the admissions of all sides.
 */
export interface ConflictRow {
  readonly name: Hex;
  readonly document: DocumentId;
  readonly kind: string;
  readonly field: string;
  readonly sinceMs: number;
  readonly lamport: number;
  readonly count: number;
  readonly devices: readonly Digest[];
  readonly sides: readonly SideRow[];
  readonly ancestor: Value;
}

/** An honoured `settled` or `undone` event of a document: what it settles, or which event it takes back. */
export interface SettlementRow {
  readonly document: DocumentId;
  readonly author: Author;
  /** Empty for `undone`. */
  readonly conflict: Hex;
  readonly prints: readonly Hex[];
  readonly rule: string;
  readonly undoes: Digest | null;
  /** The hash of the change that it carries. */
  readonly change: Hex;
}

/** A document's saved form; `upto` is the row id of the newest event that it includes. */
export interface Snapshot {
  readonly document: DocumentId;
  readonly data: Uint8Array;
  readonly upto: number;
}

/** Everything of one commit, applied in the order of the fields. Events: parents before children. */
export interface Batch {
  readonly events?: readonly Kept[];
  /** Event digest -> the body that was missing. The caller has checked it against the header. */
  readonly bodies?: readonly Body[];
  readonly standings?: readonly Weighed[];
  /** All documents whose bodies nobody wants any more; absent: as before. */
  readonly forgotten?: readonly DocumentId[];
  /** Documents in which nothing counts any more: their rows go. */
  readonly unshown?: readonly DocumentId[];
  /** Documents whose snapshot says what is not so any more: it goes. */
  readonly stale?: readonly DocumentId[];
  /** Notes and records as they are at their birth: written only where there is no row for the document yet. */
  readonly born?: readonly Shown[];
  readonly notes?: readonly NoteRow[];
  readonly records?: readonly RecordRow[];
  /** Documents whose open conflicts changed, each with all that it has now. */
  readonly conflicts?: readonly (readonly [DocumentId, readonly ConflictRow[]])[];
  /** Documents with settlements that are new (false), or with all that they have now (true). */
  readonly settlements?: readonly (readonly [DocumentId, readonly SettlementRow[], boolean])[];
  /** Event -> the hash of the change that it carries, so that the event of a change is found. */
  readonly changes?: readonly (readonly [Digest, Hex])[];
  readonly snapshots?: readonly Snapshot[];
  readonly settings?: readonly (readonly [string, Uint8Array])[];
  /** When this happens by this device's clock; 0 where nobody asks. */
  readonly timeMs?: number;
}

// ── what is read ───────────────────────────────────────────────────────────────────────────────

/** An event of the log. `id` counts from 1 in the order in which this device kept them. */
export interface Row {
  readonly id: number;
  readonly placed: Placed;
  readonly standing: Standing;
  readonly reason: string;
  readonly document: DocumentId | null;
}

/** What the phone holds in memory, as the log has it. */
export interface Boot {
  /** All events of control chains, parents first. */
  readonly control: readonly Placed[];
  readonly tips: Frontier;
  /** Chain -> the places of its trail, newest first, under its highest tip. */
  readonly trails: ReadonlyMap<Digest, readonly Head[]>;
  /** Chain -> the admission and the lane that it lives under. */
  readonly openings: ReadonlyMap<Digest, readonly [Digest, Lane]>;
  /** Tip -> its Lamport number. */
  readonly tipLamports: ReadonlyMap<Digest, number>;
  readonly settings: ReadonlyMap<string, Uint8Array>;
  /** (event, digest of its body) of bodies that are wanted, the oldest BODIES_MISSING_MAX of them. */
  readonly missingBodies: readonly (readonly [Digest, Digest])[];
}

/** One chain: what it lives under, its tips, and how many events of it are held. */
export interface ChainFacts {
  readonly chain: Digest;
  readonly admission: Digest;
  readonly lane: Lane;
  readonly tips: readonly Head[];
  readonly events: number;
}

/** A place in a chain on which more than one event stands, and how many do. */
export interface ForkFacts {
  readonly chain: Digest;
  readonly after: Head;
  readonly branches: number;
}

/** How much there is. `waiting` and `void` count data events. */
export interface Counts {
  readonly events: number;
  readonly documents: number;
  readonly conflicts: number;
  readonly waiting: number;
  readonly void: number;
  /** Of all bodies that are here. */
  readonly bodyBytes: number;
  /** Bodies that are not here and were never let go: they are asked for. */
  readonly bodiesMissing: number;
  /** Bodies that this phone let go, to keep to its working set; they come again on demand. */
  readonly bodiesAway: number;
}

/** Which notes a list shows. Words begin words of title, body or tags; `at`: a space, and a path in it. */
export interface NotesAsked {
  readonly tag?: string;
  readonly search?: string;
  readonly at?: readonly [space: string, path: string];
  /** Those that were put away, instead of the living. */
  readonly deleted?: boolean;
  readonly limit: number;
  /** The last one of the page before. */
  readonly after?: NoteRow | null;
}

/** Which records a list shows: of these types, of a project, in one of these states, with these words. */
export interface RecordsAsked {
  readonly types: readonly string[];
  readonly project?: string;
  readonly states?: readonly string[];
  readonly search?: string;
  readonly deleted?: boolean;
  readonly limit: number;
  readonly after?: RecordRow | null;
}

/** What is looked for: in documents of some types (of all when there are none) and of one project. */
export interface HitsAsked {
  readonly types?: readonly string[];
  readonly project?: string;
  readonly limit: number;
}

/** Which open conflicts a list shows. `device`: only those in which that admission has a side. */
export interface ConflictsAsked {
  readonly document?: DocumentId;
  readonly kind?: string;
  readonly device?: Digest;
  readonly limit?: number;
  readonly after?: ConflictRow | null;
}

/** Which settlements a list shows. `conflict`: begins with these digits. `before`: with a smaller Lamport number. */
export interface SettlementsAsked {
  readonly document?: DocumentId;
  readonly conflict?: string;
  readonly limit?: number;
  readonly before?: number;
}

/** What a phone shows, as its store has it. */
export interface Views {
  /** The newest snapshot of a document. */
  snapshot(document: DocumentId): Promise<Snapshot | null>;
  note(document: DocumentId): Promise<NoteRow | null>;
  record(document: DocumentId): Promise<RecordRow | null>;
  /** What these documents are called; those that are not shown are left out. */
  titles(documents: Iterable<DocumentId>): Promise<Map<DocumentText, string>>;
  /** Notes, the latest first (by Lamport number, then by document). */
  notes(asked: NotesAsked): Promise<NoteRow[]>;
  /** Records of some types, the latest first (by Lamport number of the last touch, then by document). */
  records(asked: RecordsAsked): Promise<RecordRow[]>;
  /** Notes and records in which every word begins a word, the best first; none that were put away. */
  hits(search: string, asked: HitsAsked): Promise<DocumentId[]>;
  /** Open conflicts, the latest first (lamport, then name); several notes at one path are among them. */
  conflicts(asked?: ConflictsAsked): Promise<ConflictRow[]>;
  /** The open conflicts whose name begins with these hex digits, a few of them. */
  conflict(prefix: string): Promise<ConflictRow[]>;
  /** Settlements, the latest first; a page is never cut between equal Lamport numbers. */
  settlements(asked?: SettlementsAsked): Promise<SettlementRow[]>;
  /** The event of each change of a document; of several one that is honoured. Unknown ones are left out. */
  ofChanges(document: DocumentId, changes: Iterable<Hex>): Promise<Map<Hex, Row>>;
  /** Documents that a person may mean: `space/type/name`, `type/name` or `name`, the name from its beginning. */
  findDocuments(prefix: string, limit?: number): Promise<DocumentId[]>;
  /** How many notes there are that were not put away. */
  countNotes(): Promise<number>;
  /** The root over what all documents show: equal on two devices that show the same (PROTOCOL, view root). */
  viewRoot(): Promise<Digest>;
  /** As `digestChildren`, of the tree over views. */
  viewChildren(level: number, index: number): Promise<readonly Digest[]>;
  /** The documents of a bucket, each with its leaf in the state tree, or in the tree over views. */
  leaves(bucket: number, views: boolean): Promise<(readonly [DocumentId, Digest])[]>;
}

/** The memory of one phone. Every method throws Damaged, DiskFull or Unreachable when the browser's store does not serve. */
export interface Store extends Views {
  /**
   * Keep all of it or nothing: when this returns it survives the end of the browser. Events that are held stay as they
   * are. Returns the largest row id of an event. Throws Unreachable where another tab has taken over.
   */
  commit(batch: Batch): Promise<number>;
  /** What is needed at start: the control lane, where chains end, and settings; no other event, and no document. */
  boot(): Promise<Boot>;

  // looking up
  /** Which of these events are held. */
  held(digests: Iterable<Digest>): Promise<Set<Digest>>;
  /** Sequence number and Lamport number of those events that are held. */
  places(digests: Iterable<Digest>): Promise<Map<Digest, { readonly seq: number; readonly lamport: number }>>;
  /** Those of these events that are held and are the mark, or under it in its chain. Null: it is not held. */
  under(mark: Mark, events: Iterable<Digest>): Promise<Set<Digest> | null>;
  /** Data events of a device that are honoured and not under any of these marks, in the order of row ids. */
  beyond(admission: Digest, marks: readonly Mark[], after?: number, limit?: number): Promise<Row[]>;
  /** The events whose digest starts with these hex digits; the first few when there are many. */
  event(prefix: string): Promise<Row[]>;
  setting(name: string): Promise<Uint8Array | null>;

  // serving
  /**
   * The longest run towards the span's target that fits and ends on a signed event, from the best place of `span.after`
   * that is under the target. At least one signed run is given, even if it is larger. Null when the target is not held,
   * or the asker is there already.
   */
  serve(span: Span, bytesMax: number, bodies?: boolean): Promise<Run | null>;
  /** Bodies of these events, as many as fit; at least one if any is held. */
  bodies(digests: Iterable<Digest>, bytesMax: number): Promise<Body[]>;
  /** (event, digest of its body) of events whose body is wanted, oldest first; none of forgotten documents. */
  missingBodies(limit?: number): Promise<(readonly [Digest, Digest])[]>;
  /** Delete the bodies of documents that were forgotten before that time. Returns how many went. */
  erase(beforeMs: number): Promise<number>;

  // a bounded working set
  /** Whether more bodies are here than the working set holds. */
  readonly overfull: boolean;
  /** Let the bodies of the documents that were touched longest ago go; none that `own` wrote. Returns how many went. */
  trim(own: Digest): Promise<number>;
  /** Have the bodies of a document that were let go be missing again, so that they are asked for. Returns these. */
  want(document: DocumentId): Promise<(readonly [Digest, Digest])[]>;

  // rows
  /** All events of a document with a larger row id, in the order of row ids. */
  rows(document: DocumentId, after?: number): Promise<Row[]>;
  /** Data events that wait or are void, in the order of row ids. */
  unsettled(document?: DocumentId | null, after?: number, limit?: number): Promise<Row[]>;
  /** Data events in the order of row ids. */
  replay(after?: number, limit?: number): Promise<Row[]>;
  /** Which documents of these types the events with a larger row id belong to, each with its row id, in order. */
  about(types: readonly string[], after?: number, limit?: number): Promise<(readonly [number, DocumentId])[]>;
  /** Events as they were kept here. */
  log(asked: { admission?: Digest; document?: DocumentId; after?: number; limit: number }): Promise<Row[]>;
  /** Events by stamp (and digest, in forked chains), the latest first: everywhere the same. `before`: a row. */
  newest(asked: { admission?: Digest; document?: DocumentId; before?: Row | null; limit: number }): Promise<Row[]>;
  /** All chains, by digest. */
  chains(): Promise<ChainFacts[]>;
  /** The places at which chains fork, by chain and place; of more than the limit the first. */
  forks(limit: number): Promise<ForkFacts[]>;

  // state
  /** The root over all honoured data events that belong to a document. */
  digest(): Promise<Digest>;
  /** The children of a node of the state tree; ask `digest` first. */
  digestChildren(level: number, index: number): Promise<readonly Digest[]>;
  counts(): Promise<Counts>;
  /** Drop what follows from the log: views, snapshots, rolls; every data event waits. The caller refolds it. */
  forgetState(): Promise<void>;
  /** Let go of the database. A second time does nothing. */
  close(): Promise<void>;
}
