// Who is at work on another device, as it tells; as the messages of mesh/node/presence.py.
//
// It is in no log and decides nothing. A phone has no agents: it tells nothing of the kind.
import { Malformed } from "../errors.js";
import { decode as decodeCbor, expectTypes } from "../events/cbor.js";
import { PRESENCE_BYTES_MAX, PRESENCE_MAX, WORD_REGISTER_BYTES_MAX } from "../limits.js";
import { DocumentId, utf8 } from "../names.js";
import type { Peer } from "./inputs.js";

/** What a device tells with. */
export const VERB = "presence";

/** One session that is at work. */
export interface AtWork {
  readonly session: string;
  readonly agent: string;
  /** What the project is called. */
  readonly project: string;
  readonly state: string;
  /** When it came into that state, by its device's clock. */
  readonly sinceMs: number;
}

/** Read what a device told. Throws Refused. */
export function decode(raw: Uint8Array): AtWork[] {
  const value = decodeCbor(raw, PRESENCE_BYTES_MAX, "a list of agents at work");
  if (!Array.isArray(value) || value.length > PRESENCE_MAX) {
    throw new Malformed(`not a list of at most ${PRESENCE_MAX} agents at work`);
  }
  return value.map((one) => {
    const types = ["text", "text", "text", "text", "int"] as const;
    const [session, agent, project, state, sinceMs] = expectTypes(one, "an agent at work", types);
    DocumentId.parse(session);
    if ([session, agent, project, state].some((text) => utf8(text).length > WORD_REGISTER_BYTES_MAX)) {
      throw new Malformed("an agent at work is told of in words that are too long");
    }
    return { session, agent, project, state, sinceMs };
  });
}

/** Who is at work on the devices in reach. */
export class Presence {
  readonly #others = new Map<Peer, readonly AtWork[]>();

  /** A device told who is at work there. */
  learned(device: Peer, told: readonly AtWork[]): void {
    this.#others.set(device, told);
  }

  /** A device is out of reach: what it told says nothing of now. */
  parted(device: Peer): void {
    this.#others.delete(device);
  }

  /** Whether a session is at work on a device in reach. */
  atWork(session: string): boolean {
    return [...this.#others.values()].some((told) => told.some((one) => one.session === session));
  }
}
