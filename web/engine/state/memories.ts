// Memories: one fact, decision, preference, pitfall or procedure each, in one line that nobody rewrites; as
// mesh/state/memories.py has it.
//
// What changes is another memory that supersedes it. A person's word is approved by itself; an agent's waits where it
// would hold everywhere. This module reads no clock and no file; of a phone nobody asks to remember, only to approve.
import { Refused } from "../errors.js";
import { type Record, type Registers, STATE } from "./records.js";

export const [KIND, DECISION] = ["memory", "decision"] as const;
export const TYPES: readonly string[] = [KIND, DECISION];
/** What the register says: it waits for a person; it is usable, and nobody approved it; a person does, or does not. */
export const [PENDING, NOTED, APPROVED, REJECTED] = ["pending", "noted", "approved", "rejected"] as const;
/** What follows from other registers and the time. */
export const [SUPERSEDED, EXPIRED] = ["superseded", "expired"] as const;
export const USABLE: readonly string[] = [NOTED, APPROVED];
const BY = "superseded-by";

/** What a memory counts for now. */
export function state(record: Record, nowMs: number): string {
  const [own, expires] = [record.word(STATE), record.number("expires")];
  if (own === REJECTED) return REJECTED;
  if (record.word(BY)) return SUPERSEDED;
  if (expires > 0 && expires <= nowMs) return EXPIRED;
  return own === NOTED || own === APPROVED ? own : PENDING;
}

/** The register by which a memory gives way to another one. Throws Refused when one did so already. */
export function superseding(old: Record, fresh: string): Registers {
  const by = old.word(BY);
  if (by && by !== fresh) {
    throw new Refused(`${old.document.text} is superseded already, by ${by}`, `Supersede ${by} instead.`);
  }
  return { [BY]: fresh };
}

/** The register by which a person stands for a memory. Throws Refused. */
export function approved(record: Record): Registers {
  if (record.word(STATE) === REJECTED) {
    throw new Refused(`${record.document.text} was rejected`, "It has to be said anew, on a device with a command line.");
  }
  return { [STATE]: APPROVED };
}

/** The register by which a person does away with a memory. */
export function rejected(): Registers {
  return { [STATE]: REJECTED };
}
