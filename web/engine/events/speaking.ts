// Speaking: how a draft becomes an event: sealed, chained, signed; as mesh/events/speaking.py has it.
//
// Time and randomness come in as arguments; signatures are awaited, for a browser signs in its own time. Who speaks has
// asked the verdict before; this module decides nothing.
import { sha256 } from "@noble/hashes/sha2.js";
import { eventDigest, type Head, openingDigest, sameHead, signedBytes, START } from "../clocks/chain.js";
import { tick } from "../clocks/lamport.js";
import { TooLarge } from "../errors.js";
import { BODY_PLAIN_BYTES_MAX, NONCE_BYTES, SIGNED_RUN_BYTES_MAX, SIGNED_RUN_EVENTS_MAX } from "../limits.js";
import { type Digest, type DocumentId, hex, type Short, ZERO } from "../names.js";
import { encodeBody } from "./bodies.js";
import { CLEAR, encodeHeader, encodeInner, type Event, Lane, type Placed, type Run, VERSION } from "./event.js";
import type { DataBody, Reason } from "./kinds.js";
import { type Keyring, padBody, padInner } from "./seal.js";

/** Signs bytes that begin with a domain of ours, with the device's identity key. */
export type Sign = (message: Uint8Array) => Promise<Uint8Array>;

/** Random bytes that one sealed event takes: a nonce for the header, one for the body. */
export const NONCES_BYTES = 2 * NONCE_BYTES;

/** What somebody wants to say; it has no place, no time and no signature yet. */
export interface Draft {
  readonly body: DataBody;
  readonly document: DocumentId | null;
  readonly agent: string;
  readonly grant: Short;
}

/** A draft of the person at this device, before a grant was found for it. */
export function draftOf(body: DataBody, document: DocumentId | null = null, agent = ""): Draft {
  return { body, document, agent, grant: CLEAR };
}

/** Who speaks: a device of a mesh. */
export interface Speaker {
  readonly mesh: Digest;
  readonly admission: Digest;
  readonly signKey: Uint8Array;
}

/** The end of an own data chain. It moves with every event that is said. */
export class Voice {
  /** Go on at a place of a chain; without one, a chain is opened by what is said first. */
  constructor(
    readonly speaker: Speaker,
    public chain: Digest = ZERO,
    public head: Head = START,
    public lamport = 0,
  ) {}

  /** The opening of the chain: its one clear event. */
  open(reason: Reason, salt: Uint8Array, timeMs: number, heard: number): Placed {
    const { admission } = this.speaker;
    const draft = draftOf({ kind: "opening", admission, lane: Lane.DATA, reason, salt });
    return this.#next(plainOf(draft), CLEAR, innerOf(draft, timeMs), heard);
  }

  /** A sealed event. */
  say(draft: Draft, timeMs: number, heard: number, keyring: Keyring, epoch: Short, nonces: Uint8Array): Placed {
    const seq = this.head.seq + 1;
    const [forHeader, forBody] = [nonces.slice(0, NONCE_BYTES), nonces.slice(NONCE_BYTES, NONCES_BYTES)];
    const body = keyring.seal(epoch, this.chain, seq, "body", padBody(plainOf(draft)), forBody);
    const inner = keyring.seal(epoch, this.chain, seq, "header", padInner(innerOf(draft, timeMs)), forHeader);
    return this.#next(body, epoch, inner, heard);
  }

  #next(body: Uint8Array, epoch: Short, inner: Uint8Array, heard: number): Placed {
    const { mesh, admission, signKey } = this.speaker;
    this.lamport = tick(this.lamport, heard);
    const named = { bodyDigest: hex(sha256(body)), bodyBytes: body.length };
    const header = { version: VERSION, lamport: this.lamport, epoch, ...named, inner, extensions: new Map() };
    const [raw, parent] = [encodeHeader(header), this.head];
    const opens = sameHead(parent, START);
    const digest = opens ? openingDigest(mesh, signKey, raw) : eventDigest(this.chain, parent, raw);
    if (opens) this.chain = digest;
    this.head = { seq: parent.seq + 1, digest };
    const place = { chain: this.chain, admission, lane: Lane.DATA, seq: this.head.seq, parent: parent.digest, digest };
    return { ...place, header, event: { header: raw, body }, signature: null };
  }
}

function plainOf({ body }: Draft): Uint8Array {
  const plain = encodeBody(body);
  if (plain.length > BODY_PLAIN_BYTES_MAX) {
    throw new TooLarge(`it has ${plain.length} bytes; one event holds at most ${BODY_PLAIN_BYTES_MAX}`);
  }
  return plain;
}

function innerOf({ body, agent, document, grant }: Draft, timeMs: number): Uint8Array {
  return encodeInner({ timeMs, kind: body.kind, agent, document, grant });
}

/** A commit with its signatures: on the last event, and before a run grows over its limits. */
export async function signed(commit: readonly Placed[], sign: Sign): Promise<Placed[]> {
  const done: Placed[] = [];
  let [events, size] = [0, 0];
  for (const [place, placed] of commit.entries()) {
    const following = commit[place + 1];
    [events, size] = [events + 1, size + eventBytes(placed.event)];
    const full =
      following &&
      (events >= SIGNED_RUN_EVENTS_MAX || size + eventBytes(following.event) > SIGNED_RUN_BYTES_MAX);
    const ends = !following || following.chain !== placed.chain || full;
    const { chain, seq, digest } = placed;
    done.push({ ...placed, signature: ends ? await sign(signedBytes(chain, { seq, digest })) : null });
    if (ends) [events, size] = [0, 0];
  }
  return done;
}

/** The bytes of an event's header and body. */
export function eventBytes({ header, body }: Event): number {
  return header.length + (body?.length ?? 0);
}

/** The bytes of several events. */
export function bytesOf(placed: readonly Placed[]): number {
  return placed.reduce((sum, { event }) => sum + eventBytes(event), 0);
}

/** The signed runs that consecutive events of chains make up, as they travel. */
export function runs(placed: readonly Placed[]): Run[] {
  const found: Run[] = [];
  let begun: Placed[] = [];
  for (const event of placed) {
    begun.push(event);
    if (!event.signature) continue;
    const { seq, parent } = begun[0]!;
    const after = { seq: seq - 1, digest: parent };
    found.push({ chain: event.chain, after, events: begun.map((one) => one.event), signature: event.signature });
    begun = [];
  }
  if (begun.length > 0) throw new Error(`${begun.length} events without a signature`); // a bug of ours
  return found;
}

/** The same events in as few runs as fit: a later signature stands for the earlier events of its chain too. */
export function joinedRuns(placed: readonly Placed[]): Run[] {
  const found: Run[] = [];
  let size = 0;
  for (const run of runs(placed)) {
    const more = run.events.reduce((sum, event) => sum + eventBytes(event), 0);
    const last = found.at(-1);
    const follows = last?.chain === run.chain && last.after.seq + last.events.length === run.after.seq;
    const events = last && follows ? [...last.events, ...run.events] : run.events;
    if (last && follows && events.length <= SIGNED_RUN_EVENTS_MAX && size + more <= SIGNED_RUN_BYTES_MAX) {
      found[found.length - 1] = { ...last, events, signature: run.signature };
      size += more;
    } else {
      found.push(run);
      size = more;
    }
  }
  return found;
}
