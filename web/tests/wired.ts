// The phone's wire against a real nats-server, for tests/system/test_wire_typescript.py, which starts one and says where
// (MESH_NATS). Between them stands a cutter: bytes of the server reach the wire in any pieces, or end amid a message.
// Nothing answers in the server's place.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { WebSocket, WebSocketServer } from "ws";
import { Unreachable } from "../engine/errors.js";
import { joined, sameBytes, unhex, utf8 } from "../engine/names.js";
import { type Arrived, Wire } from "../engine/shell/wire_nats.js";
import { LineDown, NobodyThere, NotLetIn } from "../engine/shell/wires.js";

/** Where the server is, by sockets and by plain TCP, the seed of one whom it knows, and its bounds. */
interface Town {
  readonly web: number;
  readonly tcp: number;
  readonly seed: string;
  readonly payload_max: number;
  readonly pending_max: number;
}

const TOWN = JSON.parse(process.env["MESH_NATS"]!) as Town;
const WAIT_MS = 20_000;
const ME = "d-me";

/** How the cutter treats what comes from the server. */
interface Cut {
  /** The sizes of its pieces, in turn; none: as it comes. */
  readonly sizes?: readonly number[];
  /** After so many bytes the connection is gone. */
  readonly after?: number;
}

const closing: (() => void)[] = [];
after(() => closing.forEach((close) => close()));

/** A way to the server that cuts, and what went through it. */
async function cutter({ sizes = [], after: most = Infinity }: Cut = {}) {
  const seen = { up: "", pings: 0 };
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  server.on("connection", (socket) => {
    let [told, turn] = [0, 0];
    const upstream = net.connect(TOWN.tcp, "127.0.0.1");
    upstream.on("data", (data: Buffer) => {
      seen.pings += data.toString("latin1").split("PING\r\n").length - 1;
      for (let at = 0; at < data.length && told < most; ) {
        const piece = data.subarray(at, at + Math.min(sizes.length ? sizes[turn++ % sizes.length]! : data.length, most - told));
        socket.send(piece);
        [at, told] = [at + piece.length, told + piece.length];
      }
      if (told >= most) upstream.destroy();
    });
    upstream.on("close", () => socket.close());
    upstream.on("error", () => socket.close());
    socket.on("message", (data: Buffer) => {
      seen.up += data.subarray(0, 200).toString("latin1");
      upstream.write(data);
    });
    socket.on("close", () => upstream.destroy());
  });
  closing.push(() => (server.clients.forEach((one) => one.terminate()), server.close()));
  return { url: `ws://127.0.0.1:${(server.address() as net.AddressInfo).port}`, seen };
}

const sockets: WebSocket[] = [];

function socketTo(url: string): globalThis.WebSocket {
  const socket = new WebSocket(url);
  socket.on("error", () => {}); // a browser tells of it by `close` as well, and ends nothing
  sockets.push(socket);
  return socket as unknown as globalThis.WebSocket;
}

const seed = unhex(TOWN.seed);

/** A wire that logged in; its key signs in its own time, as a browser's does. */
async function wire(url = `ws://127.0.0.1:${TOWN.web}`, more: object = {}): Promise<Wire> {
  const sign = async (nonce: Uint8Array) => {
    await new Promise(setImmediate);
    return ed25519.sign(nonce, seed);
  };
  const made = await Wire.connect({ url, device: ME, transportKey: ed25519.getPublicKey(seed), sign, socket: socketTo, ...more });
  closing.push(() => made.close());
  return made;
}

