// Calls about conflicts: which are open, what one consists of, and what was settled; as mesh/node/calls_conflicts.py has
// them. Settling is in settling.ts.
//
// Everything is told as the log has it: values, who wrote them, and when. Nothing here changes anything.
import { Misuse, Refused } from "../../errors.js";
import { CONFLICT_AROUND_CHARACTERS, CONFLICT_PAGE_CHARACTERS, LIST_MAX } from "../../limits.js";
import { DocumentId, type Hex } from "../../names.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import { decode } from "../../state/changes.js";
import { type Conflict, conflictsOf, DELETED, PATH, replacedBy } from "../../state/conflicts.js";
import type { Change } from "../../state/operations.js";
import { pieces } from "../../state/rewording.js";
import { Settlements } from "../../state/settling.js";
import { bodyOf, settlementsOf, sizeOf } from "../disputes.js";
import type { Engine } from "../engine.js";
import type { Loaded } from "../gathered.js";
import { byPlacing, placingOf } from "../storage/placings.js";
import type { ConflictRow, NoteRow, SettlementRow } from "../store_port.js";
import { toldAuthor } from "../subjects.js";
import { lineOf, valueOf } from "./conflict_lines.js";

type Told<Name extends keyof Calls> = Promise<Calls[Name][1]>;

const LIST_DEFAULT = 100;
const VALUES_DEFAULT = 20;

/** The conflict that somebody means: open now, or settled before, or both, when a settlement was taken back. */
export interface Named {
  readonly name: Hex;
  readonly row: ConflictRow | null;
  readonly settlements: readonly SettlementRow[];
  /** Where it is; of several notes at one path the first. */
  readonly document: DocumentId;
}

// ── lists ────────────────────

/** Open conflicts, the latest first. */
export async function listed(engine: Engine, args: Calls["conflicts"][0]): Told<"conflicts"> {
  const limit = within(args.limit ?? LIST_DEFAULT);
  let after = args.after === undefined ? null : await begun(engine, args.after);
  const document = args.document === undefined ? {} : { document: DocumentId.parse(args.document) };
  const page = await engine.store.conflicts({ ...document, limit, after });
  const found: ConflictRow[] = [];
  let room = CONFLICT_PAGE_CHARACTERS;
  for (const row of page) {
    if (room <= 0) break;
    found.push((after = row));
    for (const side of row.sides) room -= sizeOf(side.value);
  }
  const titles = await engine.store.titles(found.map((row) => row.document));
  const more = page.length === limit || found.length < page.length;
  return {
    conflicts: found.map((row) => lineOf(engine, row, titles)),
    ...(more && after !== null ? { next: after.name } : {}),
    total: (await engine.store.counts()).conflicts,
  };
}

/** The last row of the page before. */
async function begun(engine: Engine, said: string): Promise<ConflictRow> {
  const { row } = await named(engine, said);
  if (row) return row;
  throw new Refused("the conflict to go on after is settled by now", "Begin the list again.");
}

/** Settlements, the latest first, and whether they were taken back. */
export async function settled(engine: Engine, args: Calls["conflicts.settled"][0]): Told<"conflicts.settled"> {
  const limit = within(args.limit ?? LIST_DEFAULT);
  const found: SettlementRow[] = [];
  let page = await engine.store.settlements({ limit });
  while (page.length > 0 && found.length < limit) {
    found.push(...page.filter((row) => row.conflict !== ""));
    page = await engine.store.settlements({ limit, before: page.at(-1)!.author.lamport });
  }
  const titles = await engine.store.titles(found.map((row) => row.document));
  const told: rows.SettledRow[] = [];
  for (const row of found.slice(0, limit)) {
    const history = await historyOf(engine, row.document);
    const title = titles.get(row.document.text) ?? null;
    told.push({ id: row.conflict, document: row.document.text, title, ...settlementOf(engine, row, history) });
  }
  return { settled: told };
}

