// Keeping records: making them, changing them, and finding the one that somebody means; as mesh/node/keeping.py has it.
//
// What is changed is worked out from the document as it is when nothing else can come between, so two calls at once on
// one phone never act on the same past. This module knows no type's own rules.
import { Misuse, Refused } from "../errors.js";
import { documentOf } from "../events/bodies.js";
import type { Placed } from "../events/event.js";
import type { Born } from "../events/kinds.js";
import { type Draft, draftOf } from "../events/speaking.js";
import { LIST_MAX, SALT_BYTES } from "../limits.js";
import { type Digest, DocumentId, type Hex } from "../names.js";
import type * as rows from "../rows.js";
import type { Edit } from "../state/edits.js";
import * as records from "../state/records.js";
import { PROJECT, type Record, type Registers, STATE, TITLE } from "../state/records.js";
import { pageOf, type Phone } from "./calls/phone.js";
import { mustNotSettle } from "./disputes.js";
import type { Engine } from "./engine.js";
import type { Loaded } from "./gathered.js";
import type { RecordRow } from "./store_port.js";
import { toldAuthor } from "./subjects.js";
import { changeOf } from "./versions.js";

/** The space of what is written on a phone. */
export const SPACE = "home";

/** What registers of a record shall become, from how it is; it may throw to refuse. */
export type Wanted = (record: Record) => Registers;

/** A document that is to be made. */
export type Birth = readonly [document: DocumentId, born: Born];

/** What somebody wants to change in a document; nothing: nothing has to change. */
type Edits = (loaded: Loaded, engine: Engine) => Promise<readonly Edit[]> | readonly Edit[];

/** Random bytes for a birth, so that two with the same content are two. */
export function salt(phone: Phone): Uint8Array {
  return phone.engine.world.random(SALT_BYTES);
}

/** The name and the birth of a record that is to be made. Throws Misuse or TooLarge. */
export function birth(phone: Phone, kind: string, registers: Registers, text = ""): Birth {
  const born = records.birth(kind, registers, text, salt(phone));
  return [documentOf(SPACE, kind, born), born];
}

/** Make several documents in one commit: all or none. Returns the last event. */
export async function made(phone: Phone, births: readonly Birth[]): Promise<Placed> {
  const drafts = births.map(([document, born]) => draftOf(born, document));
  const said = await phone.engine.say(() => drafts);
  return said.at(-1)!;
}

/** Make a document unless it is here: whoever cannot know whether that was done may do it again. */
export async function madeOnce(phone: Phone, [document, born]: Birth): Promise<void> {
  await phone.engine.say(async ({ store }) => ((await store.rows(document)).length > 0 ? [] : [draftOf(born, document)]));
}

/**
 * Change a document; null where nothing had to change. `edits` may throw to refuse.
 *
 * `version`: what they are edits of, where that is not the document as it is. Throws Refused where it cannot be changed
 * here.
 */
export async function edited(
  phone: Phone,
  document: DocumentId,
  edits: Edits,
  version: readonly Hex[] | null = null,
): Promise<Placed | null> {
  const said = await phone.engine.say(async (engine) => drafted(engine, document, edits, version));
  return said.at(-1) ?? null;
}

async function drafted(
  engine: Engine,
  document: DocumentId,
  edits: Edits,
  version: readonly Hex[] | null = null,
): Promise<Draft[]> {
  const loaded = await engine.shelf.load(document);
  if (!loaded?.shown) {
    const why = loaded ? "nothing in it counts" : "its text is not on this phone yet";
    throw new Refused(`${document.text} cannot be changed: ${why}`, "Nothing was changed. Try again after a sync.");
  }
  const wanted = await edits(loaded, engine);
  if (wanted.length === 0) return [];
  const { raw } = changeOf(engine, loaded, wanted, version);
  return [draftOf({ kind: "changed", change: raw }, document)];
}

/**
 * Change registers of a record to what `wanted` makes of it as it is now; null takes one away.
 *
 * Returns the event, null when nothing had to change. Without `settling` a register in conflict is not written over.
 */
export async function changed(
  phone: Phone,
  document: DocumentId,
  wanted: Wanted,
  settling = true,
): Promise<Digest | null> {
  const said = await edited(phone, document, (loaded) => {
    const edits = records.edits(loaded.document, wanted(records.viewOf(loaded.document)));
    if (!settling) mustNotSettle(loaded, edits);
    return edits;
  });
  return said?.digest ?? null;
}

/** Change several records in one commit: all or none. A `wanted` may throw to refuse all of it. */
export async function changedTogether(
  phone: Phone,
  changes: readonly (readonly [DocumentId, Wanted])[],
): Promise<Digest | null> {
  const said = await phone.engine.say(async (engine) => {
    const drafts: Draft[] = [];
    for (const [document, wanted] of changes) {
      const edits = ({ document: held }: Loaded) => records.edits(held, wanted(records.viewOf(held)));
      drafts.push(...(await drafted(engine, document, edits)));
    }
    return drafts;
  });
  return said.at(-1)?.digest ?? null;
}

/** The record of a whole id. Throws Misuse where it is none of these types, or cannot be shown. */
export async function chosen(phone: Phone, said: string, kinds: readonly string[]): Promise<RecordRow> {
  const document = DocumentId.parse(said);
  const row = kinds.includes(document.type) ? await phone.engine.store.record(document) : null;
  if (!row) throw new Misuse(`there is no ${kinds.join("/")} ${said} here`, "It may come with the next sync.");
  return row;
}

/** Which records a list is of. */
export interface Listing {
  readonly project?: string;
  readonly states?: readonly string[];
  readonly limit?: number;
}

/** Records that are not put away, the latest first. */
export async function listed(phone: Phone, types: readonly string[], asked: Listing = {}): Promise<RecordRow[]> {
  const { limit = LIST_MAX, ...narrowed } = asked;
  const found: RecordRow[] = [];
  while (found.length < limit) {
    const most = Math.min(limit - found.length, LIST_MAX);
    const after = found.at(-1) ?? null;
    const page = await phone.engine.store.records({ types, ...narrowed, limit: most, after });
    found.push(...page);
    if (page.length < most) break;
  }
  return found;
}

/** Which rows of a list are asked for: so many, after the document that the page before ended with. */
export interface Page {
  readonly limit?: number;
  readonly after?: string;
}

/** The rows of a page; none where the page before ended with what is not in the list any more. */
export function paged<Row>(found: readonly Row[], named: (row: Row) => string, asked: Page, usual: number): Row[] {
  const last = found.findIndex((row) => named(row) === asked.after);
  if (asked.after !== undefined && last < 0) return [];
  return found.slice(last + 1, last + 1 + pageOf(asked, usual, LIST_MAX));
}

/** What a record is called by its document. */
export function nameOfRow(row: RecordRow): string {
  return row.record.document.text;
}

/** What every record tells of itself; the type's own fields go beside it. */
export function told(phone: Phone, row: RecordRow): rows.RecordRow {
  const { record, born, updated } = row;
  return {
    document: record.document.text,
    type: record.kind,
    title: record.word(TITLE),
    project: record.word(PROJECT),
    state: record.word(STATE),
    tags: record.tags,
    conflicts: record.conflicts.length,
    created: toldAuthor(phone.engine.replica, born),
    updated: toldAuthor(phone.engine.replica, updated),
  };
}
