// Reading the log: rows in their orders, looked up, listed, and what is needed at start; what
// mesh/node/storage/ledger_rows.py is for SQLite.
//
// Each function reads inside one transaction that its caller holds. Nothing here writes.
import { byHead, type Head, trailPlaces } from "../../clocks/chain.js";
import { frontierOf, type Tip } from "../../clocks/frontier.js";
import { Lane } from "../../events/event.js";
import type { Mark } from "../../events/kinds.js";
import { Standing } from "../../events/verdict.js";
import { ROWS_READ_MAX } from "../../limits.js";
import { ascending, type Digest, DocumentId, type Hex } from "../../names.js";
import type { Boot, ChainFacts, ForkFacts, Row } from "../store_port.js";
import type { Branch, ChainMap } from "./chains.js";
import type { Reading } from "./connection.js";
import { isHeld, rowsOf } from "./finding.js";
import { changeKey, type Event, headOf } from "./stored.js";

const SEQ = Infinity; // behind every sequence number

// ── at start ───────────────────────────────────────────────────────────────────────────────────

/** All events of control chains, where chains end, and their trails. */
export async function readBoot(tx: Reading, map: ChainMap): Promise<Omit<Boot, "settings" | "missingBodies">> {
  const tips: Tip[] = [];
  const tipLamports = new Map<Digest, number>();
  for (const { chain, tip, lamport } of map.branches.values()) {
    tips.push([map.chains.get(chain)!.digest, tip]);
    tipLamports.set(tip.digest, lamport);
  }
  const chains = [...map.chains.values()];
  const trails = await Promise.all(chains.map(async ({ id, digest }) => [digest, await trail(tx, map, id)] as const));
  const clear = chains.filter(({ lane }) => lane === Lane.CONTROL).flatMap(({ id }) => map.branchesOf(id));
  const found = await Promise.all(clear.map(({ id }) => tx.allBy<Event>("events", "place", between(id, 0, SEQ))));
  const events = found.flat().sort((one, other) => one.id - other.id);
  return {
    control: (await rowsOf(tx, map, events)).map(({ placed }) => placed),
    tips: frontierOf(tips),
    trails: new Map(trails),
    openings: new Map(chains.map(({ digest, admission, lane }) => [digest, [admission, lane]])),
    tipLamports,
  };
}

/** The places of a chain's trail, newest first, under its highest tip. */
async function trail(tx: Reading, map: ChainMap, chain: number): Promise<Head[]> {
  const [branch] = map.branchesOf(chain).sort((one, other) => byHead(other.tip, one.tip));
  if (!branch) return [];
  const path = map.pathTo({ branch: branch.id, seq: branch.tip.seq });
  const spots = trailPlaces(branch.tip.seq).map((seq) => {
    return [path.find(({ first, last }) => first <= seq && seq <= last)!.branch, seq];
  });
  const events = await Promise.all(spots.map((spot) => tx.by<Event>("events", "place", spot)));
  return events.flatMap((event) => (event ? [headOf(event)] : []));
}

function between(branch: number, first: number, last: number): IDBKeyRange {
  return IDBKeyRange.bound([branch, first], [branch, last]);
}

// ── in the order of row ids ────────────────────────────────────────────────────────────────────

/** Events of a document. */
export async function readDocument(tx: Reading, map: ChainMap, document: DocumentId, after: number): Promise<Row[]> {
  return rowsOf(tx, map, await eventsOf(tx, document.text, after));
}

/** Events of a document as they are kept. */
export async function eventsOf(tx: Reading, text: string, after = 0): Promise<Event[]> {
  return tx.allBy<Event>("events", "document", IDBKeyRange.bound([text, after], [text, []], true));
}

/** Data events that wait or are void. */
export async function readUnsettled(
  tx: Reading,
  map: ChainMap,
  document: DocumentId | null,
  after: number,
  limit: number,
): Promise<Row[]> {
  const pages = [Standing.WAITS, Standing.VOID].map((standing) => {
    const [from, to] = [
      [standing, after],
      [standing, []],
    ];
    if (!document) return tx.allBy<Event>("events", "pending", IDBKeyRange.bound(from, to, true), limit);
    const range = IDBKeyRange.bound([document.text, from], [document.text, to], true);
    return tx.allBy<Event>("events", "pendingOf", range, limit);
  });
  const found = (await Promise.all(pages)).flat().sort((one, other) => one.id - other.id);
  return rowsOf(tx, map, found.slice(0, limit));
}

