// Everything that one device says to another about the log, and its bytes; as mesh/sync/messages.py has it.
//
// Talk descends: Have is answered by Want, Want by Push, Push by nothing. This module decides nothing about events.
import { byHead, type Head } from "../clocks/chain.js";
import { type Frontier, inOrder, type Span, window } from "../clocks/frontier.js";
import { Malformed, TooLarge } from "../errors.js";
import { asHex, encode as encodeCbor, expectTypes, fields, type Plain } from "../events/cbor.js";
import type { Event, Run } from "../events/event.js";
import {
  BODY_BYTES_MAX,
  CHAIN_HEADS_MAX,
  DIGEST_BYTES,
  HAVE_CHAINS_MAX,
  HEADER_BYTES_MAX,
  PUSH_BYTES_MAX,
  SIGNATURE_BYTES,
  TRAIL_HEADS_MAX,
  WANT_BODIES_MAX,
  WANT_SPANS_MAX,
} from "../limits.js";
import { type Digest, unhex } from "../names.js";

/** The tips of all chains that I hold, lane by lane, and what they add up to. */
export interface Have {
  readonly message: "have";
  readonly control: Frontier;
  /** Guests name none. */
  readonly data: Frontier;
  readonly state: Digest;
  readonly verdict: Digest;
  /** I have not heard yours. */
  readonly asks: boolean;
}

/** The spans that I lack, and single bodies by the digests of their events. */
export interface Want {
  readonly message: "want";
  readonly spans: readonly Span[];
  readonly bodies: readonly Digest[];
}

/** Signed runs of events, and single bodies. `answer`: to a Want, rather than news. */
export interface Push {
  readonly message: "push";
  readonly runs: readonly Run[];
  readonly bodies: readonly Body[];
  readonly answer: boolean;
}

/** The body of an event, by the event's digest. */
export type Body = readonly [event: Digest, body: Uint8Array];

export type Message = Have | Want | Push;

/** What of two frontiers one Have tells: all that fits, and where it does not, another part at each turn. */
export function told(control: Frontier, data: Frontier, turn: number): { control: Frontier; data: Frontier } {
  return {
    control: window(control, HAVE_CHAINS_MAX / 2, CHAIN_HEADS_MAX, turn),
    data: window(data, HAVE_CHAINS_MAX, CHAIN_HEADS_MAX, turn),
  };
}

/** A message's canonical bytes. */
export function encode(message: Message): Uint8Array {
  if (message.message === "have") {
    const { control, data, state, verdict, asks } = message;
    return encodeCbor([frontierList(control), frontierList(data), unhex(state), unhex(verdict), asks]);
  }
  if (message.message === "want") {
    const spans = message.spans.map(({ chain, target, after }) => [unhex(chain), headList(target), after.map(headList)]);
    return encodeCbor([spans, message.bodies.map(unhex)]);
  }
  const runs = message.runs.map(({ chain, after, events, signature }) => {
    return [unhex(chain), headList(after), events.map(({ header, body }) => [header, body]), signature];
  });
  return encodeCbor([runs, message.bodies.map(([event, body]) => [unhex(event), body]), message.answer]);
}

/** Read a Have. Throws Refused. */
export function decodeHave(raw: Uint8Array): Have {
  const types = ["list", "list", "bytes", "bytes", "bool"] as const;
  const [control, data, state, verdict, asks] = fields(raw, PUSH_BYTES_MAX, "a Have", types);
  const tips = { control: readFrontier(control), data: readFrontier(data) };
  return { message: "have", ...tips, state: asDigest(state), verdict: asDigest(verdict), asks };
}

/** Read a Want. Throws Refused. */
export function decodeWant(raw: Uint8Array): Want {
  const [spans, bodies] = fields(raw, PUSH_BYTES_MAX, "a Want", ["list", "list"]);
  return {
    message: "want",
    spans: bounded(spans, WANT_SPANS_MAX, "spans").map(span),
    bodies: bounded(bodies, WANT_BODIES_MAX, "bodies").map(asDigest),
  };
}

/** Read a Push. Throws Refused. The events in it are not checked here. */
export function decodePush(raw: Uint8Array): Push {
  const [runs, bodies, answer] = fields(raw, PUSH_BYTES_MAX, "a Push", ["list", "list", "bool"]);
  return {
    message: "push",
    runs: bounded(runs, WANT_SPANS_MAX, "runs").map(run),
    bodies: bounded(bodies, WANT_BODIES_MAX, "bodies").map(bodyOf),
    answer,
  };
}

/** Read a message of a kind. Throws Refused. */
export function decode(kind: Message["message"], raw: Uint8Array): Message {
  return { have: decodeHave, want: decodeWant, push: decodePush }[kind](raw);
}

function bounded(value: readonly Plain[], most: number, what: string): readonly Plain[] {
  if (value.length > most) throw new TooLarge(`${value.length} ${what} in one message; at most ${most} are allowed`);
  return value;
}

/** A decoded value as a digest. Throws Malformed. */
export function asDigest(value: Plain): Digest {
  return asHex(value, DIGEST_BYTES, "a digest");
}

function headList({ seq, digest }: Head): Plain {
  return [seq, unhex(digest)];
}

function head(value: Plain): Head {
  const [seq, digest] = expectTypes(value, "a head", ["int", "bytes"]);
  if (seq < 0) throw new Malformed("a sequence number is out of range");
  return { seq, digest: asDigest(digest) };
}

/** A frontier as it is written: chains and tips ascending. */
export function frontierList(frontier: Frontier): Plain {
  return inOrder(frontier).map(([chain, heads]) => [unhex(chain), heads.map(headList)]);
}

/** A decoded value as a frontier. Throws Malformed or TooLarge. */
export function readFrontier(value: readonly Plain[]): Frontier {
  const found = new Map<Digest, Head[]>();
  let before = "";
  for (const item of bounded(value, HAVE_CHAINS_MAX, "chains")) {
    const [name, heads] = expectTypes(item, "a chain's tips", ["bytes", "list"]);
    const [chain, tips] = [asDigest(name), bounded(heads, CHAIN_HEADS_MAX, "tips").map(head)];
    const rises = tips.every((tip, place) => place === 0 || byHead(tips[place - 1]!, tip) < 0);
    if (tips.length === 0 || !rises || chain <= before) {
      throw new Malformed("a frontier's chains and tips are not ascending, each once");
    }
    found.set((before = chain), tips);
  }
  return found;
}

function span(value: Plain): Span {
  const [chain, target, after] = expectTypes(value, "a span", ["bytes", "list", "list"]);
  return { chain: asDigest(chain), target: head(target), after: bounded(after, TRAIL_HEADS_MAX, "places").map(head) };
}

function run(value: Plain): Run {
  const [chain, after, events, signature] = expectTypes(value, "a run", ["bytes", "list", "list", "bytes"]);
  if (signature.length !== SIGNATURE_BYTES) throw new Malformed("a signature is not 64 bytes");
  return { chain: asDigest(chain), after: head(after), events: events.map(event), signature };
}

function event(value: Plain): Event {
  const [header, body] = expectTypes(value, "an event", ["bytes", "any"]);
  const fits = body === null || (body instanceof Uint8Array && body.length <= BODY_BYTES_MAX);
  if (header.length > HEADER_BYTES_MAX || !fits) throw new Malformed("an event's header or body is not allowed");
  return { header, body };
}

function bodyOf(value: Plain): Body {
  const [digest, body] = expectTypes(value, "a body", ["bytes", "bytes"]);
  return [asDigest(digest), body];
}
