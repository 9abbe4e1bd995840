// Hash chains: how one event stands on another, and how a chain is remembered without its log; as mesh/clocks/chain.py.
//
// Chain, sequence number and parent are part of every digest, so they cost no bytes in the event and cannot be moved
// (PROTOCOL, "Chains"). This module never sees an event's content and never keeps a log.
import { sha256 } from "@noble/hashes/sha2.js";
import { ascending, type Digest, hex, joined, unhex, utf8, ZERO } from "../names.js";

const GENESIS = utf8("mesh/genesis/1");
const OPENING = utf8("mesh/opening/1");
const EVENT = utf8("mesh/event/1");
const SIGNATURE = utf8("mesh/signature/1");

/** A place in a chain: the sequence number (from 1) and the digest there. */
export interface Head {
  readonly seq: number;
  readonly digest: Digest;
}

/** Before the opening. */
export const START: Head = { seq: 0, digest: ZERO };

/** Whether two places are the same. */
export function sameHead(one: Head, other: Head): boolean {
  return one.seq === other.seq && one.digest === other.digest;
}

/** A place as a key of a map: number and digest, as one may be wrong beside the other. */
export function headKey(head: Head): string {
  return `${head.seq} ${head.digest}`;
}

/** The order of places, for `sort`. */
export function byHead(one: Head, other: Head): number {
  return one.seq - other.seq || ascending(one.digest, other.digest);
}

/** A whole number in 8 bytes, big end first. */
export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** The digest of a genesis said by the recovery key `key`: the id of its mesh and of its chain. */
export function genesisDigest(key: Uint8Array, header: Uint8Array): Digest {
  return hex(sha256(joined(GENESIS, key, sha256(header))));
}

/** The digest of an opening by the device key `key` in a mesh: the id of the chain that it opens. */
export function openingDigest(mesh: Digest, key: Uint8Array, header: Uint8Array): Digest {
  return hex(sha256(joined(OPENING, unhex(mesh), key, sha256(header))));
}

/** The digest of the event with this header that stands on `after` in a chain. */
export function eventDigest(chain: Digest, after: Head, header: Uint8Array): Digest {
  return hex(sha256(joined(EVENT, unhex(chain), u64(after.seq + 1), unhex(after.digest), sha256(header))));
}

/** What a device signs to stand for everything up to and with this head. */
export function signedBytes(chain: Digest, head: Head): Uint8Array {
  return joined(SIGNATURE, unhex(chain), u64(head.seq), unhex(head.digest));
}

/** What the trail of a chain of this length keeps: of each power of 2 the newest odd multiple that fits in it. */
export function trailPlaces(length: number): number[] {
  const places: number[] = [];
  for (let step = 1; step <= length; step *= 2) {
    const multiple = Math.floor(length / step);
    places.push((multiple - 1 + (multiple % 2)) * step);
  }
  return places.sort((one, other) => other - one);
}

/** A few places of a chain, dense near its end and sparse far back: so one can say where one is in a forked chain. */
export class Trail {
  readonly #kept: Map<number, Digest>;

  /** Start from places that an earlier trail kept. */
  constructor(heads: Iterable<Head> = []) {
    this.#kept = new Map([...heads].map(({ seq, digest }) => [seq, digest]));
  }

  /** Take the next event's place and drop the one that is no longer needed (see `trailPlaces`). */
  extend(head: Head): void {
    this.#kept.set(head.seq, head.digest);
    let low = 1;
    while (head.seq % (2 * low) === 0) low *= 2;
    this.#kept.delete(head.seq - 2 * low);
  }

  /** The kept places, newest first. */
  get heads(): Head[] {
    return [...this.#kept].map(([seq, digest]) => ({ seq, digest })).sort((one, other) => other.seq - one.seq);
  }
}
