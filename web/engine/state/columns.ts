// The small codes that an Automerge change is made of: LEB128 numbers and run-length columns; as mesh/state/columns.py.
//
// Reading is strict: of all the ways to write the same values only the one that Automerge itself would write is
// accepted, since Automerge recomputes the bytes when it loads a document and must come to the same hash. Runs are
// counted before they are expanded. This module knows no operations and never guesses.
import { Malformed, TooLarge } from "../errors.js";
import { CHANGE_OPERATIONS_MAX, SEQ_MAX } from "../limits.js";
import { sameBytes, utf8 } from "../names.js";

const CONTINUES = 0x80;
const LOW = 0x7f;
const SIGN = 0x40;
const BYTES_MAX = 8; // a shorter number is within what a device can hold, or is refused by its value
const ROWS_MAX = 2 * CHANGE_OPERATIONS_MAX; // a derived genesis has a text of that many letters, and its registers
const HALF_LETTER = /\p{Cs}/u;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING = new Uint8Array(0);
const SHORT = Array.from({ length: CONTINUES }, (_, value) => Uint8Array.of(value));

/** A value that was read, and the place after it. */
export type Found<T> = readonly [value: T, at: number];

/** Values as runs. */
export type Runs<T> = Iterable<readonly [value: T | null, count: number]>;

type Read<T> = (data: Uint8Array, at: number) => Found<T>;
type Write<T> = (value: T) => Uint8Array;

/** What is said of bytes that end before what they hold. */
export function endsEarly(): Malformed {
  return new Malformed("a change ends too early");
}

/** The byte at a place. Throws Malformed at the end of the data. */
export function byteAt(data: Uint8Array, at: number): number {
  const byte = data[at];
  if (byte === undefined) throw endsEarly();
  return byte;
}

/** So many bytes from a place, and the place after them. Throws Malformed at the end of the data. */
export function piece(data: Uint8Array, at: number, length: number): Found<Uint8Array> {
  if (at + length > data.length) throw endsEarly();
  return [data.subarray(at, at + length), at + length];
}

/** Read a number and the place after it. Throws Malformed. */
export function unsigned(data: Uint8Array, at: number): Found<number> {
  let byte = byteAt(data, at++);
  let value = byte & LOW;
  for (let count = 1; byte >= CONTINUES; count++) {
    if (count === BYTES_MAX) throw wrongNumber();
    byte = byteAt(data, at++);
    value += (byte & LOW) * 128 ** count;
    if (byte === 0) throw wrongNumber();
  }
  if (value > SEQ_MAX) throw wrongNumber();
  return [value, at];
}

/** Read a number with its sign and the place after it. Throws Malformed. */
export function signed(data: Uint8Array, at: number): Found<number> {
  let [before, byte, value, count] = [0, byteAt(data, at++), 0, 0];
  for (; byte >= CONTINUES; count++) {
    if (count + 1 === BYTES_MAX) throw wrongNumber();
    value += (byte & LOW) * 128 ** count;
    [before, byte] = [byte, byteAt(data, at++)];
  }
  const negative = (byte & SIGN) !== 0;
  if (count > 0 && byte === (negative ? LOW : 0) && negative === ((before & SIGN) !== 0)) throw wrongNumber();
  value += (negative ? byte - CONTINUES : byte) * 128 ** count;
  if (Math.abs(value) > SEQ_MAX) throw wrongNumber();
  return [value, at];
}

function wrongNumber(): Malformed {
  return new Malformed("a number in a change is written longer than it need be, or is out of range");
}

/** Read a text with its length before it. Throws Malformed. */
export function text(data: Uint8Array, at: number): Found<string> {
  const [length, start] = unsigned(data, at);
  const [raw, end] = piece(data, start, length);
  return [fromUtf8(raw), end];
}

/** Bytes as text. Throws Malformed when they are no UTF-8, which halves of letters never are. */
export function fromUtf8(raw: Uint8Array): string {
  try {
    return UTF8.decode(raw);
  } catch {
    throw new Malformed("a text in a change is not UTF-8");
  }
}

/** A text in UTF-8. Throws Malformed when half of a letter stands in it. */
export function toUtf8(value: string): Uint8Array {
  if (HALF_LETTER.test(value)) throw new Malformed("a text has half a character in it");
  return utf8(value);
}

/** Bytes one after the other, however many they are. */
export function whole(parts: readonly Uint8Array[]): Uint8Array {
  const found = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    found.set(part, at);
    at += part.length;
  }
  return found;
}

/** Write a number of at least zero. */
export function writeUnsigned(value: number): Uint8Array {
  if (value < CONTINUES) return SHORT[value]!;
  const out: number[] = [];
  for (; value >= CONTINUES; value = Math.floor(value / 128)) out.push((value % 128) | CONTINUES);
  out.push(value);
  return Uint8Array.from(out);
}

