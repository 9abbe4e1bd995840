// Single questions on which implementations may differ, and what this engine says to each. It decides nothing.
import { ed25519 } from "@noble/curves/ed25519.js";
import { decodeBody } from "../engine/events/bodies.js";
import { decode as decodeCbor, encode as encodeCbor } from "../engine/events/cbor.js";
import { decodeInner, Lane, type Placed } from "../engine/events/event.js";
import { asked, requestText } from "../engine/events/founding.js";
import { Judgement } from "../engine/events/judge.js";
import { checkKemKey, checkSignKey, verify } from "../engine/events/keys.js";
import { type ControlBody, known } from "../engine/events/kinds.js";
import { Keyring } from "../engine/events/seal.js";
import { type Cuts, sortedCuts, type Statement, Verdict } from "../engine/events/verdict.js";
import { weigh } from "../engine/events/weigh.js";
import * as limits from "../engine/limits.js";
import { DocumentId, hex, shown, unhex, ZERO } from "../engine/names.js";
import * as receipts from "../engine/sync/receipts.js";
import { DISPUTED } from "./disputed.js";
import { PHONES } from "./phones.js";
import { lineageOf } from "./lineage.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

const NOTHING = new Uint8Array(0);
const BYTES_MAX = 2 ** 20;

/** What this engine says to each question. */
export const QUESTIONS: Record<string, (given: Question) => unknown> = {
  ...DISPUTED,
  ...PHONES,
  limits: () => limits,
  cbor: ({ bytes }) => hex(encodeCbor(decodeCbor(unhex(bytes), BYTES_MAX, "it"))),
  "sign key": ({ bytes }) => checkSignKey(unhex(bytes)),
  "kem key": ({ bytes }) => checkKemKey(unhex(bytes)),
  verify: ({ key, bytes, signature }) => verify(unhex(key), unhex(bytes), unhex(signature)),
  document: ({ text }) => DocumentId.parse(text).text,
  shown: ({ text, most }) => shown(text, most),
  judge: judged,
  request: requested,
  receipt: ({ bytes, mesh, teller, key }) => {
    const receipt = receipts.decode(unhex(bytes));
    const verdict = new Verdict();
    if (key) {
      const keys = { signKey: unhex(key), kemKey: NOTHING, transportKey: NOTHING, tlsKey: NOTHING };
      verdict.admissions.set(teller, { digest: teller, rank: 1, name: "", ...keys });
    }
    receipts.check(receipt, mesh, verdict, teller);
    return [hex(receipts.encode(receipt)), receipts.isWhole(receipt)];
  },
  "receipt of": async ({ seed, mesh, fields: [admission, frontier, verdict, state, view, bodies, keys] }) => {
    const said = { admission, shown: { frontier, verdict, state, view }, bodies, keys };
    const sign = async (message: Uint8Array) => ed25519.sign(message, unhex(seed));
    return hex(receipts.encode(await receipts.signed(said, mesh, sign)));
  },
  "seal page": ({ epoch, key, side, bytes, nonce }) => {
    return hex(new Keyring([[epoch, unhex(key)]]).sealPage(epoch, side, unhex(bytes), unhex(nonce)));
  },
  "open page": ({ epoch, key, side, bytes }) => {
    return hex(new Keyring([[epoch, unhex(key)]]).openPage(side, unhex(bytes)));
  },
};

async function requested({ seed, kem_key, transport_key, name, rank }: Question): Promise<string> {
  const [signKey, transportKey] = [ed25519.getPublicKey(unhex(seed)), unhex(transport_key)];
  const device = { signKey, kemKey: unhex(kem_key), transportKey, tlsKey: transportKey, name, rank };
  return requestText(await asked(device, async (message) => ed25519.sign(message, unhex(seed))));
}

/** What counts after each batch of statements, and what events weigh at last. */
function judged({ mesh, batches, data }: Question): unknown {
  const judgement = new Judgement(mesh);
  const counted = batches.map((batch: Question[]) => {
    const changed = judgement.add(batch.map(statementOf));
    return { changed, ...told(judgement.verdict) };
  });
  const log = new Map<string, Placed>(data.map((event: Question) => [event.digest, placedOf(event)]));
  const weights = data.map((event: Question) => {
    const placed = log.get(event.digest)!;
    const { standing, by } = weigh(judgement.verdict, placed, decodeInner(unhex(event.inner)), lineageOf(log));
    return [standing, by];
  });
  return { counted, weights };
}

function statementOf({ digest, admission, lamport, chain, kind, body, seq, parent }: Question): Statement {
  const read = body !== null && known(Lane.CONTROL, kind) ? decodeBody(Lane.CONTROL, kind, unhex(body)) : null;
  return { digest, admission, stamp: { lamport, chain }, kind, body: read as ControlBody | null, seq, parent };
}

function placedOf({ digest, admission, chain, seq, parent }: Question): Placed {
  const named = { epoch: "", bodyDigest: ZERO, bodyBytes: 0, inner: NOTHING, extensions: new Map() };
  const header = { version: 1, lamport: 1, ...named };
  const event = { header: NOTHING, body: null };
  return { chain, admission, lane: Lane.DATA, seq, parent, digest, header, event, signature: null };
}

function told(verdict: Verdict): Record<string, unknown> {
  const cuts = (ends: ReadonlyMap<string, Cuts>) =>
    Object.fromEntries([...ends].map(([name, found]) => [name, sortedCuts(found).map(({ rank, by }) => [rank, by])]));
  return {
    digest: verdict.digest(),
    said: [...verdict.said].sort(),
    unknown: [...verdict.unknown].sort(),
    admissions: Object.fromEntries([...verdict.admissions].map(([name, { rank }]) => [name, rank])),
    closes: cuts(verdict.closes),
    grants: [...verdict.grants.keys()].sort(),
    ungrants: cuts(verdict.ungrants),
    adopted: Object.fromEntries(verdict.adopted),
    forgotten: [...verdict.forgotten].sort(),
    located: Object.fromEntries([...verdict.located].map(([name, { digest }]) => [name, digest])),
    epochs: verdict.epochs(),
  };
}
