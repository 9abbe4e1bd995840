// What a message on the wire looks like: subjects, names of keys, the first byte of an answer; as
// mesh/node/transport/wires.py and broker_config.py have it.
//
// Nothing is sent here, and nothing is decided about who may say what.
import { Refused, TooLarge, Unreachable } from "../errors.js";
import { PUSH_BYTES_MAX } from "../limits.js";
import { joined, shown, utf8 } from "../names.js";

/** Asked over a dialled link: is the agent itself there? The body names the connection. */
export const HELLO = "hello";
/** The dialler is about to close this link. */
export const BYE = "bye";

const OK = 0;
const REFUSED = 1;
const UNABLE = 2; // not refused, but it could not be answered now: busy, disk full

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const USER = 20 << 3; // "U", as github.com/nats-io/nkeys writes public keys of users
const CRC_POLYNOMIAL = 0x1021; // XMODEM
const WORD = 0xffff;

/** The server does not know this device, or not any more. */
export class NotLetIn extends Unreachable {
  override readonly name = "NotLetIn";

  constructor(message = "that device says that this phone is no member of the mesh") {
    super(message, "Nothing was deleted. On a computer of yours, `mesh devices` shows who is in.");
  }
}

/** Nobody listens there: certainly nobody heard. */
export class NobodyThere extends Unreachable {
  override readonly name = "NobodyThere";

  constructor() {
    super("nobody answers there");
  }
}

/** The server forbids this device to say or to hear that; the connection goes on. */
export class Forbidden extends Unreachable {
  override readonly name = "Forbidden";

  constructor(problem: string) {
    super(`the server there forbids it: ${problem}`);
  }
}

/** More waits to be sent than a connection is given; what was to be said was not. */
export class Unsent extends Unreachable {
  override readonly name = "Unsent";

  constructor() {
    super("too much waits to be sent over this connection already");
  }
}

/** The connection ended. */
export class LineDown extends Unreachable {
  override readonly name = "LineDown";

  constructor(problem = "") {
    super(`the connection is closed${problem && ": "}${problem}`);
  }
}

/** The subject of a request or of tidings. */
export function subject(to: string, sender: string, verb: string): string {
  return `mesh.${to}.${sender}.${verb}`;
}

/** The prefix of a device's reply subjects. */
export function inbox(device: string): string {
  return `_INBOX_${device}`;
}

/** An Ed25519 public key as nats-server writes it: U and 55 more characters. */
export function nkeyPublic(key: Uint8Array): string {
  const raw = joined(Uint8Array.of(USER), key);
  const crc = crcOf(raw);
  return base32(joined(raw, Uint8Array.of(crc & 255, crc >> 8)));
}

/** A body that may travel. Throws TooLarge. */
export function checkedBody(body: Uint8Array): Uint8Array {
  if (body.length > PUSH_BYTES_MAX) {
    throw new TooLarge(`a message of ${body.length} bytes; at most ${PUSH_BYTES_MAX} travel at once`);
  }
  return body;
}

/** An answer as it travels. */
export function answerBytes(body: Uint8Array): Uint8Array {
  return joined(Uint8Array.of(OK), body);
}

/** What whoever asked in vain is told. */
export function refusalBytes(error: Error): Uint8Array {
  return joined(Uint8Array.of(error instanceof Refused ? REFUSED : UNABLE), utf8(error.message));
}

/** The body of an answer. Throws Refused or Unreachable if that is what the other side said. */
export function readAnswer(raw: Uint8Array): Uint8Array {
  const [status, body] = [raw[0], raw.slice(1)];
  if (status === undefined || body.length > PUSH_BYTES_MAX) {
    throw new Refused(`an answer of ${raw.length} bytes, which no agent gives`);
  }
  if (status === OK) return body;
  const sentence = shown(new TextDecoder().decode(body));
  if (status === UNABLE) throw new Unreachable(`the other device cannot answer now: ${sentence}`);
  throw new Refused(`the other device refused: ${sentence}`);
}

function base32(bytes: Uint8Array): string {
  let [text, bits, value] = ["", 0, 0];
  for (const byte of bytes) {
    [value, bits] = [((value << 8) | byte) & 0xfff, bits + 8];
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

function crcOf(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 0x8000 ? (value << 1) ^ CRC_POLYNOMIAL : value << 1) & WORD;
  }
  return value;
}
