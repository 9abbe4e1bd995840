// Events as bytes and as values: the outer header that every holder reads, the inner one that is sealed; as
// mesh/events/event.py has it.
//
// Received bytes are hashed and verified as they came, never encoded again. This module reads no body and decides
// nothing about who may say what (PROTOCOL, "Events").
import type { Head } from "../clocks/chain.js";
import { Malformed, TooLarge } from "../errors.js";
import {
  AGENT_NAME_BYTES_MAX,
  BODY_BYTES_MAX,
  DIGEST_BYTES,
  EXTENSIONS_MAX,
  HEADER_BYTES_MAX,
  SEQ_MAX,
  SHORT_BYTES,
  SIGNATURE_BYTES,
  WORD_CHARACTERS_MAX,
} from "../limits.js";
import { type Digest, DocumentId, hex, type Short, unhex, utf8 } from "../names.js";
import { decode, encode, expectTypes, fields, type Plain, type PlainMap } from "./cbor.js";

/** The version of the protocol that this engine speaks. */
export const VERSION = 1;

/** The epoch of a header that is not sealed: control events and openings. */
export const CLEAR: Short = "";

const HEADER_TYPES = ["int", "int", "bytes", "bytes", "int", "bytes", "map"] as const;
const INNER_TYPES = ["int", "text", "text", "list", "bytes"] as const;

/** The two lanes in which devices write. */
export const Lane = { CONTROL: 0, DATA: 1 } as const;
export type Lane = (typeof Lane)[keyof typeof Lane];

/** The outer header. `inner` is the inner header's bytes: clear, or sealed under `epoch`. */
export interface Header {
  readonly version: number;
  readonly lamport: number;
  readonly epoch: Short;
  readonly bodyDigest: Digest;
  readonly bodyBytes: number;
  readonly inner: Uint8Array;
  readonly extensions: ReadonlyMap<number, Uint8Array>;
}

/** A header's canonical bytes. */
export function encodeHeader(header: Header): Uint8Array {
  const names = [unhex(header.epoch), unhex(header.bodyDigest)];
  return encode([header.version, header.lamport, ...names, header.bodyBytes, header.inner, header.extensions]);
}

/** Read an outer header. Later versions may append fields; the first seven keep their place. Throws Refused. */
export function decodeHeader(raw: Uint8Array): Header {
  if (raw.length > HEADER_BYTES_MAX) {
    throw new TooLarge(`a header has ${raw.length} bytes; at most ${HEADER_BYTES_MAX} are allowed`);
  }
  const values = decode(raw, HEADER_BYTES_MAX, "a header");
  const first = Array.isArray(values) ? (values as Plain[]).slice(0, HEADER_TYPES.length) : values;
  const [version, lamport, epoch, body, bodyBytes, inner, extensions] = expectTypes(first, "a header", HEADER_TYPES);
  const fits =
    VERSION <= version &&
    0 < lamport &&
    [0, SHORT_BYTES].includes(epoch.length) &&
    body.length === DIGEST_BYTES &&
    0 <= bodyBytes &&
    bodyBytes <= BODY_BYTES_MAX &&
    (version > VERSION || (values as Plain[]).length === HEADER_TYPES.length) &&
    extensionsFit(extensions);
  if (!fits) throw new Malformed("a header names something out of range");
  return { version, lamport, epoch: hex(epoch), bodyDigest: hex(body), bodyBytes, inner, extensions };
}

function extensionsFit(extensions: PlainMap): extensions is ReadonlyMap<number, Uint8Array> {
  if (extensions.size > EXTENSIONS_MAX) return false;
  return [...extensions].every(([key, value]) => typeof key === "number" && value instanceof Uint8Array);
}

/** The inner header: when (milliseconds since 1970, display only), what kind, who, where, under which grant. */
export interface Inner {
  readonly timeMs: number;
  readonly kind: string;
  /** Empty for the person at the device. */
  readonly agent: string;
  /** Control events name none, and no grant. */
  readonly document: DocumentId | null;
  readonly grant: Short;
}

/** An inner header's canonical bytes. */
export function encodeInner({ timeMs, kind, agent, document, grant }: Inner): Uint8Array {
  const place = document ? [document.space, document.type, unhex(document.name)] : [];
  return encode([timeMs, kind, agent, place, unhex(grant)]);
}

/** Read a clear inner header. Throws Refused. */
export function decodeInner(raw: Uint8Array): Inner {
  const [timeMs, kind, agent, place, grant] = fields(raw, HEADER_BYTES_MAX, "an inner header", INNER_TYPES);
  let document = null;
  if (place.length > 0) {
    document = DocumentId.checked(...expectTypes(place, "a document's id", ["text", "text", "bytes"]));
  }
  const letters = [...kind].length;
  const fits =
    0 <= timeMs &&
    0 < letters &&
    letters <= WORD_CHARACTERS_MAX &&
    utf8(agent).length <= AGENT_NAME_BYTES_MAX &&
    [0, SHORT_BYTES].includes(grant.length);
  if (!fits) throw new Malformed("an inner header names something out of range");
  return { timeMs, kind, agent, document, grant: hex(grant) };
}

/** An event as it travels and is kept: the header's bytes, and the body's where they are held. */
export interface Event {
  readonly header: Uint8Array;
  readonly body: Uint8Array | null;
}

/** Events of one chain in order, standing on `after`, under one signature by the chain's device over the last one. */
export interface Run {
  readonly chain: Digest;
  readonly after: Head;
  readonly events: readonly Event[];
  readonly signature: Uint8Array;
}

/** An event with its place: which chain, where in it, what it stands on, and its digest. */
export interface Placed {
  readonly chain: Digest;
  /** The admission that the chain lives under. */
  readonly admission: Digest;
  readonly lane: Lane;
  readonly seq: number;
  readonly parent: Digest;
  readonly digest: Digest;
  readonly header: Header;
  readonly event: Event;
  /** There on the last event of a run. */
  readonly signature: Uint8Array | null;
}

/** The place of an event. */
export function headOf({ seq, digest }: Placed): Head {
  return { seq, digest };
}

/** Refuse a run whose form alone is wrong: empty, of impossible numbers, with bodies that are too long. */
export function runFits(run: Run): void {
  const seq = run.after.seq + run.events.length;
  if (run.events.length === 0 || seq > SEQ_MAX || run.signature.length !== SIGNATURE_BYTES) {
    throw new Malformed("a run of events is empty, too long, or has no signature");
  }
  if (run.events.some(({ body }) => body !== null && body.length > BODY_BYTES_MAX)) {
    throw new TooLarge(`a body is longer than ${BODY_BYTES_MAX} bytes`);
  }
}
