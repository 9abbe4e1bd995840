// Reading one event that is held: open what is sealed, decode what is known, weigh what it asks for; as
// mesh/events/reading.py has it.
//
// What cannot be read is a standing with a reason, never an error: a missing key or body waits, an unknown kind or
// version is shown raw. This module never looks at a document.
import { Refused } from "../errors.js";
import { type Digest, ZERO } from "../names.js";
import { decodeBody } from "./bodies.js";
import { CLEAR, decodeInner, type Inner, Lane, type Placed, VERSION } from "./event.js";
import { checkAdmit, checkKemKey, checkSignKey } from "./keys.js";
import { type Body, type ControlBody, type Kind, known } from "./kinds.js";
import type { Keyring } from "./seal.js";
import { Standing, type Statement, type Verdict } from "./verdict.js";
import { type Lineage, type Weight, weigh } from "./weigh.js";

export const KEY_MISSING = "key missing";
export const BODY_MISSING = "body missing";

const NOTHING = new Uint8Array(0);

/** What one event says, as far as this device can tell, and what it counts for. */
export interface Reading {
  readonly standing: Standing;
  readonly reason: string;
  readonly inner: Inner | null;
  readonly body: Body | null;
  /** The body's canonical bytes, where it was read. What is void by authority is read too: others may stand on it. */
  readonly plain: Uint8Array;
  /** The statement that makes it void or waiting, where one does. */
  readonly by: Digest;
}

function reading(standing: Standing, reason: string, inner: Inner | null, by: Digest = ZERO): Reading {
  return { standing, reason, inner, body: null, plain: NOTHING, by };
}

/** The inner header, null where its key is missing. Throws Refused when it does not open or is malformed. */
export function readInner(keyring: Keyring, { header, chain, seq }: Placed): Inner | null {
  if (header.epoch === CLEAR) return decodeInner(header.inner);
  if (!keyring.holds(header.epoch)) return null;
  return decodeInner(keyring.open(header.epoch, chain, seq, "header", header.inner));
}

/** The body of a known kind, null where its bytes are missing. Throws Refused. */
export function readBody(keyring: Keyring, placed: Placed, kind: Kind): Body | null {
  const plain = plainBody(keyring, placed);
  return plain && decodeBody(placed.lane, kind, plain);
}

function plainBody(keyring: Keyring, { header, chain, seq, event }: Placed): Uint8Array | null {
  if (!event.body || header.epoch === CLEAR) return event.body;
  return keyring.open(header.epoch, chain, seq, "body", event.body);
}

/** Read and weigh a data event. Throws nothing that another device could cause. */
export function read(keyring: Keyring, verdict: Verdict, placed: Placed, lineage: Lineage): Reading {
  if (placed.header.version > VERSION) {
    const reason = `of version ${placed.header.version}, which this software does not read`;
    return reading(Standing.OPAQUE, reason, null);
  }
  let inner: Inner | null = null;
  try {
    inner = readInner(keyring, placed);
    if (!inner) return reading(Standing.WAITS, KEY_MISSING, null);
    return weighed(keyring, placed, inner, weigh(verdict, placed, inner, lineage));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return reading(Standing.VOID, error.message, inner);
  }
}

/** The reading of an event of this weight. Throws Refused when its body is not one of its kind. */
function weighed(keyring: Keyring, placed: Placed, inner: Inner, { standing, reason, by }: Weight): Reading {
  if (standing === Standing.OPAQUE || !known(placed.lane, inner.kind)) return reading(standing, reason, inner);
  const plain = plainBody(keyring, placed);
  if (plain) return { standing, reason, inner, body: decodeBody(placed.lane, inner.kind, plain), plain, by };
  if (standing === Standing.HONOURED) return reading(Standing.WAITS, BODY_MISSING, inner);
  return reading(standing, reason, inner, by);
}

/** Events of which it is known that their keys are safe and proven: what an event says never changes. */
export type Proven = Set<Digest>;

/**
 * A control event as `judge` reads it. A malformed or unproven body says nothing, on every device alike. What is in
 * `proven` is not checked again, and what was checked is added there.
 */
export function statement(placed: Placed, proven: Proven = new Set()): Statement {
  const { digest, admission, seq, parent, header } = placed;
  const stamp = { lamport: header.lamport, chain: placed.chain };
  const [kind, body] = header.version > VERSION ? [`version ${header.version}`, null] : said(placed, proven);
  return { digest, admission, stamp, kind, body, seq, parent };
}

/** The kind and the body of a statement, as far as they can be read. */
function said(placed: Placed, proven: Proven): [kind: string, body: ControlBody | null] {
  let kind = "";
  try {
    kind = decodeInner(placed.header.inner).kind;
    if (!known(Lane.CONTROL, kind)) return [kind, null];
    const body = decodeBody(Lane.CONTROL, kind, placed.event.body ?? NOTHING) as ControlBody;
    if (!proven.has(placed.digest) && hasKeys(body)) proven.add(placed.digest);
    return [kind, body];
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [kind, null];
  }
}

/** Whether a body brings keys; they are checked. */
function hasKeys(body: ControlBody): boolean {
  if (body.kind === "admit") checkAdmit(body);
  else if (body.kind === "genesis") {
    checkSignKey(body.signKey);
    checkKemKey(body.kemKey);
  } else return false;
  return true;
}
