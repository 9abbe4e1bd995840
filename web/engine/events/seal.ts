// Sealing: what only holders of an epoch's key can read; as mesh/events/seal.py has it.
//
// AES-256-GCM with a subkey for each (epoch, chain), random 96-bit nonces that come in as arguments, the place of the
// event as additional data, and padded lengths (PROTOCOL, "Sealing"). This module keeps no key longer than its caller.
import { gcm } from "@noble/ciphers/aes.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { u64 } from "../clocks/chain.js";
import { Forged, Malformed, Refused } from "../errors.js";
import { HEADER_PADDING_BYTES, NONCE_BYTES, SHORT_BYTES } from "../limits.js";
import { type Digest, hex, type Hex, joined, type Short, short, unhex, utf8 } from "../names.js";
import { derive } from "./keys.js";

/** Which of an event's parts is sealed. */
export type Part = "header" | "body";

/** Which side of the talk about chunks. */
export type Side = "ask" | "page";

const SUBKEY = "mesh/seal/1/";
const EARLIER = "mesh/earlier/1/";
const CHUNK = "mesh/chunk/1";
const COMMITMENT = utf8("mesh/epoch/1");
const PAD = 0x80;
const ZERO_NONCE = new Uint8Array(NONCE_BYTES);

/** What a rekey commits to: AES-GCM alone does not bind a ciphertext to one key. */
export function commitment(key: Uint8Array): Hex {
  return hex(sha256(joined(COMMITMENT, key)));
}

/** The key of an earlier epoch that was handed on under this one. Throws Forged; ask its commitment. */
export function takenOver(key: Uint8Array, mesh: Digest, epoch: Short, sealed: Uint8Array): Uint8Array {
  const what = "the key of an earlier epoch does not open with the one that it was handed on under";
  return opened(derive(key, `${EARLIER}${mesh}/${epoch}`), ZERO_NONCE, sealed, what);
}

function opened(key: Uint8Array, nonce: Uint8Array, box: Uint8Array, what: string, place?: Uint8Array): Uint8Array {
  try {
    return gcm(key, nonce, place).decrypt(box);
  } catch {
    throw new Forged(what);
  }
}

/** PADMÉ (Nikitin et al. 2019): a length that tells only its magnitude; at most 12 % longer, 7 % from 256 on. */
export function paddedBytes(length: number): number {
  if (length < HEADER_PADDING_BYTES) return HEADER_PADDING_BYTES;
  const exponent = bits(length) - 1;
  const step = 2 ** (exponent - bits(exponent));
  return Math.ceil(length / step) * step;
}

/** How many binary digits a whole number below 2^32 has. */
function bits(value: number): number {
  return 32 - Math.clz32(value);
}

/** A body with its padding. */
export function padBody(plain: Uint8Array): Uint8Array {
  return padded(plain, paddedBytes(plain.length + 1));
}

/** An inner header with its padding. */
export function padInner(plain: Uint8Array): Uint8Array {
  return padded(plain, Math.ceil((plain.length + 1) / HEADER_PADDING_BYTES) * HEADER_PADDING_BYTES);
}

function padded(plain: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  whole.set(plain);
  whole[plain.length] = PAD;
  return whole;
}

/** What was padded. Throws Malformed. */
export function unpad(sealed: Uint8Array): Uint8Array {
  let end = sealed.length;
  while (end > 0 && sealed[end - 1] === 0) end -= 1;
  if (sealed[end - 1] !== PAD) throw new Malformed("a sealed part is not padded");
  return sealed.slice(0, end - 1);
}

/** The epoch keys that a device holds, and their subkeys for the chains met so far. */
export class Keyring {
  readonly #keys: Map<Short, Uint8Array>;
  readonly #subkeys = new Map<string, Uint8Array>();

  /** Start with these keys: epoch -> 32 bytes. */
  constructor(keys: Iterable<readonly [Short, Uint8Array]> = []) {
    this.#keys = new Map(keys);
  }

  /** Take an epoch's key. */
  add(epoch: Digest, key: Uint8Array): void {
    this.#keys.set(short(epoch), key);
  }

  /** Let go of a key that is not the one that its epoch commits to. */
  drop(epoch: Short): void {
    this.#keys.delete(epoch);
    for (const place of [...this.#subkeys.keys()]) if (place.startsWith(epoch)) this.#subkeys.delete(place);
  }

  /** Whether the key of this epoch is here. */
  holds(epoch: Short): boolean {
    return this.#keys.has(epoch);
  }

  /** The key of an epoch; ask `holds` first. */
  key(epoch: Short): Uint8Array {
    return this.#keys.get(epoch)!;
  }

  /** All keys, for the vault. */
  get keys(): ReadonlyMap<Short, Uint8Array> {
    return this.#keys;
  }

  /** Seal a padded part of the event at (chain, seq). */
  seal(epoch: Short, chain: Digest, seq: number, part: Part, plain: Uint8Array, nonce: Uint8Array): Uint8Array {
    return joined(nonce, gcm(this.#subkey(epoch, chain), nonce, place(part, chain, seq)).encrypt(plain));
  }

  /** What was sealed, without its padding. Throws Forged or Malformed; ask `holds` first. */
  open(epoch: Short, chain: Digest, seq: number, part: Part, sealed: Uint8Array): Uint8Array {
    const [nonce, box] = [sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES)];
    const what = `the ${part} of an event does not open with the key of its epoch`;
    return unpad(opened(this.#subkey(epoch, chain), nonce, box, what, place(part, chain, seq)));
  }

  /** Seal one side of the talk about chunks, with the epoch in front. */
  sealPage(epoch: Short, side: Side, plain: Uint8Array, nonce: Uint8Array): Uint8Array {
    return joined(unhex(epoch), nonce, gcm(derive(this.key(epoch), CHUNK), nonce, utf8(side)).encrypt(plain));
  }

  /** What was sealed so. Throws Forged, or Refused where the key of its epoch is not here. */
  openPage(side: Side, sealed: Uint8Array): Uint8Array {
    const epoch = hex(sealed.subarray(0, SHORT_BYTES));
    if (!this.holds(epoch)) throw new Refused("it is sealed under an epoch whose key is not here");
    const [nonce, box] = [sealed.subarray(SHORT_BYTES).subarray(0, NONCE_BYTES), sealed.subarray(SHORT_BYTES + NONCE_BYTES)];
    const what = "a page of chunks does not open with the key of its epoch";
    return opened(derive(this.key(epoch), CHUNK), nonce, box, what, utf8(side));
  }

  #subkey(epoch: Short, chain: Digest): Uint8Array {
    const name = `${epoch} ${chain}`;
    const found = this.#subkeys.get(name) ?? derive(this.key(epoch), SUBKEY + chain);
    this.#subkeys.set(name, found);
    return found;
  }
}

function place(part: Part, chain: Digest, seq: number): Uint8Array {
  return joined(utf8(part), unhex(chain), u64(seq));
}
