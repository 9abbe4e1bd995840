// Receipts of work: what a session changed, what is claimed of it, what was not done; as mesh/state/receipts.py has it.
//
// They are filed once and for ever. A phone files none and weighs no claim: it reads what others' machines saw.
import { type JsonMap, type Record, STATE } from "./records.js";

export const KIND = "receipt";
export const [FILED, UNREPORTED] = ["filed", "unreported"] as const;
export const [VERIFIED, INFERRED, ASSERTED] = ["verified", "inferred", "asserted"] as const;
export const DISPUTE = "dispute/";

const STATUSES = [VERIFIED, INFERRED, ASSERTED] as const;

/** How many claims of a receipt are verified, inferred and asserted. A status that nobody knows is asserted. */
export function counts(record: Record): { verified: number; inferred: number; asserted: number } {
  const found = { verified: 0, inferred: 0, asserted: 0 };
  for (const claim of record.maps("claims")) found[STATUSES.find((one) => one === claim["status"]) ?? ASSERTED] += 1;
  return found;
}

/** Who disputes what of a receipt: by name of the dispute `claim` (its number from 0, or -1: all of it), `words`. */
export function disputes(record: Record): Map<string, JsonMap> {
  return record.saids(DISPUTE);
}

/** The drafts among receipts that no receipt stands for yet. */
export function unreported(records: readonly Record[]): Record[] {
  const filed = records.filter((record) => record.word(STATE) === FILED);
  const replaced = new Set(filed.map((record) => record.word("replaces")));
  const isTold = (draft: Record) => filed.some((one) => {
    const session = draft.word("session");
    return session !== "" && one.word("session") === session && one.number("at") >= draft.number("at");
  });
  const drafts = records.filter((record) => record.word(STATE) === UNREPORTED);
  return drafts.filter((record) => !replaced.has(record.document.text) && !isTold(record));
}
