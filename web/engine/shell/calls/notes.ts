// Calls about notes; as mesh/node/calls_notes.py has them.
//
// Lists read rows and load no document. What others change at the same time stays beside what is changed here.
import { Misuse, Refused } from "../../errors.js";
import { documentOf } from "../../events/bodies.js";
import type { Placed } from "../../events/event.js";
import type { Changed } from "../../events/kinds.js";
import { readBody } from "../../events/reading.js";
import { beginning, oneLine, stripped } from "../../letters.js";
import { LIST_MAX, SEARCH_EXCERPT_CHARACTERS } from "../../limits.js";
import { deviceText, DocumentId, type Hex } from "../../names.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import { decode } from "../../state/changes.js";
import { excerpt, snippet } from "../../state/excerpts.js";
import * as notes from "../../state/notes.js";
import { mustNotSettle } from "../disputes.js";
import * as keeping from "../keeping.js";
import type { DocumentText, NoteRow } from "../store_port.js";
import { nameOf } from "../subjects.js";
import { headsOf, since } from "../versions.js";
import { lineOf } from "./conflict_lines.js";
import { waitingDocuments } from "./holdings.js";
import { type Handlers, pageOf, type Phone } from "./phone.js";

const LIST_DEFAULT = 100;
const TITLE_CHARACTERS = 80; // of a note that has none: the beginning of its text

/** The calls. */
export const NOTES: Handlers<"note.add" | "note.list" | "note.show" | "note.begin" | "note.edit" | "note.rm"> = {
  "note.add": add,
  "note.list": listed,
  "note.show": show,
  "note.begin": begin,
  "note.edit": edit,
  "note.rm": remove,
};

/** A new note. */
async function add(phone: Phone, given: Calls["note.add"][0]): Promise<Calls["note.add"][1]> {
  const born = birth(given, keeping.salt(phone));
  return said(born[0], await keeping.made(phone, [born]));
}

/** The name and the birth of a note. One without a title is called by its first line. Throws Misuse. */
export function birth(given: Calls["note.add"][0], salt: Uint8Array): keeping.Birth {
  const body = given.body ?? "";
  const first = oneLine(stripped(body).split("\n", 1)[0]!);
  const title = stripped(given.title ?? "") || beginning(first, TITLE_CHARACTERS);
  if (!title) throw new Misuse("there is nothing to keep", "Write a word, then save it.");
  const born = notes.birth(title, body, given.tags ?? [], given.path ?? null, salt);
  return [documentOf(keeping.SPACE, notes.KIND, born), born];
}

function said(document: DocumentId, placed: Placed): { document: string; event: string } {
  return { document: document.text, event: placed.digest };
}

/** Notes, the latest first. */
async function listed(phone: Phone, given: Calls["note.list"][0]): Promise<Calls["note.list"][1]> {
  const { store } = phone.engine;
  const { tag, search, deleted = false } = given;
  const limit = pageOf(given, LIST_DEFAULT, LIST_MAX);
  const after = given.after === undefined ? null : await store.note(DocumentId.parse(given.after));
  const narrowed = { ...(tag !== undefined && { tag }), ...(search !== undefined && { search }) };
  const page = await store.notes({ ...narrowed, deleted, limit, after });
  const waiting = await waitingDocuments(phone);
  const found: rows.NoteRow[] = [];
  for (const row of page) found.push(await told(phone, row, waiting, search));
  const next = page.length === limit ? page.at(-1)!.note.document.text : undefined;
  const all = tag === undefined && !search && !deleted;
  const total = all ? await store.countNotes() : found.length + (next === undefined ? 0 : 1);
  return { notes: found, total, ...(next !== undefined && { next }) };
}

