// An act that a person has to confirm, as bytes: what this device shows, and says yes to; as mesh/events/approvals.py has
// it, for the side that is asked.
//
// The question travels as a document whose text is the whole act with the exact statements that it would say. This module
// asks nobody and stores nothing.
import { sha256 } from "@noble/hashes/sha2.js";
import { Malformed } from "../errors.js";
import { ACT_STATEMENTS_MAX, BODY_PLAIN_BYTES_MAX } from "../limits.js";
import { type Digest, hex, isWord, joined, utf8 } from "../names.js";
import { decodeBody, encodeBody } from "./bodies.js";
import { encode as encodeCbor, expectTypes, fields } from "./cbor.js";
import { Lane } from "./event.js";
import { type Born, type ControlBody, known } from "./kinds.js";

export const SPACE = "mesh";
export const KIND = "approval";
/** Who is asked writes one of these registers; who asked `used`. */
export const APPROVED = "approved";
export const DENIED = "denied";
export const USED = "used";

const DIGEST = "digest";
const UNTIL = "until";
const DOMAIN = utf8("mesh/approval/1");
const ARMOUR = /^[A-Za-z0-9_-]*$/;

/** What somebody wants done: the command, what it is about, and the statements that it says. */
export interface Act {
  readonly name: string;
  readonly target: string;
  readonly bodies: readonly ControlBody[];
}

/** An act as a text. */
export function textOf({ name, target, bodies }: Act): string {
  return armoured(encodeCbor([name, target, bodies.map((body) => [body.kind, encodeBody(body)])]));
}

/** The act behind a text. Throws Malformed. */
export function readAct(text: string): Act {
  const raw = ARMOUR.test(text) ? unarmoured(text) : new Uint8Array(0);
  const [name, target, said] = fields(raw, BODY_PLAIN_BYTES_MAX, "an act", ["text", "text", "list"]);
  const pairs = said.map((pair) => expectTypes(pair, "a statement", ["text", "bytes"]));
  if (pairs.length > ACT_STATEMENTS_MAX || !pairs.every(([kind]) => known(Lane.CONTROL, kind))) {
    throw new Malformed("an act says something that is no statement");
  }
  const bodies = pairs.map(([kind, plain]) => decodeBody(Lane.CONTROL, kind as ControlBody["kind"], plain) as ControlBody);
  const act = { name, target, bodies };
  if (!isWord(name.replaceAll(" ", "-")) || textOf(act) !== text) {
    throw new Malformed("an act is not written in its one form");
  }
  return act;
}

/** What a yes is given to: it names the act and every statement of it. */
export function digestOf(act: Act): Digest {
  return hex(sha256(joined(DOMAIN, utf8(textOf(act)))));
}

/** The act that a question is about, and until when. Throws Malformed when it is none, or of another digest. */
export function readQuestion({ registers, text }: Born): { act: Act; untilMs: number } {
  const [act, untilMs] = [readAct(text), registers.get(UNTIL)];
  if (registers.get(DIGEST) !== digestOf(act) || typeof untilMs !== "number") {
    throw new Malformed("a question does not name what it asks for");
  }
  return { act, untilMs };
}

function armoured(raw: Uint8Array): string {
  let letters = "";
  for (const byte of raw) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function unarmoured(text: string): Uint8Array {
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array(0); // of a length that nothing has
  }
}
