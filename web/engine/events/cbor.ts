// Deterministic CBOR (RFC 8949 section 4.2), strict in both directions; as mesh/events/cbor.py has it.
//
// What is not the one canonical encoding of its value is refused. The profile is small enough to be read here: the
// libraries that were looked at drop a byte order mark at the head of a text. This module knows no event and no field.
import { Malformed, TooLarge } from "../errors.js";
import { CBOR_DEPTH_MAX } from "../limits.js";
import { hex, utf8 } from "../names.js";

/** A value of the profile. Whole numbers beyond 2^53 - 1 are bigints. */
export type Plain = number | bigint | Uint8Array | string | boolean | null | readonly Plain[] | PlainMap;

/** A map of the profile: its keys are all texts, or all whole numbers. */
export type PlainMap = ReadonlyMap<string | number | bigint, Plain>;

/** What a field may be; `int` is a whole number up to 2^53 - 1 on either side of 0, `any` everything. */
export interface Fields {
  int: number;
  bytes: Uint8Array;
  text: string;
  list: readonly Plain[];
  map: PlainMap;
  bool: boolean;
  any: Plain;
}

type Typed<T extends readonly (keyof Fields)[]> = { -readonly [K in keyof T]: Fields[T[K]] };

const NAMES: Record<keyof Fields, string> = {
  int: "a whole number",
  bytes: "bytes",
  text: "a text",
  list: "a list",
  map: "a map",
  bool: "yes or no",
  any: "a value",
};

const Major = { UINT: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, LIST: 4, MAP: 5, SIMPLE: 7 } as const;
const Simple = { FALSE: 20, TRUE: 21, NULL: 22 } as const;
const ONE_BYTE = 24; // in the first byte of a value: its number follows in 1 byte; 25, 26, 27: in 2, 4, 8
const HALF_LETTER = /\p{Cs}/u;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The canonical bytes of a value. Throws Malformed for what somebody typed and no reader would take. */
export function encode(value: Plain): Uint8Array {
  const parts: Uint8Array[] = [];
  write(value, parts);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function write(value: Plain, parts: Uint8Array[]): void {
  if (typeof value === "number" || typeof value === "bigint") {
    const exact = typeof value === "bigint" || Number.isSafeInteger(value);
    if (!exact) throw new Malformed("a number is not whole, or not exact");
    parts.push(value >= 0 ? head(Major.UINT, value) : head(Major.NEGATIVE, -1n - BigInt(value)));
  } else if (typeof value === "string") {
    if (HALF_LETTER.test(value)) throw new Malformed("a text is not Unicode: half of a letter stands in it");
    const bytes = utf8(value);
    parts.push(head(Major.TEXT, bytes.length), bytes);
  } else if (value instanceof Uint8Array) {
    parts.push(head(Major.BYTES, value.length), value);
  } else if (value instanceof Map) {
    writeMap(value, parts);
  } else if (Array.isArray(value)) {
    parts.push(head(Major.LIST, value.length));
    for (const item of value) write(item, parts);
  } else {
    parts.push(head(Major.SIMPLE, value === true ? Simple.TRUE : value === false ? Simple.FALSE : Simple.NULL));
  }
}

function writeMap(value: PlainMap, parts: Uint8Array[]): void {
  const entries = [...value].map(([key, item]) => ({ key: encode(key), item }));
  entries.sort((one, other) => byBytes(one.key, other.key));
  parts.push(head(Major.MAP, entries.length));
  for (const { key, item } of entries) {
    parts.push(key);
    write(item, parts);
  }
}

function head(major: number, value: number | bigint): Uint8Array {
  const first = major << 5;
  if (value < ONE_BYTE) return Uint8Array.of(first | Number(value));
  const size = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x100000000 ? 4 : 8;
  const bytes = new Uint8Array(1 + size);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, first | (ONE_BYTE + Math.log2(size)));
  if (size === 1) view.setUint8(1, Number(value));
  else if (size === 2) view.setUint16(1, Number(value));
  else if (size === 4) view.setUint32(1, Number(value));
  else view.setBigUint64(1, BigInt(value));
  return bytes;
}

/** The order of byte strings. */
function byBytes(one: Uint8Array, other: Uint8Array): number {
  const shared = Math.min(one.length, other.length);
  for (let at = 0; at < shared; at++) if (one[at] !== other[at]) return one[at]! - other[at]!;
  return one.length - other.length;
}

/** The value that these bytes are the canonical encoding of. Throws Malformed or TooLarge, naming `what`. */
export function decode(raw: Uint8Array, bytesMax: number, what: string): Plain {
  if (raw.length > bytesMax) throw new TooLarge(`${what} has ${raw.length} bytes; at most ${bytesMax} are allowed`);
  const reader = new Reader(raw, what);
  const value = reader.value(0);
  if (!reader.atEnd) throw reader.wrong();
  return value;
}

