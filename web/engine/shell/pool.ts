// The chunks of dropped files that are here, by their digests; as mesh/node/drops/pool.py has it.
//
// What is kept here is checked by whoever keeps it. Nothing is looked up for others by digest, and no file is put together.
import { sha256 } from "@noble/hashes/sha2.js";
import { type Digest, hex } from "../names.js";
import type { Chunk } from "../state/drops.js";
import type { Connection } from "./storage/connection.js";

/** What bytes are as a chunk. */
export function chunkOf(data: Uint8Array): Chunk {
  return { digest: hex(sha256(data)), size: data.length };
}

/** The chunks on this phone. */
export class Pool {
  constructor(private readonly connection: Connection) {}

  /** A chunk; null where it is not here. */
  async read(digest: Digest): Promise<Uint8Array | null> {
    return (await this.connection.read((tx) => tx.get<Uint8Array>("files", digest))) ?? null;
  }

  /** Which of these are here. */
  async held(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const asked = [...new Set(digests)];
    return this.connection.read(async (tx) => {
      const found = new Set<Digest>();
      for (const digest of asked) {
        const [key] = await tx.keys<Digest>("files", IDBKeyRange.only(digest), 1);
        if (key !== undefined) found.add(digest);
      }
      return found;
    });
  }

  /** Keep chunks durably, all or none. Throws DiskFull. */
  async keep(chunks: readonly (readonly [Chunk, Uint8Array])[]): Promise<void> {
    await this.connection.writeAside(async (tx) => {
      for (const [{ digest }, data] of chunks) tx.put("files", data, digest);
    });
  }
}
