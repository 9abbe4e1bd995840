// Calls about sessions: which agents are at work, and what they had come to; as mesh/node/calls_sessions.py has them.
//
// A phone runs no agent: it begins and resumes none, and writes nothing here.
import { LIST_MAX } from "../../limits.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import * as sessions from "../../state/sessions.js";
import { TITLE } from "../../state/records.js";
import * as keeping from "../keeping.js";
import type { RecordRow } from "../store_port.js";
import { deviceName } from "../subjects.js";
import { type Handlers, type Phone } from "./phone.js";

const LIST_DEFAULT = 50;

/** The calls. */
export const SESSIONS: Handlers<"session.list" | "session.show"> = { "session.list": listed, "session.show": show };

/** Sessions, the latest first: those that are not over, or all. */
async function listed(phone: Phone, given: Calls["session.list"][0]): Promise<Calls["session.list"][1]> {
  const states = given.all ? [] : sessions.OPEN;
  const found = await keeping.listed(phone, [sessions.KIND], { states, limit: LIST_MAX });
  const page = keeping.paged(found, keeping.nameOfRow, given, LIST_DEFAULT);
  return { sessions: page.map((row) => told(phone, row, 1)) };
}

/** One session whole, with its checkpoints. */
async function show(phone: Phone, given: Calls["session.show"][0]): Promise<rows.SessionRow> {
  return told(phone, await keeping.chosen(phone, given.id, [sessions.KIND]));
}

/** A session, with so many of its checkpoints, the latest first. */
export function told(phone: Phone, row: RecordRow, checkpoints = Infinity): rows.SessionRow {
  const { record } = row;
  const points = sessions.checkpoints(record).slice(0, checkpoints);
  return {
    ...keeping.told(phone, row),
    tool: record.word("tool"),
    device: record.word("device"),
    device_name: deviceName(phone.engine.replica, record.word("device")),
    agent: record.word("agent"),
    model: record.word("model"),
    state_at_ms: record.number("state-at") || row.updated.timeMs,
    goal: sessions.goalOf(record),
    topic: record.word(TITLE),
    branch: record.word("branch"),
    at_work: phone.isAtWork(record.document.text),
    checkpoints: points.map(({ atMs, ...point }) => ({ at_ms: atMs, ...point })),
  };
}
