// What must not be lost or wait for ever between those who ask and those who keep: the queue, the outbox, files that lie
// ready, and what a start and a list read. On the IndexedDB that Node is given.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test } from "node:test";
import { TooLarge, Unreachable } from "../engine/errors.js";
import { Keyring } from "../engine/events/seal.js";
import { hex } from "../engine/names.js";
import { status } from "../engine/shell/calls/status.js";
import { waitingDocuments } from "../engine/shell/calls/holdings.js";
import type { Phone } from "../engine/shell/calls/phone.js";
import type { Agent, Memory } from "../engine/shell/agent.js";
import { Engine, type World } from "../engine/shell/engine.js";
import { Home } from "../engine/shell/home.js";
import type { Life } from "../engine/shell/life.js";
import { Outbox } from "../engine/shell/outbox.js";
import { Outgoing } from "../engine/shell/outgoing.js";
import { OUTGOING } from "../engine/shell/bringing.js";
import { Queue } from "../engine/shell/queue.js";
import { type Share, takenIn } from "../engine/shell/shared.js";
import { PhoneStore } from "../engine/shell/store.js";
import { BUCKETS, Trie } from "../engine/state/digest.js";
import { lots } from "./store_checks.js";
import { bytesOf, digestOf, document, kept, recordRow, Writer } from "./store_writers.js";

const own = { mesh: digestOf("mesh"), admission: digestOf("phone"), signKey: bytesOf("key", 32) };
const world: World = {
  nowMs: () => 1000,
  random: (count) => bytesOf("lots", count),
  sign: async () => bytesOf("signature", 64),
  open: async () => null,
};

async function engineOn(name: string): Promise<Engine> {
  const store = await PhoneStore.open(indexedDB, {}, name);
  const engine = new Engine(own, new Keyring(), store, { ask: () => undefined, happened: () => undefined }, world);
  await engine.start();
  return engine;
}

test("whoever waits for room in a queue that ends is told, and so is whoever comes later", async () => {
  const queue = new Queue<number>(1);
  await queue.put(1);
  const waits = queue.put(2);
  assert.deepEqual(queue.ended(new Unreachable("over")), [1]);
  await assert.rejects(waits, Unreachable);
  await assert.rejects(queue.put(3), Unreachable);
});

test("an engine that was stopped tells so whoever asks it for something", async () => {
  const engine = await engineOn("stopped");
  const worked = engine.work();
  await engine.remember("a", new Uint8Array([1]));
  await engine.stop();
  await worked;
  await assert.rejects(engine.remember("a", new Uint8Array([2])), Unreachable);
});

test("whatever is said to the outbox at whatever moment is looked at", async () => {
  const { connection } = await PhoneStore.open(indexedDB, {}, "outbox");
  for (let ticks = 0; ticks < 40; ticks++) {
    let looks = 0;
    const chains = { get chains() { looks += 1; return new Map(); } };
    const engine = { replica: { chains }, own, store: null } as unknown as Engine;
    const outbox = new Outbox(engine, null as never, new Home(connection), null as never);
    await outbox.keepSoon();
    void outbox.keepSoon();
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    const before = looks;
    await outbox.keepSoon();
    assert.ok(looks > before, `after ${ticks} ticks`);
  }
});

test("files lie ready until others have them, although a look at them failed once", async () => {
  const { connection } = await PhoneStore.open(indexedDB, {}, "outgoing");
  const home = new Home(connection);
  let fails = true;
  const outgoing = new Outgoing(home, "phone", async () => {
    if (fails) throw new Unreachable("no answer");
    return null;
  });
  await outgoing.lay(document(1, "home", "drop"), { pieces: [digestOf("piece")] });
  await assert.rejects(outgoing.settle(true), Unreachable);
  assert.equal((await home.all(OUTGOING)).size, 1);
  fails = false;
  await outgoing.settle(true);
  assert.equal((await home.all(OUTGOING)).size, 0);
});

