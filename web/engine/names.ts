// The names of things: digests, documents, and how both are written for people; as mesh/names.py has it.
//
// Names carry no behaviour beyond parsing and printing. This module never hashes, reads or stores anything.
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { Malformed } from "./errors.js";
import {
  DIGEST_BYTES,
  DOCUMENT_NAME_BYTES,
  ECHO_CHARACTERS_MAX,
  RANK_ADMIN_LAST,
  RANK_RELAY,
  SHORT_BYTES,
  SHOWN_CHARACTERS_MAX,
  WORD_CHARACTERS_MAX,
} from "./limits.js";

/** Bytes as lower-case hex: what stands for them where they are compared, or a key of a map. */
export type Hex = string;

/** SHA-256 of something, 32 bytes. An event's digest is its chain hash (PROTOCOL, "Chains"). */
export type Digest = Hex;

/** The first 16 bytes of a digest, where a header names an epoch or a grant; or nothing. */
export type Short = Hex;

/** Stands where a digest is named before there is one. */
export const ZERO: Digest = "00".repeat(DIGEST_BYTES);

const WORD = /^[a-z0-9][a-z0-9-]*$/;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const DEVICE_BYTES = 10; // 16 characters of base32: short enough for a subject, long enough never to collide by chance
const UTF8 = new TextEncoder();
const UNSEEN = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Bytes in hex. */
export const hex: (bytes: Uint8Array) => Hex = bytesToHex;

/** The bytes that were written in hex. */
export const unhex: (text: Hex) => Uint8Array = hexToBytes;

/** Bytes one after the other. */
export const joined: (...parts: Uint8Array[]) => Uint8Array = concatBytes;

/** A text in UTF-8. */
export function utf8(text: string): Uint8Array {
  return UTF8.encode(text);
}

/** Whether two byte strings are the same. No secret is compared with it. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** The order of texts that have ASCII letters only, as digests in hex have: for `sort`. */
export function ascending(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The order of texts by their bytes in UTF-8, which is that of code points: for `sort`. */
export function byText(one: string, other: string): number {
  const shared = Math.min(one.length, other.length);
  let at = 0;
  while (at < shared && one.charCodeAt(at) === other.charCodeAt(at)) at++;
  if (at === shared) return one.length - other.length;
  return codePointOrder(one.charCodeAt(at)) - codePointOrder(other.charCodeAt(at));
}

/** Halves of a letter beyond 2^16 stand behind all letters of one unit. */
function codePointOrder(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}

/** The 16-byte form of a digest. */
export function short(digest: Digest): Short {
  return digest.slice(0, 2 * SHORT_BYTES);
}

/** An admission as people and NATS subjects see it: 16 characters of lower-case base32. */
export function deviceText(admission: Digest): string {
  return base32(unhex(admission.slice(0, 2 * DEVICE_BYTES)));
}

/** What a device of this rank is in its mesh. */
export function roleText(rank: number): "admin" | "member" | "relay" {
  return rank <= RANK_ADMIN_LAST ? "admin" : rank < RANK_RELAY ? "member" : "relay";
}

/** Whether a text may name a space or a type: lower-case letters, digits and hyphens, at most 32 characters. */
export function isWord(text: string): boolean {
  return text.length <= WORD_CHARACTERS_MAX && WORD.test(text);
}

/** What a document is called: its space, its type, and the first 16 bytes of the hash of its birth. */
export class DocumentId {
  private constructor(
    readonly space: string,
    readonly type: string,
    readonly name: Hex,
  ) {}

  /** An id from decoded values. Throws Malformed when a part is not allowed. */
  static checked(space: string, type: string, name: Uint8Array): DocumentId {
    if (!isWord(space) || !isWord(type) || name.length !== DOCUMENT_NAME_BYTES) {
      throw new Malformed("a document's id is not of the form space, type, 16 bytes");
    }
    return new DocumentId(space, type, hex(name));
  }

  /** Read what `text` wrote. Throws Malformed. */
  static parse(text: string): DocumentId {
    const [space = "", type = "", ...rest] = text.split("/");
    const found = DocumentId.checked(space, type, fromBase32(rest.join("/")));
    if (found.text !== text) throw new Malformed(`${shown(text, ECHO_CHARACTERS_MAX)} is not a document's id`);
    return found; // one spelling for each name
  }

  /** `home/note/…` with the name as 26 characters of lower-case base32. */
  get text(): string {
    return `${this.space}/${this.type}/${base32(unhex(this.name))}`;
  }
}

/** A foreign text made safe to show: no control or direction characters, at most so many characters. */
export function shown(text: string, charactersMax = SHOWN_CHARACTERS_MAX): string {
  const letters = [...text];
  const clean = letters.slice(0, charactersMax).map((letter) => (letter === "\n" ? letter : visible(letter)));
  return clean.join("") + (letters.length > charactersMax ? "…" : "");
}

function visible(letter: string): string {
  return UNSEEN.test(letter) ? `\\u${letter.codePointAt(0)!.toString(16).padStart(4, "0")}` : letter;
}

function base32(bytes: Uint8Array): string {
  let [text, bits, value] = ["", 0, 0];
  for (const byte of bytes) {
    [value, bits] = [((value << 8) | byte) & 0xfff, bits + 8];
    for (; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/** The bytes of a text in base32; what is none gives too few of them, or another spelling. */
function fromBase32(text: string): Uint8Array {
  const found: number[] = [];
  let [bits, value] = [0, 0];
  for (const letter of text) {
    [value, bits] = [((value << 5) | Math.max(0, BASE32.indexOf(letter))) & 0xfff, bits + 5];
    if (bits >= 8) found.push((value >> (bits -= 8)) & 255);
  }
  return Uint8Array.from(found);
}
