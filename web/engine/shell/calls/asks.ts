// Calls about questions to the person: which wait, and the answer; as mesh/node/calls_asks.py has them.
//
// A phone asks nothing and decides nothing: what came of a question is what the device that asked took, once, from the
// answers it knew in time, or the default. An answer that comes too late is refused, and changes nothing.
import { Misuse } from "../../errors.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import * as asks from "../../state/asks.js";
import { exactly, isMap, TITLE } from "../../state/records.js";
import * as answers from "../answers.js";
import * as keeping from "../keeping.js";
import type { RecordRow } from "../store_port.js";
import { deviceName } from "../subjects.js";
import { type Handlers, nowMs, ownDevice, type Phone } from "./phone.js";

const LIST_DEFAULT = 50;
const ALL = "all";

/** The calls. */
export const ASKS: Handlers<"ask.list" | "ask.answer"> = { "ask.list": listed, "ask.answer": answer };

/** Questions, the latest first: those that wait, or in another state, or all. */
async function listed(phone: Phone, given: Calls["ask.list"][0]): Promise<Calls["ask.list"][1]> {
  const wanted = given.state ?? asks.WAITING;
  if (![...asks.STATES, ALL].includes(wanted)) {
    throw new Misuse(`'${wanted}' is no state of a question`, `One of: ${asks.STATES.join(", ")}, ${ALL}.`);
  }
  const found: rows.AskRow[] = [];
  for (const row of await keeping.listed(phone, [asks.KIND])) {
    if (wanted === asks.WAITING && asks.isOver(row.record, nowMs(phone))) continue; // whatever stands in it
    const one = told(phone, await answers.truly(phone.engine, row));
    if (wanted === ALL || one.state === wanted) found.push(one);
  }
  return { asks: keeping.paged(found, (one) => one.document, given, LIST_DEFAULT) };
}

/** The person's answer. Throws Refused when it is too late. */
async function answer(phone: Phone, given: Calls["ask.answer"][0]): Promise<Calls["ask.answer"][1]> {
  const { id, option = "", text = "" } = given;
  const row = await keeping.chosen(phone, id, [asks.KIND]);
  const event = await answers.changed(phone, row.record.document, (record) =>
    asks.answering(record, ownDevice(phone), option, text, nowMs(phone)),
  );
  const now = await keeping.chosen(phone, id, [asks.KIND]);
  return { ...told(phone, await answers.truly(phone.engine, now)), event: event ?? now.updated.event };
}

/** A question, and how it stands. */
export function told(phone: Phone, row: RecordRow): rows.AskRow {
  const { record } = row;
  const [how, found] = asks.state(record, nowMs(phone));
  const given = found && !asks.isExpired(found) ? found : null;
  const detail = exactly(record.word("detail"));
  const nameOf = (device: string) => deviceName(phone.engine.replica, device);
  return {
    ...keeping.told(phone, row),
    state: how === asks.TAKEN && !given ? asks.EXPIRED : how,
    question: record.word(TITLE),
    options: record.listed("options"),
    default: record.word("default"),
    detail: isMap(detail) ? { ...detail } : {},
    agent: record.word("agent"),
    device: record.word("device"),
    device_name: nameOf(record.word("device")),
    asked_ms: record.number("at"),
    expires_ms: record.number("expires") || null,
    answer: given && {
      option: given.option,
      text: given.text,
      device: given.device,
      name: nameOf(given.device),
      at_ms: given.atMs,
    },
    outcome: found ? found.option || found.text : "",
  };
}
