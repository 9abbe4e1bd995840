// Frames out of a stream, where no real server goes: at every cut, and what is not of the protocol. How a real server is
// met is in wired.ts. It opens no connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Malformed } from "../engine/errors.js";
import { PUSH_BYTES_MAX } from "../engine/limits.js";
import { joined, utf8 } from "../engine/names.js";
import { type Frame, Frames } from "../engine/shell/nats_frames.js";

const HEAD = "NATS/1.0\r\nA: b\r\n\r\n";
const NOBODY = "NATS/1.0 503\r\n\r\n";
const STREAM = [
  'INFO {"nonce":"n","server_name":"alder"} \r\n',
  "PING\r\n",
  "+OK\r\n",
  "MSG a.b 7 back 11\r\nMSG x 1 2\r\n\r\n",
  "MSG a.b 7 0\r\n\r\n",
  `HMSG a.b 8 ${HEAD.length} ${HEAD.length + 2}\r\n${HEAD}hi\r\n`,
  `HMSG in.1 1 ${NOBODY.length} ${NOBODY.length}\r\n${NOBODY}\r\n`,
  "-ERR 'Unknown Protocol Operation'\r\n",
  "pong\r\n",
].join("");
const MEANT = [
  ["info", "n"],
  ["ping"],
  ["ok"],
  ["message", "a.b", 7, "back", "MSG x 1 2\r\n", false],
  ["message", "a.b", 7, "", "", false],
  ["message", "a.b", 8, "", "hi", false],
  ["message", "in.1", 1, "", "", true],
  ["error", "Unknown Protocol Operation"],
  ["pong"],
];

function told(frame: Frame): unknown[] {
  if (frame.said === "info") return [frame.said, frame.info.nonce];
  if (frame.said === "error") return [frame.said, frame.problem];
  if (frame.said !== "message") return [frame.said];
  const { body, nobody, reply, sid, subject } = frame.message;
  return [frame.said, subject, sid, reply, new TextDecoder().decode(body), nobody];
}

test("a stream means the same in two pieces, cut anywhere, and byte by byte", () => {
  const bytes = utf8(STREAM);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const frames = new Frames();
    const found = [...frames.take(bytes.slice(0, cut)), ...frames.take(bytes.slice(cut))];
    assert.deepEqual(found.map(told), MEANT, `cut at ${cut}`);
  }
  const frames = new Frames();
  const found = [...bytes].flatMap((byte) => [...frames.take(Uint8Array.of(byte))]);
  assert.deepEqual(found.map(told), MEANT);
});

test("a body is a copy: what comes later changes nothing in it", () => {
  const piece = utf8("MSG a 1 2\r\nhi\r\n");
  const [frame] = new Frames().take(piece);
  piece.fill(0);
  assert.deepEqual(told(frame!), ["message", "a", 1, "", "hi", false]);
});

test("what is not of the protocol is refused, and so is what is larger than it may be", () => {
  const most = 2 * PUSH_BYTES_MAX;
  const refused = [
    "HTTP/1.1 400 Bad Request\r\n",
    "INFO {\r\n",
    "\r\n",
    "MSG a 1\r\n",
    "MSG a 1 b c 3\r\nabc\r\n",
    "MSG a 1 -1\r\n",
    "MSG a 1 x\r\n",
    "MSG a 1 1.5\r\nab\r\n",
    "MSG a 1 1e1\r\n0123456789\r\n",
    "MSG a 1 0x2\r\nab\r\n",
    "MSG a 1 99999999999999999999\r\n",
    "MSG a x 2\r\nab\r\n",
    "MSG a -1 2\r\nab\r\n",
    "MSG a 1 2\r\nabc\r\n",
    "MSG\r\n",
    "HMSG\r\n",
    "HMSG 1 2\r\n",
    "HMSG a 1 -1 4\r\n",
    'INFO {"nonce":1}\r\n',
    'INFO {"server_name":["a"]}\r\n',
    'INFO {"server_name":"a b"}\r\n',
    'INFO {"server_name":"a.>"}\r\n',
    `MSG a 1 ${most + 1}\r\n`,
    "HMSG a 1 5 4\r\n",
    `HMSG a 1 12 ${most + 1}\r\n`,
  ];
  for (const text of refused) assert.throws(() => [...new Frames().take(utf8(text))], Malformed, text);
  const endless = new Frames();
  assert.throws(() => {
    for (let piece = 0; piece < 40; piece++) for (const frame of endless.take(utf8("x".repeat(1024)))) assert.fail(frame.said);
  }, Malformed);
  const whole = [...new Frames().take(joined(utf8(`MSG a 1 ${most}\r\n`), new Uint8Array(most), utf8("\r\n")))];
  assert.equal(whole.length, 1);
});

test("of what a server says of itself two words are kept, and what it complains of is made safe to show", () => {
  const [info] = new Frames().take(utf8('INFO {"nonce":"n","server_name":"alder","__proto__":{"a":1},"more":"x"}\r\n'));
  assert.deepEqual(info, { said: "info", info: { nonce: "n", server_name: "alder" } });
  for (const odd of ["null", "[]", "7", '"n"']) {
    assert.deepEqual([...new Frames().take(utf8(`INFO ${odd}\r\n`))], [{ said: "info", info: {} }], odd);
  }
  const [error] = new Frames().take(utf8(`-ERR 'a\u202eb${"c".repeat(20_000)}'\r\n`));
  assert.ok(error?.said === "error" && error.problem.startsWith("a\\u202eb") && error.problem.length < 1_100);
});

test("the largest message in single bytes is joined once, and many frames in one piece are not made at once", () => {
  const size = 2 * PUSH_BYTES_MAX;
  const frames = new Frames();
  const found: Frame[] = [];
  for (const byte of joined(utf8(`MSG a 1 ${size}\r\n`), new Uint8Array(size), utf8("\r\n"))) {
    found.push(...frames.take(Uint8Array.of(byte)));
  }
  assert.deepEqual(found.map((frame) => frame.said === "message" && frame.message.body.length), [size]);
  let taken = 0;
  for (const frame of new Frames().take(utf8("PING\r\n".repeat(1_000).concat("nonsense\r\n")))) {
    assert.equal(frame.said, "ping"); // those before the nonsense are told
    if (++taken === 1_000) break;
  }
  assert.equal(taken, 1_000);
});
