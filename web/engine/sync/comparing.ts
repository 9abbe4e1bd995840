// Where two devices differ that hold the same events: five messages down their trees to one document and one event;
// as mesh/sync/comparing.py has it.
//
// Each message is answered by the next one, or by nothing where no difference is seen: nodes, buckets, leaves, events,
// finding. Digests are cut short, since nothing is decided by them. The store is not read here, and nothing is mended.
import { Malformed, TooLarge } from "../errors.js";
import { decode as decodeCbor, encode as encodeCbor, expectTypes, type Plain } from "../events/cbor.js";
import {
  COMPARE_BRANCHES,
  COMPARE_BYTES_MAX,
  COMPARE_EVENTS_MAX,
  COMPARE_KEY_BYTES,
  COMPARE_LEAVES_MAX,
  COMPARE_NODES,
  COMPARE_PRINT_BYTES,
  DIGEST_BYTES,
} from "../limits.js";
import { ascending, type Digest, DocumentId, type Hex, hex, unhex, ZERO } from "../names.js";

/** What these messages are asked under; of each two the second is the answer, and the fifth has none. */
export const VERB = "compare";

/** All nodes of one tree at its second level. `views`: of the tree over what is shown, instead of the state's. */
export interface Nodes {
  readonly message: "nodes";
  readonly views: boolean;
  readonly prints: Uint8Array;
}

/** The buckets under the first node that differs. */
export interface Buckets {
  readonly message: "buckets";
  readonly views: boolean;
  readonly node: number;
  readonly prints: Uint8Array;
}

/** The documents of the first bucket that differs: cut keys, ascending, each with its cut leaf. */
export interface Leaves {
  readonly message: "leaves";
  readonly views: boolean;
  readonly bucket: number;
  readonly leaves: Uint8Array;
}

/** The first document that differs, where it is known by name, and which of its events count, by their stamps. */
export interface Events {
  readonly message: "events";
  readonly views: boolean;
  readonly key: Hex;
  readonly document: DocumentId | null;
  readonly prints: Uint8Array;
}

/**
 * The first difference: a document, and the event that counts on one side only. `honoured`: on the teller's side.
 * Without an event the same ones count on both sides, and yet the two do not show the same.
 */
export interface Finding {
  readonly message: "finding";
  readonly views: boolean;
  readonly document: DocumentId | null;
  readonly event: Digest | null;
  readonly honoured: boolean;
}

export type Message = Nodes | Buckets | Leaves | Events | Finding;

// ── what the next message is made of ────────────────────

/** Digests cut short, one after the other. */
export function packed(digests: readonly Digest[]): Uint8Array {
  return unhex(digests.map((digest) => cut(digest, COMPARE_PRINT_BYTES)).join(""));
}

/** The first place at which my digests are other ones; null when all are equal. */
export function differing(mine: readonly Digest[], prints: Uint8Array): number | null {
  const theirs = pieces(prints, COMPARE_PRINT_BYTES);
  const place = mine.findIndex((own, number) => cut(own, COMPARE_PRINT_BYTES) !== theirs[number]);
  return place < 0 ? null : place;
}

/** Leaves by the keys of their documents; of more than fit the first ones. */
export function packedLeaves(leaves: ReadonlyMap<Digest, Digest>): Uint8Array {
  const filled = [...leaves].filter(([, leaf]) => leaf !== ZERO).sort(([one], [other]) => ascending(one, other));
  const parts = filled.slice(0, COMPARE_LEAVES_MAX).map(([key, leaf]) => {
    return cut(key, COMPARE_KEY_BYTES) + cut(leaf, COMPARE_PRINT_BYTES);
  });
  return unhex(parts.join(""));
}

/** The cut key of the first document whose leaf is another one, or that only one side has. */
export function differingLeaf(mine: ReadonlyMap<Digest, Digest>, leaves: Uint8Array): Hex | null {
  const [own, theirs] = [leavesIn(packedLeaves(mine)), leavesIn(leaves)];
  const full = [own, theirs].filter((side) => side.size === COMPARE_LEAVES_MAX); // there may be more behind it
  const ends = full.map((side) => [...side.keys()].sort(ascending).at(-1)!);
  const keys = [...new Set([...own.keys(), ...theirs.keys()])].sort(ascending);
  return keys.find((key) => ends.every((end) => key <= end) && own.get(key) !== theirs.get(key)) ?? null;
}

/** Events by their stamps; of more than fit the first ones. */
export function packedEvents(events: readonly Digest[]): Uint8Array {
  return packed(events.slice(0, COMPARE_EVENTS_MAX));
}

/** The first event that counts on this side only, and, cut short, the first that counts on the other side only. */
export function differingEvents(mine: readonly Digest[], prints: Uint8Array): [Digest | null, Hex | null] {
  const theirs = pieces(prints, COMPARE_PRINT_BYTES);
  const own = new Map(mine.map((event) => [cut(event, COMPARE_PRINT_BYTES), event]));
  const [known, last] = [new Set(theirs), theirs.at(-1)];
  let told = [...own.keys()];
  if (theirs.length === COMPARE_EVENTS_MAX && own.has(last!)) {
    told = told.slice(0, told.indexOf(last!)); // there may be more behind it that was not told
  }
  const here = told.find((one) => !known.has(one));
  return [here === undefined ? null : own.get(here)!, theirs.find((one) => !own.has(one)) ?? null];
}

