// The replica as the log has it at start; as mesh/node/booting.py has it. It reads no store itself.
import { Trail, headKey } from "../clocks/chain.js";
import { Chains, type Tipped } from "../events/chains.js";
import { type Opened, wrapIn } from "../events/epochs.js";
import { hex, short } from "../names.js";
import type { Keyring } from "../events/seal.js";
import type { Speaker } from "../events/speaking.js";
import { admitted } from "../events/verdict.js";
import { Missing } from "../sync/missing.js";
import { Replica } from "../sync/replica.js";
import type { Boot } from "./store_port.js";

/** Opens what was wrapped for this phone, with its wrapping key; null where it does not open. */
export type Open = (wrapped: Uint8Array) => Promise<Uint8Array | null>;

/** Nobody's: until the admission of a chain is read. */
const NO_KEY = new Uint8Array(0);

/** A replica as the log has it. `open` is asked for the keys of epochs that are not in the keyring. */
export async function replicaOf(own: Speaker, keyring: Keyring, boot: Boot, open: Open): Promise<Replica> {
  const chains = new Chains(own.mesh);
  for (const [name, [admission, lane]] of boot.openings) {
    const tips = new Map<string, Tipped>();
    for (const head of boot.tips.get(name) ?? []) {
      tips.set(headKey(head), { head, lamport: boot.tipLamports.get(head.digest)! });
    }
    const trail = new Trail(boot.trails.get(name) ?? []);
    chains.add(name, { admission, lane, key: NO_KEY, tips, trail });
  }
  const locked = boot.control.filter(({ digest }) => !keyring.holds(short(digest)));
  const wraps = locked.flatMap(({ event }) => wrapIn(event, own.admission) ?? []);
  const replica = new Replica(own, keyring, chains, boot.control, await openedBy(open, wraps));
  for (const [name, chain] of chains.chains) {
    const found = admitted(replica.statements.get(chain.admission));
    chains.add(name, { ...chain, key: found?.signKey ?? NO_KEY });
  }
  replica.missing = new Missing(boot.missingBodies);
  return replica;
}

/** What of these opens. */
export async function openedBy(open: Open, wraps: readonly Uint8Array[]): Promise<Opened> {
  const found = new Map<string, Uint8Array | null>();
  for (const wrapped of wraps) found.set(hex(wrapped), await open(wrapped));
  return found;
}