/** Events that fit, page by page, until there are enough. */
export async function readSome(
  tx: Reading,
  fits: (event: Event) => boolean,
  after: number,
  limit: number,
): Promise<Event[]> {
  const found: Event[] = [];
  for (let last = after; found.length < limit; ) {
    const page: Event[] = await tx.all<Event>("events", IDBKeyRange.lowerBound(last, true), ROWS_READ_MAX);
    found.push(...page.filter(fits));
    if (page.length < ROWS_READ_MAX) break;
    last = page.at(-1)!.id;
  }
  return found.slice(0, limit);
}

/** Data events. */
export async function readReplay(tx: Reading, map: ChainMap, after: number, limit: number): Promise<Row[]> {
  const isData = ({ branch }: Event) => map.chainOf(branch).lane === Lane.DATA;
  return rowsOf(tx, map, await readSome(tx, isData, after, limit));
}

/** Documents of these types, by the rows of their events. */
export async function readAbout(
  tx: Reading,
  types: readonly string[],
  after: number,
  limit: number,
): Promise<(readonly [number, DocumentId])[]> {
  const isOf = ({ document }: Event) => document !== undefined && types.includes(document.split("/")[1]!);
  const found = await readSome(tx, isOf, after, limit);
  return found.map(({ id, document }) => [id, DocumentId.parse(document!)]);
}

/** Which events a list names. */
export interface Listed {
  readonly admission?: Digest;
  readonly document?: DocumentId;
  readonly limit: number;
}

/** Events as they were kept. */
export async function readLog(tx: Reading, map: ChainMap, asked: Listed & { after?: number }): Promise<Row[]> {
  const { admission, document, after = 0, limit } = asked;
  const fits = ({ branch }: Event) => admission === undefined || map.chainOf(branch).admission === admission;
  const found = document
    ? (await eventsOf(tx, document.text, after)).filter(fits).slice(0, limit)
    : await readSome(tx, fits, after, limit);
  return rowsOf(tx, map, found);
}

/** Data events of a device that are honoured and not under these marks. */
export async function readBeyond(
  tx: Reading,
  map: ChainMap,
  admission: Digest,
  marks: readonly Mark[],
  [after, limit]: readonly [number, number],
): Promise<Row[]> {
  const inside = new Map<number, number>(); // branch -> until where
  for (const mark of marks) {
    const event = await isHeld(tx, map, mark);
    for (const { branch, last } of event ? map.pathTo(event) : []) {
      inside.set(branch, Math.max(last, inside.get(branch) ?? 0));
    }
  }
  const chains = [...map.chains.values()].filter((chain) => chain.admission === admission && chain.lane === Lane.DATA);
  const branches = chains.flatMap(({ id }) => map.branchesOf(id));
  const fits = (event: Event) => event.id > after && event.standing === Standing.HONOURED;
  const pages = branches.map(({ id }) => ofBranch(tx, id, inside.get(id) ?? 0, fits, limit));
  const found = (await Promise.all(pages)).flat().sort((one, other) => one.id - other.id);
  return rowsOf(tx, map, found.slice(0, limit));
}

/** Events of a branch behind a place that fit, page by page, until there are enough. */
async function ofBranch(
  tx: Reading,
  branch: number,
  behind: number,
  fits: (event: Event) => boolean,
  limit: number,
): Promise<Event[]> {
  const found: Event[] = [];
  for (let seq = behind; found.length < limit; ) {
    const page = await tx.allBy<Event>("events", "place", between(branch, seq + 1, SEQ), ROWS_READ_MAX);
    found.push(...page.filter(fits));
    if (page.length < ROWS_READ_MAX) break;
    seq = page.at(-1)!.seq;
  }
  return found.slice(0, limit);
}

// ── in the order of stamps ─────────────────────────────────────────────────────────────────────

