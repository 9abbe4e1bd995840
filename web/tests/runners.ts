// What each folder of tests/vectors asks for, as this engine answers it: as tests/unit/events/test_event_vectors.py
// does for Python. It compares nothing; vectors.test.ts does.
import { p256 } from "@noble/curves/nist.js";
import { eventDigest, genesisDigest, type Head, openingDigest, signedBytes, trailPlaces } from "../engine/clocks/chain.js";
import { Forged, Refused } from "../engine/errors.js";
import { decodeBody, encodeBody } from "../engine/events/bodies.js";
import { decode, encode, type Plain } from "../engine/events/cbor.js";
import { Chains } from "../engine/events/chains.js";
import { Learner, type Opened, rekeyPurpose, wrapFor } from "../engine/events/epochs.js";
import { decodeHeader, decodeInner, encodeHeader, encodeInner, Lane, type Placed } from "../engine/events/event.js";
import { ADMISSION_PURPOSE, readAdmission, readRequest, requestText, sealedAdmission } from "../engine/events/founding.js";
import { encapsulated, opened, P256 } from "../engine/events/hpke.js";
import { judge } from "../engine/events/judge.js";
import { verify } from "../engine/events/keys.js";
import type { Rekey } from "../engine/events/kinds.js";
import { statement } from "../engine/events/reading.js";
import { Keyring, padBody, paddedBytes, padInner, unpad } from "../engine/events/seal.js";
import { Standing, type Statement, type Verdict } from "../engine/events/verdict.js";
import { weigh } from "../engine/events/weigh.js";
import { hex, short, unhex, ZERO } from "../engine/names.js";
import { decode as decodeMessage, decodePush, encode as encodeMessage } from "../engine/sync/messages.js";
import { Replica } from "../engine/sync/replica.js";
import { deepEqual, equal } from "node:assert/strict";
import { openedWithSeed } from "./seeds.js";

// Cases are JSON of many forms; what a runner reads of one is checked by what comes out.
export type Case = any;
export type Runner = (given: Case) => unknown;

const BYTES_MAX = 2 ** 20;
const NO_KEY = new Uint8Array(32);

function place([seq, digest]: [number, string]): Head {
  return { seq, digest };
}

function cbor({ bytes }: Case): unknown {
  const value = decode(unhex(bytes), BYTES_MAX, "it");
  equal(hex(encode(value)), bytes);
  return { value };
}

function chains(given: Case): unknown {
  const key = given.key && unhex(given.key);
  if (given.rule === "genesis") return { digest: genesisDigest(key, unhex(given.header)) };
  if (given.rule === "opening") return { digest: openingDigest(given.mesh, key, unhex(given.header)) };
  if (given.rule === "event") return { digest: eventDigest(given.chain, place(given.after), unhex(given.header)) };
  const message = signedBytes(given.chain, place(given.head));
  if (given.signed_bytes) equal(hex(message), given.signed_bytes);
  verify(key, message, unhex(given.signature));
  return { fits: true };
}

function headers(given: Case): unknown {
  const header = decodeHeader(unhex(given.header));
  if (header.version === 1) equal(hex(encodeHeader(header)), given.header);
  const { version, lamport, epoch, bodyDigest, bodyBytes, inner } = header;
  const extensions = Object.fromEntries([...header.extensions].map(([key, value]) => [key, hex(value)]));
  return { version, lamport, epoch, body_digest: bodyDigest, body_bytes: bodyBytes, inner: hex(inner), extensions };
}

function inner(given: Case): unknown {
  const found = decodeInner(unhex(given.inner));
  equal(hex(encodeInner(found)), given.inner);
  const { timeMs, kind, agent, document, grant } = found;
  return { time_ms: timeMs, kind, agent, grant, document: document ? [document.space, document.type, document.name] : [] };
}

function bodies(given: Case): unknown {
  const body = decodeBody(given.lane, given.kind, unhex(given.body));
  equal(body.kind, given.kind);
  equal(hex(encodeBody(body)), given.body);
  return { fields: decode(encodeBody(body), BYTES_MAX, "it") };
}

