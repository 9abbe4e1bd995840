// What nats-server and its clients say to each other, as bytes: whole frames out of a stream that comes in any pieces, and
// the lines of a client (docs.nats.io, "Client Protocol").
//
// Nothing is sent here and no subject means anything. What is not of the protocol, or larger than it may be, is refused.
import { Malformed } from "../errors.js";
import { PUSH_BYTES_MAX } from "../limits.js";
import { joined, shown, utf8 } from "../names.js";

const LINE_BYTES_MAX = 32 * 1024; // an INFO that names many servers; ours name none
const BODY_BYTES_MAX = 2 * PUSH_BYTES_MAX; // the largest message, and what it is sealed in
const CR = 13;
const LF = 10;
const END = utf8("\r\n");
const NO_RESPONDERS = /^NATS\/1\.0 503\b/;
const NO_SERVER = "what answers there is no server of a mesh";
const NUMBER = /^\d{1,9}$/;
const SERVER = /^[\w-]{0,64}$/; // the name of a device; subjects are made of it

/** What a server says of itself. */
export interface Info {
  readonly nonce?: string;
  readonly server_name?: string;
}

/** A message under a subject. `nobody`: the server says that nobody listens where one asked. */
export interface Message {
  readonly subject: string;
  readonly sid: number;
  readonly reply: string;
  readonly body: Uint8Array;
  readonly nobody: boolean;
}

/** One thing that a server said. */
export type Frame =
  | { readonly said: "info"; readonly info: Info }
  | { readonly said: "message"; readonly message: Message }
  | { readonly said: "error"; readonly problem: string }
  | { readonly said: "ping" | "pong" | "ok" };

/** Frames out of pieces. */
export class Frames {
  #held: Uint8Array = new Uint8Array();
  #own = false; // whether what is held lies in room made here, with more behind it
  #least = 0; // so many bytes must be there before the next frame can be whole

  /** What is whole now, one after the other: whoever stops taking leaves the rest unread. Throws Malformed. */
  *take(piece: Uint8Array): Generator<Frame, void> {
    this.#append(piece);
    if (this.#held.length < this.#least) return;
    this.#least = 0;
    for (let frame = this.#next(); frame; frame = this.#next()) yield frame;
  }

  /** Room doubles, so that a message in single bytes costs little more than one in a piece. */
  #append(piece: Uint8Array): void {
    const size = this.#held.length + piece.length;
    if (this.#held.length === 0) return void ([this.#held, this.#own] = [piece, false]);
    if (!this.#own || this.#held.byteOffset + size > this.#held.buffer.byteLength) {
      const room = new Uint8Array(2 * size);
      room.set(this.#held);
      [this.#held, this.#own] = [room.subarray(0, this.#held.length), true];
    }
    const grown = new Uint8Array(this.#held.buffer, this.#held.byteOffset, size);
    grown.set(piece, this.#held.length);
    this.#held = grown;
  }

  #next(): Frame | null {
    const end = this.#held.subarray(0, LINE_BYTES_MAX).indexOf(LF);
    if (end < 0) {
      if (this.#held.length >= LINE_BYTES_MAX) throw new Malformed("a line without an end");
      return null;
    }
    const line = new TextDecoder().decode(this.#held.subarray(0, this.#held[end - 1] === CR ? end - 1 : end));
    const [word = "", ...rest] = line.split(" ");
    const verb = word.toUpperCase();
    if (verb === "MSG" || verb === "HMSG") return this.#message(verb === "HMSG", rest.filter(Boolean), end + 1);
    this.#held = this.#held.subarray(end + 1);
    return plain(verb, rest.join(" "));
  }

  #message(headed: boolean, words: string[], from: number): Frame | null {
    const sizes = words.splice(headed ? -2 : -1).map(numberOf);
    const [head, size] = headed ? [sizes[0] ?? NaN, sizes[1] ?? NaN] : [0, sizes[0] ?? NaN];
    const [subject, sid = "", reply = ""] = words;
    const formed = (words.length === 2 || words.length === 3) && NUMBER.test(sid);
    if (!formed || !(head <= size && size <= BODY_BYTES_MAX)) throw new Malformed("a message of no form");
    const end = from + size;
    if (this.#held.length < end + END.length) {
      this.#least = end + END.length;
      return null;
    }
    if (this.#held[end] !== CR || this.#held[end + 1] !== LF) throw new Malformed("a message without an end");
    const body = this.#held.slice(from + head, end);
    const nobody = headed && NO_RESPONDERS.test(new TextDecoder().decode(this.#held.subarray(from, from + head)));
    this.#held = this.#held.subarray(end + END.length);
    return { said: "message", message: { subject: subject!, sid: Number(sid), reply, body, nobody } };
  }
}

function numberOf(word: string): number {
  return NUMBER.test(word) ? Number(word) : NaN;
}

function plain(verb: string, rest: string): Frame {
  if (verb === "PING") return { said: "ping" };
  if (verb === "PONG") return { said: "pong" };
  if (verb === "+OK") return { said: "ok" };
  if (verb === "-ERR") return { said: "error", problem: shown(rest.replace(/^'|'$/g, "")) };
  if (verb !== "INFO") throw new Malformed(NO_SERVER);
  return { said: "info", info: infoOf(rest) };
}

/** What of it this wire reads, and no more: it is kept, and comes as often as a server likes. */
function infoOf(text: string): Info {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    throw new Malformed(NO_SERVER);
  }
  const { nonce, server_name: name } = Object(told) as Record<keyof Info, unknown>;
  if (!written(nonce) || !written(name) || !SERVER.test(name ?? "")) throw new Malformed(NO_SERVER);
  return { ...(nonce === undefined ? {} : { nonce }), ...(name === undefined ? {} : { server_name: name }) };
}

function written(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

/** The login, and a ping whose answer says that it was good. */
export function connectLine(nkey: string, signature: string): Uint8Array {
  const options = { verbose: false, pedantic: false, protocol: 1, headers: true, no_responders: true, lang: "mesh" };
  return utf8(`CONNECT ${JSON.stringify({ ...options, version: "1", nkey, sig: signature })}\r\nPING\r\n`);
}

/** Put a body under a subject. */
export function publishLine(subject: string, body: Uint8Array, reply = ""): Uint8Array {
  return joined(utf8(`PUB ${subject} ${reply && `${reply} `}${body.length}\r\n`), body, END);
}

/** Take what comes under a subject. */
export function subscribeLine(subject: string, sid: number): Uint8Array {
  return utf8(`SUB ${subject} ${sid}\r\n`);
}

/** Asks for a pong. */
export const PING = utf8("PING\r\n");
/** Answers a ping. */
export const PONG = utf8("PONG\r\n");
