// What the documents of a commit have in conflict, and who wrote it: looked at once, before the commit; as
// mesh/node/disputes.py has it.
//
// Where nothing was written side by side this costs a look at the registers. It settles nothing.
import { Refused } from "../errors.js";
import type { Value } from "../events/kinds.js";
import { Standing } from "../events/verdict.js";
import { beginning, lettersIn } from "../letters.js";
import { CONFLICT_SIDE_CHARACTERS, CONFLICT_SIDES_KEPT, ROWS_READ_MAX } from "../limits.js";
import { ascending, type DocumentId, type Hex } from "../names.js";
import { type Conflict, conflictsOf, fields, PATH } from "../state/conflicts.js";
import type { Edit } from "../state/edits.js";
import { authorOf, type Gathered, type Loaded, type Step } from "./gathered.js";
import type { Scales } from "./scales.js";
import { withConflicts } from "./showing.js";
import type { Author, ConflictRow, NoteRow, SettlementRow, Store } from "./store_port.js";

const SHOWN_DIGITS = 12; // of a conflict's name, in a hint
const NO_CHANGE = new Uint8Array(0);

/** The conflicts of the documents that are in memory. All that is found goes into the next commit. */
export class Disputes {
  constructor(
    readonly store: Store,
    readonly scales: Scales,
    readonly gathered: Gathered,
  ) {}

  // ── settlements ────────────────────

  /** What was settled in a document that comes out of its snapshot, as the store has it. */
  async recall(loaded: Loaded): Promise<void> {
    for await (const row of settlementsOf(this.store, loaded.document.id)) {
      loaded.settlements.add(row.author.event, bodyOf(row), row.change);
    }
  }

  /** Settlements came into a document, or were taken back. */
  said(loaded: Loaded, steps: readonly Step[]): void {
    const document = loaded.document.id;
    const rows = steps.map((step) => settlementOf(document, step)).filter((row) => row !== null);
    this.gathered.settles(document, rows, false);
  }

  // ── conflicts ────────────────────

  /** Find what a document has in conflict now; what changed goes into the commit. */
  async look(loaded: Loaded): Promise<void> {
    const { document, settlements } = loaded;
    const found = loaded.shown ? conflictsOf(document, settlements) : [];
    if (loaded.row) loaded.row = withConflicts(loaded.row, fields(found));
    if (loaded.row && "note" in loaded.row) loaded.row = { ...loaded.row, placed: await this.#placed(loaded.row, loaded) };
    const changes = new Set(found.flatMap((one) => one.sides.map((side) => side.change)));
    loaded.authors = changes.size > 0 ? await this.authors(loaded, changes) : new Map();
    const rows = found.map((one) => rowOf(document.id, one, loaded.authors));
    if (loaded.conflicts === null || JSON.stringify(rows) !== JSON.stringify(loaded.conflicts)) {
      loaded.conflicts = rows;
      this.gathered.conflicts.set(document.id.text, [document.id, rows]);
    }
    loaded.entered = [];
  }

  /** Who wrote these changes of a document: the event of each that counts, as far as it is known. */
  async authors(loaded: Loaded, changes: Iterable<Hex>): Promise<Map<Hex, Author>> {
    const [wanted, { document }] = [new Set(changes), loaded];
    const found = new Map([...loaded.authors].filter(([change]) => wanted.has(change)));
    for (const { change, author } of loaded.entered) {
      const known = found.get(change.hash) ?? author;
      if (wanted.has(change.hash)) found.set(change.hash, byStamp(author, known) < 0 ? author : known);
    }
    const missing = [...wanted].filter((change) => !found.has(change));
    const rows = missing.length > 0 ? [...(await this.store.ofChanges(document.id, missing))] : [];
    const placed = this.gathered.read(rows.map(([, row]) => row));
    const readings = await this.scales.read(placed);
    rows.forEach(([change], place) => {
      const inner = readings[place]!.inner;
      if (inner) found.set(change, authorOf(placed[place]!, inner.agent, inner.timeMs));
    });
    const first = document.history.first;
    const born = missing.includes(first) ? await this.#birth(document.id) : null;
    return born ? found.set(first, born) : found;
  }

  /** Who brought a document into being; of several events of one birth the first that came here and counts. */
  async #birth(document: DocumentId): Promise<Author | null> {
    const birth = this.gathered.births.get(document.text);
    if (birth) return birth.author;
    const rows = await this.store.rows(document);
    for (let start = 0; start < rows.length; start += ROWS_READ_MAX) {
      const placed = this.gathered.read(rows.slice(start, start + ROWS_READ_MAX));
      const readings = await this.scales.read(placed);
      const place = readings.findIndex(({ body, standing }) => body?.kind === "born" && standing === Standing.HONOURED);
      const inner = readings[place]?.inner;
      if (inner) return authorOf(placed[place]!, inner.agent, inner.timeMs);
    }
    return null;
  }