function seals({ epoch, epoch_key, chain, seq, part, sealed }: Case): unknown {
  const ring = new Keyring([[epoch, unhex(epoch_key)]]);
  const plain = ring.open(epoch, chain, seq, part, unhex(sealed));
  const padded = part === "body" ? padBody(plain) : padInner(plain);
  equal(hex(ring.seal(epoch, chain, seq, part, padded, unhex(sealed).slice(0, 12))), sealed);
  return { plain: hex(plain), padded: hex(padded) };
}

function openedHere(seed: string, mesh: string, admission: string, rekey: Rekey): Opened {
  const wrapped = wrapFor(rekey, admission);
  if (!wrapped) return new Map();
  try {
    return new Map([[hex(wrapped), openedWithSeed(unhex(seed), wrapped, rekeyPurpose(mesh, admission))]]);
  } catch (error) {
    if (!(error instanceof Forged)) throw error;
    return new Map([[hex(wrapped), null]]);
  }
}

function epochs({ mesh, admission, kem_seed, rekeys }: Case): unknown {
  const learner = new Learner(mesh, admission, new Keyring());
  const faults = new Set<string>();
  rekeys.forEach(([digest, raw]: [string, string], number: number) => {
    const body = decodeBody(Lane.CONTROL, "rekey", unhex(raw)) as Rekey;
    const stamp = { lamport: number + 1, chain: ZERO };
    const said: Statement = { digest, admission: ZERO, stamp, kind: "rekey", body, seq: number + 1, parent: ZERO };
    const [, found] = learner.learn([said], openedHere(kem_seed, mesh, admission, body));
    for (const fault of found) faults.add(short(fault.epoch));
  });
  return {
    keys: Object.fromEntries([...learner.keyring.keys].map(([name, key]) => [name, hex(key)])),
    missing: learner.missing.map((epoch) => short(epoch.digest)).sort(),
    faults: [...faults].sort(),
  };
}

function runs({ mesh, held, run }: Case): unknown {
  const [found, statements] = [new Chains(mesh), new Map<string, Statement>()];
  const log = new Map<string, { seq: number; lamport: number }>();
  const fitted = (push: string): unknown => {
    const one = decodePush(unhex(push)).runs[0]!;
    const known = found.unsure(one).filter((digest) => log.has(digest));
    const { events, key } = found.place(one, statements, new Map(known.map((digest) => [digest, log.get(digest)!])));
    for (const placed of events) {
      found.take(placed, key);
      log.set(placed.digest, { seq: placed.seq, lamport: placed.header.lamport });
      if (placed.lane === Lane.CONTROL) statements.set(placed.digest, statement(placed));
    }
    return events.map(({ seq, digest }) => [seq, digest]);
  };
  held.forEach(fitted);
  return { new: fitted(run) };
}

function messages({ message, bytes }: Case): unknown {
  equal(hex(encodeMessage(decodeMessage(message, unhex(bytes)))), bytes);
  return { value: decode(unhex(bytes), BYTES_MAX, "it") };
}

function requests({ text }: Case): unknown {
  const admit = readRequest(text);
  deepEqual(readRequest(requestText(admit)), admit);
  const { signKey, kemKey, transportKey, tlsKey, name, proof, rank } = admit;
  const keys = { sign_key: hex(signKey), kem_key: hex(kemKey), transport_key: hex(transportKey), tls_key: hex(tlsKey) };
  return { ...keys, name, proof: hex(proof), rank };
}

/** As a phone opens it: the browser does the exchange, with a key that it does not show. */
async function wraps(given: Case): Promise<unknown> {
  const wrapped = unhex(given.wrapped);
  const own = p256.getPublicKey(unhex(given.private), false);
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  const [x, y] = [base64url(own.slice(1, 33)), base64url(own.slice(33))];
  const jwk = { kty: "EC", crv: "P-256", d: base64url(unhex(given.private)), x, y };
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const secret = await crypto.subtle.importKey("jwk", jwk, curve, false, ["deriveBits"]);
  const sent = await crypto.subtle.importKey("raw", encapsulated(P256, wrapped).slice(), curve, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: sent }, secret, 256));
  return { secret: hex(opened(P256, shared, own, wrapped, unhex(given.purpose))) };
}

