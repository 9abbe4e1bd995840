// What a brief is made of: rows of the store, each read by the module of its type, as plain values; as
// mesh/node/briefs/gathering.py has it.
//
// Nothing here writes anything.
import { BRIEF_LATE_ROWS_MAX, BRIEF_NOTES_READ_MAX, BRIEF_SHOWN_MAX, LIST_MAX } from "../../limits.js";
import { DocumentId } from "../../names.js";
import type * as rows from "../../rows.js";
import * as asks from "../../state/asks.js";
import * as handoffs from "../../state/handoffs.js";
import * as memories from "../../state/memories.js";
import { KIND as NOTE } from "../../state/notes.js";
import * as receipts from "../../state/receipts.js";
import { STATE, TYPES } from "../../state/records.js";
import * as sessions from "../../state/sessions.js";
import * as tasks from "../../state/tasks.js";
import * as answers from "../answers.js";
import { told as toldAsk } from "../calls/asks.js";
import { lineOf } from "../calls/conflict_lines.js";
import { waitingDocuments } from "../calls/holdings.js";
import { told as toldMemory } from "../calls/memories.js";
import { told as toldNote } from "../calls/notes.js";
import type { Phone } from "../calls/phone.js";
import { told as toldSession } from "../calls/sessions.js";
import { lost, those } from "../calls/tasks.js";
import * as keeping from "../keeping.js";
import type { DocumentText, NoteRow, RecordRow, Store } from "../store_port.js";
import { LOST_TOLD_MS } from "../timing.js";
import { Work } from "../work.js";

/** One brief in the making. Use `read`. */
export class Gathering {
  private constructor(
    readonly phone: Phone,
    readonly work: Work,
    readonly nowMs: number,
    readonly sinceMs: number,
    /** What came since the last brief, however long ago it was written. */
    readonly late: ReadonlyMap<DocumentText, DocumentId>,
  ) {}

  /** Look up what all parts need. `lateAfter`: the row of the log after which things came late; null: nothing did. */
  static async read(phone: Phone, nowMs: number, sinceMs: number, lateAfter: number | null): Promise<Gathering> {
    const late = lateAfter === null ? new Map() : await arrived(phone.engine.store, lateAfter);
    return new Gathering(phone, await Work.read(phone), nowMs, sinceMs, late);
  }

