// What nats-server and its clients say to each other, as bytes: whole frames out of a stream that comes in any pieces, and
// the lines of a client (docs.nats.io, "Client Protocol").
//
// Nothing is sent here and no subject means anything. What is not of the protocol, or larger than it may be, is refused.
import { Malformed } from "../errors.js";
import { PUSH_BYTES_MAX } from "../limits.js";
import { joined, utf8 } from "../names.js";

const LINE_BYTES_MAX = 32 * 1024; // an INFO that names many servers; ours name none
const BODY_BYTES_MAX = 2 * PUSH_BYTES_MAX; // the largest message, and what it is sealed in
const CR = 13;
const LF = 10;
const END = utf8("\r\n");
const NO_RESPONDERS = /^NATS\/1\.0 503\b/;

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

  /** What is whole now. Throws Malformed. */
  take(piece: Uint8Array): Frame[] {
    this.#held = this.#held.length ? joined(this.#held, piece) : piece;
    const found: Frame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) found.push(frame);
    return found;
  }

  #next(): Frame | null {
    const end = this.#held.indexOf(LF);
    if (end < 0 || end > LINE_BYTES_MAX) {
      if (this.#held.length > LINE_BYTES_MAX) throw new Malformed("a line without an end");
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
    const sizes = words.splice(headed ? -2 : -1).map(Number);
    const [head, size] = headed ? [sizes[0]!, sizes[1]!] : [0, sizes[0]!];
    if (!(words.length === 2 || words.length === 3) || !(head >= 0 && head <= size && size <= BODY_BYTES_MAX)) {
      throw new Malformed("a message of no form");
    }
    if (this.#held.length < from + size + END.length) return null;
    const [subject, sid, reply = ""] = words;
    const body = this.#held.slice(from + head, from + size);
    const nobody = headed && NO_RESPONDERS.test(new TextDecoder().decode(this.#held.subarray(from, from + head)));
    this.#held = this.#held.subarray(from + size + END.length);
    return { said: "message", message: { subject: subject!, sid: Number(sid), reply, body, nobody } };
  }
}

function plain(verb: string, rest: string): Frame {
  if (verb === "PING") return { said: "ping" };
  if (verb === "PONG") return { said: "pong" };
  if (verb === "+OK") return { said: "ok" };
  if (verb === "-ERR") return { said: "error", problem: rest.replace(/^'|'$/g, "") };
  if (verb !== "INFO") throw new Malformed("what answers there is no server of a mesh");
  try {
    return { said: "info", info: JSON.parse(rest) as Info };
  } catch {
    throw new Malformed("what answers there is no server of a mesh");
  }
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
