// The call behind the morning view: what happened on which device since, what waits, what is wrong; as
// mesh/node/calls_brief.py has it.
//
// That the person saw it is kept on this phone, and on no other device, so that the next one goes on there.
import { DiskFull } from "../../errors.js";
import type { Calls } from "../../port.js";
import { Gathering, goalOf } from "../briefs/gathering.js";
import * as marks from "../briefs/marks.js";
import { type Handlers, nowMs, type Phone } from "./phone.js";

/** The call. */
export const BRIEF: Handlers<"brief"> = { brief };

/** What happened since, what waits, and how the devices are. */
async function brief(phone: Phone, given: Calls["brief"][0]): Promise<Calls["brief"][1]> {
  const now = nowMs(phone);
  const seen = await marks.kept(phone.engine);
  const since = given.since_ms ?? marks.since(seen, now);
  const found = await Gathering.read(phone, now, since, marks.rowAt(seen, since));
  const left = await found.handoffs();
  const told = {
    as_of_ms: now,
    since_ms: since,
    goal: goalOf(left),
    lost_claims: await found.lostClaims(),
    handoffs: left,
    questions: await found.questions(),
    tasks: await found.tasks(),
    tasks_changed: await found.newTasks(),
    memories_pending: await found.memories(),
    receipts: await found.receipts(),
    sessions: await found.sessions(),
    notes: await found.notes(),
    devices: await phone.devices(),
    conflicts: await found.conflicts(),
    problems: await phone.problems(),
  };
  await marks.remember(phone.engine, now).catch((error) => {
    if (!(error instanceof DiskFull)) throw error; // a full disk must not keep anybody from reading
  });
  return told;
}
