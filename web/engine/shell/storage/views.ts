// Reading what documents show: lists, titles, conflicts and settlements; what ledger_documents.py, ledger_records.py,
// ledger_search.py, ledger_conflicts.py and ledger_settlements.py are for SQLite.
//
// Lists come in the order of an index, so a page costs what is on it. Each function reads inside one transaction that its
// caller holds. Nothing here writes.
import { LIST_MAX, MATCHES_MAX, NOTES_LISTED_MAX, ROWS_READ_MAX } from "../../limits.js";
import { ascending, DocumentId } from "../../names.js";
import { TITLE } from "../../state/records.js";
import type {
  ConflictRow,
  ConflictsAsked,
  DocumentText,
  HitsAsked,
  NoteRow,
  NotesAsked,
  RecordRow,
  RecordsAsked,
  SettlementRow,
  SettlementsAsked,
} from "../store_port.js";
import type { Reading } from "./connection.js";
import { conflictAt } from "./placings.js";
import { type Place, within } from "./showcase.js";
import {
  byPlace,
  conflictRow,
  noteRow,
  type Place as Listed,
  placeOf,
  recordRow,
  settlementRow,
  type StoredConflict,
  type StoredNote,
  type StoredRecord,
  type StoredSettlement,
} from "./stored.js";
import { lookThrough, matches, wantedIn, type Words, worth } from "./words.js";

/** One note. */
export async function readNote(tx: Reading, { text }: DocumentId): Promise<NoteRow | null> {
  const found = await tx.get<StoredNote>("notes", text);
  return found ? noteRow(found) : null;
}

/** One record. */
export async function readRecord(tx: Reading, { text }: DocumentId): Promise<RecordRow | null> {
  const found = await tx.get<StoredRecord>("records", text);
  return found ? recordRow(found) : null;
}

/** What these documents are called. */
export async function readTitles(tx: Reading, documents: Iterable<DocumentId>): Promise<Map<DocumentText, string>> {
  const found = await Promise.all(
    [...documents].map(async ({ text, type }) => {
      if (type === "note") return [text, (await tx.get<StoredNote>("notes", text))?.note.title] as const;
      const row = await tx.get<StoredRecord>("records", text);
      const title = row?.registers.get(TITLE);
      return [text, row && (typeof title === "string" ? title : "")] as const;
    }),
  );
  return new Map(found.flatMap(([text, title]) => (title === undefined ? [] : [[text, title]])));
}

/** All keys of an index that begin so, behind a place. */
function behind(begin: readonly (string | number)[], after: Listed | null): IDBKeyRange {
  return IDBKeyRange.bound([...begin, ...(after ?? [])], [...begin, []], after !== null);
}

/** Notes, the latest first. */
export async function readNotes(tx: Reading, asked: NotesAsked): Promise<NoteRow[]> {
  const { tag, search, at, deleted = false } = asked;
  const [limit, after] = [Math.min(asked.limit, NOTES_LISTED_MAX), asked.after ? placeOf(asked.after) : null];
  if (search === undefined && at === undefined) {
    const [index, begin] = tag === undefined ? ["listed", []] : ["tagged", [tag]];
    const found = await tx.allBy<StoredNote>("notes", index, behind([...begin, Number(deleted)], after), limit);
    return found.map(noteRow);
  }
  const fits = ({ document, note }: StoredNote) => {
    const there = at === undefined || (!deleted && document.startsWith(`${at[0]}/`) && note.path === at[1]);
    return note.deleted === deleted && there && (tag === undefined || note.tags.includes(tag));
  };
  if (search !== undefined) {
    const texts = await searched(tx, search, isOf(["note"], "", deleted), after);
    return (await firstOf(tx, "notes", texts, fits, limit)).map(noteRow);
  }
  const rows = await Promise.all((await atPath(tx, at!)).map((text) => tx.get<StoredNote>("notes", text)));
  return paged(rows.flatMap((row) => (row && fits(row) ? [noteRow(row)] : [])), after, limit);
}

async function atPath(tx: Reading, [space, path]: readonly [string, string]): Promise<readonly DocumentText[]> {
  return (await tx.get<Place>("places", [space, path]))?.notes ?? [];
}

/** The documents with these words among those that fit, behind a place, in the order of lists. */
async function searched(
  tx: Reading,
  search: string,
  fits: (words: Words) => boolean,
  after: Listed | null,
): Promise<DocumentText[]> {
  const wanted = wantedIn(search);
  const isBehind = ({ place }: Words) => after === null || byPlace(place, after) > 0;
  const found = await lookThrough(tx, (words) => fits(words) && isBehind(words) && matches(words, wanted));
  return found.sort((one, other) => byPlace(one.place, other.place)).map(({ document }) => document);
}

