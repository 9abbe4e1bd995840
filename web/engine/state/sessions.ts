// Sessions: one run of an agent's tool on one device, as the tool itself counts them, and how it stands; as
// mesh/state/sessions.py has it.
//
// Only what changes a session's state is written; that it is at work this very minute is presence, which nobody keeps.
// A phone has no tools: it reads sessions, and never begins or resumes one.
import { byText } from "../names.js";
import { isWhole, type JsonMap, type Record, textsOf, TITLE } from "./records.js";

export const KIND = "session";
export const CHECKPOINT = "checkpoint/";

export const [WORKING, WAITING_INPUT, WAITING_PERMISSION] = ["working", "waiting_input", "waiting_permission"] as const;
export const [RATE_LIMITED, IDLE, ENDED, ORPHANED] = ["rate_limited", "idle", "ended", "orphaned"] as const;
export const OPEN: readonly string[] = [WORKING, WAITING_INPUT, WAITING_PERMISSION, RATE_LIMITED, IDLE];

/** What a session had come to at some time, written before its tool forgets. */
export interface Checkpoint {
  readonly atMs: number;
  readonly summary: string;
  readonly open: string[];
  readonly files: string[];
}

/** The checkpoints of a session, the latest first; what cannot be read is none. */
export function checkpoints(record: Record): Checkpoint[] {
  const found = [...record.saids(CHECKPOINT)].sort(([one], [other]) => byText(other, one));
  return found.flatMap(([, value]) => checkpointOf(value));
}

/** What a session is for: as it was given, else what it does now. */
export function goalOf(record: Record): string {
  return record.word("goal") || record.word(TITLE);
}

function checkpointOf(value: JsonMap): Checkpoint[] {
  const { at, summary, open, files } = value;
  if (!isWhole(at) || typeof summary !== "string") return [];
  return [{ atMs: at, summary, open: textsOf(open), files: textsOf(files) }];
}