/** A note as lists show it; with what was searched for, the piece of its text in which that stands. */
export async function told(
  phone: Phone,
  row: NoteRow,
  waiting: ReadonlySet<DocumentText>,
  search = "",
): Promise<rows.NoteRow> {
  const { note } = row;
  const most = SEARCH_EXCERPT_CHARACTERS;
  return {
    document: note.document.text,
    title: note.title,
    snippet: search ? excerpt(note.body, search, most) : snippet(note.body, most),
    tags: [...note.tags],
    path: note.path,
    deleted: note.deleted,
    updated: touched(phone, row),
    conflicts: note.conflicts.length,
    hidden: (await phone.engine.shelf.hidden(note.document)).length,
    waiting: waiting.has(note.document.text),
  };
}

function touched({ engine }: Phone, row: NoteRow): rows.NoteRow["updated"] {
  const name = nameOf(engine.replica, row.updatedBy);
  return { time_ms: row.updatedMs, device: deviceText(row.updatedBy), name };
}

/** One note, with everything that lives side by side in it. */
async function show(phone: Phone, given: Calls["note.show"][0]): Promise<rows.NoteWhole> {
  const { store } = phone.engine;
  const row = await store.note(noteNamed(given.document));
  if (!row) throw new Misuse("this note cannot be shown here", "Its text may come with the next sync.");
  const waiting = await waitingDocuments(phone);
  const { snippet: _, ...shown } = await told(phone, row, waiting);
  const open = await store.conflicts({ document: row.note.document });
  const titles = new Map([[row.note.document.text, row.note.title]]);
  const conflicts = open.map((one) => lineOf(phone.engine, one, titles));
  return { ...shown, body: row.note.body, conflicts };
}

/** A note as it is, and the name of that version. */
async function begin({ engine }: Phone, given: Calls["note.begin"][0]): Promise<Calls["note.begin"][1]> {
  const named = noteNamed(given.document);
  return engine.look(async ({ shelf }) => {
    const loaded = await shelf.load(named);
    if (!loaded?.shown) throw new Refused("this note cannot be edited here", "Its text may come with the next sync.");
    const { title, body } = notes.viewOf(loaded.document);
    return { title, body, version: [...headsOf(loaded.document)] };
  });
}

/**
 * Change a note; what others change at the same time stays beside it. A register in conflict is left alone.
 *
 * `base_version`: the version that was edited, and `base_body` its text. What came since and this are put together as if
 * two devices had written it. Without a version nothing is written over: it is refused where the text is another one.
 */
async function edit(phone: Phone, given: Calls["note.edit"][0]): Promise<Calls["note.edit"][1]> {
  const { title, body, base_body, base_version = null, add_tags, remove_tags, path } = given;
  const wanted = { title, body, addTags: add_tags, removeTags: remove_tags, path };
  const placed = await change(phone, given.document, wanted, base_body, base_version);
  const made = readBody(phone.engine.keyring, placed, "changed") as Changed;
  return { ...said(noteNamed(given.document), placed), version: [decode(made.change).hash] };
}

/** Mark a note as deleted; its history stays. */
async function remove(phone: Phone, given: Calls["note.rm"][0]): Promise<Calls["note.rm"][1]> {
  return said(noteNamed(given.document), await change(phone, given.document, { deleted: true }));
}

async function change(
  phone: Phone,
  said_: string,
  wanted: notes.Wanted,
  base?: string,
  version: readonly Hex[] | null = null,
): Promise<Placed> {
  const placed = await keeping.edited(phone, noteNamed(said_), (loaded) => {
    const past = version && since(loaded.document, version);
    const shown = past ? notes.asPast(loaded.document, past) : loaded.document;
    if (base !== undefined && shown.text() !== base) {
      throw new Refused("the note changed meanwhile", "Look at both, then save again; what you wrote is not lost.");
    }
    const edits = notes.edits(shown, wanted);
    if (!past || past.conflicts.length > 0) mustNotSettle(loaded, edits);
    return edits;
  }, version);
  if (!placed) throw new Misuse("nothing would change", "It is as you want it already.");
  return placed;
}

function noteNamed(text: string): DocumentId {
  const document = DocumentId.parse(text);
  if (document.type !== notes.KIND) throw new Misuse(`${document.text} is no note`, `It is a ${document.type}.`);
  return document;
}
