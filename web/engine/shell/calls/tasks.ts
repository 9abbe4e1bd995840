// Calls about tasks: adding, listing and finishing them; as mesh/node/calls_tasks.py has them.
//
// That a task is being worked on, or done, is never set: it comes of claims, so no two devices can set it apart.
import { Misuse } from "../../errors.js";
import { oneLine } from "../../letters.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import { overtaken } from "../../state/handoffs.js";
import * as leases from "../../state/leases.js";
import { mustBeLine, type Record, type Registers } from "../../state/records.js";
import * as tasks from "../../state/tasks.js";
import { claimed, closed, isOwn } from "../claiming.js";
import * as keeping from "../keeping.js";
import type { RecordRow } from "../store_port.js";
import { Work } from "../work.js";
import { completed } from "./handoffs.js";
import { type Handlers, ownDevice, type Phone } from "./phone.js";

const LIST_DEFAULT = 100;
const NOT_OVER = [tasks.OPEN, tasks.BLOCKED, tasks.NEEDS_HUMAN];
const FILTERS = ["open", "ready", "done", "all"] as const;

type Filter = (typeof FILTERS)[number];

/** The calls. */
export const TASKS: Handlers<"task.add" | "task.list" | "task.show" | "task.done" | "task.state"> = {
  "task.add": add,
  "task.list": listed,
  "task.show": show,
  "task.done": done,
  "task.state": state,
};

/** A new task. */
async function add(phone: Phone, given: Calls["task.add"][0]): Promise<Calls["task.add"][1]> {
  const { title, text = "", tags = [], project = "" } = given;
  const tagged = Object.fromEntries(tags.map((tag) => [`tag/${mustBeLine(tag, "tag")}`, true]));
  const born = keeping.birth(phone, tasks.KIND, { ...tagged, ...tasks.registers({ title, project }) }, text);
  const placed = await keeping.made(phone, [born]);
  return { document: born[0].text, event: placed.digest };
}

/** Tasks, the most urgent first: those not over, those that can be begun, those that are over, or all. */
async function listed(phone: Phone, given: Calls["task.list"][0]): Promise<Calls["task.list"][1]> {
  const filter = given.filter ?? "open";
  if (!FILTERS.includes(filter)) throw new Misuse(`'${filter}' is no list of tasks`, `One of: ${FILTERS.join(", ")}.`);
  const work = await Work.read(phone);
  const found = await those(work, filter);
  const page = keeping.paged(found, keeping.nameOfRow, given, LIST_DEFAULT);
  const told: rows.TaskRow[] = [];
  for (const row of page) told.push(await work.toldTask(row));
  const last = page.at(-1);
  return { tasks: told, more: last ? found.length - 1 - found.indexOf(last) : 0 };
}

/** The tasks of a list; the others have been read by then. */
export async function those(work: Work, filter: Filter): Promise<RecordRow[]> {
  const all = await work.allTasks(filter === "open" || filter === "ready" ? NOT_OVER : []);
  const found: RecordRow[] = [];
  for (const row of all) if (await belongs(work, row.record, filter)) found.push(row);
  return found.sort((one, other) => tasks.byUrgency(one.record, other.record));
}

async function belongs(work: Work, record: Record, filter: Filter): Promise<boolean> {
  if (filter === "all") return true;
  const found = work.stateOfTask(record);
  if (filter === "ready") return found === tasks.OPEN && (await work.waitsFor(record)).length === 0;
  return tasks.OVER.includes(found) === (filter === "done");
}

/** One task whole. */
async function show(phone: Phone, given: Calls["task.show"][0]): Promise<rows.TaskRow> {
  return (await Work.read(phone)).toldTask(await keeping.chosen(phone, given.id, [tasks.KIND]));
}

/** Say that a task is done, in words or none. The hand-off whose last task it was is done by that. */
async function done(phone: Phone, given: Calls["task.done"][0]): Promise<Calls["task.done"][1]> {
  const { record } = await keeping.chosen(phone, given.id, [tasks.KIND]);
  const words = oneLine(given.words ?? "") ? mustBeLine(given.words!, "reason") : "";
  const closing = (now: Record, ending: Registers) => tasks.finished(now, ending, "", words);
  const event = await closed(phone, record.document, leases.DONE, words, closing);
  await completed(phone, given.id);
  return { document: record.document.text, event: event! };
}

/** Set a task's state; `in_progress` takes it, `done` finishes it. */
async function state(phone: Phone, given: Calls["task.state"][0]): Promise<Calls["task.state"][1]> {
  const { id, state: wanted, reason = "" } = given;
  if (wanted === tasks.DONE) return done(phone, { id, words: reason });
  const row = await keeping.chosen(phone, id, [tasks.KIND]);
  if (wanted === tasks.IN_PROGRESS) {
    const [, now] = await claimed(phone, row.record.document);
    return { document: id, event: now.updated.event };
  }
  const line = oneLine(reason) ? mustBeLine(reason, "reason") : "";
  const wants = (record: Record) => {
    const held = leases.holder(record);
    const own = wanted !== tasks.BLOCKED && held && !held.end && isOwn(phone, held);
    return { ...tasks.setState(record, wanted, line), ...(own ? leases.ended(held, leases.RELEASED, line) : {}) };
  };
  const event = await keeping.changed(phone, row.record.document, wants, false);
  await completed(phone, id);
  return { document: id, event: event ?? row.updated.event };
}

/** Claims of this phone that do not count: another device has it or did it, or it was handed off anew. */
export async function lost(phone: Phone, sinceMs: number): Promise<rows.RecordRow[]> {
  const work = await Work.read(phone);
  const found: rows.RecordRow[] = [];
  const every = [...work.rows, ...(await work.allTasks())];
  for (const row of every) {
    const later = work.superseded.get(row.record.document.text);
    const one = leases.lost(row.record, ownDevice(phone));
    const gone = later ? [...one, overtaken(row.record, later, ownDevice(phone))] : one;
    if (!gone.some((claim) => claim && claim.untilMs > sinceMs)) continue;
    const how = row.record.kind === tasks.KIND ? work.stateOfTask(row.record) : work.state(row.record);
    found.push({ ...keeping.told(phone, row), state: how });
  }
  return found;
}