/** The first rows of these documents that fit. */
async function firstOf<T>(
  tx: Reading,
  store: "notes" | "records",
  texts: readonly DocumentText[],
  fits: (row: T) => boolean,
  limit: number,
): Promise<T[]> {
  const found: T[] = [];
  for (let at = 0; at < texts.length && found.length < limit; at += limit) {
    const rows = await Promise.all(texts.slice(at, at + limit).map((text) => tx.get<T>(store, text)));
    found.push(...rows.flatMap((row) => (row && fits(row) ? [row] : [])));
  }
  return found.slice(0, limit);
}

function isOf(types: readonly string[], project: string, deleted: boolean): (words: Words) => boolean {
  return (words) => {
    const fits = types.length === 0 || types.includes(words.type);
    return fits && words.deleted === deleted && (project === "" || words.project === project);
  };
}

function paged<T extends NoteRow | RecordRow>(rows: readonly T[], after: Listed | null, limit: number): T[] {
  const placed = rows.map((row) => [placeOf(row), row] as const).filter(([place]) => !after || byPlace(place, after) > 0);
  return placed.sort(([one], [other]) => byPlace(one, other)).slice(0, limit).map(([, row]) => row);
}

/** Records of some types, the latest first. */
export async function readRecords(tx: Reading, asked: RecordsAsked): Promise<RecordRow[]> {
  const { types, project = "", states = [], search = "", deleted = false } = asked;
  const [limit, after] = [Math.min(asked.limit, LIST_MAX), asked.after ? placeOf(asked.after) : null];
  const fits = (row: StoredRecord) => {
    return (project === "" || row.project === project) && (states.length === 0 || states.includes(row.state));
  };
  if (search !== "") {
    const texts = types.length > 0 ? await searched(tx, search, isOf(types, project, deleted), after) : [];
    return (await firstOf(tx, "records", texts, fits, limit)).map(recordRow);
  }
  const pages = [...new Set(types)].map((type) => ofType(tx, type, [deleted, after, limit], fits));
  return paged((await Promise.all(pages)).flat().map(recordRow), after, limit);
}

/** Records of one type that fit, page by page, until there are enough. */
async function ofType(
  tx: Reading,
  type: string,
  [deleted, after, limit]: readonly [boolean, Listed | null, number],
  fits: (row: StoredRecord) => boolean,
): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (let place = after; found.length < limit; ) {
    const page = await tx.allBy<StoredRecord>("records", "listed", behind([type, Number(deleted)], place), limit);
    found.push(...page.filter(fits));
    if (page.length < limit) break;
    const [, , ...last] = page.at(-1)!.listed;
    place = last;
  }
  return found.slice(0, limit);
}

/** Notes and records in which every word begins a word, the best first. */
export async function readHits(tx: Reading, search: string, asked: HitsAsked): Promise<DocumentId[]> {
  const { types = [], project = "", limit } = asked;
  const [wanted, fits] = [wantedIn(search), isOf(types, project, false)];
  const found = await lookThrough(tx, (words) => fits(words) && matches(words, wanted));
  const best = found.map((words) => [worth(words, wanted), words] as const);
  best.sort(([one, { place }], [other, words]) => one - other || byPlace(place, words.place));
  return best.slice(0, Math.min(limit, LIST_MAX)).map(([, { document }]) => DocumentId.parse(document));
}

/** Documents that a person may mean: whose name begins so, in the space and of the type that stand before it. */
export async function readMeant(tx: Reading, prefix: string, limit = ROWS_READ_MAX): Promise<DocumentId[]> {
  const words = prefix.trim().toLowerCase().split("/");
  const letters = words.pop()!;
  const range = IDBKeyRange.bound(letters, `${letters}\uffff`);
  const found = await tx.allBy<{ text: DocumentText }>("documents", "letters", range);
  const meant = found.map(({ text }) => DocumentId.parse(text)).filter(({ space, type }) => {
    const place = [space, type];
    return words.length <= place.length && words.every((word, at) => word === place[place.length - words.length + at]);
  });
  return meant.sort(byName).slice(0, limit);
}

function byName(one: DocumentId, other: DocumentId): number {
  return ascending(one.name, other.name) || byDocument(one, other);
}

/** The order of documents: by space, type and name. */
export function byDocument(one: DocumentId, other: DocumentId): number {
  return ascending(one.space, other.space) || ascending(one.type, other.type) || ascending(one.name, other.name);
}

