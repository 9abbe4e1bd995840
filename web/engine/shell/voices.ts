// Which chain of its own the phone speaks on, as a setting of its store; as mesh/node/voices.py has it, for the data lane.
//
// A setting is a chain, or the reason why a new one must be opened before anything is said. The log alone could not tell:
// after a restore the others bring back what was written since, and the chain that looks newest is the old one. This
// module never writes anything itself.
import type { Reason } from "../events/kinds.js";
import { DIGEST_BYTES } from "../limits.js";
import { type Digest, hex, unhex } from "../names.js";

/** Under which name it is kept. */
export const VOICE = "voice/data";

const TEXT = new TextDecoder();
const REASONS: readonly Reason[] = ["new", "restored", "moved"];

/** Where to speak: on a chain, or on a new one for a reason. */
export interface Speaks {
  readonly chain: Digest | null;
  readonly reason: Reason;
}

/** What to keep in the commit that opens this chain. */
export function settings(chain: Digest): [string, Uint8Array] {
  return [VOICE, unhex(chain)];
}

/** The chain to speak on; or, where one must be opened, why. */
export function read(kept: ReadonlyMap<string, Uint8Array>): Speaks {
  const value = kept.get(VOICE);
  if (value?.length === DIGEST_BYTES) return { chain: hex(value), reason: "new" };
  const said = value ? TEXT.decode(value) : "";
  return { chain: null, reason: REASONS.find((one) => one === said) ?? "new" };
}
