// Dropped files as a person wants to see them: put together from the chunks that are here, and fetched from the node where
// some are not; as mesh/node/drops/fetching.py has it.
//
// Every chunk is checked before it is kept, and the whole before this phone says that it has it. Nothing is fetched that
// nobody asked for.
import { sha256 } from "@noble/hashes/sha2.js";
import { Malformed, type MeshError, Unreachable } from "../errors.js";
import { CHUNKS_ASKED_MAX, PAGE_BYTES_MAX } from "../limits.js";
import { type Digest, hex } from "../names.js";
import { type Chunk, type Drop, inPages, unpacked } from "../state/drops.js";
import { type Ask, openedPage, type Page, sealedAsk, VERB } from "../sync/drops.js";
import type { Agent } from "./agent.js";
import { nonce } from "./drops.js";
import { chunkOf, type Pool } from "./pool.js";
import * as timing from "./timing.js";

/** What each agent is fetching just now, by document: whoever wants the same file waits for the same. */
const fetching = new WeakMap<Agent, Map<string, Promise<Blob | null>>>();

/** A whole file, from here or from the node; null where neither has all of it. Throws Refused, DiskFull. */
export function fileOf(agent: Agent, drop: Drop): Promise<Blob | null> {
  const mine = fetching.get(agent) ?? new Map<string, Promise<Blob | null>>();
  fetching.set(agent, mine);
  const name = drop.document.text;
  const found = mine.get(name) ?? file(agent, drop).finally(() => mine.delete(name));
  mine.set(name, found);
  return found;
}

/** Whether all of a file is here. */
export async function isHere({ pool }: Agent["drops"], drop: Drop): Promise<boolean> {
  const rows = await rowsOf(pool, drop);
  return rows !== null && (await pool.held(rows.map(({ digest }) => digest))).size === digestsOf(rows).size;
}

async function file(agent: Agent, drop: Drop): Promise<Blob | null> {
  try {
    if (!(await isHere(agent.drops, drop))) await fetched(agent, drop);
    return await joined(agent.drops.pool, drop);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    agent.log("drop.stopped", { error: (error as MeshError).message });
    return null;
  }
}

/** The rows of all pieces; null where a piece is not here. */
async function rowsOf(pool: Pool, drop: Drop): Promise<Chunk[] | null> {
  const found: Chunk[] = [];
  for (const piece of drop.pieces) {
    const raw = await pool.read(piece);
    if (!raw) return null;
    found.push(...unpacked(raw));
  }
  return found;
}

async function joined(pool: Pool, drop: Drop): Promise<Blob> {
  const [whole, parts, rows] = [sha256.create(), [] as Blob[], await rowsOf(pool, drop)];
  for (const { digest } of rows ?? []) {
    const data = await pool.read(digest);
    if (!data || chunkOf(data).digest !== digest) throw new Unreachable("not all of this file is on this phone");
    whole.update(data);
    parts.push(new Blob([new Uint8Array(data)]));
  }
  if (hex(whole.digest()) !== drop.digest) throw new Malformed("its chunks do not make the file that its record names");
  return new Blob(parts, { type: drop.mime });
}

/** Bring what is lacking from the node. Throws Unreachable, Refused. */
async function fetched(agent: Agent, drop: Drop): Promise<void> {
  for (const [number, digest] of drop.pieces.entries()) {
    const rows = await pieceOf(agent, drop, number, digest);
    const held = await agent.drops.pool.held(rows.map((chunk) => chunk.digest));
    const lacking = new Map(rows.map((chunk, row) => [chunk.digest, [row, chunk] as const]));
    const wanted = [...lacking.values()].filter(([, chunk]) => !held.has(chunk.digest));
    for (const page of inPages(wanted, PAGE_BYTES_MAX, CHUNKS_ASKED_MAX)) await pageOf(agent, drop, number, page);
  }
}

async function pieceOf(agent: Agent, drop: Drop, number: number, digest: Digest): Promise<Chunk[]> {
  const { pool } = agent.drops;
  const here = await pool.read(digest);
  if (here) return [...unpacked(here)];
  const [found] = await asked(agent, { document: drop.document, piece: number, rows: [] });
  if (!found) throw new Unreachable("the device in reach has not all of this file");
  const chunk = chunkOf(found[1]);
  if (chunk.digest !== digest) throw new Malformed("the device in reach brought something else than was asked for");
  const rows = unpacked(found[1]);
  await pool.keep([[chunk, found[1]]]);
  return [...rows];
}

async function pageOf(
  agent: Agent,
  drop: Drop,
  piece: number,
  page: readonly (readonly [number, Chunk])[],
): Promise<void> {
  const wanted = new Map(page);
  while (wanted.size > 0) {
    const found = await asked(agent, { document: drop.document, piece, rows: [...wanted.keys()] });
    if (found.length === 0) throw new Unreachable("the device in reach has not all of this file");
    const kept = found.map(([row, data]) => {
      const [chunk, meant] = [chunkOf(data), wanted.get(row)];
      wanted.delete(row);
      if (chunk.digest === meant?.digest) return [chunk, data] as const;
      throw new Malformed("the device in reach brought something else than was asked for");
    });
    await agent.drops.pool.keep(kept);
  }
}

async function asked({ drops, engine, talk }: Agent, ask: Ask): Promise<Page> {
  if (!talk.peer) throw new Unreachable("no device that has this file is in reach");
  const sent = sealedAsk(ask, engine.keyring, drops.epoch, nonce());
  return openedPage(await talk.request(talk.peer, VERB, sent, timing.CHUNKS_TIMEOUT_MS), engine.keyring);
}

function digestsOf(rows: readonly Chunk[]): Set<Digest> {
  return new Set(rows.map(({ digest }) => digest));
}
