// What this engine makes of records: what each shows and means, and what somebody would write into it. It decides
// nothing: who asks compares with vectors, or with Python.
import { Malformed } from "../engine/errors.js";
import { encodeBody } from "../engine/events/bodies.js";
import { byText, DocumentId, hex, unhex } from "../engine/names.js";
import type { Value } from "../engine/events/kinds.js";
import * as asks from "../engine/state/asks.js";
import { Document } from "../engine/state/documents.js";
import * as doorways from "../engine/state/doorways.js";
import * as drops from "../engine/state/drops.js";
import { excerpt } from "../engine/state/excerpts.js";
import * as handoffs from "../engine/state/handoffs.js";
import * as leases from "../engine/state/leases.js";
import * as memories from "../engine/state/memories.js";
import * as notes from "../engine/state/notes.js";
import * as projects from "../engine/state/projects.js";
import * as receipts from "../engine/state/receipts.js";
import * as records from "../engine/state/records.js";
import { Record, type Registers } from "../engine/state/records.js";
import { splices } from "../engine/state/rewording.js";
import * as sessions from "../engine/state/sessions.js";
import * as tasks from "../engine/state/tasks.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

/** A record out of JSON. */
export function recordOf({ document, registers, text = "" }: Question): Record {
  return new Record(DocumentId.parse(document), new Map<string, Value>(Object.entries(registers)), text);
}

function inHex(text: string): string {
  return Buffer.from(text, "base64").toString("hex");
}

function held(record: Record, nowMs: number, devices: readonly string[]): Question {
  const found = leases.holder(record);
  const lost = devices.flatMap((device) => leases.lost(record, device)).map((claim) => claim.name);
  return {
    holder: found?.name ?? null,
    acknowledged: found?.acknowledged ?? false,
    free: leases.isFree(record, nowMs),
    lost: lost.sort(byText),
  };
}

/** What a record of each type means at a time, in the form of tests/vectors/records. */
export const MEANS: { [kind: string]: (record: Record, nowMs: number, devices: readonly string[]) => Question } = {
  project: (record) => ({ name: new projects.Known([record]).name(record.document.text) }),
  session: (record) => ({ state: record.word("state"), goal: sessions.goalOf(record), checkpoints: pointsOf(record) }),
  handoff: (record, nowMs, devices) => {
    const remaining = record.listed("remaining");
    return { state: handoffs.state(record, nowMs), remaining, ...held(record, nowMs, devices) };
  },
  task: (record, nowMs, devices) => {
    return { state: tasks.state(record, nowMs), needs: tasks.needs(record), ...held(record, nowMs, devices) };
  },
  receipt: (record) => {
    const disputes = Object.fromEntries(receipts.disputes(record));
    return { state: record.word("state"), claims: receipts.counts(record), disputes };
  },
  ask: (record, nowMs) => {
    const [state, answer] = asks.state(record, nowMs);
    return { state, answer: answer?.option ?? null, by: answer?.device ?? null };
  },
  memory: (record, nowMs) => ({ state: memories.state(record, nowMs) }),
  decision: (record, nowMs) => ({ state: memories.state(record, nowMs) }),
  doorway: (record) => {
    const found = doorways.read(record, 1);
    if (!found) return null;
    const { certificate, sinceMs, holders } = found;
    const wraps = Object.fromEntries(holders.map((name) => [name, inHex(record.word(doorways.KEY + name))]));
    return { certificate: inHex(certificate), since_ms: sinceMs, wraps };
  },
  drop: (record) => {
    const { name, size, pieces, got } = drops.dropOf(record);
    return { name, size, pieces, got: Object.fromEntries(got) };
  },
};

function pointsOf(record: Record): Question {
  const found = sessions.checkpoints(record);
  return found.map(({ atMs, summary, open, files }) => ({ at_ms: atMs, summary, open, files }));
}

/** All that is read of a record, whatever its type. */
function factsOf(given: Question): Question {
  const { now_ms: nowMs, devices } = given;
  const record = recordOf(given);
  const found: Question = { claims: leases.claims(record), words: record.words(), tags: record.tags };
  for (const [kind, means] of Object.entries(MEANS)) {
    try {
      found[kind] = means(record, nowMs, devices);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      found[kind] = "Malformed";
    }
  }
  const seen = devices.map((device: string) => leases.unseen(record, device)?.name ?? null);
  const instead = leases.claims(record).map((claim) => leases.instead(record, claim)?.name ?? null);
  return { ...found, seen, instead, answers: asks.answers(record), taken: asks.taken(record) };
}

