// Saying: which grant lets a draft through, and which key it is written under; as mesh/sync/saying.py has it, for a
// member: it says no statements.
//
// The first of the two gates that every event passes. Nothing here changes anything; what is refused was never said.
import { NotGranted, Refused } from "../errors.js";
import type { Keyring } from "../events/seal.js";
import type { Draft } from "../events/speaking.js";
import type { Verdict } from "../events/verdict.js";
import { type Digest, type Short, short } from "../names.js";

/** The draft with the grant that lets it through. Throws NotGranted. */
export function granted(verdict: Verdict, admission: Digest, draft: Draft, timeMs: number): Draft {
  const { body, document, agent } = draft;
  if (verdict.closes.has(admission)) {
    throw new NotGranted(
      "this device was taken out of the mesh; nothing it says from now on counts",
      "On another device, `mesh phone add` lets it in again with new keys.",
    );
  }
  const inner = { timeMs, kind: body.kind, agent, document, grant: "" };
  const grant = verdict.isLive(admission) ? verdict.grantFor(admission, inner) : null;
  if (grant === null) {
    const where = document?.text ?? "no document";
    throw new NotGranted(
      `no grant lets ${agent || "this device"} say '${body.kind}' in ${where}`,
      "An admin device sees with `mesh grants` who may write what, and grants more.",
    );
  }
  return { ...draft, grant };
}

/** The latest epoch whose key is here: another admin's may come late, and all who read this one are live. */
export function epochToWrite(verdict: Verdict, keyring: Keyring): Short {
  const found = verdict.epochs().map(short).find((epoch) => keyring.holds(epoch));
  if (found !== undefined) return found;
  throw new Refused(
    "no key to write under is on this device",
    "Open the app once where an admin device is in reach; it hands the key over.",
  );
}
