// Calls about memories: which there are, and what the person makes of those of agents; as mesh/node/calls_memories.py.
//
// Nothing is remembered from here; a memory is never rewritten.
import { DocumentId } from "../../names.js";
import type { Calls } from "../../port.js";
import type * as rows from "../../rows.js";
import * as memories from "../../state/memories.js";
import { TITLE } from "../../state/records.js";
import * as keeping from "../keeping.js";
import type { RecordRow } from "../store_port.js";
import { type Handlers, nowMs, type Phone } from "./phone.js";

const LIST_DEFAULT = 100;
const SHOWN: readonly string[] = [...memories.USABLE, memories.PENDING];

/** The calls. */
export const MEMORIES: Handlers<"memory.list" | "memory.approve" | "memory.reject"> = {
  "memory.list": listed,
  "memory.approve": approve,
  "memory.reject": reject,
};

/** Memories that count and those that wait, the latest first; `pending`: those that wait for the person. */
async function listed(phone: Phone, given: Calls["memory.list"][0]): Promise<Calls["memory.list"][1]> {
  const rows = await keeping.listed(phone, memories.TYPES);
  const wanted = given.pending ? [memories.PENDING] : SHOWN;
  const found = rows.map((row) => told(phone, row)).filter((one) => wanted.includes(one.state));
  return { memories: keeping.paged(found, (one) => one.document, given, LIST_DEFAULT) };
}

/** A memory; its title are its words, whole. */
export function told(phone: Phone, row: RecordRow): rows.RecordRow {
  const { record } = row;
  const title = record.word("words") || record.word(TITLE);
  return { ...keeping.told(phone, row), title, state: memories.state(record, nowMs(phone)) };
}

/** Stand for a memory of an agent; what it supersedes gives way now. */
async function approve(phone: Phone, given: Calls["memory.approve"][0]): Promise<Calls["memory.approve"][1]> {
  const { record, updated } = await keeping.chosen(phone, given.id, memories.TYPES);
  const changes: [DocumentId, keeping.Wanted][] = [[record.document, memories.approved]];
  const before = record.word("supersedes");
  if (before) changes.push([DocumentId.parse(before), (old) => memories.superseding(old, record.document.text)]);
  const event = await keeping.changedTogether(phone, changes);
  return { document: given.id, event: event ?? updated.event };
}

/** Do away with a memory; it stays in the log. */
async function reject(phone: Phone, given: Calls["memory.reject"][0]): Promise<Calls["memory.reject"][1]> {
  const { record, updated } = await keeping.chosen(phone, given.id, memories.TYPES);
  const event = await keeping.changed(phone, record.document, memories.rejected);
  return { document: given.id, event: event ?? updated.event };
}
