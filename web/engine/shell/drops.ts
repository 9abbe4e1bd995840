// The dropped files of this phone: cut into chunks, served to devices that read, and fetched where somebody wants to see
// one; as mesh/node/drops has it.
//
// Every chunk is checked before it is kept, and the whole before this phone says that it has it. Nothing is looked up for
// others by digest, and nothing is fetched that nobody asked for.
import { sha256 } from "@noble/hashes/sha2.js";
import { Malformed, type MeshError, Refused, TooLarge, Unreachable } from "../errors.js";
import { isRelay } from "../events/verdict.js";
import { CHUNK_BYTES_MAX, CHUNKS_ASKED_MAX, DROP_BYTES_MAX, MIB, NONCE_BYTES, PAGE_BYTES_MAX } from "../limits.js";
import { type Digest, type DocumentId, hex } from "../names.js";
import { type Chunk, type Drop, inPages, KIND, packed, PIECE_ROWS, readable, unpacked } from "../state/drops.js";
import { type Ask, openedAsk, openedPage, type Page, sealedAsk, sealedPage, VERB } from "../sync/drops.js";
import { epochToWrite } from "../sync/saying.js";
import type { Agent } from "./agent.js";
import { chunkOf, Pool } from "./pool.js";
import * as timing from "./timing.js";

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
  readonly #fetching = new Map<string, Promise<Blob | null>>();

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

  /** A whole file, from here or from the node; null where neither has all of it. Throws Refused, DiskFull. */
  file(drop: Drop): Promise<Blob | null> {
    const name = drop.document.text;
    const found = this.#fetching.get(name) ?? this.#file(drop).finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, found);
    return found;
  }

  /** Whether all of a file is here. */
  async isHere(drop: Drop): Promise<boolean> {
    const rows = await this.#rows(drop);
    return rows !== null && (await this.pool.held(rows.map(({ digest }) => digest))).size === digestsOf(rows).size;
  }

  /** The rows of all pieces; null where a piece is not here. */
  async #rows(drop: Drop): Promise<Chunk[] | null> {
    const found: Chunk[] = [];
    for (const piece of drop.pieces) {
      const raw = await this.pool.read(piece);
      if (!raw) return null;
      found.push(...unpacked(raw));
    }
    return found;
  }

  async #file(drop: Drop): Promise<Blob | null> {
    try {
      if (!(await this.isHere(drop))) await this.#fetch(drop);
      return await this.#joined(drop);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.agent.log("drop.stopped", { error: (error as MeshError).message });
      return null;
    }
  }

  async #joined(drop: Drop): Promise<Blob> {
    const [whole, parts, rows] = [sha256.create(), [] as Blob[], await this.#rows(drop)];
    for (const { digest } of rows ?? []) {
      const data = await this.pool.read(digest);
      if (!data || chunkOf(data).digest !== digest) throw new Unreachable("not all of this file is on this phone");
      whole.update(data);
      parts.push(new Blob([new Uint8Array(data)]));
    }
    if (hex(whole.digest()) !== drop.digest) throw new Malformed("its chunks do not make the file that its record names");
    return new Blob(parts, { type: drop.mime });
  }

  // ── fetching ─────────────────────────────────────────────────────────────────────────────────

  /** Bring what is lacking from the node. Throws Unreachable, Refused. */
  async #fetch(drop: Drop): Promise<void> {
    for (const [number, digest] of drop.pieces.entries()) {
      const rows = await this.#piece(drop, number, digest);
      const held = await this.pool.held(rows.map((chunk) => chunk.digest));
      const lacking = new Map(rows.map((chunk, row) => [chunk.digest, [row, chunk] as const]));
      const wanted = [...lacking.values()].filter(([, chunk]) => !held.has(chunk.digest));
      for (const page of inPages(wanted, PAGE_BYTES_MAX, CHUNKS_ASKED_MAX)) await this.#page(drop, number, page);
    }
  }

  async #piece(drop: Drop, number: number, digest: Digest): Promise<Chunk[]> {
    const here = await this.pool.read(digest);
    if (here) return [...unpacked(here)];
    const [found] = await this.#asked({ document: drop.document, piece: number, rows: [] });
    if (!found) throw new Unreachable("the device in reach has not all of this file");
    const chunk = chunkOf(found[1]);
    if (chunk.digest !== digest) throw new Malformed("the device in reach brought something else than was asked for");
    const rows = unpacked(found[1]);
    await this.pool.keep([[chunk, found[1]]]);
    return [...rows];
  }

  async #page(drop: Drop, piece: number, page: readonly (readonly [number, Chunk])[]): Promise<void> {
    const wanted = new Map(page);
    while (wanted.size > 0) {
      const found = await this.#asked({ document: drop.document, piece, rows: [...wanted.keys()] });
      if (found.length === 0) throw new Unreachable("the device in reach has not all of this file");
      const kept = found.map(([row, data]) => {
        const [chunk, asked] = [chunkOf(data), wanted.get(row)];
        wanted.delete(row);
        if (chunk.digest === asked?.digest) return [chunk, data] as const;
        throw new Malformed("the device in reach brought something else than was asked for");
      });
      await this.pool.keep(kept);
    }
  }

  async #asked(ask: Ask): Promise<Page> {
    const { engine, talk } = this.agent;
    if (!talk.peer) throw new Unreachable("no device that has this file is in reach");
    const sent = sealedAsk(ask, engine.keyring, this.#epoch, nonce());
    return openedPage(await talk.request(talk.peer, VERB, sent, timing.CHUNKS_TIMEOUT_MS), engine.keyring);
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
    return sealedPage(await this.#here(piece, ask.rows), engine.keyring, this.#epoch, nonce());
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

  get #epoch(): string {
    return epochToWrite(this.agent.engine.replica.verdict, this.agent.engine.keyring);
  }
}

function nonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}

function digestsOf(rows: readonly Chunk[]): Set<Digest> {
  return new Set(rows.map(({ digest }) => digest));
}
