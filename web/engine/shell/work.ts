// Work as a phone knows it: hand-offs and tasks which belong together, and how they are told; as mesh/node/work.py.
//
// It reads and tells, and changes nothing; what does is in the calls.
import { LIST_MAX, TASKS_READ_MAX } from "../limits.js";
import type { HandoffRow, TaskRow } from "../rows.js";
import * as handoffs from "../state/handoffs.js";
import * as leases from "../state/leases.js";
import { type JsonMap, type Record, TITLE } from "../state/records.js";
import * as tasks from "../state/tasks.js";
import { nowMs, type Phone } from "./calls/phone.js";
import { toldClaim } from "./claiming.js";
import * as keeping from "./keeping.js";
import type { RecordRow } from "./store_port.js";
import { toldAuthor } from "./subjects.js";

/** The latest hand-offs, and the tasks that were asked for; everything is read once. Use `read`. */
export class Work {
  readonly superseded: ReadonlyMap<string, Record>;
  readonly #wholes = new Map<string, RecordRow[]>();
  readonly #known = new Map<string, RecordRow | null>();

  private constructor(
    readonly phone: Phone,
    readonly rows: readonly RecordRow[],
  ) {
    this.superseded = handoffs.superseded(rows.map((row) => row.record));
    for (const row of rows) {
      for (const task of row.record.listed("remaining")) {
        this.#wholes.set(task, [...(this.#wholes.get(task) ?? []), row]);
      }
    }
  }

  /** All of it. */
  static async read(phone: Phone): Promise<Work> {
    return new Work(phone, await keeping.listed(phone, [handoffs.KIND], { limit: LIST_MAX }));
  }

  /** Tasks whose `state` says one of these; none: all of them. */
  async allTasks(states: readonly string[] = []): Promise<RecordRow[]> {
    const found = await keeping.listed(this.phone, [tasks.KIND], { states, limit: TASKS_READ_MAX });
    for (const row of found) this.#known.set(row.record.document.text, row);
    return found;
  }

  /** A task by its whole name; null where it is not here. */
  async task(said: string): Promise<Record | null> {
    if (!this.#known.has(said)) this.#known.set(said, await this.#read(said));
    return this.#known.get(said)?.record ?? null;
  }

  async #read(said: string): Promise<RecordRow | null> {
    const document = handoffs.namedTask(said);
    return document && this.phone.engine.store.record(document);
  }

  /** Those of some tasks that are here. */
  async tasksOf(names: readonly string[]): Promise<Map<string, Record>> {
    const found = new Map<string, Record>();
    for (const name of names) {
      const task = await this.task(name);
      if (task) found.set(name, task);
    }
    return found;
  }

  /** The hand-offs that a task is left by. */
  wholes(task: string): readonly RecordRow[] {
    return this.#wholes.get(task) ?? [];
  }

  /** Who is at a task: who claimed it, else who has a hand-off that it belongs to and is at that. */
  claim(task: Record): leases.Claim | null {
    const held = leases.holder(task);
    if (held) return held;
    const above = this.wholes(task.document.text).map((row) => leases.holder(row.record));
    return above.find((claim) => claim && !claim.end && claim.untilMs > nowMs(this.phone)) ?? null;
  }

  /** A task's state; that of one whose hand-off somebody has is that it is worked on. */
  stateOfTask(task: Record): string {
    const state = tasks.state(task, nowMs(this.phone));
    const claim = state === tasks.OPEN ? this.claim(task) : null;
    return claim && !claim.end && claim.untilMs > nowMs(this.phone) ? tasks.IN_PROGRESS : state;
  }

  /** A hand-off's state. */
  state(record: Record): string {
    return handoffs.state(record, nowMs(this.phone), this.superseded.has(record.document.text));
  }

  /** Of the tasks that one needs those that are not over. */
  async waitsFor(task: Record): Promise<string[]> {
    return tasks.waitsFor(task, await this.tasksOf(tasks.needs(task)));
  }

  // ── told ─────────────────────────────────────────────────────────────────────────────────────

  /** A task. What it waits for is named, whether it is here or not. */
  async toldTask(row: RecordRow): Promise<TaskRow> {
    const { record } = row;
    return {
      ...keeping.told(this.phone, row),
      state: this.stateOfTask(record),
      text: record.text,
      priority: record.number("priority", tasks.PRIORITY_DEFAULT),
      acceptance: record.listed("acceptance"),
      waits: await this.toldTasks(await this.waitsFor(record)),
      claim: toldClaim(this.phone, this.claim(record)),
    };
  }

  /** A hand-off whole. */
  async toldHandoff(row: RecordRow): Promise<HandoffRow> {
    const { record } = row;
    const later = this.rows.filter((one) => one.record.word("supersedes") === record.document.text);
    return {
      ...keeping.told(this.phone, row),
      goal: record.word(TITLE),
      state: this.state(record),
      to: record.word("to"),
      reason: record.word("reason"),
      context: record.word("context"),
      done: record.listed("done"),
      remaining: record.listed("remaining"),
      decisions: record.listed("decisions"),
      rejected: record.listed("rejected"),
      blockers: record.listed("blockers"),
      files: copies(record.maps("files")),
      verify: copies(record.maps("verify")),
      assumptions: copies(record.maps("assumptions")),
      from: toldAuthor(this.phone.engine.replica, row.born),
      expires_ms: record.number("expires") || null,
      claim: toldClaim(this.phone, leases.holder(record)),
      tasks: await this.toldTasks(record.listed("remaining")),
      superseded_by: later.map(keeping.nameOfRow),
    };
  }

  /** Tasks by their names; of one that is not here the title is empty, and the state unknown. */
  async toldTasks(names: readonly string[]): Promise<{ document: string; title: string; state: string }[]> {
    const found = [];
    for (const document of names) {
      const task = await this.task(document);
      const [title, state] = task ? [task.word(TITLE), this.stateOfTask(task)] : ["", "unknown"];
      found.push({ document, title, state });
    }
    return found;
  }
}

function copies(maps: readonly JsonMap[]): globalThis.Record<string, unknown>[] {
  return maps.map((map) => ({ ...map }));
}