// ── bytes ────────────────────

/** A message's canonical bytes. */
export function encode(message: Message): Uint8Array {
  const { views } = message;
  switch (message.message) {
    case "nodes":
      return encodeCbor(["nodes", views, message.prints]);
    case "buckets":
      return encodeCbor(["buckets", views, message.node, message.prints]);
    case "leaves":
      return encodeCbor(["leaves", views, message.bucket, message.leaves]);
    case "events":
      return encodeCbor(["events", views, unhex(message.key), message.document?.text ?? "", message.prints]);
    case "finding": {
      const event = message.event === null ? new Uint8Array() : unhex(message.event);
      return encodeCbor(["finding", views, message.document?.text ?? "", event, message.honoured]);
    }
  }
}

/** Read a message. Throws Refused. */
export function decode(raw: Uint8Array): Message {
  const value = decodeCbor(raw, COMPARE_BYTES_MAX, "a comparison");
  const kind: Plain | undefined = Array.isArray(value) ? value[0] : undefined;
  const read = typeof kind === "string" ? READERS.get(kind) : undefined;
  if (!read) throw new Malformed("a comparison is of no known form");
  return read(value);
}

const READERS: ReadonlyMap<string, (value: Plain) => Message> = new Map<string, (value: Plain) => Message>([
  ["nodes", nodes],
  ["buckets", buckets],
  ["leaves", leaves],
  ["events", events],
  ["finding", finding],
]);

const WHAT = "a comparison";

function nodes(value: Plain): Nodes {
  const [, views, prints] = expectTypes(value, WHAT, ["text", "bool", "bytes"]);
  return { message: "nodes", views, prints: sized(prints, COMPARE_NODES) };
}

function buckets(value: Plain): Buckets {
  const [, views, node, prints] = expectTypes(value, WHAT, ["text", "bool", "int", "bytes"]);
  expect(node >= 0 && node < COMPARE_NODES);
  return { message: "buckets", views, node, prints: sized(prints, COMPARE_BRANCHES) };
}

function leaves(value: Plain): Leaves {
  const [, views, bucket, found] = expectTypes(value, WHAT, ["text", "bool", "int", "bytes"]);
  expect(bucket >= 0 && bucket < COMPARE_NODES * COMPARE_BRANCHES);
  expect(found.length % LEAF_BYTES === 0);
  const keys = pieces(found, LEAF_BYTES).map((piece) => cut(piece, COMPARE_KEY_BYTES));
  within(keys.length, COMPARE_LEAVES_MAX, "leaves");
  expect(keys.every((key, place) => place === 0 || keys[place - 1]! < key));
  return { message: "leaves", views, bucket, leaves: found };
}

function events(value: Plain): Events {
  const [, views, key, name, prints] = expectTypes(value, WHAT, ["text", "bool", "bytes", "text", "bytes"]);
  expect(key.length === COMPARE_KEY_BYTES && prints.length % COMPARE_PRINT_BYTES === 0);
  within(prints.length / COMPARE_PRINT_BYTES, COMPARE_EVENTS_MAX, "events");
  return { message: "events", views, key: hex(key), document: documentOf(name), prints };
}

function finding(value: Plain): Finding {
  const [, views, name, event, honoured] = expectTypes(value, WHAT, ["text", "bool", "text", "bytes", "bool"]);
  expect(event.length === DIGEST_BYTES || !(event.length > 0 || honoured));
  return { message: "finding", views, document: documentOf(name), event: event.length > 0 ? hex(event) : null, honoured };
}

const LEAF_BYTES = COMPARE_KEY_BYTES + COMPARE_PRINT_BYTES;

/** The first so many bytes, in hex. */
function cut(digest: Hex, bytes: number): Hex {
  return digest.slice(0, 2 * bytes);
}

function pieces(raw: Uint8Array, size: number): Hex[] {
  const starts = Array.from({ length: Math.ceil(raw.length / size) }, (_, place) => place * size);
  return starts.map((start) => hex(raw.subarray(start, start + size)));
}

function leavesIn(raw: Uint8Array): Map<Hex, Hex> {
  const end = 2 * COMPARE_KEY_BYTES;
  return new Map(pieces(raw, LEAF_BYTES).map((piece) => [piece.slice(0, end), piece.slice(end)]));
}

function documentOf(name: string): DocumentId | null {
  return name ? DocumentId.parse(name) : null;
}

function sized(prints: Uint8Array, count: number): Uint8Array {
  expect(prints.length === count * COMPARE_PRINT_BYTES);
  return prints;
}

function within(count: number, most: number, what: string): void {
  if (count > most) throw new TooLarge(`${count} ${what} in one comparison; at most ${most} are allowed`);
}

function expect(fits: boolean): void {
  if (!fits) throw new Malformed("a comparison's parts are not of the sizes that they must have");
}
