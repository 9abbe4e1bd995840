// Drops: files that devices hand each other; what the record of one says, and the list of the chunks it consists of; as
// mesh/state/drops.py has it.
//
// A file is cut into chunks. Their digests and lengths, one row each, make a list; the list is cut into pieces, which are
// chunks as well; the record names the pieces. This module cuts nothing, hashes nothing and opens no file.
import { Malformed } from "../errors.js";
import {
  CHUNK_BYTES_MAX,
  CHUNK_ROW_BYTES,
  DIGEST_BYTES,
  DROP_BYTES_MAX,
  DROP_PIECES_MAX,
} from "../limits.js";
import { type Digest, deviceText, type DocumentId, hex, joined, unhex } from "../names.js";
import { type Record, type Registers, TITLE } from "./records.js";

export const KIND = "drop";

/** The state of a drop that is what a tool wrote of a session: its session names it, lists of files do not. */
export const TRANSCRIPT = "transcript";

/** A device that has the whole file says when it had it, in a register of its own. */
export const GOT = "got/";

/** Chunks in one piece of the list. */
export const PIECE_ROWS = Math.floor(CHUNK_BYTES_MAX / CHUNK_ROW_BYTES);

const HEX = /^[0-9a-f]{64}$/;

/** A part of a file: its SHA-256, and how long it is. */
export interface Chunk {
  readonly digest: Digest;
  readonly size: number;
}

/** A dropped file, as its record tells. `sender` and `to` are devices as text; `to` is empty: for everybody. */
export interface Drop {
  readonly document: DocumentId;
  readonly name: string;
  readonly size: number;
  readonly digest: Digest;
  readonly pieces: readonly Digest[];
  readonly sender: string;
  readonly to: string;
  readonly atMs: number;
  readonly mime: string;
  readonly got: ReadonlyMap<string, number>;
  readonly deleted: boolean;
}

/** What the birth of a drop says; who drops a file has it. */
export function registers(drop: Omit<Drop, "document" | "got" | "deleted">): Registers {
  const { name, size, digest, pieces, sender, to, atMs, mime } = drop;
  return {
    [GOT + sender]: atMs,
    [TITLE]: name,
    from: sender,
    to,
    at: atMs,
    size,
    mime,
    digest,
    chunks: pieces.join("\n"),
  };
}

/** What a record says, which anybody may have written. Throws Malformed. */
export function dropOf(record: Record): Drop {
  const pieces = record.word("chunks") ? record.word("chunks").split("\n") : [];
  const [size, digest] = [record.number("size"), record.word("digest")];
  const fits = size >= 0 && size <= DROP_BYTES_MAX && pieces.length <= DROP_PIECES_MAX;
  if (!fits || size > 0 !== pieces.length > 0 || ![digest, ...pieces].every((text) => HEX.test(text))) {
    throw new Malformed(`${record.document.text} does not say what file it is`);
  }
  const got = [...record.under(GOT)].filter((one): one is [string, number] => typeof one[1] === "number");
  return {
    document: record.document,
    name: record.word(TITLE),
    size,
    digest,
    pieces,
    sender: record.word("from"),
    to: record.word("to"),
    atMs: record.number("at"),
    mime: record.word("mime"),
    got: new Map(got),
    deleted: record.deleted,
  };
}

/** The same; null where it does not say what file it is. */
export function readable(record: Record): Drop | null {
  try {
    return dropOf(record);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/** The register in which a device says that it has the whole. */
export function gotBy(admission: Digest): string {
  return GOT + deviceText(admission);
}

/** Rows of the list: digest, and length in 4 bytes, big end first. */
export function packed(chunks: readonly Chunk[]): Uint8Array {
  return joined(
    ...chunks.map(({ digest, size }) => {
      const row = new Uint8Array(CHUNK_ROW_BYTES);
      row.set(unhex(digest));
      new DataView(row.buffer).setUint32(DIGEST_BYTES, size);
      return row;
    }),
  );
}

/** The rows of a piece of the list. Throws Malformed. */
export function unpacked(raw: Uint8Array): Chunk[] {
  if (raw.length === 0 || raw.length % CHUNK_ROW_BYTES || raw.length > CHUNK_BYTES_MAX) {
    throw new Malformed(`${raw.length} bytes are no piece of a list of chunks`);
  }
  const sizes = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const chunks: Chunk[] = [];
  for (let start = 0; start < raw.length; start += CHUNK_ROW_BYTES) {
    const digest = hex(raw.subarray(start, start + DIGEST_BYTES));
    chunks.push({ digest, size: sizes.getUint32(start + DIGEST_BYTES) });
  }
  if (!chunks.every(({ size }) => size > 0 && size <= CHUNK_BYTES_MAX)) {
    throw new Malformed(`a chunk has 1 to ${CHUNK_BYTES_MAX.toLocaleString("en-US")} bytes`);
  }
  return chunks;
}

/** Chunks, each with its row, in pages of at most so many bytes and chunks. */
export function inPages(
  wanted: Iterable<readonly [row: number, chunk: Chunk]>,
  bytesMax: number,
  countMax: number,
): (readonly [row: number, chunk: Chunk])[][] {
  const pages: (readonly [number, Chunk])[][] = [];
  let size = 0;
  for (const one of wanted) {
    const page = pages.at(-1);
    size += one[1].size;
    if (page && size <= bytesMax && page.length < countMax) page.push(one);
    else {
      pages.push([one]);
      size = one[1].size;
    }
  }
  return pages;
}