function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(new Error(`not in time: ${what}`)), WAIT_MS)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!holds()) {
    assert.ok(Date.now() < end, `not in time: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** A raw client, for what no wire of ours ever says. */
async function raw(): Promise<net.Socket> {
  const socket = net.connect(TOWN.tcp, "127.0.0.1");
  closing.push(() => socket.destroy());
  const [greeting] = (await once(socket, "data")) as [Buffer];
  const { nonce } = JSON.parse(greeting.toString().slice("INFO ".length)) as { nonce: string };
  const sig = Buffer.from(ed25519.sign(utf8(nonce), seed)).toString("base64url");
  const { nkeyPublic } = await import("../engine/shell/wires.js");
  const options = { verbose: false, headers: true, nkey: nkeyPublic(ed25519.getPublicKey(seed)), sig };
  socket.write(`CONNECT ${JSON.stringify(options)}\r\nPING\r\n`);
  await once(socket, "data");
  return socket;
}

function bytesOf(size: number, first: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 7 + first) & 255);
}

test("it logs in with a key that takes its time, asks and answers", async () => {
  const [here, there] = [await wire(), await wire()];
  assert.equal(here.node, "alder");
  await there.listen("mesh.a.>", (arrived) => arrived.answer(joined(utf8("yes "), arrived.body)));
  const answers = await Promise.all([1, 2, 3].map((number) => here.ask(`mesh.a.${number}`, utf8(`${number}`), WAIT_MS)));
  assert.deepEqual(answers.map((answer) => new TextDecoder().decode(answer)), ["yes 1", "yes 2", "yes 3"]);
});

test("any cut of the stream, and any joining of frames, gives the same messages", async () => {
  const speaker = await wire();
  for (const sizes of [[1], [2, 3, 5, 7], [1, 4096], [100_000], [11, 1, 1, 60_000]]) {
    const got: Arrived[] = [];
    const listener = await wire((await cutter({ sizes })).url);
    await listener.listen("mesh.cut", (arrived) => got.push(arrived));
    const sent = [0, 1, 2, 13, 10, 300, 5_000, 20_000].map((size) => bytesOf(size, size));
    sent.push(utf8("\r\nMSG mesh.cut 2 3\r\nabc\r\nPING\r\n-ERR 'no'\r\n"));
    for (const body of sent) speaker.tell("mesh.cut", body);
    await until(`all in pieces of ${sizes.join()}`, () => got.length === sent.length);
    for (const [place, { body }] of got.entries()) assert.ok(sameBytes(body, sent[place]!), `${sizes.join()}: ${place}`);
    listener.close();
  }
});

test("a message with headers is its body; one without, too", async () => {
  const [listener, speaker] = [await wire(), await raw()];
  const got: Arrived[] = [];
  await listener.listen("mesh.headed", (arrived) => got.push(arrived));
  const head = "NATS/1.0\r\nSome: thing\r\n\r\n";
  speaker.write(`HPUB mesh.headed back ${head.length} ${head.length + 4}\r\n${head}body\r\n`);
  speaker.write(`HPUB mesh.headed ${head.length} ${head.length}\r\n${head}\r\nPUB mesh.headed 4\r\nbare\r\n`);
  await until("three messages", () => got.length === 3);
  assert.deepEqual(got.map(({ body, reply }) => [new TextDecoder().decode(body), reply]), [["body", "back"], ["", ""], ["bare", ""]]);
});

test("where nobody listens that is said at once, and where somebody left as well", async () => {
  const [here, there] = [await wire(), await wire()];
  await assert.rejects(within(here.ask("mesh.nobody", utf8("?"), 10 * WAIT_MS), "nobody"), NobodyThere);
  await there.listen("mesh.leaves", (arrived) => arrived.answer(utf8("here")));
  await here.ask("mesh.leaves", utf8("?"), WAIT_MS);
  there.close(); // the wire has no other way to stop listening
  const left = async () => here.ask("mesh.leaves", utf8("?"), 1_000).then(() => false, (error) => error instanceof NobodyThere);
  let gone = false;
  for (let tries = 0; tries < 100 && !gone; tries++) gone = await left();
  assert.ok(gone);
  await assert.rejects(here.ask("mesh.quiet.nobody", utf8("?"), WAIT_MS), NobodyThere);
});

test("an answer that does not come is waited for so long and no longer", async () => {
  const [here, there] = [await wire(), await wire()];
  await there.listen("mesh.silent", () => {});
  await assert.rejects(within(here.ask("mesh.silent", utf8("?"), 50), "a silent one"), (error) => {
    return error instanceof Unreachable && /no answer within/.test(error.message);
  });
});

test("the largest message travels whole both ways, in any pieces; a larger one ends the connection", async () => {
  const [here, there] = [await wire((await cutter({ sizes: [4096, 1] })).url), await wire()];
  const largest = bytesOf(TOWN.payload_max, 3);
  await there.listen("mesh.large", (arrived) => arrived.answer(arrived.body));
  assert.ok(sameBytes(await here.ask("mesh.large", largest, WAIT_MS), largest));
  const larger = here.ask("mesh.large", bytesOf(TOWN.payload_max + 1, 3), WAIT_MS);
  await assert.rejects(within(larger, "too large"), LineDown);
  assert.match(await within(here.closed, "its end"), /maximum payload/i);
  assert.throws(() => here.tell("mesh.large", utf8("more")), LineDown);
});

test("what the server forbids fails at once, and the connection goes on", async () => {
  const [here, there] = [await wire(), await wire()];
  await assert.rejects(within(here.ask("forbidden.a", utf8("?"), 10 * WAIT_MS), "forbidden"), (error) => {
    return error instanceof LineDown && /permissions violation/i.test(error.message);
  });
  await there.listen("mesh.after", (arrived) => arrived.answer(utf8("here")));
  await here.ask("mesh.after", utf8("?"), WAIT_MS);
});

test("a key that the server does not know is not let in", async () => {
  const other = bytesOf(32, 9);
  const sign = async (nonce: Uint8Array) => ed25519.sign(nonce, other);
  await assert.rejects(within(wire(undefined, { sign, transportKey: ed25519.getPublicKey(other) }), "another key"), NotLetIn);
  await assert.rejects(within(wire(undefined, { sign }), "another signature"), NotLetIn);
});

test("a key that cannot sign, a socket that cannot be made, and a closed port end the try", async () => {
  const broken = () => {
    throw new Error("no socket here");
  };
  await assert.rejects(within(wire(undefined, { socket: broken }), "no socket"), /no socket here/);
  await assert.rejects(within(wire(undefined, { sign: async () => broken() }), "no signature"), Unreachable);
  await assert.rejects(within(wire("ws://127.0.0.1:1"), "a closed port"), Unreachable);
});

test("the server pings, and is answered; so both know that the other is there", async () => {
  const { url, seen } = await cutter();
  const here = await wire(url);
  await until("pings of the server", () => seen.pings >= 2);
  await until("as many answers", () => seen.up.split("PONG\r\n").length - 1 >= 2);
  await here.flush();
});

test("a server that goes amid a message leaves nothing half, and whoever asks learns it", async () => {
  const speaker = await wire();
  const probe = await cutter();
  const greeted = await wire(probe.url);
  await greeted.listen("mesh.half", () => {});
  const before = greeted.bytes.received;
  greeted.close();
  const broken = await wire((await cutter({ after: before + 30_000 })).url);
  const got: Arrived[] = [];
  await broken.listen("mesh.half", (arrived) => got.push(arrived));
  await speaker.listen("mesh.slow", () => {});
  const asked = broken.ask("mesh.slow", utf8("?"), 10 * WAIT_MS);
  asked.catch(() => {}); // it is looked at below
  speaker.tell("mesh.half", bytesOf(100_000, 1));
  await assert.rejects(within(asked, "the end"), LineDown);
  await within(broken.closed, "the end");
  assert.equal(got.length, 0);
  assert.throws(() => broken.tell("mesh.half", utf8("more")), LineDown);
  await speaker.flush();
});

test("who does not read is cut off by the server, learns it, and holds up nobody", async () => {
  const [speaker, quick, slow] = [await wire(), await wire(), await wire()];
  const socket = sockets.at(-1)!;
  let [heard, quickly] = [0, 0];
  await slow.listen("mesh.much", () => (heard += 1));
  await quick.listen("mesh.much", () => (quickly += 1));
  socket.pause();
  const count = Math.ceil((8 * TOWN.pending_max + 16 * 2 ** 20) / TOWN.payload_max); // more than a system holds as well
  for (let number = 0; number < count; number++) {
    speaker.tell("mesh.much", bytesOf(TOWN.payload_max, number));
    await speaker.flush();
  }
  await until("the quick one has all", () => quickly === count);
  socket.resume();
  await within(slow.closed, "the end of the slow one");
  assert.ok(heard < count);
  await assert.rejects(slow.ask("mesh.nobody", utf8("?"), WAIT_MS), LineDown);
  await speaker.flush();
});

test("many messages arrive in their order, each whole", async () => {
  const [speaker, listener] = [await wire(), await wire()];
  let count = 0;
  await listener.listen("mesh.many", ({ body }) => {
    assert.ok(sameBytes(body, bytesOf(body.length, count & 255)));
    count += 1;
  });
  for (let number = 0; number < 500; number++) speaker.tell("mesh.many", bytesOf((number * 37) % 5_000, number & 255));
  await until("all", () => count === 500);
});
