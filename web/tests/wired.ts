// The phone's wire against a real nats-server, for tests/system/test_wire_typescript.py, which starts one and says where
// (MESH_NATS). Between them stands a cutter: bytes of the server reach the wire in any pieces, spoilt, with others among
// them, or end amid a message. Nothing answers in the server's place.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { WebSocket, WebSocketServer } from "ws";
import { Malformed, MeshError, Unreachable } from "../engine/errors.js";
import { PUSH_BYTES_MAX, UNSENT_BYTES_MAX, UNSENT_LINES_BYTES_MAX } from "../engine/limits.js";
import { joined, sameBytes, unhex, utf8 } from "../engine/names.js";
import { Frames } from "../engine/shell/nats_frames.js";
import { type Arrived, Wire } from "../engine/shell/wire_nats.js";
import { Forbidden, LineDown, NobodyThere, NotLetIn, Unsent } from "../engine/shell/wires.js";

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
  /** What becomes of a piece; it may be looked at only. */
  readonly spoil?: (piece: Buffer) => Uint8Array;
}

const closing: (() => void)[] = [];
after(() => closing.forEach((close) => close()));

/** A way to the server that cuts, and what went through it. */
async function cutter({ sizes = [], after: most = Infinity, spoil = (piece) => piece }: Cut = {}) {
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
        socket.send(spoil(piece));
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
  const url = `ws://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  return { url, seen, clients: server.clients };
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
  const forbidden = (error: unknown) => error instanceof Forbidden && /permissions violation/i.test(error.message);
  await assert.rejects(within(here.ask("forbidden.a", utf8("?"), 10 * WAIT_MS), "a question"), forbidden);
  await assert.rejects(within(there.listen("forbidden.b", () => assert.fail()), "a subscription"), forbidden);
  const listened = [there.listen("mesh.first", () => {}), there.listen("forbidden.>", () => assert.fail())];
  const [first, second] = await within(Promise.allSettled(listened), "one of two");
  assert.ok(first?.status === "fulfilled" && second?.status === "rejected" && forbidden(second.reason));
  here.tell("forbidden.c", utf8("!"));
  await assert.rejects(within(here.flush(), "what was told"), forbidden);
  await here.flush();
  await there.listen("mesh.after", (arrived) => arrived.answer(utf8("here")));
  await here.ask("mesh.after", utf8("?"), WAIT_MS);
});

test("what is not sent yet has a bound: what is told fails there, a question waits, and nothing that was taken is lost", async () => {
  const [there, { url, clients }] = [await wire(), await cutter()];
  const here = await wire(url);
  const socket = sockets.at(-1)!;
  const got: Uint8Array[] = [];
  await there.listen("mesh.unsent", ({ body }) => got.push(body));
  await there.listen("mesh.room", (arrived) => arrived.answer(arrived.body));
  clients.forEach((one) => one.pause());
  let sent = 0;
  const tells = () => {
    for (; sent < 400; sent++) here.tell("mesh.unsent", bytesOf(PUSH_BYTES_MAX, sent)); // more than a system holds as well
  };
  assert.throws(tells, Unsent);
  assert.ok(socket.bufferedAmount > 0 && socket.bufferedAmount <= UNSENT_BYTES_MAX + 100);
  await assert.rejects(within(here.ask("mesh.room", bytesOf(PUSH_BYTES_MAX, 1), 100), "no room in time"), Unreachable);
  const asked = [2, 3, 4, 5].map((first) => here.ask("mesh.room", bytesOf(PUSH_BYTES_MAX, first), WAIT_MS));
  await new Promise((done) => setTimeout(done, 100));
  assert.ok(socket.bufferedAmount <= UNSENT_BYTES_MAX + 100);
  clients.forEach((one) => one.resume());
  for (const [place, body] of (await within(Promise.all(asked), "answers")).entries()) {
    assert.ok(sameBytes(body, bytesOf(PUSH_BYTES_MAX, place + 2)));
  }
  await until("all that was taken", () => got.length === sent);
  for (const [place, body] of got.entries()) assert.ok(sameBytes(body, bytesOf(PUSH_BYTES_MAX, place)), `${place}`);
});

test("who pings and reads nothing is left, with no more than a bound unsent", async () => {
  const { url, clients } = await cutter();
  const here = await wire(url);
  const socket = sockets.at(-1)!;
  clients.forEach((one) => one.pause());
  const asked = here.ask("mesh.nobody", bytesOf(PUSH_BYTES_MAX, 1), 10 * WAIT_MS);
  const over = within(Promise.all([assert.rejects(asked, LineDown), here.closed]), "its end");
  const pings = Buffer.from("PING\r\n".repeat(100_000));
  let [ended, most] = [false, 0];
  void here.closed.then(() => (ended = true));
  for (let round = 0; round < 200 && !ended; round++) {
    clients.forEach((one) => one.send(pings));
    await new Promise((done) => setTimeout(done, 5));
    most = Math.max(most, socket.bufferedAmount);
  }
  assert.deepEqual((await over)[1], "it reads nothing");
  assert.ok(most <= UNSENT_BYTES_MAX + UNSENT_LINES_BYTES_MAX + 100, `${most}`);
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
  const count = Math.ceil((2 * TOWN.pending_max + 16 * 2 ** 20) / TOWN.payload_max); // more than a system holds as well
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

test("nonsense among what a server says ends the connection, and whoever waits learns it", async () => {
  const largest = 2 * PUSH_BYTES_MAX;
  const nonsense: (string | Uint8Array)[] = [
    "text of a socket", // not as bytes
    "1000000000",
    utf8("HTTP/1.1 400 Bad Request\r\n"),
    utf8(`MSG mesh.odd 2 ${largest + 1}\r\n`),
    utf8("MSG mesh.odd 2 -5\r\n"),
    utf8("MSG mesh.odd 2 1.5\r\nab\r\n"),
    utf8("HMSG mesh.odd 2 9 3\r\n"),
    utf8("MSG mesh.odd 2 2\r\nabcdefg"),
    utf8("x".repeat(40_000)),
    utf8("INFO {{{\r\n"),
    utf8('INFO {"server_name":["a"]}\r\n'),
    Uint8Array.of(0, 255, 0, 10),
  ];
  const slow = await wire();
  await slow.listen("mesh.slow", () => {});
  for (const odd of nonsense) {
    const what = JSON.stringify(odd).slice(0, 80);
    const { url, clients } = await cutter();
    const here = await wire(url);
    await here.listen("mesh.odd", () => assert.fail(what));
    const asked = within(here.ask("mesh.slow", utf8("?"), 10 * WAIT_MS), what);
    asked.catch(() => {}); // it is looked at below
    await here.flush();
    clients.forEach((one) => one.send(odd));
    await assert.rejects(asked, LineDown, what);
    await within(here.closed, what);
    assert.throws(() => here.tell("mesh.odd", utf8("more")), LineDown);
  }
});

/** Numbers from 0 to 1 that follow from a seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** The same bytes with a few of them changed, left out, repeated, or others put in; what a digit is becomes one often. */
function spoilt(bytes: Uint8Array, random: () => number): Uint8Array {
  let found = Buffer.from(bytes);
  const below = (bound: number) => Math.floor(random() * bound);
  for (let count = 1 + below(3); count > 0; count--) {
    const [at, way] = [below(found.length + 1), below(6)];
    const rest = found.subarray(at);
    if (way === 0 && rest.length) rest[0] = below(256);
    else if (way === 1 && rest.length) rest[0] = 48 + below(10);
    else if (way === 2) found = Buffer.concat([found.subarray(0, at), rest.subarray(below(20))]);
    else if (way === 3) found = Buffer.concat([found.subarray(0, at), rest.subarray(0, below(20)), rest]);
    else if (way === 4) found = Buffer.concat([found.subarray(0, at), bytesOf(below(9), below(256)), rest]);
    else found = Buffer.concat([found.subarray(0, at), Buffer.from(["\r\n", " ", "-", "9", "MSG a 2 9\r\n"][below(5)]!), rest]);
  }
  return found;
}

test("a real stream that is spoilt anywhere is read on or refused, and nothing waits for ever", async () => {
  const real: Buffer[] = [];
  const [speaker, listener] = [await raw(), await wire((await cutter({ spoil: (piece) => (real.push(Buffer.from(piece)), piece) })).url)];
  let count = 0;
  await listener.listen("mesh.real.>", () => (count += 1));
  const head = "NATS/1.0\r\nSome: thing\r\n\r\n";
  for (const size of [0, 1, 9, 10, 99, 400]) speaker.write(`PUB mesh.real.${size} ${size}\r\n${"b".repeat(size)}\r\n`);
  speaker.write(`HPUB mesh.real.head back ${head.length} ${head.length + 4}\r\n${head}body\r\n`);
  await until("a stream", () => count === 7);
  await assert.rejects(listener.ask("forbidden.a", utf8("?"), WAIT_MS), Forbidden);
  const stream = Buffer.concat(real);
  const [drawn, told] = [random(41), { refused: 0, frames: 0 }];
  for (let round = 0; round < 4_000; round++) {
    const [bytes, frames] = [spoilt(stream, drawn), new Frames()];
    try {
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(drawn() * 200);
        for (const frame of frames.take(bytes.subarray(at, at + size))) told.frames += frame.said.length && 1;
        at += size;
      }
    } catch (error) {
      assert.ok(error instanceof Malformed, `round ${round}: ${(error as Error).stack}`);
      told.refused += 1;
    }
  }
  assert.ok(told.refused > 400 && told.frames > 4_000, JSON.stringify(told));
});

test("a connection whose stream is spoilt ends every wait with an answer or an error of its own", async () => {
  const there = await wire();
  await there.listen("mesh.spoilt", (arrived) => arrived.answer(arrived.body));
  const drawn = random(43);
  let ended = 0;
  for (let round = 0; round < 60; round++) {
    let honest = true;
    const { url } = await cutter({ spoil: (piece) => (honest ? piece : spoilt(piece, drawn)) });
    const here = await wire(url);
    await here.listen("mesh.spoilt.none", () => {});
    honest = false;
    const waits = [here.ask("mesh.spoilt", bytesOf(300, round), 300), here.ask("mesh.spoilt", utf8("?"), 300), here.flush()];
    for (const done of await within(Promise.allSettled(waits), `round ${round}`)) {
      if (done.status === "rejected") assert.ok(done.reason instanceof MeshError, `round ${round}: ${(done.reason as Error).stack}`);
      if (done.status === "rejected") ended += 1;
    }
    here.close();
  }
  assert.ok(ended > 20, `${ended}`);
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
