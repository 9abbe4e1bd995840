// Bodies that are not here, and whom to ask for them when: again and again, but ever more rarely where it is in vain;
// as mesh/sync/missing.py has it.
//
// Whoever comes anew, or brought some, is asked at once. Time is counted in ticks of the anti-entropy; this module reads
// no clock and knows no event.
import { sha256 } from "@noble/hashes/sha2.js";
import { BODY_AGAIN_TICKS_MAX } from "../limits.js";
import { type Digest, hex } from "../names.js";
import type { Peer } from "./inputs.js";
import type { Body } from "./messages.js";

/** How many ticks to wait the next time, and until when now. */
interface Again {
  readonly wait: number;
  readonly until: number;
}

/** Event -> digest of its body, in the order in which they are asked for. */
export class Missing extends Map<Digest, Digest> {
  #ticks = 0;
  readonly #asked = new Map<Peer, Map<Digest, Again>>();

  /** Which of these were missing. What did not fit into this answer may be in the next one. */
  brought(peer: Peer, bodies: readonly Body[]): Body[] {
    const found = bodies.filter(([event, body]) => this.fill(event, body));
    if (found.length > 0) this.anew(peer);
    return found;
  }

  /** Whether this is a body that was missing; then it is not any more. */
  fill(event: Digest, body: Uint8Array): boolean {
    return this.has(event) && this.get(event) === hex(sha256(body)) && this.delete(event);
  }

  /** The bodies to ask a peer for now. They move to the end: what nobody has must not stand before the others. */
  due(peer: Peer, most: number): Digest[] {
    const asked = new Map([...(this.#asked.get(peer) ?? [])].filter(([event]) => this.has(event)));
    const chosen: Digest[] = [];
    for (const event of this.keys()) {
      if (chosen.length === most) break;
      if ((asked.get(event)?.until ?? 0) <= this.#ticks) chosen.push(event);
    }
    for (const event of chosen) {
      const body = this.get(event)!;
      this.delete(event);
      this.set(event, body);
      const wait = asked.get(event)?.wait ?? 1;
      asked.set(event, { wait: Math.min(2 * wait, BODY_AGAIN_TICKS_MAX), until: this.#ticks + wait });
    }
    this.#asked.set(peer, asked);
    return chosen;
  }

  /** Ask a peer for everything again: it came, was gone, or brought something. */
  anew(peer: Peer): void {
    this.#asked.delete(peer);
  }

  /** Some time went by. */
  tick(): void {
    this.#ticks += 1;
  }
}