/** What was settled in a document and taken back, as the store has it. */
export async function historyOf(engine: Engine, document: DocumentId): Promise<Settlements> {
  const found = new Settlements();
  for await (const row of settlementsOf(engine.store, document)) found.add(row.author.event, bodyOf(row), row.change);
  return found;
}

// ── one of them ────────────────────

/** The conflict that the beginning of an id means. Throws Misuse, or Refused where there is none. */
export async function named(engine: Engine, said: string): Promise<Named> {
  const prefix = said.trim().toLowerCase();
  const [open, settlements] = [await engine.store.conflict(prefix), await engine.store.settlements({ conflict: prefix })];
  const names = new Set([...open.map((row) => row.name), ...settlements.map((row) => row.conflict)]);
  if (names.size > 1) throw new Misuse(`'${said}' fits several conflicts`, "Give more of the id.");
  const [name] = names;
  const document = open[0]?.document ?? settlements[0]?.document;
  if (name === undefined || document === undefined) {
    const message = `no conflict '${said}' is open here: it changed, is settled, or never was`;
    throw new Refused(message, "Look again: the list of conflicts shows what is open.");
  }
  return { name, row: open[0] ?? null, settlements, document };
}

/** One conflict whole: its values page by page, what they began with, and who settled it. */
export async function show(engine: Engine, args: Calls["conflicts.show"][0]): Told<"conflicts.show"> {
  const [offset, limit] = [args.offset ?? 0, within(args.limit ?? VALUES_DEFAULT)];
  const one = await named(engine, args.id);
  const titles = await engine.store.titles([one.document]);
  const values =
    one.row?.kind === "path"
      ? await placedAt(engine, one.row, offset, limit)
      : await engine.look(() => inside(engine, one, offset, limit));
  const history = await historyOf(engine, one.document);
  return {
    ...(one.row ? lineOf(engine, one.row, titles) : { ...EMPTY, id: one.name, document: one.document.text }),
    title: titles.get(one.document.text) ?? null,
    ...values,
    offset,
    open: one.row !== null,
    settled_by: one.settlements.map((row) => settlementOf(engine, row, history)),
  };
}

type Values = Partial<rows.ConflictWhole> & Pick<rows.ConflictWhole, "context">;

const EMPTY = { title: null, field: null, kind: null, count: 0, since: null, devices: [], values: [], ancestor: null };
const NOTHING: Values = { context: null };

/** The values of a conflict inside a document, as it is, or was before it was settled. */
async function inside(engine: Engine, one: Named, offset: number, limit: number): Promise<Values> {
  const loaded = await engine.shelf.load(one.document);
  if (loaded === null) return NOTHING;
  const changes: Change[] = [];
  if (!one.row) for (const row of one.settlements) changes.push(await changeOf(engine, row));
  const conflict = one.row ? openIn(loaded, one.name) : before(loaded, one.name, changes);
  if (conflict === null) return { ...NOTHING, ...guessed(changes) };
  const sides = conflict.sides.slice(offset, offset + limit);
  const authors = await engine.shelf.authors(loaded, sides.map((side) => side.change));
  const values = sides.map((side) => valueOf(engine, side.value, authors.get(side.change) ?? null));
  return {
    field: conflict.field,
    kind: conflict.kind,
    count: conflict.sides.length,
    values: fitting(values).map((row, place) => inPieces(row, conflict, offset + place)),
    ancestor: conflict.ancestor,
    context: one.row && conflict.kind === "text" ? around(loaded, conflict) : null,
  };
}

/** A text with what is different in it: from the first version, and that one from the second. */
function inPieces(row: rows.SideRow, { kind, sides }: Conflict, place: number): rows.SideRow {
  const other = sides[place === 0 ? 1 : 0]?.value;
  if (kind === DELETED || typeof row.value !== "string" || typeof other !== "string") return row;
  return { ...row, pieces: pieces(row.value, other) };
}

