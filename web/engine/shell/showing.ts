// How lists show a document: a note as a note, everything else as a record; as mesh/node/showing.py has it.
//
// This module folds and decides nothing.
import { ascending, type DocumentId } from "../names.js";
import * as notes from "../state/notes.js";
import * as records from "../state/records.js";
import type { Birth, Loaded, Step } from "./gathered.js";
import type { Author, NoteRow, RecordRow, Shown, Store } from "./store_port.js";

/** The document that a row is of. */
export function named(row: Shown): DocumentId {
  return "note" in row ? row.note.document : row.record.document;
}

/** How lists show a document at its birth. */
export function asBorn(document: DocumentId, { author, born }: Birth): Shown {
  if (document.type !== notes.KIND) return { record: records.view(document, born), born: author, updated: author };
  const note = notes.view(document, born);
  return { note, ...touch(author), placed: note.path === null ? null : author };
}

function touch({ timeMs, admission, lamport }: Author): Pick<NoteRow, "updatedMs" | "updatedBy" | "lamport"> {
  return { updatedMs: timeMs, updatedBy: admission, lamport };
}

/** How lists show a document, as the store has it. */
export async function asKept(store: Store, document: DocumentId): Promise<Shown | null> {
  return document.type === notes.KIND ? store.note(document) : store.record(document);
}

/** How lists show a document after these came into it; nothing of it where nothing counts. */
export function show(loaded: Loaded, entered: readonly Step[]): void {
  if (!loaded.shown) {
    loaded.row = null;
    return;
  }
  const authors = entered.map(({ author }) => author);
  const newest = authors.reduce<Author | null>((last, one) => (last && byStamp(one, last) <= 0 ? last : one), null);
  loaded.row = loaded.document.id.type === notes.KIND ? noteOf(loaded, newest) : recordOf(loaded, newest);
}

function noteOf(loaded: Loaded, newest: Author | null): NoteRow | null {
  const old = loaded.row && "note" in loaded.row ? loaded.row : null;
  const note = notes.viewOf(loaded.document, old?.note.conflicts ?? []);
  const placed = old?.placed ?? null;
  const before = old && { lamport: old.lamport, admission: old.updatedBy };
  if (newest && (!before || byStamp(newest, before) >= 0)) return { note, ...touch(newest), placed };
  return old && { ...old, note };
}

function recordOf(loaded: Loaded, newest: Author | null): RecordRow | null {
  const old = loaded.row && "record" in loaded.row ? loaded.row : null;
  const record = records.viewOf(loaded.document, old?.record.conflicts ?? []);
  const born = old?.born ?? loaded.born;
  if (newest && born && (!old || byStamp(newest, old.updated) >= 0)) return { record, born, updated: newest };
  return old && { ...old, record };
}

function byStamp(one: Pick<Author, "lamport" | "admission">, other: Pick<Author, "lamport" | "admission">): number {
  return one.lamport - other.lamport || ascending(one.admission, other.admission);
}

/** What it is called; empty where nothing is shown. */
export function titleOf(row: Shown | null): string {
  if (!row) return "";
  return "note" in row ? row.note.title : row.record.word(records.TITLE);
}

/** Whether it was put away. */
export function isDeleted(row: Shown): boolean {
  return "note" in row ? row.note.deleted : row.record.deleted;
}

/** What is in conflict in it. */
export function conflictsIn(row: Shown): readonly string[] {
  return "note" in row ? row.note.conflicts : row.record.conflicts;
}

/** The same, with what is in conflict in it. */
export function withConflicts(row: Shown, conflicts: readonly string[]): Shown {
  if ("note" in row) return { ...row, note: { ...row.note, conflicts } };
  const { document, registers, text } = row.record;
  return { ...row, record: new records.Record(document, registers, text, conflicts) };
}
