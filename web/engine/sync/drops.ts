// What devices say to each other about dropped files: which chunks one lacks, and what they are; as mesh/sync/drops.py.
//
// A question names a place in a drop, never a digest. Both sides are sealed under the epoch. This module looks into no
// record and keeps no chunk.
import { Malformed, TooLarge } from "../errors.js";
import { decode as decodeCbor, encode as encodeCbor, expectTypes, fields } from "../events/cbor.js";
import type { Keyring } from "../events/seal.js";
import { CHUNK_BYTES_MAX, CHUNKS_ASKED_MAX, DROP_PIECES_MAX, PUSH_BYTES_MAX } from "../limits.js";
import { DocumentId, type Short, unhex } from "../names.js";

/** What chunks are asked for with. */
export const VERB = "chunk";

const ASK_BYTES_MAX = 4 * 1024;
const ROWS_MAX = CHUNK_BYTES_MAX; // no piece has as many rows as bytes

/** A piece of the list of a drop's chunks, or chunks by their rows in that piece. No rows: the piece itself. */
export interface Ask {
  readonly document: DocumentId;
  readonly piece: number;
  readonly rows: readonly number[];
}

/** What is here of that: rows with their bytes. Row 0 is the piece, where the piece was asked for. */
export type Page = readonly (readonly [row: number, data: Uint8Array])[];

/** A question as it travels. */
export function sealedAsk({ document, piece, rows }: Ask, keyring: Keyring, epoch: Short, nonce: Uint8Array): Uint8Array {
  const name = [document.space, document.type, unhex(document.name)];
  return keyring.sealPage(epoch, "ask", encodeCbor([name, piece, [...rows]]), nonce);
}

/** Read a question. Throws Refused. */
export function openedAsk(raw: Uint8Array, keyring: Keyring): Ask {
  bounded(raw, ASK_BYTES_MAX, "a question for chunks");
  const types = ["list", "int", "list"] as const;
  const plain = keyring.openPage("ask", raw);
  const [name, piece, wanted] = fields(plain, ASK_BYTES_MAX, "a question for chunks", types);
  const [space, type, raw_name] = expectTypes(name, "a document", ["text", "text", "bytes"]);
  const rows = wanted.filter((row): row is number => typeof row === "number" && row >= 0 && row < ROWS_MAX);
  const rises = rows.every((row, place) => place === 0 || row > rows[place - 1]!);
  if (rows.length !== wanted.length || rows.length > CHUNKS_ASKED_MAX || !rises) {
    throw new Malformed(`a question is for at most ${CHUNKS_ASKED_MAX} rows, ascending, each once`);
  }
  if (piece < 0 || piece >= DROP_PIECES_MAX) {
    throw new Malformed(`a list of chunks has at most ${DROP_PIECES_MAX} pieces`);
  }
  return { document: DocumentId.checked(space, type, raw_name), piece, rows };
}

/** An answer as it travels. */
export function sealedPage(page: Page, keyring: Keyring, epoch: Short, nonce: Uint8Array): Uint8Array {
  return keyring.sealPage(epoch, "page", encodeCbor(page.map(([row, data]) => [row, data])), nonce);
}

/** Read an answer. Throws Refused. Whether the bytes are what was asked for is not checked here. */
export function openedPage(raw: Uint8Array, keyring: Keyring): Page {
  bounded(raw, PUSH_BYTES_MAX, "a page of chunks");
  const value = decodeCbor(keyring.openPage("page", raw), PUSH_BYTES_MAX, "a page of chunks");
  if (!Array.isArray(value) || value.length > CHUNKS_ASKED_MAX) {
    throw new Malformed(`a page is a list of at most ${CHUNKS_ASKED_MAX} chunks`);
  }
  return value.map((one) => expectTypes(one, "a chunk", ["int", "bytes"]));
}

function bounded(raw: Uint8Array, bytesMax: number, what: string): void {
  if (raw.length > bytesMax) throw new TooLarge(`${what} has ${raw.length} bytes; at most ${bytesMax} are allowed`);
}
