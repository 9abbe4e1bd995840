// The dropped files of this phone: cut into chunks, and served to devices that read; as mesh/node/drops has it.
//
// Nothing is looked up for others by digest. Fetching is in fetching.ts, which no start needs.
import { sha256 } from "@noble/hashes/sha2.js";
import { Refused, TooLarge } from "../errors.js";
import { isRelay } from "../events/verdict.js";
import { CHUNK_BYTES_MAX, DROP_BYTES_MAX, MIB, NONCE_BYTES, PAGE_BYTES_MAX } from "../limits.js";
import { type Digest, type DocumentId, hex } from "../names.js";
import { type Chunk, type Drop, KIND, packed, PIECE_ROWS, readable, unpacked } from "../state/drops.js";
import { openedAsk, type Page, sealedPage } from "../sync/drops.js";
import { epochToWrite } from "../sync/saying.js";
import type { Agent } from "./agent.js";
import { chunkOf, Pool } from "./pool.js";

const STEP_CHUNKS = 16; // of a file that are read and kept together: 4 MiB

/** A whole file as chunks. */
export interface Cut {
  readonly size: number;
  readonly digest: Digest;
  readonly pieces: readonly Digest[];
}

/** The files of one phone. */
export class Drops {
  readonly pool: Pool;

  constructor(private readonly agent: Agent) {
    this.pool = new Pool(agent.home.connection);
  }

  /** Cut a file and keep its chunks. Throws TooLarge, DiskFull. */
  async cut(file: Blob): Promise<Cut> {
    if (file.size > DROP_BYTES_MAX) throw new TooLarge(`a dropped file has at most ${DROP_BYTES_MAX / MIB / 1024} GiB`);
    const [whole, rows] = [sha256.create(), [] as Chunk[]];
    for (let at = 0; at < file.size; at += STEP_CHUNKS * CHUNK_BYTES_MAX) {
      const part = new Uint8Array(await file.slice(at, at + STEP_CHUNKS * CHUNK_BYTES_MAX).arrayBuffer());
      whole.update(part);
      const kept: [Chunk, Uint8Array][] = [];
      for (let from = 0; from < part.length; from += CHUNK_BYTES_MAX) {
        const data = part.slice(from, from + CHUNK_BYTES_MAX);
        kept.push([chunkOf(data), data]);
      }
      rows.push(...kept.map(([chunk]) => chunk));
      await this.pool.keep(kept);
    }
    const pieces: [Chunk, Uint8Array][] = [];
    for (let from = 0; from < rows.length; from += PIECE_ROWS) {
      const data = packed(rows.slice(from, from + PIECE_ROWS));
      pieces.push([chunkOf(data), data]);
    }
    await this.pool.keep(pieces);
    return { size: file.size, digest: hex(whole.digest()), pieces: pieces.map(([{ digest }]) => digest) };
  }

  /** The drop that a document is; null where there is none here, or its record does not say what file it is. */
  async of(document: DocumentId): Promise<Drop | null> {
    const row = document.type === KIND ? await this.agent.store.record(document) : null;
    return row ? readable(row.record) : null;
  }

  // ── serving ──────────────────────────────────────────────────────────────────────────────────

  /** Answer a question for chunks. Throws Refused. */
  async answer(raw: Uint8Array): Promise<Uint8Array> {
    const { engine, talk } = this.agent;
    const admission = engine.replica.devices.get(talk.peer ?? "");
    const found = admission === undefined ? undefined : engine.replica.verdict.admissions.get(admission);
    if (!found || isRelay(found)) throw new Refused("files are for devices that read");
    const ask = openedAsk(raw, engine.keyring);
    const drop = await this.of(ask.document);
    if (!drop || drop.deleted) throw new Refused("there is no such drop here");
    const piece = drop.pieces[ask.piece];
    if (piece === undefined) throw new Refused("this drop has no such piece");
    return sealedPage(await this.#here(piece, ask.rows), engine.keyring, this.epoch, nonce());
  }

  /** As much of what was asked for as is here and fits a page. */
  async #here(digest: Digest, rows: readonly number[]): Promise<Page> {
    const piece = await this.pool.read(digest);
    if (!piece) return [];
    if (rows.length === 0) return [[0, piece]];
    const [listed, found] = [unpacked(piece), [] as [number, Uint8Array][]];
    let room = PAGE_BYTES_MAX;
    for (const row of rows) {
      const chunk = listed[row];
      if (!chunk) throw new Refused("this piece has no such row");
      room -= chunk.size;
      if (room < 0 && found.length > 0) break;
      const data = await this.pool.read(chunk.digest);
      if (data) found.push([row, data]);
    }
    return found;
  }

  /** The epoch that questions and answers are sealed under. */
  get epoch(): string {
    return epochToWrite(this.agent.engine.replica.verdict, this.agent.engine.keyring);
  }
}

/** What a question or an answer is sealed with, once. */
export function nonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}
