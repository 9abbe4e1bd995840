// Taking deflated bytes apart (RFC 1951), as strictly as zlib does, so that every device takes the same ones.
//
// A browser can do it by itself only in its own time, and the core never waits. This module knows no change.
import { Malformed, TooLarge } from "../errors.js";

const BITS_MAX = 15;
const LITERALS_MAX = 286;
const DISTANCES_MAX = 30;
const END = 256; // of a block
const STORED = 0;
const FIXED = 1;
const DYNAMIC = 2;
const COPY_BEFORE = 16; // of the lengths of codes: the one before 3 to 6 times; 17 and 18: zeros
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LENGTHS = [
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31],
  ...[35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258],
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = Array.from({ length: DISTANCES_MAX }, (_, place) => Math.max(0, (place >> 1) - 1));
const DISTANCES = DISTANCE_BITS.map((bits, place) => (place < 2 ? place : (2 + (place & 1)) * 2 ** bits) + 1);
const FIXED_LENGTHS = Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);

/** A canonical Huffman code: how many codes there are of each length, and the symbols in the order of their codes. */
interface Code {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

/** The bytes that were deflated. Throws Malformed, or TooLarge when there are more than so many. */
export function inflate(packed: Uint8Array, bytesMax: number): Uint8Array {
  return new Inflating(packed, bytesMax).whole();
}

function broken(): Malformed {
  return new Malformed("a change cannot be inflated");
}

class Inflating {
  #at = 0;
  #bits = 0;
  #held = 0;
  #out = new Uint8Array(1024);
  #length = 0;

  constructor(
    readonly packed: Uint8Array,
    readonly bytesMax: number,
  ) {}

  whole(): Uint8Array {
    for (let last = false; !last; ) {
      last = this.#take(1) === 1;
      const kind = this.#take(2);
      if (kind === STORED) this.#stored();
      else if (kind === FIXED) this.#compressed(FIXED_LITERALS, FIXED_DISTANCES);
      else if (kind === DYNAMIC) this.#compressed(...this.#codes());
      else throw broken();
    }
    if (this.#at < this.packed.length) throw this.#wrongEnd();
    return this.#out.slice(0, this.#length);
  }

  #wrongEnd(): Malformed {
    return new Malformed("a change's deflated bytes do not end where they should");
  }

  /** The next so many bits. */
  #take(count: number): number {
    while (this.#held < count) {
      if (this.#at === this.packed.length) throw this.#wrongEnd();
      this.#bits |= this.packed[this.#at++]! << this.#held;
      this.#held += 8;
    }
    const found = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#held -= count;
    return found;
  }

  /** The next symbol, bit by bit. */
  #symbol({ counts, symbols }: Code): number {
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length <= BITS_MAX; length++) {
      code |= this.#take(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw broken();
  }

  #put(byte: number): void {
    if (this.#length === this.bytesMax) throw new TooLarge(`a change inflates to more than ${this.bytesMax} bytes`);
    if (this.#length === this.#out.length) {
      const larger = new Uint8Array(2 * this.#out.length);
      larger.set(this.#out);
      this.#out = larger;
    }
    this.#out[this.#length++] = byte;
  }

  #stored(): void {
    this.#take(this.#held % 8);
    const [length, other] = [this.#take(16), this.#take(16)];
    if ((length ^ other) !== 0xffff) throw broken();
    for (let count = 0; count < length; count++) this.#put(this.#take(8));
  }

  #compressed(literals: Code, distances: Code): void {
    for (let symbol = this.#symbol(literals); symbol !== END; symbol = this.#symbol(literals)) {
      if (symbol < END) {
        this.#put(symbol);
        continue;
      }
      const size = symbol - END - 1;
      if (size >= LENGTHS.length) throw broken();
      const length = LENGTHS[size]! + this.#take(LENGTH_BITS[size]!);
      const which = this.#symbol(distances);
      if (which >= DISTANCES_MAX) throw broken();
      const distance = DISTANCES[which]! + this.#take(DISTANCE_BITS[which]!);
      if (distance > this.#length) throw broken();
      for (let count = 0; count < length; count++) this.#put(this.#out[this.#length - distance]!);
    }
  }

  /** The two codes of a block that says its own. */
  #codes(): [literals: Code, distances: Code] {
    const [literals, distances, count] = [this.#take(5) + 257, this.#take(5) + 1, this.#take(4) + 4];
    if (literals > LITERALS_MAX || distances > DISTANCES_MAX) throw broken();
    const sizes = new Array<number>(ORDER.length).fill(0);
    for (const place of ORDER.slice(0, count)) sizes[place] = this.#take(3);
    const code = codeOf(sizes, false);
    const lengths: number[] = [];
    while (lengths.length < literals + distances) {
      const symbol = this.#symbol(code);
      if (symbol < COPY_BEFORE) {
        lengths.push(symbol);
        continue;
      }
      const value = symbol === COPY_BEFORE ? lengths.at(-1) : 0;
      if (value === undefined) throw broken();
      const more = symbol === COPY_BEFORE ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      for (let number = 0; number < more; number++) lengths.push(value);
    }
    if (lengths.length > literals + distances || lengths[END] === 0) throw broken();
    return [codeOf(lengths.slice(0, literals), true), codeOf(lengths.slice(literals), true)];
  }
}

/** A code from the lengths of its symbols; `single`: it may consist of one symbol only, and otherwise leaves no gap. */
function codeOf(lengths: readonly number[], single: boolean): Code {
  const counts = new Array<number>(BITS_MAX + 1).fill(0);
  for (const length of lengths) counts[length]!++;
  const used = lengths.length - counts[0]!;
  counts[0] = 0;
  let left = 1;
  for (const count of counts.slice(1)) {
    left = 2 * left - count;
    if (left < 0) throw broken();
  }
  if (left > 0 && used > 0 && !(single && used === 1 && counts[1] === 1)) throw broken();
  const places = lengths.map((_, symbol) => symbol).filter((symbol) => lengths[symbol]! > 0);
  return { counts, symbols: places.sort((one, other) => lengths[one]! - lengths[other]! || one - other) };
}

const FIXED_LITERALS = codeOf(FIXED_LENGTHS, false);
const FIXED_DISTANCES = codeOf(new Array<number>(32).fill(5), false);