function admissions({ text, kem_seed }: Case): unknown {
  const sealed = sealedAdmission(text);
  let plain: Uint8Array | null = null;
  try {
    plain = openedWithSeed(unhex(kem_seed), sealed, ADMISSION_PURPOSE);
  } catch (error) {
    if (!(error instanceof Forged)) throw error;
  }
  const packet = readAdmission(plain);
  return {
    mesh: packet.mesh,
    admission: packet.admission,
    transport: hex(packet.transport),
    epochs: Object.fromEntries([...packet.epochs].map(([name, key]) => [name, hex(key)])),
    control: packet.control.map(hex),
    addresses: packet.addresses,
  };
}

function standing(verdict: Verdict, admission: string, raw: string): string {
  const header = { version: 1, lamport: 1, epoch: "", bodyDigest: ZERO, bodyBytes: 0, inner: NO_KEY, extensions: new Map() };
  const event = { header: NO_KEY, body: null };
  const at = { chain: admission, admission, lane: Lane.DATA, seq: 2, parent: ZERO, digest: ZERO };
  const placed: Placed = { ...at, header, event, signature: null };
  const found = weigh(verdict, placed, decodeInner(unhex(raw)), { under: () => null }).standing;
  return Object.keys(Standing).find((name) => Standing[name as keyof typeof Standing] === found)!;
}

function verdicts(given: Case): unknown {
  const { mesh, control } = given;
  const replica = new Replica({ mesh, admission: mesh, signKey: NO_KEY }, new Keyring());
  for (const push of control) {
    const message = decodePush(unhex(push));
    equal(replica.handle({ input: "heard", peer: "vector", message, held: new Map(), opened: new Map() }).refused, 0);
  }
  const { verdict } = replica;
  equal(judge([...replica.statements.values()].reverse(), mesh).summary, verdict.summary);
  for (const asked of given.weigh ?? []) equal(standing(verdict, asked.admission, asked.inner), asked.expect);
  return {
    admissions: Object.fromEntries([...verdict.admissions].map(([name, found]) => [name, found.rank])),
    grants: [...verdict.grants.keys()].sort(),
    epoch: verdict.epochs()[0] ?? null,
    unknown: [...verdict.unknown].sort(),
    located: Object.fromEntries([...verdict.located.keys()].map((name) => [name, verdict.addressesOf(name)])),
    digest: replica.verdictDigest,
  };
}

function padding(given: Case): unknown {
  if (given.length !== undefined) return { padded_bytes: paddedBytes(given.length) };
  const plain = unpad(unhex(given.padded));
  equal(hex(given.part === "body" ? padBody(plain) : padInner(plain)), given.padded);
  return { plain: hex(plain) };
}

function trails({ length }: Case): unknown {
  return { places: trailPlaces(length) };
}

/** The folders that are about the layers of this engine. */
export const RUNNERS: Record<string, Runner> = {
  cbor,
  chains,
  headers,
  inner,
  bodies,
  seals,
  epochs,
  runs,
  messages,
  requests,
  wraps,
  admissions,
  verdicts,
  padding,
  trails,
};

/** The folders that others run, and who does. */
export const ELSEWHERE: Record<string, string> = {
  changes: "documents.test.ts",
  digest: "documents.test.ts",
  documents: "documents.test.ts",
  masks: "documents.test.ts",
  records: "documents.test.ts",
  conflicts: "conflicts.test.ts",
  overlaps: "conflicts.test.ts",
  views: "documents.test.ts",
  pairing: "a phone pairs by a way of its own",
};

/** What comes out of a case: a value, or whose fault it is and which. */
export async function outcome(folder: string, given: Case): Promise<unknown> {
  try {
    return asJson(await RUNNERS[folder]!(given));
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "Gap") return { family: "Waits", class: name };
    if (error instanceof Refused) return { family: "Refused", class: name };
    throw error;
  }
}

/** A value as the vectors write it. */
export function asJson(value: unknown): unknown {
  if (typeof value === "bigint") return { big: String(value) };
  if (value instanceof Uint8Array) return { hex: hex(value) };
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), asJson(item)]));
  if (Array.isArray(value)) return value.map(asJson);
  if (value === null || typeof value !== "object") return value as Plain;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item)]));
}

/** JSON, with whole numbers that are too large for a number as `asJson` has them. */
export function parsed(text: string): Case {
  const kept = (digits: string) => (Number.isSafeInteger(Number(digits)) ? digits : `{"big":"${digits}"}`);
  return JSON.parse(text.replace(/(?<=[\s[,:])-?\d{16,}(?=[\s,\]}])/g, kept));
}