  #isNew(document: DocumentId, timeMs: number): boolean {
    return this.late.has(document.text) || timeMs >= this.sinceMs;
  }

  #fresh(found: readonly RecordRow[]): RecordRow[] {
    return found.filter((row) => this.#isNew(row.record.document, row.updated.timeMs));
  }

  // ── what waits ───────────────────────────────────────────────────────────────────────────────

  /** What this phone had claimed and another device has. */
  async lostClaims(): Promise<rows.RecordRow[]> {
    return lost(this.phone, this.nowMs - LOST_TOLD_MS);
  }

  /** What was left for others and is not over, or went out of time since; what waits before the rest. */
  async handoffs(): Promise<rows.HandoffRow[]> {
    const shown = this.work.rows.filter(({ record }) => {
      const state = this.work.state(record);
      const late = state === handoffs.EXPIRED && record.number("expires") >= this.sinceMs;
      return late || state === handoffs.OPEN || state === handoffs.CLAIMED;
    });
    const rank = (row: RecordRow) => Number(this.work.state(row.record) !== handoffs.OPEN);
    const found: rows.HandoffRow[] = [];
    for (const row of cut(shown.sort((one, other) => rank(one) - rank(other)))) found.push(await this.work.toldHandoff(row));
    return found;
  }

  /** What can be begun, the most urgent first. */
  async tasks(): Promise<rows.TaskRow[]> {
    const found: rows.TaskRow[] = [];
    for (const row of cut(await those(this.work, "ready"))) found.push(await this.work.toldTask(row));
    return found;
  }

  /** Questions that wait for the person. */
  async questions(): Promise<rows.AskRow[]> {
    const found: rows.AskRow[] = [];
    for (const row of await keeping.listed(this.phone, [asks.KIND])) {
      if (asks.isOver(row.record, this.nowMs)) continue; // whatever stands in it
      const told = toldAsk(this.phone, await answers.truly(this.phone.engine, row));
      if (told.state === asks.WAITING) found.push(told);
    }
    return cut(found);
  }

  /** Memories that wait for the person. */
  async memories(): Promise<rows.RecordRow[]> {
    const found = (await keeping.listed(this.phone, memories.TYPES)).map((row) => toldMemory(this.phone, row));
    return cut(found.filter((one) => one.state === memories.PENDING));
  }

  /** What is in conflict: how much of it, and the latest. */
  async conflicts(): Promise<rows.BriefRow["conflicts"]> {
    const { engine } = this.phone;
    const found = cut(await engine.store.conflicts({ limit: BRIEF_SHOWN_MAX }));
    const titles = await engine.store.titles(found.map((row) => row.document));
    const { conflicts: count } = await engine.store.counts();
    return { count, items: found.map((row) => lineOf(engine, row, titles)) };
  }

  // ── what happened ────────────────────────────────────────────────────────────────────────────

  /** What was reported since; then what was changed and never reported. */
  async receipts(): Promise<rows.RecordRow[]> {
    const found = await keeping.listed(this.phone, [receipts.KIND], { limit: LIST_MAX });
    const drafts = new Set(receipts.unreported(found.map((row) => row.record)));
    const isDraft = (row: RecordRow) => drafts.has(row.record);
    const filed = found.filter((row) => {
      const isOne = row.record.word(STATE) !== receipts.UNREPORTED;
      return isOne && this.#isNew(row.record.document, row.born.timeMs);
    });
    return cut([...cut(filed), ...found.filter(isDraft)]).map((row) => keeping.told(this.phone, row));
  }

  /** Sessions that are not over, or were touched since. */
  async sessions(): Promise<rows.SessionRow[]> {
    const found = await keeping.listed(this.phone, [sessions.KIND], { limit: LIST_MAX });
    const fresh = new Set(this.#fresh(found));
    const shown = found.filter((row) => sessions.OPEN.includes(row.record.word(STATE)) || fresh.has(row));
    return cut(shown).map((row) => toldSession(this.phone, row, 1));
  }

  /** Tasks that were made or changed since, whatever became of them. */
  async newTasks(): Promise<rows.RecordRow[]> {
    const found = this.#fresh(await keeping.listed(this.phone, [tasks.KIND], { limit: LIST_MAX }));
    return cut(found).map((row) => ({ ...keeping.told(this.phone, row), state: this.work.stateOfTask(row.record) }));
  }

  /** Notes that were written or changed since. */
  async notes(): Promise<rows.NoteRow[]> {
    const { engine } = this.phone;
    const latest = await engine.store.notes({ limit: BRIEF_NOTES_READ_MAX });
    const found = latest.filter((row) => this.#isNew(row.note.document, row.updatedMs));
    const known = new Set(found.map((row) => row.note.document.text));
    for (const [name, document] of this.late) {
      if (document.type !== NOTE || known.has(name) || found.length >= BRIEF_NOTES_READ_MAX) continue;
      const row = await engine.store.note(document);
      if (row && !row.note.deleted) found.push(row);
    }
    const waiting = await waitingDocuments(this.phone);
    const told: rows.NoteRow[] = [];
    for (const row of cut(found.sort(byLatest))) told.push(await toldNote(this.phone, row, waiting));
    return told;
  }
}

function byLatest(one: NoteRow, other: NoteRow): number {
  return other.lamport - one.lamport;
}

function cut<Row>(found: readonly Row[]): Row[] {
  return found.slice(0, BRIEF_SHOWN_MAX);
}

/** Documents of which something came after a row of the log, the latest arrivals last. */
async function arrived(store: Store, after: number): Promise<Map<DocumentText, DocumentId>> {
  const found = new Map<DocumentText, DocumentId>();
  const types = [NOTE, ...TYPES];
  for (let read = 0; read < BRIEF_LATE_ROWS_MAX; ) {
    const rows = await store.about(types, after, LIST_MAX);
    for (const [, document] of rows) found.set(document.text, document);
    if (rows.length < LIST_MAX) break;
    [after, read] = [rows.at(-1)![0], read + rows.length];
  }
  return found;
}

/** What is to be reached: what the first hand-off that nobody has is for. */
export function goalOf(told: readonly rows.HandoffRow[]): string {
  return told.find((one) => one.state === handoffs.OPEN)?.title ?? "";
}
