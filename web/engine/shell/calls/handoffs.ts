// Calls about hand-offs: leaving work, picking it up, and saying no to it; as mesh/node/calls_handoffs.py has them.
//
// A hand-off and the tasks that it leaves are made in one commit, so neither is ever without the other. Nothing here
// changes what a hand-off says: nobody can.
import { Misuse, Refused, TooLarge } from "../../errors.js";
import { REMAINING_MAX } from "../../limits.js";
import { deviceText } from "../../names.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import * as handoffs from "../../state/handoffs.js";
import * as leases from "../../state/leases.js";
import type { Record } from "../../state/records.js";
import * as tasks from "../../state/tasks.js";
import { claimed, closed, isOwn, toldClaim } from "../claiming.js";
import * as keeping from "../keeping.js";
import type { RecordRow } from "../store_port.js";
import { HANDOFF_FRESH_MS } from "../timing.js";
import { Work } from "../work.js";
import { type Handlers, nowMs, ownDevice, type Phone } from "./phone.js";

const LIST_DEFAULT = 50;
const DAY_MS = 86_400_000;
const WAITING: readonly string[] = [handoffs.OPEN, handoffs.CLAIMED, handoffs.DECLINED, handoffs.EXPIRED];

/** The calls. */
export const HANDOFFS: Handlers<
  "handoff.list" | "handoff.show" | "handoff.new" | "pickup" | "handoff.decline" | "handoff.done"
> = {
  "handoff.list": listed,
  "handoff.show": show,
  "handoff.new": leave,
  pickup,
  "handoff.decline": async (phone, given) => close(phone, given.id, leases.DECLINED, given.words),
  "handoff.done": async (phone, given) => close(phone, given.id, leases.DONE),
};

/** Leave work for whoever comes next. What whoever does would have to ask comes back as warnings: a person may. */
async function leave(phone: Phone, given: Calls["handoff.new"][0]): Promise<Calls["handoff.new"][1]> {
  const { goal, remaining = [], context = "", reason = handoffs.REASONS[0] } = given;
  const draft: handoffs.Draft = { goal, remaining, context, reason, to: somebody(phone, given.to ?? handoffs.ANYONE) };
  const [named, births] = await tasksOf(phone, remaining);
  const who = leases.person(ownDevice(phone));
  const born = keeping.birth(phone, handoffs.KIND, handoffs.registers(draft, who, named, nowMs(phone)));
  const placed = await keeping.made(phone, [...births, born]);
  return { document: born[0].text, event: placed.digest, warnings: handoffs.lacks(draft) };
}

/** Whom somebody means: anyone, human, a device by its name or id, else an agent. */
function somebody(phone: Phone, said: string): string {
  if (said === handoffs.ANYONE || said === handoffs.HUMAN || said.startsWith(handoffs.AGENT)) return said;
  const word = said.startsWith(handoffs.DEVICE) ? said.slice(handoffs.DEVICE.length) : said;
  const found = phone.engine.replica.verdict.live.filter((one) => one.name === word || deviceText(one.digest) === word);
  if (found.length > 1) throw new Misuse(`several devices are called '${word}'`, "Name it by its id.");
  if (found[0]) return handoffs.DEVICE + deviceText(found[0].digest);
  if (word !== said) throw new Misuse(`there is no device '${word}'`, "Devices & trust shows which there are.");
  return handoffs.AGENT + said;
}

/** The tasks that a hand-off leaves: those that are named, and births of the others. */
async function tasksOf(phone: Phone, remaining: readonly string[]): Promise<[string[], keeping.Birth[]]> {
  if (remaining.length > REMAINING_MAX) {
    throw new TooLarge(`a hand-off leaves at most ${REMAINING_MAX} tasks`, "Say the first steps, and one for more.");
  }
  const found = new Set<string>();
  const births: keeping.Birth[] = [];
  for (const said of remaining) {
    const known = handoffs.namedTask(said);
    if (known && !(await phone.engine.store.record(known))) throw new Misuse(`${said} is no task that is here`);
    const born = known ? null : keeping.birth(phone, tasks.KIND, tasks.registers({ title: said }));
    if (born) births.push(born);
    found.add((known ?? born![0]).text);
  }
  return [[...found], births];
}

