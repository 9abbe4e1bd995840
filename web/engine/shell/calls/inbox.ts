// The call behind the inbox: notes and files that were captured on this phone, and files that were sent to it.
//
// It reads the log from its end, and rows; it loads no document. What was captured is what was born here: that is in the
// header of an event, so no body is opened.
import type { Inner } from "../../events/event.js";
import { readInner } from "../../events/reading.js";
import { Refused } from "../../errors.js";
import { LIST_MAX, SEARCH_EXCERPT_CHARACTERS } from "../../limits.js";
import { deviceText, utf8 } from "../../names.js";
import type { Calls } from "../../port.js";
import type { InboxRow } from "../../rows.js";
import { type Drop, KIND as DROP, readable, TRANSCRIPT } from "../../state/drops.js";
import { snippet } from "../../state/excerpts.js";
import { KIND as NOTE } from "../../state/notes.js";
import { STATE } from "../../state/records.js";
import type { NoteRow, RecordRow, Row } from "../store_port.js";
import { nameOf } from "../subjects.js";
import { waitingDocuments } from "./holdings.js";
import { type Handlers, ownDevice, pageOf, type Phone } from "./phone.js";

const LIST_DEFAULT = 100;
const READ = 128; // events that are read at a time

/** Something in the inbox, and where the page that begins behind it goes on: the event of a birth here, or a drop. */
interface Item {
  readonly row: InboxRow;
  readonly born?: string;
  readonly sent?: string;
}

/** The call. */
export const INBOX: Handlers<"inbox.list"> = { "inbox.list": listed };

/** What was captured here and sent here, the latest first. */
async function listed(phone: Phone, given: Calls["inbox.list"][0]): Promise<Calls["inbox.list"][1]> {
  const limit = pageOf(given, LIST_DEFAULT, LIST_MAX);
  const [born = "", sent = ""] = (given.after ?? " ").split(" ");
  const waiting = await waitingDocuments(phone);
  const [here, there] = [captured(phone, waiting, born), received(phone, sent)];
  const items: Item[] = [];
  let [one, other] = [await next(here), await next(there)];
  while (items.length <= limit && (one || other)) {
    const isOne = one && (!other || one.row.at_ms >= other.row.at_ms);
    items.push((isOne ? one : other)!);
    if (isOne) one = await next(here);
    else other = await next(there);
  }
  const page = items.slice(0, limit);
  const last = (key: "born" | "sent", before: string) => page.findLast((item) => item[key] !== undefined)?.[key] ?? before;
  const rest = items.length > limit ? { next: `${last("born", born)} ${last("sent", sent)}` } : {};
  return { items: page.map(({ row }) => row), ...rest };
}

async function next(items: AsyncGenerator<Item>): Promise<Item | null> {
  const { done, value } = await items.next();
  return done ? null : value;
}

/** Notes and drops that were born here, the latest first, from behind an event. */
async function* captured(phone: Phone, waiting: ReadonlySet<string>, after: string): AsyncGenerator<Item> {
  const { own, store } = phone.engine;
  let before: Row | null = after ? ((await store.event(after))[0] ?? null) : null;
  for (;;) {
    const rows: Row[] = await store.newest({ admission: own.admission, before, limit: READ });
    for (const one of rows) {
      const row = await bornBy(phone, one, waiting);
      if (row) yield { row, born: one.placed.digest };
    }
    if (rows.length < READ) return;
    before = rows.at(-1)!;
  }
}

/** What an event brought into being, if it is of the inbox and was not put away. */
async function bornBy(phone: Phone, { document, placed }: Row, waiting: ReadonlySet<string>): Promise<InboxRow | null> {
  const { store } = phone.engine;
  if (document?.type !== NOTE && document?.type !== DROP) return null;
  const inner = innerOf(phone, placed);
  if (inner?.kind !== "born") return null;
  const waits = waiting.has(document.text);
  if (document.type === DROP) {
    const row = await store.record(document);
    return row && ofDrop(phone, row, waits);
  }
  const row = await store.note(document);
  return row && !row.note.deleted ? ofNote(phone, row, inner.timeMs, waits) : null;
}

function innerOf(phone: Phone, placed: Row["placed"]): Inner | null {
  try {
    return readInner(phone.engine.keyring, placed);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** Drops of other devices that are for this phone or for everybody, the latest first, from behind one. */
async function* received(phone: Phone, after: string): AsyncGenerator<Item> {
  const { own, store } = phone.engine;
  const asked = { types: [DROP], states: [""], limit: LIST_MAX };
  const rows = (await store.records(asked)).filter(({ born }) => born.admission !== own.admission);
  const start = rows.findIndex((row) => row.record.document.text === after) + 1;
  for (const one of rows.slice(start)) {
    const row = ofDrop(phone, one, false);
    if (row) yield { row, sent: row.document };
  }
}

function ofNote(phone: Phone, { note }: NoteRow, at_ms: number, waits: boolean): InboxRow {
  return {
    document: note.document.text,
    kind: "note",
    title: note.title,
    snippet: snippet(note.body, SEARCH_EXCERPT_CHARACTERS),
    mime: "text/markdown",
    size: utf8(note.body).length,
    at_ms,
    name: nameOf(phone.engine.replica, phone.engine.own.admission),
    state: waits ? "waits" : "there",
  };
}

/** A drop; null where it was put away, is for another device, a transcript, or says no file. */
function ofDrop(phone: Phone, { born, record }: RecordRow, waits: boolean): InboxRow | null {
  const own = born.admission === phone.engine.own.admission;
  const drop = readable(record);
  const forUs = drop && (own || !drop.to || drop.to === ownDevice(phone));
  if (!drop || !forUs || record.deleted || record.word(STATE) === TRANSCRIPT) return null;
  return {
    document: record.document.text,
    kind: "drop",
    title: drop.name,
    snippet: "",
    mime: drop.mime,
    size: drop.size,
    at_ms: born.timeMs,
    name: nameOf(phone.engine.replica, born.admission),
    state: own ? goneOut(drop, born.admission, waits) : drop.got.has(ownDevice(phone)) ? "there" : "away",
  };
}

/** How far a file of this phone is: another device has the whole of it, or knows of it, or not even that. */
function goneOut(drop: Drop, own: string, waits: boolean): InboxRow["state"] {
  if ([...drop.got.keys()].some((device) => device !== deviceText(own))) return "there";
  return waits ? "waits" : "going";
}
