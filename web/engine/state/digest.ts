// The state digest: whether two devices hold and honour the same events, and in which document they first differ; as
// mesh/state/digest.py has it.
//
// Per document and chain a rolling hash of the honoured events, per document a leaf, over all leaves a tree of three
// levels with sixteen branches. Order within a chain is given, so plain hashes do; sums would fall to a member who
// solves for them. This module keeps no events and compares no views.
import { sha256 } from "@noble/hashes/sha2.js";
import { u64 } from "../clocks/chain.js";
import { Damaged } from "../errors.js";
import { DIGEST_BYTES } from "../limits.js";
import { ascending, type Digest, type DocumentId, hex, joined, unhex, utf8, ZERO } from "../names.js";

export const LEVELS = 3;
export const BRANCHES = 16;
export const BUCKETS = BRANCHES ** LEVELS;
/** Of a whole tree. */
const NODES = (BUCKETS * BRANCHES - 1) / (BRANCHES - 1);

const EVENT = utf8("mesh/digest/event/1");
const LEAF = utf8("mesh/digest/leaf/1");
const BUCKET = utf8("mesh/digest/bucket/1");
const NODE = utf8("mesh/digest/node/1");

/** What one chain gave to a document: how many honoured events, and their rolling hash. */
export interface Part {
  readonly chain: Digest;
  readonly events: number;
  readonly roll: Digest;
}

/** A document's key with its leaf. */
export type Leaf = readonly [key: Digest, leaf: Digest];

/** A chain's rolling hash with one more honoured event; begins with ZERO. */
export function roll(previous: Digest, event: Digest): Digest {
  return hashed(EVENT, unhex(previous), unhex(event));
}

/** The part of a chain, forked or not, from its honoured events with their seq, in whatever order they come. */
export function part(chain: Digest, events: Iterable<readonly [seq: number, event: Digest]>): Part {
  const sorted = [...events].sort((one, other) => one[0] - other[0] || ascending(one[1], other[1]));
  return { chain, events: sorted.length, roll: sorted.reduce((rolled, [, event]) => roll(rolled, event), ZERO) };
}

/** The digest of one document from its parts; ZERO when no event of it is honoured. */
export function leaf(key: Digest, parts: Iterable<Part>): Digest {
  const filled = [...parts].filter((one) => one.events > 0).sort((one, other) => ascending(one.chain, other.chain));
  const pieces = filled.flatMap((one) => [unhex(one.chain), u64(one.events), unhex(one.roll)]);
  return filled.length > 0 ? hashed(LEAF, unhex(key), ...pieces) : ZERO;
}

/** Where a document stands in the tree, which tells nobody its name. */
export function key(document: DocumentId): Digest {
  return hex(sha256(utf8(document.text)));
}

/** The bucket of a document: the first twelve bits of its key. */
export function bucket(key: Digest): number {
  return Number.parseInt(key.slice(0, LEVELS), BRANCHES);
}

/** The digest of one bucket from the keys and leaves of its documents; ZERO when it has none. */
export function bucketDigest(leaves: Iterable<Leaf>): Digest {
  const filled = [...leaves].filter(([, one]) => one !== ZERO).sort(([one], [other]) => ascending(one, other));
  return filled.length > 0 ? hashed(BUCKET, ...filled.flat().map(unhex)) : ZERO;
}

/**
 * The tree over all buckets. Level 0 is the root, level 3 are the buckets; a node above nothing is ZERO.
 *
 * Setting a bucket only marks what is above it; nodes are hashed when somebody asks.
 */
export class Trie {
  /** Nodes that were set or hashed; all others are as they were saved. */
  readonly #levels = Array.from({ length: LEVELS + 1 }, () => new Map<number, Digest>());
  #saved: Uint8Array | null = null;
  #dirty = new Set<number>();

  /** Begin with these bucket digests, all others empty. */
  constructor(buckets: Iterable<readonly [index: number, digest: Digest]> = []) {
    for (const [index, digest] of buckets) this.set(index, digest);
  }

  /** The tree as it was saved; nothing of it is hashed, and only what is asked for is read. */
  static of(saved: Uint8Array): Trie {
    if (saved.length !== NODES * DIGEST_BYTES) throw new Damaged("what was saved of a tree of digests is not whole");
    const trie = new Trie();
    trie.#saved = saved;
    return trie;
  }

  /** All nodes, for whoever takes them up again: buckets first, the root last. */
  saved(): Uint8Array {
    this.#settle();
    const found = this.#saved?.slice() ?? new Uint8Array(NODES * DIGEST_BYTES);
    for (const [level, nodes] of this.#levels.entries()) {
      for (const [index, digest] of nodes) found.set(unhex(digest), startOf(level, index));
    }
    return found;
  }

  /** Give a bucket its digest, ZERO when it is empty. */
  set(index: number, digest: Digest): void {
    if (this.#at(LEVELS, index) !== digest) this.#dirty.add(index);
    this.#levels[LEVELS]!.set(index, digest);
  }

  /** The digest of everything. */
  root(): Digest {
    this.#settle();
    return this.#at(0, 0);
  }

  /** The sixteen nodes under a node, at level 2 the buckets themselves. */
  children(level: number, index: number): readonly Digest[] {
    this.#settle();
    return this.#under(level, index);
  }

  #under(level: number, index: number): readonly Digest[] {
    return Array.from({ length: BRANCHES }, (_, branch) => this.#at(level + 1, index * BRANCHES + branch));
  }

  #at(level: number, index: number): Digest {
    const found = this.#levels[level]!.get(index);
    if (found !== undefined || !this.#saved) return found ?? ZERO;
    const start = startOf(level, index);
    return hex(this.#saved.subarray(start, start + DIGEST_BYTES));
  }

  #settle(): void {
    let above = this.#dirty;
    for (let level = LEVELS - 1; level >= 0; level--) {
      above = new Set([...above].map((index) => Math.floor(index / BRANCHES)));
      for (const index of above) this.#levels[level]!.set(index, node(this.#under(level, index)));
    }
    this.#dirty = new Set();
  }
}

/** Where in a saved tree a node lies: behind all nodes of the levels beneath it. */
function startOf(level: number, index: number): number {
  return ((BRANCHES ** (LEVELS + 1) - BRANCHES ** (level + 1)) / (BRANCHES - 1) + index) * DIGEST_BYTES;
}

function node(children: readonly Digest[]): Digest {
  return children.some((child) => child !== ZERO) ? hashed(NODE, ...children.map(unhex)) : ZERO;
}

function hashed(...parts: Uint8Array[]): Digest {
  return hex(sha256(joined(...parts)));
}