class Reader {
  #at = 0;
  readonly #view: DataView;

  constructor(
    readonly raw: Uint8Array,
    readonly what: string,
  ) {
    this.#view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.raw.length;
  }

  wrong(): Malformed {
    return new Malformed(`${this.what} is not deterministic CBOR`);
  }

  /** The next value, inside so many lists and maps. */
  value(depth: number): Plain {
    const first = this.raw[this.#at++];
    if (first === undefined || depth > CBOR_DEPTH_MAX) throw this.wrong();
    const [major, low] = [first >> 5, first & 31];
    if (major === Major.SIMPLE) {
      if (low < Simple.FALSE || low > Simple.NULL) throw this.wrong();
      return low === Simple.NULL ? null : low === Simple.TRUE;
    }
    const number = this.#number(low);
    if (major === Major.UINT) return number;
    if (major === Major.NEGATIVE) return safe(-1n - BigInt(number));
    // Everything that is counted takes at least one byte.
    if (typeof number === "bigint" || number > this.raw.length - this.#at) throw this.wrong();
    if (major === Major.BYTES) return this.#bytes(number).slice();
    if (major === Major.TEXT) return this.#text(number);
    if (major === Major.LIST) return Array.from({ length: number }, () => this.value(depth + 1));
    if (major === Major.MAP) return this.#map(number, depth + 1);
    throw this.wrong();
  }

  /** The number of a value's head; what could have been shorter is refused. */
  #number(low: number): number | bigint {
    if (low < ONE_BYTE) return low;
    const size = 2 ** (low - ONE_BYTE);
    if (size > 8 || this.#at + size > this.raw.length) throw this.wrong();
    const at = this.#at;
    this.#at += size;
    if (size === 8) {
      const large = this.#view.getBigUint64(at);
      if (large < 0x100000000n) throw this.wrong();
      return safe(large);
    }
    const found = size === 1 ? this.raw[at]! : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
    if (found < (size === 1 ? ONE_BYTE : size === 2 ? 0x100 : 0x10000)) throw this.wrong();
    return found;
  }

  #bytes(length: number): Uint8Array {
    this.#at += length;
    return this.raw.subarray(this.#at - length, this.#at);
  }

  #text(length: number): string {
    try {
      return UTF8.decode(this.#bytes(length));
    } catch {
      throw this.wrong();
    }
  }

  #map(length: number, depth: number): PlainMap {
    const found = new Map<string | number | bigint, Plain>();
    let before: Uint8Array | null = null;
    let texts: boolean | null = null;
    for (let count = 0; count < length; count++) {
      const at = this.#at;
      const key = this.value(depth);
      const bytes = this.raw.subarray(at, this.#at);
      const isText = typeof key === "string";
      if (!isText && (typeof key === "number" || typeof key === "bigint" ? key < 0 : true)) throw this.wrong();
      if ((texts ??= isText) !== isText || (before && byBytes(before, bytes) >= 0)) throw this.wrong();
      before = bytes;
      found.set(key as string | number | bigint, this.value(depth));
    }
    return found;
  }
}

function safe(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** The fields of a canonical list of exactly these types, in order. Throws Malformed or TooLarge. */
export function fields<const T extends readonly (keyof Fields)[]>(
  raw: Uint8Array,
  bytesMax: number,
  what: string,
  types: T,
): Typed<T> {
  return expectTypes(decode(raw, bytesMax, what), what, types);
}

/** A value as a list whose items have exactly these types. Throws Malformed. */
export function expectTypes<const T extends readonly (keyof Fields)[]>(value: Plain, what: string, types: T): Typed<T> {
  if (!Array.isArray(value) || value.length !== types.length) {
    throw new Malformed(`${what} is not a list of ${types.length} fields`);
  }
  types.forEach((type, place) => {
    if (!isOf(value[place] as Plain, type)) throw new Malformed(`field ${place + 1} of ${what} is not ${NAMES[type]}`);
  });
  return value as unknown as Typed<T>;
}

/** Whether a value is of a type. */
export function isOf<K extends keyof Fields>(value: Plain, type: K): value is Extract<Fields[K], Plain> {
  if (type === "int") return typeof value === "number";
  if (type === "bytes") return value instanceof Uint8Array;
  if (type === "text") return typeof value === "string";
  if (type === "list") return Array.isArray(value);
  if (type === "map") return value instanceof Map;
  return type === "any" || typeof value === "boolean";
}

/** Whether something is so many bytes. */
export function isBytes(value: Plain, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

/** The same bytes as lower-case hex. Throws Malformed unless there are so many. */
export function asHex(value: Plain, length: number, what: string): string {
  if (!isBytes(value, length)) throw new Malformed(`${what} is not ${length} bytes`);
  return hex(value);
}
