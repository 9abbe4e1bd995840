// Writing a change: the bytes that Automerge itself would write for the same operations, so the hash is the same; as
// mesh/state/encoding.py.
//
// This module checks nothing: what it is given was made by us.
import { sha256 } from "@noble/hashes/sha2.js";
import type { Value } from "../events/kinds.js";
import { ascending, hex, type Hex, unhex } from "../names.js";
import {
  toUtf8,
  whole,
  writeBooleans,
  writeDeltas,
  writeNumbers,
  writeSigned,
  writeTexts,
  writeUnsigned,
} from "./columns.js";
import { actorOf, type Change, counterOf, type Operation, type OperationId } from "./operations.js";

/** What every chunk of Automerge begins with. */
export const MAGIC = Uint8Array.of(0x85, 0x6f, 0x4a, 0x83);
/** Where magic and the first four bytes of the hash end. */
export const CHECKSUM_END = 8;
export const PLAIN = 1;
export const DEFLATED = 2;

/** Automerge's own numbers for the parts of a change. Columns that are not named here do not occur in a mesh. */
export const Column = {
  OBJECT_ACTOR: 0x01,
  OBJECT_COUNTER: 0x02,
  KEY_ACTOR: 0x11,
  KEY_COUNTER: 0x13,
  KEY_TEXT: 0x15,
  INSERT: 0x34,
  ACTION: 0x42,
  VALUE_META: 0x56,
  VALUE_RAW: 0x57,
  BEFORE_COUNT: 0x70,
  BEFORE_ACTOR: 0x71,
  BEFORE_COUNTER: 0x73,
} as const;

/** A column's number, and its bytes. */
export type Part = readonly [column: number, data: Uint8Array];

/** What the low four bits of a value's meta say; the rest is its length. */
export const Meta = { NULL: 0, FALSE: 1, TRUE: 2, INTEGER: 4, TEXT: 6 } as const;
export const META_BITS = 4;
const NOTHING = new Uint8Array(0);

/** Write one change as Automerge would write it. */
export function encode(
  dependencies: Iterable<Hex>,
  actor: Hex,
  sequence: number,
  start: number,
  operations: readonly Operation[],
): Change {
  const tips = [...dependencies].sort(ascending);
  const actors = actorsOf(actor, operations);
  const parts = columnsOf(operations, new Map(actors.map((one, place) => [one, place])));
  const [raw, hash] = seal(tips, actors, sequence, start, parts);
  return { hash, dependencies: tips, actor, sequence, start, operations, raw };
}

/** The bytes and the hash of a change from its columns; the first actor is its own. */
export function seal(
  tips: readonly Hex[],
  actors: readonly Hex[],
  sequence: number,
  start: number,
  parts: readonly Part[],
): [raw: Uint8Array, hash: Hex] {
  const filled = parts.filter(([, data]) => data.length > 0);
  const [own, ...others] = actors.map(sized);
  const body = whole([
    writeUnsigned(tips.length),
    ...tips.map(unhex),
    own!,
    writeUnsigned(sequence),
    writeUnsigned(start),
    Uint8Array.of(0, 0), // neither time nor message
    writeUnsigned(others.length),
    ...others,
    writeUnsigned(filled.length),
    ...filled.flatMap(([column, data]) => [writeUnsigned(column), writeUnsigned(data.length)]),
    ...filled.map(([, data]) => data),
  ]);
  const rest = whole([Uint8Array.of(PLAIN), writeUnsigned(body.length), body]);
  const digest = sha256(rest);
  return [whole([MAGIC, digest.subarray(0, CHECKSUM_END - MAGIC.length), rest]), hex(digest)];
}

function sized(actor: Hex): Uint8Array {
  const raw = unhex(actor);
  return whole([writeUnsigned(raw.length), raw]);
}

/** The hash of a change by its bytes, which are not deflated. */
export function hashOf(raw: Uint8Array): Hex {
  return hex(sha256(raw.subarray(CHECKSUM_END)));
}

/** The actors that a change names, its own first, the others ascending. */
function actorsOf(own: Hex, operations: readonly Operation[]): Hex[] {
  const named = new Set<Hex>();
  for (const { object, element, before } of operations) {
    if (object) named.add(actorOf(object));
    if (element) named.add(actorOf(element));
    for (const name of before) named.add(actorOf(name));
  }
  named.delete(own);
  return [own, ...[...named].sort(ascending)];
}

function columnsOf(operations: readonly Operation[], index: ReadonlyMap<Hex, number>): Part[] {
  const actor = (name: OperationId | null) => (name === null ? null : index.get(actorOf(name))!);
  const counter = (name: OperationId | null) => (name === null ? null : counterOf(name));
  const before = operations.flatMap((one) => one.before);
  const values = operations.map((one) => writeValue(one.value));
  return [
    [Column.OBJECT_ACTOR, writeNumbers(operations.map((one) => actor(one.object)))],
    [Column.OBJECT_COUNTER, writeNumbers(operations.map((one) => counter(one.object)))],
    [Column.KEY_ACTOR, writeNumbers(operations.map((one) => actor(one.element)))],
    [Column.KEY_COUNTER, writeDeltas(operations.map((one) => counter(one.element) ?? (one.key === null ? 0 : null)))],
    [Column.KEY_TEXT, writeTexts(operations.map((one) => one.key))],
    [Column.INSERT, writeBooleans(operations.map((one) => one.insert))],
    [Column.ACTION, writeNumbers(operations.map((one) => one.action))],
    [Column.VALUE_META, writeNumbers(values.map(([meta]) => meta))],
    [Column.VALUE_RAW, whole(values.map(([, raw]) => raw))],
    [Column.BEFORE_COUNT, writeNumbers(operations.map((one) => one.before.length))],
    [Column.BEFORE_ACTOR, writeNumbers(before.map(actor))],
    [Column.BEFORE_COUNTER, writeDeltas(before.map(counter))],
  ];
}

/** A value's meta and its bytes. */
export function writeValue(value: Value): [meta: number, raw: Uint8Array] {
  if (value === null) return [Meta.NULL, NOTHING];
  if (typeof value === "boolean") return [value ? Meta.TRUE : Meta.FALSE, NOTHING];
  const [kind, raw] = typeof value === "string" ? [Meta.TEXT, toUtf8(value)] : [Meta.INTEGER, writeSigned(value)];
  return [raw.length * 2 ** META_BITS + kind, raw];
}
