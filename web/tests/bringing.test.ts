// What the service worker brings while no page is open: only what is lacking, on from where it was cut off. The node is
// answered for here, so that each of its answers comes; the true one is in tests/system and tests/phone. It sends nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { verify } from "../engine/events/keys.js";
import { deviceText, hex, joined, unhex, utf8 } from "../engine/names.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bring, type Bringing, type Outgoing } from "../engine/shell/bringing.js";
import { chunkOf } from "../engine/shell/pool.js";
import { Keys } from "../engine/shell/keys.js";
import { packed } from "../engine/state/drops.js";

const [MESH, ADMISSION] = ["11".repeat(32), "22".repeat(32)];
const bytes = (...given: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(given);
const CHUNKS = [bytes(1, 2, 3), bytes(4, 5), bytes(6)];
const LISTED = new Uint8Array(packed(CHUNKS.map(chunkOf)));
const PHOTO: Outgoing = { document: "home/drop/a", pieces: [chunkOf(LISTED).digest] };
const OTHER: Outgoing = { document: "home/drop/b", pieces: [chunkOf(LISTED).digest] };

interface Put {
  readonly address: string;
  readonly body: Uint8Array;
}

const keys = await Keys.made({ get: async () => undefined, put: async () => {} });

/** A phone with these chunks, whose node answers so. */
function phone(puts: Put[], answer: (put: Put) => [number, unknown?], chunks = [LISTED, ...CHUNKS]): Bringing {
  const held = new Map(chunks.map((data) => [chunkOf(data).digest, data]));
  return {
    who: { mesh: MESH, admission: ADMISSION, sign: keys.sign },
    nowMs: () => 1000,
    chunk: async (digest) => held.get(digest) ?? null,
    put: async (address, body) => {
      puts.push({ address, body });
      const [status, told] = answer({ address, body });
      return new Response(told === undefined ? null : JSON.stringify(told), { status });
    },
  };
}

const isPiece = ({ address }: Put): boolean => !address.includes("&row=");
const rowsOf = (puts: Put[]): string[] => puts.filter((put) => !isPiece(put)).map(({ address }) => /row=(\d+)/.exec(address)![1]!);

test("only what is lacking goes, each at its place and signed by this phone", async () => {
  const puts: Put[] = [];
  const count = await bring([PHOTO], phone(puts, (put) => (isPiece(put) ? [200, { lacks: [0, 2] }] : [204])));
  assert.equal(count, 2);
  assert.deepEqual(puts.map(({ body }) => hex(body)), [hex(LISTED), hex(CHUNKS[0]!), hex(CHUNKS[2]!)]);
  const digest = chunkOf(CHUNKS[2]!).digest;
  const [target, signature] = puts[2]!.address.split("&signature=");
  assert.equal(target, `/api/blob/${digest}?drop=home/drop/a&piece=0&row=2&by=${deviceText(ADMISSION)}&at=1000`);
  const said = sha256(joined(unhex(MESH), utf8(`PUT ${target}`)));
  verify(keys.signKey, joined(utf8("mesh/blob/1"), said), unhex(signature!));
});

test("what was refused leaves the next file, and what failed is tried again", async () => {
  for (const status of [403, 404]) {
    const puts: Put[] = [];
    const answer = ({ address }: Put): [number, unknown?] => (address.includes("drop/a") ? [status, {}] : [200, { lacks: [] }]);
    assert.equal(await bring([PHOTO, OTHER], phone(puts, answer)), 0);
    assert.equal(puts.length, 2);
  }
  const puts: Put[] = [];
  const failing = (put: Put): [number, unknown?] => (isPiece(put) ? [200, { lacks: [0, 1, 2] }] : [rowsOf(puts).length > 1 ? 503 : 204]);
  await assert.rejects(bring([PHOTO, OTHER], phone(puts, failing)), /503/);
  assert.deepEqual(rowsOf(puts), ["0", "1"]);
});

test("what is not on this phone is passed over", async () => {
  const puts: Put[] = [];
  const answer = (put: Put): [number, unknown?] => (isPiece(put) ? [200, { lacks: [0, 1] }] : [204]);
  assert.equal(await bring([PHOTO], phone(puts, answer, [LISTED, CHUNKS[0]!])), 1);
  assert.equal(await bring([PHOTO], phone(puts, answer, [])), 0);
});
