// The first change of a document, derived from its birth: everybody who edits it first writes the same bytes; as
// mesh/state/genesis.py has it.
//
// A document that nobody edited needs no Automerge at all. At the first edit its birth becomes a change with an actor
// that is a hash of the document's id, so that two devices that edit at once stand on the same letters. This module
// asks nobody and draws no lots.
import { sha256 } from "@noble/hashes/sha2.js";
import type { Born, Value } from "../events/kinds.js";
import { CHANGE_OPERATIONS_MAX, TEXT_BYTES_MAX } from "../limits.js";
import { byText, type DocumentId, hex, type Hex, joined, utf8 } from "../names.js";
import { BODY } from "./catalogue.js";
import { joinRuns, runs, toUtf8, whole, writeBooleans, writeSigned, writeText, writeUnsigned } from "./columns.js";
import { Column, Meta, META_BITS, type Part, seal, writeValue } from "./encoding.js";
import { Action, ACTOR_BYTES, type OperationId, operationId } from "./operations.js";

/** A derived first change, which we wrote, may have a text of as many letters as a change, and its registers. */
export const FIRST_OPERATIONS_MAX = 2 * CHANGE_OPERATIONS_MAX;

const DOMAIN = utf8("mesh/genesis-actor/1");
const FIRST = 1;

type Registers = ReadonlyMap<string, Value>;
type Run<T> = readonly [value: T | null, count: number];

/** A derived first change, and what is in it: registers in the order of their operations, then letters. */
export interface Genesis {
  readonly hash: Hex;
  readonly actor: Hex;
  readonly registers: ReadonlyMap<string, Value>;
  readonly body: OperationId | null;
  readonly letters: number;
  readonly raw: Uint8Array;
}

/** The actor of a document's first change, which no device has. */
export function actorOf(document: DocumentId): Hex {
  return hex(sha256(joined(DOMAIN, utf8(document.text))).subarray(0, ACTOR_BYTES));
}

/** Whether a text was born so long that it is one value, and not letters that merge. */
export function isRegister(birth: Born): boolean {
  return utf8(birth.text).length > TEXT_BYTES_MAX;
}

/** The Text object that a document is born with, null when its text is a register. */
export function bodyOf(document: DocumentId, birth: Born): OperationId | null {
  return isRegister(birth) ? null : operationId(FIRST + birth.registers.size, actorOf(document));
}

/** The first change of a document. Its birth has passed `checkBirth`. */
export function derive(document: DocumentId, birth: Born): Genesis {
  const body = bodyOf(document, birth);
  const registers = ordered(birth.registers);
  if (body === null) registers.set(BODY, birth.text);
  const letters = body === null ? "" : birth.text;
  const actor = actorOf(document);
  const counter = body === null ? null : FIRST + registers.size;
  const sizes = Array.from(letters, sizeOf);
  const [raw, hash] = seal([], [actor], 1, FIRST, columnsOf(registers, letters, sizes, counter));
  return { hash, actor, registers, body, letters: sizes.length, raw };
}

/** What is known of a first change without its bytes: all but its hash. */
export function known(
  document: DocumentId,
  registers: ReadonlyMap<string, Value>,
  letters: number,
  hasText: boolean,
): Genesis {
  const found = ordered([...registers].filter(([key]) => key !== BODY));
  const body = registers.get(BODY);
  if (body !== undefined) found.set(BODY, body);
  const actor = actorOf(document);
  const text = hasText ? operationId(FIRST + found.size, actor) : null;
  return { hash: "", actor, registers: found, body: text, letters, raw: new Uint8Array(0) };
}

function ordered(registers: Iterable<readonly [string, Value]>): Map<string, Value> {
  return new Map([...registers].sort(([one], [other]) => byText(one, other)));
}

/** How many bytes a letter has in UTF-8. */
function sizeOf(letter: string): number {
  const code = letter.codePointAt(0)!;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** The columns of the first change, written as runs: a letter, of which `sizes` has the bytes, costs next to nothing. */
function columnsOf(registers: Registers, letters: string, sizes: readonly number[], body: number | null): Part[] {
  const [count, text] = [sizes.length, body === null ? 0 : 1];
  const roots = registers.size + text;
  const values = [...registers.values()].map(writeValue);
  const counter = body ?? 0;
  const names = [...registers.keys()].map((key): Run<string> => [key, 1]);
  const metas = values.map(([meta]): Run<number> => [meta, 1]);
  return [
    [Column.OBJECT_ACTOR, numbers([null, roots], [0, count])],
    [Column.OBJECT_COUNTER, numbers([null, roots], [counter, count])],
    [Column.KEY_ACTOR, numbers([null, roots + 1], [0, count - 1])],
    [Column.KEY_COUNTER, steps([null, roots], [0, Math.min(count, 1)], [counter + 1, count > 1 ? 1 : 0], [1, count - 2])],
    [Column.KEY_TEXT, joinRuns(merged<string>([...names, [BODY, text], [null, count]]), writeText)],
    [Column.INSERT, writeBooleans(Array.from({ length: roots + count }, (_, place) => place >= roots))],
    [Column.ACTION, numbers([Action.PUT, registers.size], [Action.MAKE_TEXT, text], [Action.PUT, count])],
    [Column.VALUE_META, numbers(...metas, [0, text], ...runs(sizes).map(([size, same]) => sized(size, same)))],
    [Column.VALUE_RAW, whole([...values.map(([, raw]) => raw), toUtf8(letters)])],
    [Column.BEFORE_COUNT, numbers([0, roots + count])],
  ];
}

function sized(size: number, count: number): Run<number> {
  return [size * 2 ** META_BITS + Meta.TEXT, count];
}

function numbers(...parts: Run<number>[]): Uint8Array {
  return joinRuns(merged(parts), writeUnsigned);
}

function steps(...parts: Run<number>[]): Uint8Array {
  return joinRuns(merged(parts), writeSigned);
}

/** Runs without empty ones, and with equal neighbours as one. */
function merged<T>(parts: readonly Run<T>[]): Run<T>[] {
  const found: [T | null, number][] = [];
  for (const [value, count] of parts) {
    if (count <= 0) continue;
    const last = found.at(-1);
    if (last && last[0] === value) last[1] += count;
    else found.push([value, count]);
  }
  return found;
}
