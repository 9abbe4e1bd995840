// Bringing the bytes of files to the node while no page is open: what the service worker does with the chunks that lie
// ready, on from where the last wake ended.
//
// It puts nothing together and writes nothing: the node says what it lacks, and when it has all, the writer lets go of it.
import { CHUNK_ROW_BYTES, DIGEST_BYTES } from "../limits.js";
import { type Digest, hex } from "../names.js";
import { address, type Place, type Signer } from "./blobs.js";

/** How the names begin under which files lie whose bytes no other device has said to have. */
export const OUTGOING = "outgoing/";

/** One of them: the id of its drop, and the pieces of the list of its chunks. */
export interface Outgoing {
  readonly document: string;
  readonly pieces: readonly Digest[];
}

/** What it is given. */
export interface Bringing {
  readonly who: Signer;
  readonly nowMs: () => number;
  /** A chunk of this phone; null where it is not here. */
  readonly chunk: (digest: Digest) => Promise<Uint8Array<ArrayBuffer> | null>;
  /** Puts bytes; throws where nobody answers, or the time of this wake is over. */
  readonly put: (address: string, body: Uint8Array<ArrayBuffer>) => Promise<Response>;
}

/** Bring files, one after the other; returns how many chunks went. Throws where it is to be tried again. */
export async function bring(files: readonly Outgoing[], with_: Bringing): Promise<number> {
  let count = 0;
  for (const file of files) count += await one(file, with_);
  return count;
}

async function one({ document, pieces }: Outgoing, { chunk, nowMs, put, who }: Bringing): Promise<number> {
  let count = 0;
  const brought = async (place: Place, body: Uint8Array<ArrayBuffer>) => {
    const answer = await put(await address(who, "PUT", place, nowMs()), body);
    if (!answer.ok && !isRefusal(answer)) throw new Error(`not taken: ${answer.status}`);
    return answer;
  };
  for (const [piece, digest] of pieces.entries()) {
    const listed = await chunk(digest);
    const asked = listed && (await brought({ document, digest, piece }, listed));
    if (!listed || !asked?.ok) return count; // put away, or not for that device: the next file may be
    const { lacks } = (await asked.json()) as { lacks: number[] };
    for (const row of lacks) {
      const own = digestAt(listed, row);
      const data = await chunk(own);
      if (!data || !(await brought({ document, digest: own, piece, row }, data)).ok) return count;
      count += 1;
    }
  }
  return count;
}

function digestAt(listed: Uint8Array, row: number): Digest {
  return hex(listed.subarray(row * CHUNK_ROW_BYTES, row * CHUNK_ROW_BYTES + DIGEST_BYTES));
}

/** The device understood, and will not take it: to say the same again changes nothing. */
function isRefusal({ status }: Response): boolean {
  return status >= 400 && status < 500;
}
