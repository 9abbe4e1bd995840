// What a phone shows at the door, byte by byte as Python has it: the vectors of an offer; and its keys, as WebCrypto keeps
// them. It opens no connection.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Forged, Malformed, Unreachable } from "../engine/errors.js";
import { ADMISSION_PURPOSE, asked, readAdmission, readRequest, requestText, sealedAdmission } from "../engine/events/founding.js";
import { checkKemKey, checkSignKey, verify } from "../engine/events/keys.js";
import { hex, unhex, utf8 } from "../engine/names.js";
import { Keys } from "../engine/shell/keys.js";
import { nkeyPublic, readAnswer, refusalBytes } from "../engine/shell/wires.js";
import * as offer from "../engine/sync/offer.js";

const VECTORS = new URL("../../tests/vectors/pairing/", `file://${process.cwd()}/tests/`);

interface Vector {
  rule: string;
  given: { token: string; request: string; admitter: string };
  expect: { token_id: string; qr: string; typed: string; proof: string; admitters_proof: string; digits: string };
}

test("an offer amounts to the same on a phone", () => {
  const names = readdirSync(VECTORS).filter((name) => name.includes("door"));
  assert.ok(names.length > 0);
  for (const name of names) {
    const found = JSON.parse(readFileSync(new URL(name, VECTORS), "utf8")) as Vector & Record<string, unknown>;
    const { token, request, admitter } = { ...found, ...found.given } as Vector["given"];
    const { admitters_proof, digits, proof, qr, token_id, typed } = { ...found, ...found.expect } as Vector["expect"];
    const raw = unhex(token);
    assert.equal(offer.nameOf(raw), token_id);
    assert.equal(offer.phonesProof(raw, request), proof);
    offer.checkAdmitter(raw, request, admitter, admitters_proof);
    assert.throws(() => offer.checkAdmitter(raw, request, request, admitters_proof), Forged);
    assert.throws(() => offer.checkAdmitter(raw, request, admitter, proof), Forged);
    assert.equal(offer.digitsOf(raw, readRequest(request).signKey, readRequest(admitter).signKey), digits);
    for (const text of [qr, typed, ` ${typed.toUpperCase()} `]) assert.equal(hex(offer.readToken(text)), token);
    for (const text of ["", qr.slice(1), `${typed}a`, "a".repeat(40)]) assert.throws(() => offer.readToken(text), Malformed);
  }
});

test("the keys of a browser sign, open, and are kept", async () => {
  const kept = new Map<string, unknown>();
  const shelf = {
    get: async (name: string) => kept.get(name),
    put: async (records: ReadonlyMap<string, CryptoKey>) => records.forEach((key, name) => kept.set(name, structuredClone(key))),
  };
  const made = await Keys.made(shelf);
  const again = (await Keys.kept(shelf))!;
  for (const keys of [made, again]) {
    checkSignKey(keys.signKey);
    checkSignKey(keys.transportKey);
    checkKemKey(keys.kemKey);
    const message = utf8("mesh/signature/1 and so on");
    verify(made.signKey, message, await keys.sign(message));
    verify(made.transportKey, message, await keys.login(message));
    const plain = utf8("what must lie sealed");
    const sealed = await made.seal("secrets", plain);
    assert.deepEqual(await keys.open("secrets", sealed), plain);
    await assert.rejects(keys.open("others", sealed));
  }
  for (const name of ["identity", "wrapping", "transport", "vault"]) {
    const key = kept.get(name) as CryptoKey;
    assert.equal(key.extractable, false);
    await assert.rejects(crypto.subtle.exportKey("raw", key).catch(() => crypto.subtle.exportKey("pkcs8", key)));
  }
  const device = { name: "phone", rank: 10, tlsKey: made.transportKey };
  const { kemKey, signKey, transportKey } = made;
  const text = requestText(await asked({ ...device, kemKey, signKey, transportKey }, made.sign));
  assert.equal(readRequest(text).name, "phone");
  kept.delete("wrapping");
  await assert.rejects(Keys.kept(shelf), /gone from this browser/);
});

test("what was sealed for another phone opens for nobody", async () => {
  const shelf = { get: async () => undefined, put: async () => {} };
  const keys = await Keys.made(shelf);
  assert.equal(await keys.unwrap(new Uint8Array(200), ADMISSION_PURPOSE), null);
  assert.equal(await keys.unwrap(new Uint8Array(3), ADMISSION_PURPOSE), null);
  assert.throws(() => readAdmission(null), /does not open here/);
  assert.throws(() => sealedAdmission("mesh-admission-2.AAAA"), Malformed);
});

test("words of the wire", () => {
  assert.match(nkeyPublic(new Uint8Array(32)), /^U[A-Z2-7]{55}$/);
  assert.throws(() => readAnswer(new Uint8Array(0)), /no agent gives/);
  assert.throws(() => readAnswer(refusalBytes(new Forged("no"))), /refused: no/);
  assert.throws(() => readAnswer(refusalBytes(new Error("later"))), /cannot answer now: later/);
});

test("a browser that fails at a key now and then makes it when it is asked again, and one that cannot says so", async () => {
  const { subtle } = crypto;
  const make = subtle.generateKey;
  const shelf = { get: async () => undefined, put: async () => {} };
  let [fails, asked] = [3, 0];
  subtle.generateKey = (async (...given: Parameters<typeof make>) => {
    asked += 1;
    if (fails-- > 0) throw new DOMException("as WebKitGTK says it", "OperationError");
    return make.apply(subtle, given);
  }) as typeof make;
  try {
    assert.equal((await Keys.made(shelf)).signKey.length, 32);
    [fails, asked] = [99, 0];
    await assert.rejects(Keys.made(shelf), Unreachable);
    assert.equal(asked, 4);
  } finally {
    subtle.generateKey = make;
  }
});
