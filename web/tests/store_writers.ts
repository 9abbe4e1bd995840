// Devices that write events for store tests: chained as on the wire, but neither sealed nor signed for real; as
// tests/contracts/store_writers.py has them.
//
// A store trusts what it is given, so what a seal or a signature says does not matter to it.
import { sha256 } from "@noble/hashes/sha2.js";
import { eventDigest, type Head, openingDigest, sameHead, START } from "../engine/clocks/chain.js";
import { CLEAR, encodeHeader, headOf, Lane, type Placed } from "../engine/events/event.js";
import type { Value } from "../engine/events/kinds.js";
import { Standing } from "../engine/events/verdict.js";
import { type Digest, DocumentId, hex, utf8, ZERO } from "../engine/names.js";
import type { Author, Kept, NoteRow, RecordRow, SettlementRow } from "../engine/shell/store_port.js";
import type { ConflictRow } from "../engine/shell/store_port.js";
import type { Note } from "../engine/state/notes.js";
import { Record } from "../engine/state/records.js";

const EPOCH = "ab".repeat(16);
const INNER_BYTES = 93; // makes a header of 152 bytes, as a sealed inner header does

/** A digest that is named after something. */
export function digestOf(name: string): Digest {
  return hex(sha256(utf8(name)));
}

/** So many bytes that look random, and are the same each time. */
export function bytesOf(name: string, count: number): Uint8Array {
  const found = new Uint8Array(count);
  for (let at = 0; at < count; at += 32) {
    found.set(sha256(utf8(`${name} ${at}`)).subarray(0, Math.min(32, count - at)), at);
  }
  return found;
}

const MESH = digestOf("a mesh");

/** One of endlessly many documents. */
export function document(number: number, space = "home", kind = "note"): DocumentId {
  return DocumentId.checked(space, kind, bytesOf(`document ${number}`, 16));
}

/** A note's view; parts are fields of Note. */
export function noteRow(about: DocumentId, title: string, lamport = 1, parts: Partial<Note> = {}): NoteRow {
  const note = { document: about, title, body: "", tags: [], path: null, deleted: false, conflicts: [], ...parts };
  return { note, updatedMs: 1_700_000_000_000 + lamport, updatedBy: MESH, lamport, placed: null };
}

/** Who said something. */
export function author(lamport: number, device = "alder"): Author {
  const [event, admission] = [digestOf(`event ${lamport} ${device}`), digestOf(`admission ${device}`)];
  return { event, admission, agent: "", timeMs: 1_700_000_000_000 + lamport, lamport };
}

/** A record's view, born and touched at once. */
export function recordRow(
  about: DocumentId,
  lamport: number,
  registers: { [key: string]: Value },
  text = "",
): RecordRow {
  const record = new Record(about, new Map(Object.entries(registers)), text);
  return { record, born: author(lamport), updated: author(lamport) };
}

/** A conflict's view. */
export function conflictRow(about: DocumentId, name: string, lamport: number): ConflictRow {
  const authors = [1, 2].map((number) => author(lamport, `device ${number}`));
  const sides = authors.map((one, at) => ({ value: `side ${at + 1}`, characters: 6, author: one }));
  const devices = authors.map(({ admission }) => admission);
  const told = { kind: "register", field: "title", sinceMs: 5, lamport, count: 2, devices, sides, ancestor: null };
  return { name: digestOf(name).slice(0, 32), document: about, ...told };
}

/** A settlement's view. */
export function settlementRow(about: DocumentId, lamport: number, conflict: string): SettlementRow {
  const change = digestOf(`change ${lamport}`);
  return { document: about, author: author(lamport), conflict, prints: [], rule: "", undoes: null, change };
}

/** How an event is said. */
interface Saying {
  readonly sign?: boolean;
  readonly after?: Head;
  readonly body?: Uint8Array;
  readonly step?: number;
}

/** One chain of one admission. Several heads make a fork. */
export class Writer {
  readonly admission: Digest;
  readonly said: Placed[] = [];
  head: Head = START;
  lamport = 0;
  chain: Digest = ZERO;

  /** Begin with the opening. */
  constructor(
    readonly seed = 1,
    readonly lane: Lane = Lane.DATA,
    readonly bodyBytes = 60,
  ) {
    this.admission = digestOf(`admission ${seed}`);
    this.say();
  }

  /** The next event; on another place than the head it makes a fork, and the head moves there. */
  say({ sign = true, after, body, step = 1 }: Saying = {}): Placed {
    if (after) {
      this.head = after;
      this.lamport = this.said.find(({ digest }) => digest === after.digest)!.header.lamport;
    }
    this.lamport += step;
    const salt = `${this.seed} ${this.said.length}`;
    const content = body ?? bytesOf(`body ${salt}`, this.bodyBytes);
    const epoch = sameHead(this.head, START) || this.lane === Lane.CONTROL ? CLEAR : EPOCH;
    const inner = bytesOf(`inner ${salt}`, INNER_BYTES);
    const named = { bodyDigest: hex(sha256(content)), bodyBytes: content.length, inner };
    const header = { version: 1, lamport: this.lamport, epoch, ...named, extensions: new Map() };
    const [raw, parent] = [encodeHeader(header), this.head];
    const opens = sameHead(parent, START);
    const digest = opens ? openingDigest(MESH, bytesOf(this.admission, 32), raw) : eventDigest(this.chain, parent, raw);
    if (opens) this.chain = digest;
    this.head = { seq: parent.seq + 1, digest };
    const place = { chain: this.chain, admission: this.admission, lane: this.lane, ...this.head, parent: parent.digest };
    const signature = sign ? bytesOf(`signature ${salt}`, 64) : null;
    const placed: Placed = { ...place, header, event: { header: raw, body: content }, signature };
    this.said.push(placed);
    return placed;
  }

  /** Several events; the last one is signed, and each so-many-th before it. */
  run(events: number, signedEvery = 1): Placed[] {
    const numbers = Array.from({ length: events }, (_, at) => at + 1);
    return numbers.map((number) => this.say({ sign: number % signedEvery === 0 || number === events }));
  }
}

/** An event as weighed. */
export function kept(placed: Placed, about: DocumentId | null = null, standing: Standing = Standing.HONOURED): Kept {
  return { placed, document: about, standing, reason: standing === Standing.HONOURED ? "" : "a reason" };
}

/** All that a writer said, as weighed. */
export function whole(writer: Writer, about: DocumentId | null = null): Kept[] {
  return writer.said.map((placed) => kept(placed, placed.seq > 1 ? about : null));
}

/** The event as it comes without its body. */
export function bodiless(placed: Placed): Placed {
  return { ...placed, event: { header: placed.event.header, body: null } };
}

/** The places of some events. */
export function headsOf(placed: readonly Placed[]): Head[] {
  return placed.map(headOf);
}
