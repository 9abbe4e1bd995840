// The chunks of dropped files that are here, by their digests; as mesh/node/drops/pool.py has it.
//
// What is kept here is checked by whoever keeps it. Nothing is looked up for others by digest, and no file is put together.
import { sha256 } from "@noble/hashes/sha2.js";
import { type Digest, hex } from "../names.js";
import type { Chunk } from "../state/drops.js";
import { done, durable } from "./home.js";

const FILES = "files";

/** What bytes are as a chunk. */
export function chunkOf(data: Uint8Array): Chunk {
  return { digest: hex(sha256(data)), size: data.length };
}

/** The chunks on this phone. */
export class Pool {
  constructor(private readonly database: IDBDatabase) {}

  /** A chunk; null where it is not here. */
  async read(digest: Digest): Promise<Uint8Array | null> {
    const found: unknown = await done(this.database.transaction(FILES).objectStore(FILES).get(digest));
    return found instanceof Uint8Array ? found : null;
  }

  /** Which of these are here. */
  async held(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const reading = this.database.transaction(FILES).objectStore(FILES);
    const asked = [...new Set(digests)];
    const keys = await Promise.all(asked.map((digest) => done(reading.getKey(digest))));
    return new Set(asked.filter((_, place) => keys[place] !== undefined));
  }

  /** Keep chunks durably, all or none. Throws DiskFull. */
  async keep(chunks: readonly (readonly [Chunk, Uint8Array])[]): Promise<void> {
    const writing = this.database.transaction(FILES, "readwrite", { durability: "strict" });
    for (const [{ digest }, data] of chunks) writing.objectStore(FILES).put(new Uint8Array(data), digest);
    await durable(writing);
  }

  /** Let chunks go. */
  async remove(digests: Iterable<Digest>): Promise<void> {
    const writing = this.database.transaction(FILES, "readwrite");
    for (const digest of digests) writing.objectStore(FILES).delete(digest);
    await durable(writing);
  }
}