// ── conflicts and settlements ──────────────────────────────────────────────────────────────────

/** The order in which conflicts are listed. */
function byLatest(one: ConflictRow, other: ConflictRow): number {
  return other.lamport - one.lamport || ascending(one.name, other.name);
}

/** Open conflicts, the latest first, those of several notes at one path among them. */
export async function readConflicts(tx: Reading, asked: ConflictsAsked): Promise<ConflictRow[]> {
  const { document, kind, device, limit = LIST_MAX, after } = asked;
  const fits = (row: ConflictRow) => {
    const later = !after || byLatest(row, after) > 0;
    return later && (kind === undefined || row.kind === kind) && (device === undefined || row.devices.includes(device));
  };
  const found = [...(await inside(tx, document, fits, limit)), ...(await atPaths(tx, document)).filter(fits)];
  return found.sort(byLatest).slice(0, limit);
}

/** Conflicts inside documents that fit, page by page, until there are enough. */
async function inside(
  tx: Reading,
  document: DocumentId | undefined,
  fits: (row: ConflictRow) => boolean,
  limit: number,
): Promise<ConflictRow[]> {
  if (document) return (await tx.all<StoredConflict>("conflicts", within(document.text))).map(conflictRow).filter(fits);
  const found: ConflictRow[] = [];
  for (let range: IDBKeyRange | null = null; found.length < limit; ) {
    const page: StoredConflict[] = await tx.allBy<StoredConflict>("conflicts", "listed", range, ROWS_READ_MAX);
    found.push(...page.map(conflictRow).filter(fits));
    const last = page.at(-1);
    if (!last || page.length < ROWS_READ_MAX) break;
    range = IDBKeyRange.lowerBound([last.rank, last.name], true);
  }
  return found.slice(0, limit);
}

/** The conflicts of several notes at one path; of a document, only its own. */
async function atPaths(tx: Reading, document?: DocumentId): Promise<ConflictRow[]> {
  const places = await tx.allBy<Place>("places", "several");
  const mine = places.filter(({ notes }) => !document || notes.includes(document.text));
  return Promise.all(
    mine.map(async ({ notes }) => {
      const rows = await Promise.all(notes.map((text) => tx.get<StoredNote>("notes", text)));
      return conflictAt(rows.flatMap((row) => (row ? [noteRow(row)] : [])));
    }),
  );
}

/** The open conflicts whose name begins with these hex digits. */
export async function readConflict(tx: Reading, prefix: string): Promise<ConflictRow[]> {
  const digits = prefix.trim().toLowerCase();
  if (!/^[0-9a-f]+$/.test(digits)) return [];
  const range = IDBKeyRange.bound(digits, `${digits}g`);
  const rows = (await tx.allBy<StoredConflict>("conflicts", "name", range, MATCHES_MAX)).map(conflictRow);
  const found = [...rows, ...(await atPaths(tx)).filter(({ name }) => name.startsWith(digits))];
  return found.sort((one, other) => ascending(one.name, other.name)).slice(0, MATCHES_MAX);
}

/** How many conflicts are open. */
export async function countConflicts(tx: Reading): Promise<number> {
  return (await tx.count("conflicts")) + (await tx.countBy("places", "several"));
}

/** Settlements, the latest first. A page is not cut between equal numbers, since the next one begins below them. */
export async function readSettlements(tx: Reading, asked: SettlementsAsked): Promise<SettlementRow[]> {
  const { document, conflict = "", limit = LIST_MAX, before = 0 } = asked;
  const digits = conflict.trim().toLowerCase();
  let found: StoredSettlement[];
  if (document) {
    found = await tx.all<StoredSettlement>("settlements", within(document.text));
  } else if (digits) {
    found = await tx.allBy<StoredSettlement>("settlements", "conflict", IDBKeyRange.bound(digits, `${digits}g`));
  } else {
    const range = before > 0 ? IDBKeyRange.lowerBound([-before, []]) : null;
    found = await tx.allBy<StoredSettlement>("settlements", "listed", range, limit);
    const last = found.at(-1);
    if (last) {
      const more = IDBKeyRange.bound([last.rank, last.event], [last.rank, []], true);
      found.push(...(await tx.allBy<StoredSettlement>("settlements", "listed", more)));
    }
  }
  const fitting = found
    .filter((row) => row.conflict.startsWith(digits) && (before === 0 || row.author.lamport < before))
    .sort((one, other) => one.rank - other.rank || ascending(one.event, other.event));
  const last = fitting.slice(0, limit).at(-1)?.rank ?? 0;
  return fitting.filter(({ rank }) => rank <= last).map(settlementRow);
}
