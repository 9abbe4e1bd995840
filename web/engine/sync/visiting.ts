// What a phone that logs in nowhere asks with, by HTTP, to hear of statements; as mesh/node/gateway/guests.py reads it.
//
// Nothing is sent or kept here.
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "../events/cbor.js";
import type { Sign } from "../events/speaking.js";
import { type Digest, joined, unhex, utf8 } from "../names.js";

const DOMAIN = utf8("mesh/door/guest/1");

/** A guest's question, signed. */
export async function question(
  who: { readonly mesh: Digest; readonly admission: Digest },
  timeMs: number,
  verb: "have" | "want",
  body: Uint8Array,
  sign: Sign,
): Promise<Uint8Array> {
  const said = encode([unhex(who.mesh), unhex(who.admission), timeMs, verb, sha256(body)]);
  return encode([unhex(who.admission), timeMs, verb, body, await sign(joined(DOMAIN, said))]);
}
