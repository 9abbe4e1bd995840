// Keys: verifying, who a device says it is, and what may be a key at all; as mesh/events/keys.py has it.
//
// Secret keys never come here: a browser keeps them, signs and opens with them, and does so in its own time. So this
// module signs nothing, opens nothing and stores nothing.
import { Point } from "@noble/ed25519";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { Forged, Malformed } from "../errors.js";
import { BROWSER_KEY_BYTES, KEY_BYTES, KEYS_CACHED_MAX, SIGNATURE_BYTES } from "../limits.js";
import { type Digest, type Hex, hex, joined, sameBytes, utf8 } from "../names.js";
import { encode } from "./cbor.js";
import type { Admit } from "./kinds.js";

const REQUEST = utf8("mesh/request/1");
const UNCOMPRESSED = 4; // how an uncompressed point begins (SEC 1, section 2.3.3)

const { n: ORDER, p: FIELD } = Point.CURVE(); // RFC 8032 section 5.1
const LOW_BITS = 2n ** 255n - 1n;

// The y coordinates of the eight points of small order on edwards25519: a public key with one of them lets anybody
// forge in some libraries ("Taming the many EdDSAs", 2020).
const ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER_Y = new Set([0n, 1n, FIELD - 1n, ORDER_8_Y, FIELD - ORDER_8_Y]);

// The u coordinates of the points of small order on curve25519 and its twist (RFC 7748, section 6.1): every exchange
// with one of them gives zeros.
const SMALL_ORDER_U = new Set([
  0n,
  1n,
  FIELD - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
]);

// P-256 (SEC 2, section 2.4.2): y^2 = x^3 - 3x + B.
const P256_FIELD = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

const points = new Map<Hex, Point>();

/** HKDF-SHA256 (RFC 5869) of a secret for one named purpose. */
export function derive(secret: Uint8Array, purpose: string, length = KEY_BYTES): Uint8Array {
  return hkdf(sha256, secret, undefined, utf8(purpose), length);
}

/** Throw Forged unless the signature over the message is by that key. */
export function verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
  let fits = false;
  try {
    fits = signature.length === SIGNATURE_BYTES && signed(key, message, signature);
  } catch {
    // What is no point of the curve has signed nothing.
  }
  if (!fits) throw new Forged("a signature does not fit");
}

/** The equation of RFC 8032 without the cofactor, and R in its one encoding: so all devices agree on every signature. */
function signed(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const nonce = signature.subarray(0, KEY_BYTES);
  const answer = little(signature.subarray(KEY_BYTES));
  if (answer >= ORDER) return false;
  const challenge = little(sha512(joined(nonce, key, message))) % ORDER;
  const found = Point.BASE.multiplyUnsafe(answer).subtract(pointOf(key).multiplyUnsafe(challenge));
  return sameBytes(found.toBytes(), nonce);
}

function pointOf(key: Uint8Array): Point {
  const name = hex(key);
  const found = points.get(name) ?? Point.fromBytes(key, false);
  points.delete(name);
  points.set(name, found);
  if (points.size > KEYS_CACHED_MAX) points.delete(points.keys().next().value!);
  return found;
}

function little(bytes: Uint8Array): bigint {
  return big(bytes.slice().reverse());
}

function big(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes)}`);
}

/** Whether a wrapping key is that of a device in a browser: P-256, and not X25519. */
export function isBrowserKey(kemKey: Uint8Array): boolean {
  return kemKey.length === BROWSER_KEY_BYTES;
}

/** Refuse keys of small order and non-canonical encodings, about which libraries disagree. */
export function checkSignKey(key: Uint8Array): void {
  const y = key.length === KEY_BYTES ? little(key) & LOW_BITS : FIELD;
  if (y >= FIELD || SMALL_ORDER_Y.has(y)) throw new Malformed("a signing key is of small order or not canonical");
}

/** Refuse a wrapping key that nothing can be wrapped for: of small order, or no point of the curve. */
export function checkKemKey(key: Uint8Array): void {
  const browser = isBrowserKey(key) && key[0] === UNCOMPRESSED;
  if (browser ? isOnP256(key) : key.length === KEY_BYTES && !SMALL_ORDER_U.has((little(key) & LOW_BITS) % FIELD)) return;
  throw new Malformed("a wrapping key is of small order, no point of its curve, or of the wrong length");
}

function isOnP256(key: Uint8Array): boolean {
  const [x, y] = [big(key.subarray(1, 1 + KEY_BYTES)), big(key.subarray(1 + KEY_BYTES))];
  return x < P256_FIELD && y < P256_FIELD && (y * y - (x * x * x - 3n * x + P256_B)) % P256_FIELD === 0n;
}

/** What a device signs to prove that the keys it asks to be admitted with are its own. */
export function proofBytes(admit: Admit): Uint8Array {
  const keys = [admit.signKey, admit.kemKey, admit.transportKey, admit.tlsKey, admit.name];
  return joined(REQUEST, sha256(encode(keys)));
}

/** Refuse an admission whose keys are unsafe or not proven to be the device's own. */
export function checkAdmit(admit: Admit): void {
  for (const key of [admit.signKey, admit.transportKey, admit.tlsKey]) checkSignKey(key);
  checkKemKey(admit.kemKey);
  verify(admit.signKey, proofBytes(admit), admit.proof);
}

/** A digest of the keys that a device asks to be admitted with, for people to compare. */
export function fingerprint(admit: Admit): Digest {
  return hex(sha256(proofBytes(admit)));
}
