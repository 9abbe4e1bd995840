// One Automerge change as values: strict bytes in, a Change out; as mesh/state/changes.py has it.
//
// Foreign bytes are read here, before Automerge sees them: it answers some of them by a panic, and others by accepting
// what it cannot load again. Only what a document of this mesh consists of can be read: registers, single characters
// of text, and the removal of either; no time, message, mark, counter or nested object. Whether a change is allowed,
// and whether it fits a document, is not decided here (shapes.ts, history.ts).
import { sha256 } from "@noble/hashes/sha2.js";
import { Malformed, TooLarge } from "../errors.js";
import type { Value } from "../events/kinds.js";
import { CHANGE_BYTES_MAX, CHANGE_OPERATIONS_MAX, DIGEST_BYTES } from "../limits.js";
import { hex, type Hex, joined, sameBytes } from "../names.js";
import * as columns from "./columns.js";
import { byteAt, type Found, fromUtf8, piece, signed, unsigned, writeUnsigned } from "./columns.js";
import { CHECKSUM_END, Column, DEFLATED, MAGIC, Meta, META_BITS, PLAIN } from "./encoding.js";
import { inflate } from "./inflate.js";
import { Action, ACTOR_BYTES, type Change, type Operation, type OperationId, operationId } from "./operations.js";

type Columns = ReadonlyMap<number, Uint8Array>;

const COLUMNS: ReadonlySet<number> = new Set(Object.values(Column));
const ACTIONS: ReadonlySet<number | null> = new Set(Object.values(Action));
const NOTHING = new Uint8Array(0);

/** Read one change, deflated or not. Throws Malformed or TooLarge. */
export function decode(raw: Uint8Array, operationsMax = CHANGE_OPERATIONS_MAX): Change {
  const [body, plain] = opened(raw);
  const digest = sha256(plain.subarray(CHECKSUM_END));
  if (!sameBytes(raw.subarray(MAGIC.length, CHECKSUM_END), digest.subarray(0, CHECKSUM_END - MAGIC.length))) {
    throw new Malformed("a change does not fit its own checksum");
  }
  const change = read(body, hex(digest), plain);
  const count = change.operations.length;
  if (count > operationsMax) throw new TooLarge(`a change has ${count} operations, more than ${operationsMax}`);
  return change;
}

/** A chunk's body, and the chunk as it would be without deflation. */
function opened(raw: Uint8Array): [body: Uint8Array, plain: Uint8Array] {
  if (raw.length > CHANGE_BYTES_MAX) {
    throw new TooLarge(`a change has ${raw.length} bytes, more than ${CHANGE_BYTES_MAX}`);
  }
  const kind = byteAt(raw, CHECKSUM_END);
  if (!sameBytes(raw.subarray(0, MAGIC.length), MAGIC) || (kind !== PLAIN && kind !== DEFLATED)) {
    throw new Malformed("not an Automerge change");
  }
  const [length, at] = unsigned(raw, CHECKSUM_END + 1);
  if (at + length !== raw.length) throw new Malformed(`a change says ${length} bytes and has ${raw.length - at}`);
  if (kind === PLAIN) return [raw.slice(at), raw.slice()];
  const body = inflate(raw.subarray(at), CHANGE_BYTES_MAX);
  return [body, joined(raw.subarray(0, CHECKSUM_END), Uint8Array.of(PLAIN), writeUnsigned(body.length), body)];
}

function read(body: Uint8Array, hash: Hex, raw: Uint8Array): Change {
  const [dependencies, own] = names(body, 0, DIGEST_BYTES, false);
  if (byteAt(body, own) !== ACTOR_BYTES) throw new Malformed("an actor is not 16 bytes");
  const [named, afterActor] = piece(body, own + 1, ACTOR_BYTES);
  const actor = hex(named);
  const [sequence, afterSequence] = unsigned(body, afterActor);
  const [start, at] = unsigned(body, afterSequence);
  if (sequence === 0 || start === 0) throw new Malformed("a change counts from zero instead of one");
  if (byteAt(body, at) !== 0 || byteAt(body, at + 1) !== 0) {
    throw new Malformed("a change has a time or a message, which only its event may carry");
  }
  const [others, rest] = names(body, at + 2, ACTOR_BYTES, true);
  if (others.includes(actor)) throw new Malformed("a change lists its own actor among the others");
  const said = operations(split(body, rest), [actor, ...others]);
  return { hash, dependencies, actor, sequence, start, operations: said, raw };
}

/** A counted list of hashes or of actors (these with their length), ascending, each once. */
function names(data: Uint8Array, at: number, length: number, prefixed: boolean): Found<Hex[]> {
  let [count, place] = unsigned(data, at);
  const out: Hex[] = [];
  for (; count > 0; count--) {
    if (prefixed && byteAt(data, place++) !== length) throw new Malformed("an actor is not 16 bytes");
    const [raw, end] = piece(data, place, length);
    const name = hex(raw);
    if (out.length > 0 && name <= out.at(-1)!) throw new Malformed("names in a change are not ascending");
    out.push(name);
    place = end;
  }
  return [out, place];
}

/** The columns by their number: known ones, ascending, none empty, and nothing after them. */
function split(body: Uint8Array, start: number): Columns {
  let [count, at] = unsigned(body, start);
  const spans: [column: number, length: number][] = [];
  for (let before = 0; count > 0; count--) {
    const [column, afterColumn] = unsigned(body, at);
    const [length, end] = unsigned(body, afterColumn);
    if (!COLUMNS.has(column) || column <= before || length === 0) {
      throw new Malformed(`column ${column} of a change is unknown, empty or out of order`);
    }
    spans.push([column, length]);
    [before, at] = [column, end];
  }
  const found = new Map<number, Uint8Array>();
  for (const [column, length] of spans) {
    const [data, end] = piece(body, at, length);
    found.set(column, data);
    at = end;
  }
  if (at !== body.length) throw new Malformed("bytes follow the last column of a change");
  return found;
}

