// Who is there: how the device behind a door that several share proves which of them it is; as mesh/sync/introducing.py
// has it, for the side that asks.
//
// It says who holds a key, not that nobody carries the words on. This module draws nothing and looks nothing up.
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "../events/cbor.js";
import { verify } from "../events/keys.js";
import { type Digest, joined, unhex, utf8 } from "../names.js";

/** What a device in a browser asks before it trades data. */
export const VERB = "who";

const DOMAIN = utf8("mesh/who/1");

/** Who answers: an admission, and its signing key. */
export interface Teller {
  readonly admission: Digest;
  readonly signKey: Uint8Array;
}

/** Throw Forged unless the device that answers signed this for the one that asked. */
export function check(answered: Uint8Array, question: Uint8Array, mesh: Digest, teller: Teller, asker: Digest): void {
  const fields = [unhex(mesh), unhex(teller.admission), unhex(asker), sha256(question)];
  verify(teller.signKey, joined(DOMAIN, encode(fields)), answered);
}
