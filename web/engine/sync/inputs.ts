// What a replica is told, and what it wants done: inputs and effects, as plain values; as mesh/sync/inputs.py has it.
//
// This module has no behaviour.
import type { Head } from "../clocks/chain.js";
import type { Held } from "../events/chains.js";
import type { Opened } from "../events/epochs.js";
import type { Placed } from "../events/event.js";
import type { Reason } from "../events/kinds.js";
import type { Draft } from "../events/speaking.js";
import type { Digest } from "../names.js";
import type { Body, Have, Message, Push, Want } from "./messages.js";

/** A device as the bus names it. `?` is a guest at our server; `?` and an address is a server where we are one. */
export type Peer = string;

export const GUEST: Peer = "?";

/** Whether only control events are traded with this peer. */
export function isGuest(peer: Peer): boolean {
  return peer.startsWith(GUEST);
}

/** What somebody at this device wants to say, in the data lane. `entropy`: 16 + 24 random bytes a draft. */
export interface Said {
  readonly drafts: readonly Draft[];
  readonly timeMs: number;
  readonly entropy: Uint8Array;
  readonly reason?: Reason;
}

/** What was drafted of something said is signed now: it is said. */
export interface Spoken {
  readonly input: "spoken";
  readonly commit: readonly Placed[];
}

/** A message came from a peer. */
export interface Heard {
  readonly input: "heard";
  readonly peer: Peer;
  readonly message: Message;
  /** Answers `Replica.unsure(message)` from the log. */
  readonly held: Held;
  /** Answers `Replica.wraps(message)` by the device's wrapping key. */
  readonly opened: Opened;
}

/** A link to a peer came up, or it is time to compare again. */
export interface Met {
  readonly input: "met";
  readonly peer: Peer;
}

/** A peer does not answer, or its link is gone: what was asked of it may be asked of others. */
export interface Lost {
  readonly input: "lost";
  readonly peer: Peer;
}

/** Some time went by (anti-entropy period): compare with everybody, give up what does not move. */
export interface Ticked {
  readonly input: "ticked";
}

export type Input = Spoken | Heard | Met | Lost | Ticked;

/** A chain, and the event in it that more than one other stands on: restored from a backup, or stolen? */
export type Fork = readonly [chain: Digest, after: Head];

/** What the shell must do, in this order. */
export interface Effects {
  /** May go out before the append: a question promises nothing. */
  readonly ask: readonly (readonly [Peer, Want])[];
  readonly append: readonly Placed[];
  /** Event -> body that was missing. */
  readonly bodies: readonly Body[];
  readonly serve: readonly (readonly [Peer, Want])[];
  /** Null: everybody met. */
  readonly send: readonly (readonly [Peer | null, Have | Push])[];
  /** Compare with these again soon. */
  readonly meet: ReadonlySet<Peer>;
  /** The verdict or the keys changed: what is not honoured must be weighed again. */
  readonly judged: boolean;
  readonly alarms: readonly string[];
  readonly forks: readonly Fork[];
  /** Runs of this message that did not hold; they changed nothing. */
  readonly refused: number;
}

/** Nothing to do. */
export const NOTHING: Effects = {
  ask: [],
  append: [],
  bodies: [],
  serve: [],
  send: [],
  meet: new Set(),
  judged: false,
  alarms: [],
  forks: [],
  refused: 0,
};
