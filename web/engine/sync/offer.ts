// An offer to let a phone in, from the phone's side: what its token amounts to, and what both sides prove with it; as
// mesh/sync/offer.py has it.
//
// Nothing is drawn, sent or kept here.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Forged, Malformed } from "../errors.js";
import { derive } from "../events/keys.js";
import { DOOR_DIGITS, DOOR_TOKEN_BYTES } from "../limits.js";
import { hex, joined, sameBytes, unhex, utf8 } from "../names.js";

const NAMED = utf8("mesh/door/1");
const PROOF = "mesh/door/proof/1";
const DIGITS = utf8("mesh/door/digits/1");
const ADMITTER = utf8("admitter");
const NAME_BYTES = 8;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const QR_LETTERS = Math.ceil((8 * DOOR_TOKEN_BYTES) / 6);
const TYPED_LETTERS = Math.ceil((8 * DOOR_TOKEN_BYTES) / 5);
const HEX = /^([0-9a-f]{2})*$/;

/** How the wire names an offer without showing its token: 16 hex digits. */
export function nameOf(token: Uint8Array): string {
  return hex(sha256(joined(NAMED, token)).slice(0, NAME_BYTES));
}

/** What shows that this phone knows the token, and asks just this: in hex. */
export function phonesProof(token: Uint8Array, request: string): string {
  return hex(mac(token, utf8(request)));
}

/** Throw Forged unless whoever answers knows the token, heard just this, and says to be just that device. */
export function checkAdmitter(token: Uint8Array, request: string, admitter: string, proof: string): void {
  const right = mac(token, joined(ADMITTER, utf8(request), utf8(admitter)));
  if (!HEX.test(proof) || !sameBytes(unhex(proof), right)) {
    throw new Forged(
      "whoever answers there does not know the code",
      "Do not go on. On the computer, begin anew with `mesh phone add`, and scan its code.",
    );
  }
}

/** The six digits that both screens show, bound to the signing keys of both. */
export function digitsOf(token: Uint8Array, phonesKey: Uint8Array, admittersKey: Uint8Array): string {
  const [first = 0, second = 0, third = 0] = sha256(joined(DIGITS, token, phonesKey, admittersKey));
  const number = ((first << 16) | (second << 8) | third) >> 4; // the first 20 bits
  return String(number % 10 ** DOOR_DIGITS).padStart(DOOR_DIGITS, "0");
}

/** The token that a QR has, or that somebody typed. Throws Malformed. */
export function readToken(text: string): Uint8Array {
  const bare = text.trim();
  const typed = bare.toLowerCase().replace(/[\s-]/g, "");
  const found = bare.length === QR_LETTERS ? ofQr(bare) : typed.length === TYPED_LETTERS ? ofLetters(typed) : null;
  if (found?.length !== DOOR_TOKEN_BYTES) {
    throw new Malformed("this is no code for a phone", "Scan the last QR of `mesh phone add`, or type the code below it.");
  }
  return found;
}

function mac(token: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(sha256, derive(token, PROOF), message);
}

function ofQr(text: string): Uint8Array | null {
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

function ofLetters(text: string): Uint8Array | null {
  const found: number[] = [];
  let [bits, value] = [0, 0];
  for (const letter of text) {
    const place = BASE32.indexOf(letter);
    if (place < 0) return null;
    [value, bits] = [((value << 5) | place) & 0xfff, bits + 5];
    if (bits >= 8) found.push((value >> (bits -= 8)) & 255);
  }
  return Uint8Array.from(found);
}