function column(found: Columns, which: number): Uint8Array {
  return found.get(which) ?? NOTHING;
}

function operations(found: Columns, actors: readonly Hex[]): Operation[] {
  const actions = columns.numbers(column(found, Column.ACTION));
  const rows = actions.length;
  const objects = objectsOf(found, rows, actors);
  const keys = keysOf(found, rows, actors);
  const inserts = exact(columns.booleans(column(found, Column.INSERT)), rows);
  const metas = exact(columns.numbers(column(found, Column.VALUE_META)), rows);
  const values = valuesOf(metas, column(found, Column.VALUE_RAW));
  const before = beforeOf(found, rows, actors);
  allNamed(found, actors.length);
  return actions.map((action, row) => {
    if (!ACTIONS.has(action)) throw new Malformed("an operation is neither a put, a delete nor a new text");
    const [key, element] = keys[row]!;
    const where = { object: objects[row]!, key, element, insert: inserts[row]! };
    return { action: action as Action, ...where, value: values[row]!, before: before[row]! };
  });
}

function exact<T>(rows: T[], count: number): T[] {
  if (rows.length !== count) {
    throw new Malformed(`a column of a change has ${rows.length} rows where ${count} belong`);
  }
  return rows;
}

function nameOf(counter: number | null, index: number | null, actors: readonly Hex[]): OperationId {
  const actor = index === null ? undefined : actors[index];
  if (!counter || actor === undefined) {
    throw new Malformed("an operation is named by half, or by an actor that the change does not list");
  }
  return operationId(counter, actor);
}

function objectsOf(found: Columns, rows: number, actors: readonly Hex[]): (OperationId | null)[] {
  if (!found.has(Column.OBJECT_ACTOR) && !found.has(Column.OBJECT_COUNTER)) return new Array(rows).fill(null);
  const indexes = exact(columns.numbers(column(found, Column.OBJECT_ACTOR)), rows);
  const counters = exact(columns.numbers(column(found, Column.OBJECT_COUNTER)), rows);
  return counters.map((counter, row) => {
    const index = indexes[row]!;
    return counter === null && index === null ? null : nameOf(counter, index, actors);
  });
}

function keysOf(found: Columns, rows: number, actors: readonly Hex[]): [string | null, OperationId | null][] {
  const absent = new Array<null>(rows).fill(null);
  const rowsOf = <T>(which: number, reader: (raw: Uint8Array) => (T | null)[]) =>
    found.has(which) ? exact(reader(column(found, which)), rows) : absent;
  const texts = rowsOf(Column.KEY_TEXT, columns.texts);
  const indexes = rowsOf(Column.KEY_ACTOR, columns.numbers);
  const counters = rowsOf(Column.KEY_COUNTER, columns.deltas);
  return texts.map((text, row) => {
    const [index, counter] = [indexes[row]!, counters[row]!];
    if (text === null) return [null, counter === 0 && index === null ? null : nameOf(counter, index, actors)];
    if (index !== null || counter !== null) {
      throw new Malformed("an operation has both a name and an element as its key");
    }
    return [text, null];
  });
}

function valuesOf(metas: readonly (number | null)[], raw: Uint8Array): Value[] {
  let at = 0;
  const out = metas.map((meta): Value => {
    if (meta === null) throw new Malformed("an operation has no value, not even null");
    const [data, end] = piece(raw, at, Math.floor(meta / 2 ** META_BITS));
    at = end;
    return valueOf(meta % 2 ** META_BITS, data);
  });
  if (at !== raw.length) throw new Malformed("bytes follow the last value of a change");
  return out;
}

function valueOf(kind: number, data: Uint8Array): Value {
  if (kind === Meta.TEXT) return fromUtf8(data);
  if (kind === Meta.INTEGER) {
    const [number, end] = signed(data, 0);
    if (end === data.length) return number;
  } else if (data.length === 0) {
    if (kind === Meta.NULL) return null;
    if (kind === Meta.TRUE || kind === Meta.FALSE) return kind === Meta.TRUE;
  }
  throw new Malformed("a value is neither text, whole number, yes or no, nor null");
}

function beforeOf(found: Columns, rows: number, actors: readonly Hex[]): OperationId[][] {
  const counts = exact(columns.numbers(column(found, Column.BEFORE_COUNT)), rows);
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const counters = exact(columns.deltas(column(found, Column.BEFORE_COUNTER)), total);
  const indexes = exact(columns.numbers(column(found, Column.BEFORE_ACTOR)), total);
  const ids = counters.map((counter, row) => nameOf(counter, indexes[row]!, actors));
  let at = 0;
  return counts.map((count) => {
    if (count === null) throw new Malformed("an operation does not say how many it replaces");
    const these = ids.slice(at, (at += count));
    if (these.some((name, place) => place > 0 && these[place - 1]! >= name)) {
      throw new Malformed("what an operation replaces is not ascending");
    }
    return these;
  });
}

/** Whether every actor that the change lists is named in it: Automerge would not list it. */
function allNamed(found: Columns, actors: number): void {
  if (actors === 1) return;
  const which = [Column.OBJECT_ACTOR, Column.KEY_ACTOR, Column.BEFORE_ACTOR];
  const named = new Set(which.flatMap((one) => columns.numbers(column(found, one))));
  for (let index = 1; index < actors; index++) {
    if (!named.has(index)) throw new Malformed("a change lists an actor that it does not name");
  }
}