test("what is shared is taken in once, and what fails keeps nothing else back", async () => {
  const { connection } = await PhoneStore.open(indexedDB, {}, "shared");
  const [dropped, noted] = [[] as string[], [] as unknown[]];
  const add = async (given: { name: string }) => {
    if (given.name === "film") throw new TooLarge("too large");
    dropped.push(given.name);
    return { size: 0, digest: "", pieces: [] };
  };
  const store = { rows: async () => [] };
  const say = async (make: (engine: unknown) => Promise<readonly unknown[]>) => {
    noted.push(...(await make({ store })));
    return [{ digest: digestOf(`${noted.length}`) }];
  };
  const engine = { own, world, say, replica: { devices: new Map() } };
  const drops = { cut: async (file: unknown) => add(file as { name: string }) };
  const outgoing = { lay: async () => undefined };
  const memory: Memory = { settled: new Set(), unshared: [] };
  const agent = { engine, drops, device: "phone", home: { connection }, log: () => undefined, memory, outgoing };
  const files = ["photo", "film", "song"].map((name) => ({ name, mime: "", file: { name } as unknown as Blob }));
  const shares: Share[] = [
    { title: "Three files", text: "", url: "", files, at_ms: 1 },
    { title: "A thought", text: "and its words", url: "", files: [], at_ms: 2 },
  ];
  await connection.writeAside(async (tx) => shares.forEach((share, at) => tx.put("shared", share, at + 1)));
  for (let time = 0; time < 2; time++) {
    await Promise.all([takenIn(agent as unknown as Agent), takenIn(agent as unknown as Agent)]);
    assert.deepEqual([dropped, noted.length], [["photo"], 2]); // a record of the photo, and a note of the thought
    const told = memory.unshared.map(({ what }) => what);
    assert.deepEqual(told, ["“film” from another app is not taken in yet: too large"]);
  }
  const left = await connection.read((tx) => tx.all<Share>("shared"));
  assert.deepEqual(left.map((share) => share.files.map(({ name }) => name)), [["film", "song"]]);
});

test("a drop of another device that says no file leaves this phone able to say how it stands", async () => {
  const engine = await engineOn("standing");
  const strange = recordRow(document(1, "home", "drop"), 1, { size: -1 });
  await engine.store.commit({ records: [strange] });
  const [outbox, talk] = [{ waiting: 0 }, { stranger: null, peer: null, alarms: [], agreeing: { sides: new Map() } }];
  const held = { name: "handset", mesh: own.mesh };
  const memory: Memory = { settled: new Set(), unshared: [] };
  const agent = { asOfMs: null, device: "phone", engine, held, link: null, memory, outbox, talk };
  const life = { leaving: null, removed: null, state: "member", agent: { ...agent, store: engine.store, meetings: null } };
  assert.equal((await status(life as unknown as Life)).waiting_files, 0);
});

test("what others wrote is not looked through each time that somebody asks what waits", async () => {
  const store = await PhoneStore.open(indexedDB, {}, "holdings");
  const [others, mine] = [new Writer(1), new Writer(2)];
  const said = others.run(300).map((placed) => kept(placed, document(placed.seq)));
  const events = [kept(others.said[0]!), kept(mine.said[0]!), ...said];
  const shelf = { lastRow: await store.commit({ events }) };
  const holdings = { heldElsewhere: () => false };
  const phone = { engine: { own: { admission: mine.admission }, shelf, store }, holdings } as unknown as Phone;
  const first = await waitingDocuments(phone);
  const { rows } = store.asked;
  assert.deepEqual(await waitingDocuments(phone), first);
  assert.equal(store.asked.rows, rows);
  shelf.lastRow = await store.commit({ events: [kept(mine.say(), document(7))] });
  assert.deepEqual([...(await waitingDocuments(phone))].sort(), [...first, document(7).text].sort());
});

test("a tree that is taken up again has the root that it had, and goes on from there", () => {
  const random = lots(5);
  const trie = new Trie();
  const set = (...tries: Trie[]) => {
    const [bucket, digest] = [random(BUCKETS), digestOf(`${random(1000)}`)];
    for (const one of tries) one.set(bucket, digest);
  };
  for (let count = 0; count < 50; count++) set(trie);
  const again = Trie.of(trie.saved());
  assert.deepEqual([again.root(), again.children(1, 3)], [trie.root(), trie.children(1, 3)]);
  assert.equal(Trie.of(new Trie().saved()).root(), new Trie().root());
  for (let count = 0; count < 50; count++) {
    set(trie, again);
    assert.deepEqual([again.root(), hex(again.saved())], [trie.root(), hex(trie.saved())]);
  }
});
