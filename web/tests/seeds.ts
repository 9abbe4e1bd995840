// Opening what was sealed for a raw X25519 seed, as devices outside of browsers have one: vectors are made with such.
// It decides nothing.
import { x25519 } from "@noble/curves/ed25519.js";
import { Forged } from "../engine/errors.js";
import { encapsulated, opened, X25519 } from "../engine/events/hpke.js";

/** What was sealed for the holder of an X25519 seed. Throws Forged. */
export function openedWithSeed(seed: Uint8Array, sealed: Uint8Array, info: Uint8Array): Uint8Array {
  const sent = encapsulated(X25519, sealed);
  let shared: Uint8Array;
  try {
    shared = x25519.getSharedSecret(seed, sent);
  } catch {
    throw new Forged("a point of small order");
  }
  return opened(X25519, shared, x25519.getPublicKey(seed), sealed, info);
}
