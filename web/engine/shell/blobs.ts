// How this phone asks its node for bytes of a file, or brings some, by plain HTTP: an address that it signs; as
// mesh/node/gateway/blobs.py reads it.
//
// It sends nothing. An address is good for minutes, and for one place in one file.
import { type Digest, deviceText, hex, joined, unhex, utf8 } from "../names.js";

const DOMAIN = utf8("mesh/blob/1");

/** Who signs: a device of a mesh. */
export interface Signer {
  readonly mesh: Digest;
  readonly admission: Digest;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

/** Where in a drop: the whole, a piece of the list of its chunks, or a chunk by its row in a piece. */
export interface Place {
  readonly document: string;
  readonly digest: Digest;
  readonly piece?: number;
  readonly row?: number;
}

/** The address of some bytes, signed for this method at this time. */
export async function address(who: Signer, method: "GET" | "PUT", place: Place, nowMs: number): Promise<string> {
  const { digest, document, piece, row } = place;
  const within = (piece === undefined ? "" : `&piece=${piece}`) + (row === undefined ? "" : `&row=${row}`);
  const target = `/api/blob/${digest}?drop=${document}${within}&by=${deviceText(who.admission)}&at=${nowMs}`;
  const said = new Uint8Array(joined(unhex(who.mesh), utf8(`${method} ${target}`)));
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", said)); // the browser's own: the service worker is small
  return `${target}&signature=${hex(await who.sign(joined(DOMAIN, sum)))}`;
}