/** Events by (Lamport number, chain, digest), the latest first. */
export async function readNewest(tx: Reading, map: ChainMap, asked: Listed & { before?: Row | null }): Promise<Row[]> {
  const { admission, document, before, limit } = asked;
  const isOf = ({ branch }: { branch: number }) => admission === undefined || map.chainOf(branch).admission === admission;
  let events: Event[];
  if (document) {
    events = (await eventsOf(tx, document.text)).filter(isOf);
  } else {
    const branches = [...map.branches.values()].filter(({ id }) => isOf({ branch: id }));
    events = (await Promise.all(branches.map((branch) => ends(tx, branch, before ?? null, limit)))).flat();
  }
  const rows = await rowsOf(tx, map, events);
  rows.sort((one, other) => byStamp(other, one));
  return rows.filter((row) => !before || byStamp(row, before) < 0).slice(0, limit);
}

function byStamp({ placed: one }: Row, { placed: other }: Row): number {
  const late = one.header.lamport - other.header.lamport;
  return late || ascending(one.chain, other.chain) || ascending(one.digest, other.digest);
}

/** The last events of a branch that may stand before a stamp: Lamport numbers rise along a branch. */
async function ends(tx: Reading, branch: Branch, before: Row | null, limit: number): Promise<Event[]> {
  let [low, high] = [branch.first, branch.tip.seq + 1];
  while (before && low < high) {
    const middle = Math.floor((low + high) / 2);
    const event = await tx.by<Event>("events", "place", [branch.id, middle]);
    const late = event && event.lamport > before.placed.header.lamport;
    [low, high] = late ? [low, middle] : [middle + 1, high];
  }
  const end = before ? low - 1 : branch.tip.seq;
  if (end < branch.first) return [];
  // One more than asked for: the latest one may stand at the very Lamport number of the stamp.
  return tx.allBy<Event>("events", "place", between(branch.id, Math.max(branch.first, end - limit), end));
}

// ── chains and changes ─────────────────────────────────────────────────────────────────────────

/** All chains, by digest. */
export function chainFacts(map: ChainMap): ChainFacts[] {
  const found = [...map.chains.values()].map(({ id, digest: chain, admission, lane, events }) => {
    return { chain, admission, lane, tips: map.branchesOf(id).map(({ tip }) => tip).sort(byHead), events };
  });
  return found.sort((one, other) => ascending(one.chain, other.chain));
}

/** The events on which branches begin; one more goes on in the event's own branch. */
export async function readForks(tx: Reading, map: ChainMap, limit: number): Promise<ForkFacts[]> {
  const spots = new Map<string, readonly [number, number]>();
  const counts = new Map<string, number>();
  for (const { parent } of map.branches.values()) {
    if (!parent) continue;
    const spot = [parent.branch, parent.seq] as const;
    spots.set(spot.join(), spot);
    counts.set(spot.join(), (counts.get(spot.join()) ?? 1) + 1);
  }
  const events = await Promise.all([...spots.values()].map((spot) => tx.by<Event>("events", "place", [...spot])));
  const found = events.flatMap((event): ForkFacts[] => {
    if (!event) return [];
    const branches = counts.get([event.branch, event.seq].join())!;
    return [{ chain: map.chainOf(event.branch).digest, after: headOf(event), branches }];
  });
  found.sort((one, other) => ascending(one.chain, other.chain) || byHead(one.after, other.after));
  return found.slice(0, limit);
}

/** The event of each change of a document; of several one that is honoured, the same on every device. */
export async function readChanges(
  tx: Reading,
  map: ChainMap,
  document: DocumentId,
  changes: Iterable<Hex>,
): Promise<Map<Hex, Row>> {
  const wanted = [...new Set(changes)];
  const found = await Promise.all(
    wanted.map((change) => tx.allBy<Event>("events", "change", IDBKeyRange.only([document.text, changeKey(change)]))),
  );
  const rows = await Promise.all(found.map((events) => rowsOf(tx, map, events)));
  return new Map(wanted.flatMap((change, at) => (rows[at]!.length > 0 ? [[change, rows[at]!.sort(preferred)[0]!]] : [])));
}

/** Of several events that say the same, the first is the one that is named. */
function preferred(one: Row, other: Row): number {
  const [void_, ours] = [one, other].map(({ standing }) => Number(standing !== Standing.HONOURED));
  const late = one.placed.header.lamport - other.placed.header.lamport;
  return void_! - ours! || late || ascending(one.placed.digest, other.placed.digest);
}
