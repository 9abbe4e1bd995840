// What documents show, in the database: the other half of a commit; what ledger_documents.py, ledger_records.py and
// ledger_conflicts.py are for SQLite.
//
// Each row is written once, with what it is listed, found and hashed by. Everything that is looked up is looked up at
// once. It folds nothing and decides nothing.
import type { DocumentId, Hex } from "../../names.js";
import { contentOf } from "../../state/view_digest.js";
import { named } from "../showing.js";
import type { Batch, ConflictRow, DocumentText, NoteRow, SettlementRow, Shown } from "../store_port.js";
import type { Writing } from "./connection.js";
import type { Documents } from "./documents.js";
import type { Leaf } from "./rolls.js";
import { type StoredNote, storedConflict, storedNote, storedRecord, storedSettlement } from "./stored.js";
import { wordsFor } from "./words.js";

/** A path of a space, and the notes that are there. */
export interface Place {
  readonly space: string;
  readonly path: string;
  readonly notes: readonly DocumentText[];
  /** There when they are several. */
  readonly several?: 1;
}

/** The rows of one commit. */
export class Showcase {
  readonly #rows = new Map<DocumentText, Shown | null>(); // null: its row goes
  readonly #conflicts = new Map<DocumentText, readonly ConflictRow[]>();
  readonly #before = new Map<DocumentText, StoredNote>();

  constructor(
    private readonly tx: Writing,
    private readonly documents: Documents,
  ) {}

  /** Take in what a batch shows. Notes and records as they were born only stand where nothing stood before. */
  async take(batch: Batch): Promise<void> {
    const { unshown = [], born = [], notes = [], records = [], conflicts = [], forgotten = [] } = batch;
    for (const row of [...born, ...notes, ...records]) this.documents.own(named(row));
    const shown = await this.#lookUp([...unshown, ...[...born, ...notes, ...records].map(named)]);
    for (const document of unshown) {
      shown.delete(document.text);
      this.#rows.set(document.text, null);
    }
    for (const row of born) if (!shown.has(named(row).text)) this.#rows.set(named(row).text, row);
    for (const row of [...notes, ...records]) this.#rows.set(named(row).text, row);
    for (const { text } of [...forgotten, ...unshown]) this.#conflicts.set(text, []);
    for (const [document, rows] of conflicts) {
      this.documents.own(document);
      this.#conflicts.set(document.text, rows);
    }
  }

  /** Which of these have a row already; of notes it is remembered. */
  async #lookUp(documents: readonly DocumentId[]): Promise<Set<DocumentText>> {
    const wanted = new Map(documents.filter(({ text }) => !this.documents.isNew(text)).map((one) => [one.text, one]));
    const found = await Promise.all(
      [...wanted.values()].map(async ({ text, type }) => {
        const note = type === "note" ? await this.tx.get<StoredNote>("notes", text) : undefined;
        if (note) this.#before.set(text, note);
        return note || (type !== "note" && (await this.tx.get("records", text))) ? [text] : [];
      }),
    );
    return new Set(found.flat());
  }

  /** Write all rows and conflicts. Returns the buckets concerned. */
  async write({ settlements = [], unshown = [], forgotten = [], stale = [], snapshots = [] }: Batch): Promise<Set<number>> {
    const concerned = [...new Set([...this.#rows.keys(), ...this.#conflicts.keys()])];
    const keys = concerned.map((text) => [this.documents.bucket(text), text]);
    const leaves = await Promise.all(keys.map((key) => this.tx.get<Leaf>("leaves", key)));
    for (const [text, row] of this.#rows) this.#write(text, row);
    for (const { text } of [...unshown, ...forgotten]) this.tx.delete("settlements", within(text));
    for (const [text, rows] of this.#conflicts) {
      this.tx.delete("conflicts", within(text));
      for (const row of rows) this.tx.put("conflicts", storedConflict(row));
    }
    for (const [at, text] of concerned.entries()) this.#leaf(text, leaves[at]);
    await this.#places();
    for (const [document, rows, whole] of settlements) this.#settle(document, rows, whole);
    for (const { text } of stale) this.tx.delete("snapshots", text);
    for (const { document, data, upto } of snapshots) this.tx.put("snapshots", { document: document.text, data, upto });
    return new Set(concerned.map((text) => this.documents.bucket(text)));
  }

  #write(text: DocumentText, row: Shown | null): void {
    if (row === null) {
      for (const store of ["notes", "records", "words"] as const) this.tx.delete(store, text);
      return;
    }
    if ("note" in row) this.tx.put("notes", storedNote(row));
    else this.tx.put("records", storedRecord(row));
    this.tx.put("words", wordsFor(row));
  }

  /** What the tree over views hashes of a document. */
  #leaf(document: DocumentText, before: Leaf | undefined): void {
    const row = this.#rows.get(document);
    const shown = row && contentOf("note" in row ? row.note : row.record);
    const content = row === undefined ? before?.content : shown;
    const names: readonly Hex[] = this.#conflicts.get(document)?.map(({ name }) => name) ?? before?.names ?? [];
    const bucket = this.documents.bucket(document);
    if (!content && names.length === 0) this.tx.delete("leaves", [bucket, document]);
    else this.tx.put("leaves", { bucket, document, names, ...(content && { content }) });
  }

  #settle(document: DocumentId, rows: readonly SettlementRow[], whole: boolean): void {
    if (whole) this.tx.delete("settlements", within(document.text));
    for (const row of rows) this.tx.put("settlements", storedSettlement(row));
  }

  /** Keep which notes are at which path, where that changed. */
  async #places(): Promise<void> {
    const moved = [...this.#rows].flatMap(([text, row]) => {
      if (row && !("note" in row)) return [];
      const before = this.#before.get(text);
      const space = spaceOf(text);
      const [from, to] = [before && pathOf(space, before.note), row && pathOf(space, row.note)];
      return from === to ? [] : [{ text, from, to }];
    });
    const keys = [...new Set(moved.flatMap(({ from, to }) => [from, to]).filter((key) => typeof key === "string"))];
    const found = await Promise.all(keys.map((key) => this.tx.get<Place>("places", keyOf(key))));
    const notes = new Map(keys.map((key, at) => [key, new Set(found[at]?.notes)]));
    for (const { text, from } of moved) if (from) notes.get(from)!.delete(text);
    for (const { text, to } of moved) if (to) notes.get(to)!.add(text);
    for (const [key, there] of notes) {
      const [space, path] = keyOf(key);
      if (there.size === 0) this.tx.delete("places", [space, path]);
      else this.tx.put("places", { space, path, notes: [...there], ...(there.size > 1 && { several: 1 }) });
    }
  }
}

/** Where a living note is, if it has a path: its space and the path, in one. */
function pathOf(space: string, note: Pick<NoteRow["note"], "path" | "deleted">): string | undefined {
  return note.deleted || !note.path ? undefined : `${space}/${note.path}`;
}

function keyOf(path: string): [space: string, path: string] {
  return [spaceOf(path), path.slice(path.indexOf("/") + 1)];
}

function spaceOf(text: string): string {
  return text.slice(0, text.indexOf("/"));
}

/** All keys of a document. */
export function within(text: DocumentText): IDBKeyRange {
  return IDBKeyRange.bound([text], [text, []]);
}