/** Write a number with its sign. */
export function writeSigned(value: number): Uint8Array {
  if (-SIGN <= value && value < SIGN) return SHORT[low(value)]!;
  const out: number[] = [];
  for (; value < -SIGN || value >= SIGN; value = Math.floor(value / 128)) out.push(low(value) | CONTINUES);
  out.push(low(value));
  return Uint8Array.from(out);
}

function low(value: number): number {
  return ((value % 128) + 128) % 128;
}

/** Write a text with its length before it. */
export function writeText(value: string): Uint8Array {
  const raw = toUtf8(value);
  return whole([writeUnsigned(raw.length), raw]);
}

/** The rows of a column of unsigned numbers. */
export function numbers(raw: Uint8Array): (number | null)[] {
  return expand(raw, unsigned, writeUnsigned);
}

/** The rows of a column of texts. */
export function texts(raw: Uint8Array): (string | null)[] {
  return expand(raw, text, writeText);
}

/** The rows of a column that holds the differences between numbers, which themselves are at least zero. */
export function deltas(raw: Uint8Array): (number | null)[] {
  let total = 0;
  return expand(raw, signed, writeSigned).map((step) => {
    if (step === null) return null;
    total += step;
    if (total < 0 || total > SEQ_MAX) throw wrongNumber();
    return total;
  });
}

/** The rows of a column of truth values, which is run lengths that begin with those of false. */
export function booleans(raw: Uint8Array): boolean[] {
  const out: boolean[] = [];
  let [at, value] = [0, false];
  while (at < raw.length) {
    const first = at === 0;
    const [count, end] = unsigned(raw, at);
    at = end;
    room(out.length, count);
    if (count === 0 && (!first || at === raw.length)) throw wrongColumn();
    for (let number = 0; number < count; number++) out.push(value);
    value = !value;
  }
  return out;
}

/** All rows of a run-length column, if these are the bytes that Automerge would write for them. */
function expand<T>(raw: Uint8Array, read: Read<T>, write: Write<T>): (T | null)[] {
  const out: (T | null)[] = [];
  const next = ([value, end]: Found<T>): T => {
    at = end;
    return value;
  };
  let at = 0;
  while (at < raw.length) {
    let [count, end] = signed(raw, at);
    at = end;
    if (count < 0) {
      room(out.length, -count);
      for (; count < 0; count++) out.push(next(read(raw, at)));
      continue;
    }
    let value: T | null = null;
    if (count > 0) value = next(read(raw, at));
    else [count, at] = unsigned(raw, at);
    room(out.length, count);
    for (; count > 0; count--) out.push(value);
  }
  if (!sameBytes(joinRuns(runs(out), write), raw)) throw wrongColumn();
  return out;
}

function room(rows: number, more: number): void {
  if (rows + more > ROWS_MAX) throw new TooLarge(`a change has more than ${CHANGE_OPERATIONS_MAX} operations`);
}

function wrongColumn(): Malformed {
  return new Malformed("a column of a change is not written the way Automerge writes it");
}

/** Values as runs. */
export function runs<T>(values: Iterable<T>): [T, number][] {
  const found: [T, number][] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last && last[0] === value) last[1]++;
    else found.push([value, 1]);
  }
  return found;
}

/** Write a run-length column: repeats, absences, and the single values between them as one literal. */
export function joinRuns<T>(parts: Runs<T>, write: Write<T>): Uint8Array {
  const out: Uint8Array[] = [];
  let [single, present]: [Uint8Array[], boolean] = [[], false];
  const close = () => {
    if (single.length > 0) out.push(writeSigned(-single.length), whole(single));
    single = [];
  };
  for (const [value, count] of parts) {
    present ||= value !== null;
    if (value !== null && count === 1) {
      single.push(write(value));
      continue;
    }
    close();
    if (value === null) out.push(Uint8Array.of(0), writeUnsigned(count));
    else out.push(writeSigned(count), write(value));
  }
  close();
  return present ? whole(out) : NOTHING;
}

/** Write a column of unsigned numbers. */
export function writeNumbers(values: Iterable<number | null>): Uint8Array {
  return joinRuns(runs(values), writeUnsigned);
}

/** Write a column of texts. */
export function writeTexts(values: Iterable<string | null>): Uint8Array {
  return joinRuns(runs(values), writeText);
}

/** Write a column of differences. */
export function writeDeltas(values: Iterable<number | null>): Uint8Array {
  const steps: (number | null)[] = [];
  let before = 0;
  for (const value of values) {
    steps.push(value === null ? null : value - before);
    before = value ?? before;
  }
  return joinRuns(runs(steps), writeSigned);
}

/** Write a column of truth values. */
export function writeBooleans(values: Iterable<boolean>): Uint8Array {
  const out: Uint8Array[] = [];
  let expected = false;
  for (const [value, count] of runs(values)) {
    if (value !== expected) out.push(Uint8Array.of(0));
    out.push(writeUnsigned(count));
    expected = !value;
  }
  return whole(out);
}
