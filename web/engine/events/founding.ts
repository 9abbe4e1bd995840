// How a device asks to be let in, and what it is handed then, as texts that a person can carry; as
// mesh/events/founding.py has it, but for founding a mesh and for letting others in: a member does neither.
//
// A request is public; an admission is sealed for the device that asked. Signing and opening are awaited from whoever
// has the keys. This module draws no randomness and stores nothing.
import { Malformed, Stranger } from "../errors.js";
import { ADMISSION_BYTES_MAX, DIGEST_BYTES, KEY_BYTES, REQUEST_BYTES_MAX, SHORT_BYTES } from "../limits.js";
import { type Digest, hex, type Short, utf8 } from "../names.js";
import { decodeBody, encodeBody } from "./bodies.js";
import { asHex, expectTypes, fields, isBytes } from "./cbor.js";
import { Lane } from "./event.js";
import { checkAdmit, proofBytes } from "./keys.js";
import type { Admit } from "./kinds.js";
import type { Sign } from "./speaking.js";

const REQUEST_PREFIX = "mesh-request-1.";
const ADMISSION_PREFIX = "mesh-admission-1.";
const PACKET_TYPES = ["bytes", "bytes", "bytes", "list", "list", "list"] as const;
// White space as Python has it, which is not quite what \s is.
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;
const ARMOUR = /^[A-Za-z0-9_-]+$/;

/** What an admission is sealed for, in HPKE. */
export const ADMISSION_PURPOSE = utf8("mesh/admission/1");

/** What an admitted device needs: the mesh, its admission, keys, all control events, where to call first. */
export interface Packet {
  readonly mesh: Digest;
  readonly admission: Digest;
  /** The secret of all links. */
  readonly transport: Uint8Array;
  readonly epochs: ReadonlyMap<Short, Uint8Array>;
  /** Encoded Push messages, in order. */
  readonly control: readonly Uint8Array[];
  /** Of the device that let it in. */
  readonly addresses: readonly string[];
}

/** What a device asks to be admitted with, and the proof that the keys are its own. The admitter sets the rank. */
export async function asked(device: Omit<Admit, "kind" | "proof">, sign: Sign): Promise<Admit> {
  const unproven: Admit = { ...device, kind: "admit", proof: new Uint8Array(0) };
  return { ...unproven, proof: await sign(proofBytes(unproven)) };
}

/** A request as a text that survives mail, chat and QR. */
export function requestText(admit: Admit): string {
  return REQUEST_PREFIX + armoured(encodeBody(admit));
}

/** The device behind a request; its proof is checked. Throws Refused. */
export function readRequest(text: string): Admit {
  const raw = plain(text, REQUEST_PREFIX, REQUEST_BYTES_MAX, "a request");
  const admit = decodeBody(Lane.CONTROL, "admit", raw) as Admit;
  checkAdmit(admit);
  return admit;
}

/** What is sealed in an admission's text; to be opened by the device's wrapping key. Throws Malformed. */
export function sealedAdmission(text: string): Uint8Array {
  return plain(text, ADMISSION_PREFIX, ADMISSION_BYTES_MAX, "an admission");
}

/** What an admission hands over; null is what does not open. Throws Refused. */
export function readAdmission(opened: Uint8Array | null): Packet {
  if (!opened) {
    throw new Stranger(
      "this admission does not open here: it was made for another device, or is damaged",
      "Begin the pairing anew, and have exactly that request admitted. Nothing was changed.",
    );
  }
  const [mesh, admission, transport, epochs, control, addresses] = fields(
    opened,
    ADMISSION_BYTES_MAX,
    "an admission",
    PACKET_TYPES,
  );
  const pairs = epochs.map((pair): [Short, Uint8Array] => {
    const [epoch, key] = expectTypes(pair, "an epoch key", ["bytes", "bytes"]);
    if (key.length !== KEY_BYTES) throw new Malformed("an epoch key is not 32 bytes");
    return [asHex(epoch, SHORT_BYTES, "an epoch"), key];
  });
  const pushes = control.filter((part) => part instanceof Uint8Array);
  const places = addresses.filter((place) => typeof place === "string");
  const whole = pushes.length === control.length && places.length === addresses.length;
  if (!whole || !isBytes(mesh, DIGEST_BYTES) || !isBytes(admission, DIGEST_BYTES) || !isBytes(transport, KEY_BYTES)) {
    throw new Malformed("an admission's fields are not of the form that the protocol asks for");
  }
  const names = { mesh: hex(mesh), admission: hex(admission), transport };
  return { ...names, epochs: new Map(pairs), control: pushes, addresses: places };
}

/** Base64url without padding (RFC 4648, section 5). */
function armoured(raw: Uint8Array): string {
  let letters = "";
  for (const byte of raw) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function plain(text: string, prefix: string, bytesMax: number, what: string): Uint8Array {
  const packed = text.replace(SPACE, "");
  if (!packed.startsWith(prefix) || packed.length > 2 * bytesMax) {
    throw new Malformed(`this is not ${what}: one starts with '${prefix}'`);
  }
  const body = packed.slice(prefix.length);
  const raw = ARMOUR.test(body) ? unarmoured(body) : new Uint8Array(0);
  if (raw.length === 0 || armoured(raw) !== body) throw new Malformed(`${what} is damaged or cut short`);
  return raw;
}

function unarmoured(body: string): Uint8Array {
  try {
    const letters = atob(body.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array(0); // of a length that nothing has
  }
}