/** Hand-offs that wait, in time or not, or that somebody has, the latest first; `all`: also those that are over. */
async function listed(phone: Phone, given: Calls["handoff.list"][0]): Promise<Calls["handoff.list"][1]> {
  const work = await Work.read(phone);
  const found = work.rows.filter((row) => given.all || WAITING.includes(work.state(row.record)));
  const told: rows.HandoffRow[] = [];
  for (const row of keeping.paged(found, keeping.nameOfRow, given, LIST_DEFAULT)) {
    told.push(await work.toldHandoff(row));
  }
  return { handoffs: told };
}

/** One hand-off whole. */
async function show(phone: Phone, given: Calls["handoff.show"][0]): Promise<rows.HandoffRow> {
  return (await Work.read(phone)).toldHandoff(await keeping.chosen(phone, given.id, [handoffs.KIND]));
}

/** Take over a hand-off. Throws Refused when another one has it, or a later one stands for it. */
async function pickup(phone: Phone, given: Calls["pickup"][0]): Promise<Calls["pickup"][1]> {
  const before = await Work.read(phone);
  const row = await keeping.chosen(phone, given.id, [handoffs.KIND]);
  const later = before.superseded.get(given.id);
  if (later) throw new Refused("a later hand-off stands for this one", `Take that: “${later.word("title")}”.`);
  const warnings = [...doubts(phone, before, row), ...foreign(phone, row.record)];
  const [claim, now] = await claimed(phone, row.record.document);
  const handoff = await (await Work.read(phone)).toldHandoff(now);
  return { handoff, claim: toldClaim(phone, claim), warnings };
}

/** Why it may hold no more: its time is over, or it lay for more than a day. */
function doubts(phone: Phone, work: Work, { born, record }: RecordRow): string[] {
  const [ageMs, state] = [nowMs(phone) - born.timeMs, work.state(record)];
  if (state === handoffs.EXPIRED) {
    const until = new Date(record.number("expires")).toLocaleString();
    return [`it was to be picked up until ${until}, and may hold no more`];
  }
  if (ageMs <= HANDOFF_FRESH_MS || state === handoffs.CLAIMED) return [];
  return [`it was left ${(ageMs / DAY_MS).toFixed(1)} days ago, and may hold no more`];
}

function foreign(phone: Phone, record: Record): string[] {
  if (handoffs.isFor(record, leases.person(ownDevice(phone)))) return [];
  return [`it was left for ${record.word("to")}, not for you`];
}

async function close(phone: Phone, id: string, end: leases.End, words = ""): Promise<Calls["handoff.done"][1]> {
  const { record, updated } = await keeping.chosen(phone, id, [handoffs.KIND]);
  const held = leases.holder(record);
  if (end === leases.DECLINED && held?.end === leases.DONE) throw new Refused("this hand-off is done already");
  if (end === leases.DONE && held?.end === leases.DONE && isOwn(phone, held)) {
    return { document: id, event: updated.event }; // by the last of its tasks
  }
  const event = await closed(phone, record.document, end, words);
  return { document: id, event: event ?? updated.event };
}

/** Have the hand-offs be done of which a task was the last that was not over. */
export async function completed(phone: Phone, task: string): Promise<void> {
  const work = await Work.read(phone);
  for (const { record } of work.wholes(task)) {
    const remaining = record.listed("remaining");
    const here = [...(await work.tasksOf(remaining)).values()];
    const over = here.length === remaining.length && here.every(tasks.isOver);
    if (over && !leases.isDone(record)) {
      await closed(phone, record.document, leases.DONE, "all of its tasks are done");
    }
  }
}