/** The conflict of that name, if it is open in a document. */
export function openIn(loaded: Loaded, name: Hex): Conflict | null {
  return conflictsOf(loaded.document, loaded.settlements).find((one) => one.name === name) ?? null;
}

/** A conflict as it was before these changes settled it, as far as that can be told. */
function before(loaded: Loaded, name: Hex, changes: readonly Change[]): Conflict | null {
  const ended = changes.flatMap((change) => [...replacedBy(loaded.document, change)]);
  const unsettled = conflictsOf(loaded.document, new Settlements());
  return [...ended, ...unsettled].find((one) => one.name === name) ?? null;
}

/** What a conflict was about, where only what settled it is left. */
function guessed(changes: readonly Change[]): Partial<rows.ConflictWhole> {
  const operations = changes.flatMap((change) => change.operations);
  const key = operations.find(({ object, key }) => object === null && (key === DELETED || key === PATH))?.key;
  return key ? { field: key, kind: key } : {}; // of both the kind is called like the register
}

/** The change that a settlement carries. */
async function changeOf(engine: Engine, row: SettlementRow): Promise<Change> {
  const held = await engine.store.event(row.author.event);
  const [reading] = await engine.shelf.scales.read(held.map((one) => one.placed));
  const body = reading?.body;
  if (body?.kind !== "settled") throw new Error("the store says that this event settles something");
  return decode(body.change);
}

/** Where in the text the region is, and how it reads now. */
function around({ document }: Loaded, conflict: Conflict): NonNullable<rows.ConflictWhole["context"]> {
  const [text, { start }] = [[...document.text()], conflict];
  const end = start + conflict.length;
  return {
    before: text.slice(Math.max(start - CONFLICT_AROUND_CHARACTERS, 0), start).join(""),
    after: text.slice(end, end + CONFLICT_AROUND_CHARACTERS).join(""),
    merged: conflict.merged,
  };
}

/** The notes that are at one path, in the order in which they came to it. */
async function placedAt(engine: Engine, row: ConflictRow, offset: number, limit: number): Promise<Values> {
  const found = await notesAt(engine, row);
  const values = found.slice(offset, offset + limit).map(({ note, placed }) => {
    const document = note.document.text;
    return { ...valueOf(engine, document, placed), document, title: note.title };
  });
  return { ...NOTHING, values, count: found.length, path: found[0]?.note.path ?? null };
}

/** The notes of a conflict over one path, in the order in which they came to it. */
export async function notesAt(engine: Engine, row: ConflictRow): Promise<NoteRow[]> {
  const path = (await engine.store.note(row.document))?.note.path ?? null;
  if (path === null) return [];
  const found: NoteRow[] = [];
  const asked = { at: [row.document.space, path] as const, limit: LIST_MAX };
  let page = await engine.store.notes(asked);
  while (page.length > 0) {
    found.push(...page);
    page = await engine.store.notes({ ...asked, after: page.at(-1)! });
  }
  return found.sort((one, other) => byPlacing(placingOf(one), placingOf(other)));
}

// ── telling ────────────────────

function settlementOf(engine: Engine, row: SettlementRow, history: Settlements) {
  const undone_by = history.undoneBy(row.author.event);
  return { ...toldAuthor(engine.replica, row.author), rule: row.rule, undone_by };
}

/** As many of these as one answer holds, at least one. */
function fitting(values: readonly rows.SideRow[]): rows.SideRow[] {
  let room = CONFLICT_PAGE_CHARACTERS;
  const end = values.findIndex(({ characters }, place) => {
    if (place > 0 && characters > room) return true;
    room -= characters;
    return false;
  });
  return values.slice(0, end < 0 ? values.length : end);
}

function within(limit: number): number {
  if (!Number.isInteger(limit) || limit < 0 || limit > LIST_MAX) {
    throw new Misuse(`at most ${LIST_MAX} are told at once`, "Ask for fewer, and go on after the last of them.");
  }
  return limit;
}