/** What somebody would write into a record. */
const WRITES: { [what: string]: (record: Record, ...given: never[]) => Registers } = {
  claimed: (record, name: string, who: leases.Who, untilMs: number, taking: boolean) =>
    leases.claimed(record, name, who, untilMs, taking),
  renewed: (record, untilMs: number) => leases.renewed(leases.holder(record)!, untilMs),
  ended: (record, end: leases.End, words: string) => leases.ended(leases.holder(record)!, end, words),
  closed: (record, name: string, who: leases.Who, end: leases.End, words: string) =>
    leases.closed(record, name, who, end, words),
  reopened: (record) => leases.reopened(record),
  seen: (record, device: string, nowMs: number) => leases.seen(leases.unseen(record, device)!, device, nowMs),
  set: (record, wanted: string, reason: string) => tasks.setState(record, wanted, reason),
  finished: (record, ending: Registers, words: string) => tasks.finished(record, ending, "", words),
  answering: (record, device: string, option: string, text: string, nowMs: number) =>
    asks.answering(record, device, option, text, nowMs),
  taking: (record, device: string, nowMs: number) => asks.taking(record, device, nowMs),
  superseding: (record, by: string) => memories.superseding(record, by),
  approved: (record) => memories.approved(record),
  "a task": (_, draft: tasks.Draft) => tasks.registers(draft),
  "a hand-off": (_, draft: handoffs.Draft, who: leases.Who, named: string[], atMs: number) =>
    handoffs.registers(draft, who, named, atMs),
  "an ask": (_, question: asks.Question) => asks.registers(question),
  "a drop": (_, drop: drops.Drop) => drops.registers(drop),
};

function noteOf({ document, born }: Question): Document {
  const [title, body, tags, path, salt] = born;
  return Document.born(DocumentId.parse(document), notes.birth(title, body, tags, path, unhex(salt)));
}

/** What this engine says to each question about records. */
export const RECORD_QUESTIONS: { [ask: string]: (given: Question) => unknown } = {
  facts: factsOf,
  writes: (given) => WRITES[given.what]!(recordOf(given), ...(given.given as never[])),
  read: ({ text }) => {
    const found = records.read(text);
    return { found, whole: Array.isArray(found) ? found.map((one) => (records.isWhole(one) ? one : null)) : null };
  },
  exactly: ({ text }) => records.exactly(text),
  said: ({ value }) => records.said(value),
  born: ({ kind, registers, text, salt }) => hex(encodeBody(records.birth(kind, registers, text, unhex(salt)))),
  note: ({ born: [title, body, tags, path, salt] }) => hex(encodeBody(notes.birth(title, body, tags, path, unhex(salt)))),
  "note edits": (given) => {
    const document = noteOf(given);
    const { add_tags: addTags, remove_tags: removeTags, ...wanted } = given.wanted;
    return notes.edits(document, { ...wanted, ...(addTags && { addTags }), ...(removeTags && { removeTags }) });
  },
  "record edits": ({ document, born, registers, text }) => {
    const [kind, begun, words] = born;
    const record = Document.born(DocumentId.parse(document), records.birth(kind, begun, words, new Uint8Array(16)));
    return records.edits(record, registers, text);
  },
  splices: ({ old, fresh }) => splices(old, fresh).map(({ position, deleted, inserted }) => [position, deleted, inserted]),
  excerpt: ({ text, words, most }) => excerpt(text, words, most),
  lacks: ({ draft }) => handoffs.lacks(draft),
  somebody: ({ to }) => handoffs.mustBeSomebody(to),
  rings: ({ found }) => tasks.rings(found.map(recordOf)).map((ring) => ring.map((one) => one.document.text)),
  order: ({ found }) => found.map(recordOf).sort(tasks.byUrgency).map((one: Record) => one.document.text),
  waits: ({ found }) => {
    const known: Record[] = found.map(recordOf);
    const named = new Map(known.map((one) => [one.document.text, one]));
    return known.map((one) => tasks.waitsFor(one, named));
  },
  "hand-offs": ({ found, now_ms: nowMs, device }) => {
    const known: Record[] = found.map(recordOf);
    const later = handoffs.superseded(known);
    return known.map((one) => {
      const anew = later.get(one.document.text);
      const overtaken = anew ? handoffs.overtaken(one, anew, device) : null;
      const isFor = handoffs.isFor(one, leases.person(device));
      return [handoffs.state(one, nowMs, anew !== undefined), overtaken?.name ?? null, isFor];
    });
  },
  unreported: ({ found }) => receipts.unreported(found.map(recordOf)).map((one) => one.document.text),
  projects: ({ found, asked }) => {
    const known = new projects.Known(found.map(recordOf));
    return asked.map((said: string) => [known.name(said), known.meant(said).map((one) => one.document.text)]);
  },
  rows: ({ bytes }) => {
    const chunks = drops.unpacked(unhex(bytes));
    return [chunks.map(({ digest, size }) => [digest, size]), hex(drops.packed(chunks))];
  },
};
