// How events, notes, records, conflicts and settlements lie in the database, and how they are read back.
//
// Digests of events are bytes where they are keys, so that an index holds half as much. Nothing here asks the database.
import type { Head } from "../../clocks/chain.js";
import { Damaged, Refused } from "../../errors.js";
import { decodeHeader, Lane, type Placed } from "../../events/event.js";
import type { Value } from "../../events/kinds.js";
import { Standing } from "../../events/verdict.js";
import { SHORT_BYTES } from "../../limits.js";
import { type Digest, DocumentId, type Hex, hex, unhex } from "../../names.js";
import { PROJECT, Record as Recorded, STATE } from "../../state/records.js";
import { named } from "../showing.js";
import type { ConflictRow, NoteRow, RecordRow, Row, SettlementRow, Shown } from "../store_port.js";
import type { ChainMap } from "./chains.js";

/** An event as it lies in the log. */
export interface Event {
  readonly id: number;
  readonly digest: Uint8Array;
  readonly parent: Uint8Array;
  readonly branch: number;
  readonly seq: number;
  readonly lamport: number;
  readonly header: Uint8Array;
  readonly signature?: Uint8Array;
  standing: Standing;
  reason?: string;
  document?: string;
  /** The first bytes of the hash of the change that it carries. */
  change?: Uint8Array;
  /** (standing, row id) of a data event that waits or is void. */
  pending?: readonly [Standing, number];
  /** The row id, where the body is missing. */
  lean?: number;
  /** The row id, where the body was let go. */
  away?: number;
}

/** The row of an event, with its body where that is here. */
export function rowOf(event: Event, body: Uint8Array | undefined, map: ChainMap): Row {
  const chain = map.chainOf(event.branch);
  let header: Placed["header"];
  try {
    header = decodeHeader(event.header);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Damaged(`the header of event ${event.id} in this app's data is not what was written`);
  }
  const placed: Placed = {
    chain: chain.digest,
    admission: chain.admission,
    lane: chain.lane,
    seq: event.seq,
    parent: hex(event.parent),
    digest: hex(event.digest),
    header,
    event: { header: event.header, body: body ?? null },
    signature: event.signature ?? null,
  };
  const document = event.document === undefined ? null : DocumentId.parse(event.document);
  return { id: event.id, placed, standing: event.standing, reason: event.reason ?? "", document };
}

/** The place of an event in its chain. */
export function headOf({ seq, digest }: Event): Head {
  return { seq, digest: hex(digest) };
}

/** Give an event another standing. */
export function stand(event: Event, standing: Standing, reason: string, lane: Lane): void {
  event.standing = standing;
  if (reason) event.reason = reason;
  else delete event.reason;
  const pends = lane === Lane.DATA && (standing === Standing.WAITS || standing === Standing.VOID);
  if (pends) event.pending = [standing, event.id];
  else delete event.pending;
}

/** What is kept of the hash of a change: enough that nobody finds two changes that begin alike. */
export function changeKey(change: Hex): Uint8Array {
  return unhex(change.slice(0, 2 * SHORT_BYTES));
}

// ── what is shown ──────────────────────────────────────────────────────────────────────────────

/** The place of something in lists: the latest first, then by document. */
export type Place = readonly [rank: number, name: Hex, space: string, type: string];

/** When it was touched last, by Lamport number. */
export function lamportOf(row: Shown): number {
  return "note" in row ? row.lamport : row.updated.lamport;
}

/** The place of a row in lists. */
export function placeOf(row: Shown): Place {
  const { name, space, type } = named(row);
  return [-lamportOf(row), name, space, type];
}

/** The order of places, for `sort`: what the database makes of them. */
export function byPlace(one: Place, other: Place): number {
  for (const [at, value] of one.entries()) {
    if (value !== other[at]) return value < other[at]! ? -1 : 1;
  }
  return 0;
}

/** A note as it lies in the database. */
export interface StoredNote extends Omit<NoteRow, "note"> {
  readonly document: string;
  readonly note: Omit<NoteRow["note"], "document">;
  readonly listed: readonly [deleted: number, ...place: Place];
  readonly tagged: readonly (readonly [tag: string, deleted: number, ...place: Place])[];
}

/** A note for the database. */
export function storedNote(row: NoteRow): StoredNote {
  const { document, ...note } = row.note;
  const listed = [Number(note.deleted), ...placeOf(row)] as const;
  const tagged = [...new Set(note.tags)].map((tag) => [tag, ...listed] as const);
  return { ...row, document: document.text, note, listed, tagged };
}

/** A note out of the database. */
export function noteRow({ document, note, updatedMs, updatedBy, lamport, placed }: StoredNote): NoteRow {
  return { note: { ...note, document: DocumentId.parse(document) }, updatedMs, updatedBy, lamport, placed };
}

/** A record as it lies in the database. */
export interface StoredRecord extends Omit<RecordRow, "record"> {
  readonly document: string;
  readonly registers: ReadonlyMap<string, Value>;
  readonly text: string;
  readonly conflicts: readonly string[];
  readonly project: string;
  readonly state: string;
  readonly listed: readonly [type: string, deleted: number, ...place: Place];
}

/** A record for the database. */
export function storedRecord(row: RecordRow): StoredRecord {
  const { record, born, updated } = row;
  const { document, registers, text, conflicts } = record;
  const listed = [document.type, Number(record.deleted), ...placeOf(row)] as const;
  const words = { project: record.word(PROJECT), state: record.word(STATE) };
  return { document: document.text, registers: new Map(registers), text, conflicts, born, updated, listed, ...words };
}

/** A record out of the database. */
export function recordRow({ document, registers, text, conflicts, born, updated }: StoredRecord): RecordRow {
  return { record: new Recorded(DocumentId.parse(document), registers, text, conflicts), born, updated };
}

/** A conflict as it lies in the database. */
export interface StoredConflict extends Omit<ConflictRow, "document"> {
  readonly document: string;
  readonly rank: number;
}

/** A conflict for the database. */
export function storedConflict(row: ConflictRow): StoredConflict {
  return { ...row, document: row.document.text, rank: -row.lamport };
}

/** A conflict out of the database. */
export function conflictRow({ rank: _, document, ...row }: StoredConflict): ConflictRow {
  return { ...row, document: DocumentId.parse(document) };
}

/** A settlement as it lies in the database. */
export interface StoredSettlement extends Omit<SettlementRow, "document"> {
  readonly document: string;
  readonly event: Digest;
  readonly rank: number;
}

/** A settlement for the database. */
export function storedSettlement(row: SettlementRow): StoredSettlement {
  return { ...row, document: row.document.text, event: row.author.event, rank: -row.author.lamport };
}

/** A settlement out of the database. */
export function settlementRow({ rank: _, event: __, document, ...row }: StoredSettlement): SettlementRow {
  return { ...row, document: DocumentId.parse(document) };
}