  /** Who gave a note the path that is shown. */
  async #placed(row: NoteRow, loaded: Loaded): Promise<Author | null> {
    if (row.note.path === null) return null;
    if (row.placed && !loaded.entered.some(moves)) return row.placed;
    const { change } = loaded.document.live(PATH)[0]!;
    return (await this.authors(loaded, [change])).get(change) ?? row.placed;
  }
}

/** Throw Refused where an edit would write over values that live side by side: that is settled by name. */
export function mustNotSettle(loaded: Loaded, edits: Iterable<Edit>): void {
  const { document, settlements } = loaded;
  const written = new Set<string>();
  for (const edit of edits) if (edit.edit === "put" || edit.edit === "delete") written.add(edit.key);
  if (!document.conflicts().some((key) => written.has(key))) return;
  const inRegisters = conflictsOf(document, settlements).filter(({ kind }) => kind === "register" || kind === "renamed");
  const found = inRegisters.find(({ field }) => written.has(field));
  if (!found) return;
  const [name, count] = [found.name.slice(0, SHOWN_DIGITS), found.sides.length];
  throw new Refused(
    `${found.field} is in conflict: it has ${count} values, and this would write over all of them`,
    `Settle conflict ${name} first: choose one of its values, or give another one.`,
  );
}

/** Whether it is worth looking if a rule settles a conflict: by the beginnings of its sides, which lists have. */
export function maySettleItself(row: ConflictRow): boolean {
  const values = row.sides.map((side) => String(side.value));
  const longest = values.reduce((most, value) => (lettersIn(value) > lettersIn(most) ? value : most), "");
  return row.kind === "text" && row.count <= values.length && values.every((value) => longest.startsWith(value));
}

/** All that was settled in a document or taken back, the latest first. */
export async function* settlementsOf(store: Store, document: DocumentId): AsyncGenerator<SettlementRow> {
  let rows = await store.settlements({ document });
  while (rows.length > 0) {
    yield* rows;
    rows = await store.settlements({ document, before: rows.at(-1)!.author.lamport });
  }
}

/** What a row says, but for its change. */
export function bodyOf({ undoes, conflict, prints, rule }: SettlementRow) {
  if (undoes) return { kind: "undone", change: NO_CHANGE, event: undoes } as const;
  return { kind: "settled", change: NO_CHANGE, conflict, prints, rule } as const;
}

function moves({ change }: Step): boolean {
  return change.operations.some(({ object, key }) => object === null && key === PATH);
}

/** Of several events with one change the one that the store names, too. */
function byStamp(one: Author, other: Author): number {
  return one.lamport - other.lamport || ascending(one.event, other.event);
}

function settlementOf(document: DocumentId, { body, author, change }: Step): SettlementRow | null {
  const row = { document, author, change: change.hash };
  if (body.kind === "undone") return { ...row, conflict: "", prints: [], rule: "", undoes: body.event };
  if (body.kind === "changed") return null;
  const { conflict, prints, rule } = body;
  return { ...row, conflict, prints, rule, undoes: null };
}

function rowOf(document: DocumentId, conflict: Conflict, authors: ReadonlyMap<Hex, Author>): ConflictRow {
  const by = conflict.sides.map((side) => authors.get(side.change) ?? null);
  const known = by.filter((one) => one !== null).sort(byStamp);
  const sides = conflict.sides.slice(0, CONFLICT_SIDES_KEPT).map(({ value }, place) => {
    return { value: short(value), characters: sizeOf(value), author: by[place]! };
  });
  return {
    name: conflict.name,
    document,
    kind: conflict.kind,
    field: conflict.field,
    sinceMs: known[Math.min(1, known.length - 1)]?.timeMs ?? 0,
    lamport: known.at(-1)?.lamport ?? 0,
    count: conflict.sides.length,
    devices: [...new Set(by.filter((one) => one !== null).map((one) => one.admission))],
    sides,
    ancestor: short(conflict.ancestor),
  };
}

function short(value: Value): Value {
  return typeof value === "string" ? beginning(value, CONFLICT_SIDE_CHARACTERS) : value;
}

/** How many letters a value has; what is no text has none. */
export function sizeOf(value: Value): number {
  return typeof value === "string" ? lettersIn(value) : 0;
}
