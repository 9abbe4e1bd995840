// Opening what somebody sealed for one device: HPKE in base mode (RFC 9180), for both kinds of wrapping keys.
//
// The exchange itself is somebody else's: a browser does it with a P-256 key that no script sees, and hands in the
// shared x coordinate. A device in a browser seals for nobody, so nothing here does. This module draws no randomness and
// stores nothing.
import { gcm } from "@noble/ciphers/aes.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Forged } from "../errors.js";
import { BROWSER_KEY_BYTES, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "../limits.js";
import { joined, utf8 } from "../names.js";

/** One way of encapsulating a key: its number in RFC 9180, and the bytes of an encapsulated or public key. */
export interface Kem {
  readonly id: number;
  readonly keyBytes: number;
}

/** DHKEM(P-256, HKDF-SHA256): for devices in a browser. */
export const P256: Kem = { id: 0x0010, keyBytes: BROWSER_KEY_BYTES };

/** DHKEM(X25519, HKDF-SHA256): for all others. */
export const X25519: Kem = { id: 0x0020, keyBytes: KEY_BYTES };

const VERSION = utf8("HPKE-v1");
const NOTHING = new Uint8Array(0);
const HKDF_SHA256 = 1;
const AES_256_GCM = 2;
const BASE_MODE = 0;

function refuse(): never {
  throw new Forged("it was not sealed for this device, or was altered");
}

/** The encapsulated key at the head of what was sealed. Throws Forged where it is too short. */
export function encapsulated(kem: Kem, sealed: Uint8Array): Uint8Array {
  return sealed.length < kem.keyBytes + TAG_BYTES ? refuse() : sealed.subarray(0, kem.keyBytes);
}

/** What was sealed for `own`, with the x coordinate that both sides share. Throws Forged. */
export function opened(
  kem: Kem,
  shared: Uint8Array,
  own: Uint8Array,
  sealed: Uint8Array,
  info: Uint8Array,
): Uint8Array {
  const sent = encapsulated(kem, sealed);
  const secret = sharedSecret(kem, shared, joined(sent, own));
  const suite = joined(utf8("HPKE"), u16(kem.id), u16(HKDF_SHA256), u16(AES_256_GCM));
  const context = joined(
    Uint8Array.of(BASE_MODE),
    labeledExtract(suite, NOTHING, "psk_id_hash", NOTHING),
    labeledExtract(suite, NOTHING, "info_hash", info),
  );
  const root = labeledExtract(suite, secret, "secret", NOTHING);
  const key = labeledExpand(suite, root, "key", context, KEY_BYTES);
  const nonce = labeledExpand(suite, root, "base_nonce", context, NONCE_BYTES);
  try {
    return gcm(key, nonce).decrypt(sealed.subarray(kem.keyBytes));
  } catch {
    return refuse();
  }
}

function sharedSecret(kem: Kem, shared: Uint8Array, context: Uint8Array): Uint8Array {
  const suite = joined(utf8("KEM"), u16(kem.id));
  const root = labeledExtract(suite, NOTHING, "eae_prk", shared);
  return labeledExpand(suite, root, "shared_secret", context, KEY_BYTES);
}

function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, material: Uint8Array): Uint8Array {
  return extract(sha256, joined(VERSION, suite, utf8(label), material), salt);
}

function labeledExpand(
  suite: Uint8Array,
  key: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return expand(sha256, key, joined(u16(length), VERSION, suite, utf8(label), info), length);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}
