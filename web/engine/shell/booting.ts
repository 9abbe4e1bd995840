// The replica as the log has it at start; as mesh/node/booting.py has it. It reads no store itself.
import { sha256 } from "@noble/hashes/sha2.js";
import { Trail, headKey } from "../clocks/chain.js";
import { Chains, type Tipped } from "../events/chains.js";
import { type Opened, wrapIn } from "../events/epochs.js";
import type { Proven } from "../events/reading.js";
import { DIGEST_BYTES } from "../limits.js";
import { hex, joined, short, unhex } from "../names.js";
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
  const replica = new Replica(own, keyring, chains, boot.control, await openedBy(open, wraps), provenIn(boot));
  for (const [name, chain] of chains.chains) {
    const found = admitted(replica.statements.get(chain.admission));
    chains.add(name, { ...chain, key: found?.signKey ?? NO_KEY });
  }
  replica.missing = new Missing(boot.missingBodies);
  return replica;
}

/** The setting with the digests of events whose keys were checked here. */
const PROVEN = "proven";

function provenIn({ settings }: Pick<Boot, "settings">): Proven {
  const kept = settings.get(PROVEN) ?? new Uint8Array(0);
  const starts = Array.from({ length: kept.length / DIGEST_BYTES }, (_, at) => at * DIGEST_BYTES);
  return new Set(starts.map((start) => hex(kept.subarray(start, start + DIGEST_BYTES))));
}

/** Whose keys were checked, kept beside the log: to check them takes a slow phone longer than all else of a start. */
export class Checked {
  #kept: number;

  /** As the store has it. */
  constructor(boot: Pick<Boot, "settings"> = { settings: new Map() }) {
    this.#kept = provenIn(boot).size;
  }

  /** What the next commit is to keep of it: nothing, where it keeps all. */
  fresh({ proven }: Replica): (readonly [string, Uint8Array])[] {
    if (proven.size === this.#kept) return [];
    this.#kept = proven.size;
    return [[PROVEN, joined(...[...proven].map(unhex))]];
  }
}

/** What everything is weighed by: the verdict, and which keys are here. */
export function scaleOf({ keyring, verdictDigest }: Replica): Uint8Array {
  return sha256(joined(unhex(verdictDigest), ...[...keyring.keys.keys()].sort().map(unhex)));
}

/** What of these opens. */
export async function openedBy(open: Open, wraps: readonly Uint8Array[]): Promise<Opened> {
  const found = new Map<string, Uint8Array | null>();
  for (const wrapped of wraps) found.set(hex(wrapped), await open(wrapped));
  return found;
}
