// What the cases of the store's contract have in common. It tests nothing, and needs nothing but the engine.
import type { MeshError } from "../engine/errors.js";
import { Standing } from "../engine/events/verdict.js";
import { ascending, type Digest, DocumentId, hex } from "../engine/names.js";
import type { Tally } from "../engine/shell/storage/documents.js";
import type { PhoneStore } from "../engine/shell/store.js";
import type { Row, Store } from "../engine/shell/store_port.js";
import { bucket, bucketDigest, key, leaf, part, Trie } from "../engine/state/digest.js";
import { contentOf, viewLeaf } from "../engine/state/view_digest.js";

/** Opens the store of this name, with room for so many bodies; one that is open already writes no more. */
export type MakeStore = (name: string, room?: Tally) => Promise<PhoneStore>;

/** Room for hardly any body. */
export const LITTLE: Tally = { bytes: 1000, documents: 8 };

/** Reports one case, by what it shows. */
export type Check = (title: string, run: () => Promise<void>) => void;

/** One case: a store that is new, how to open it again, and what it is called. */
export type Case = (store: PhoneStore, again: (room?: Tally) => Promise<PhoneStore>, name: string) => Promise<void>;

/** Fail unless two values are the same, by what JSON makes of them; bytes as hex, maps and sets as lists. */
export function same(found: unknown, expected: unknown): void {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value, plain));
  if (one !== other) throw new Error(`found ${one}\n expected ${other}`);
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  if (value instanceof DocumentId) return value.text;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => ascending(one, other)));
}

/** Fail unless this fails by that fault. */
export async function fails(
  family: abstract new (...args: never[]) => MeshError,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof family) return;
    throw error;
  }
  throw new Error(`no ${family.name}`);
}

/** Which events these rows are. */
export function digests(rows: readonly Row[]): Digest[] {
  return rows.map(({ placed }) => placed.digest);
}

/** The roots over what a store holds, worked out the plain way. */
export async function roots(store: Store): Promise<[Digest, Digest]> {
  const [counted, views] = [new Map<string, Map<Digest, [number, Digest][]>>(), [] as [Digest, Digest][]];
  for (const { document, standing, placed } of await store.replay(0, 10_000)) {
    if (!document || standing !== Standing.HONOURED) continue;
    const chains = counted.get(document.text) ?? new Map<Digest, [number, Digest][]>();
    chains.set(placed.chain, [...(chains.get(placed.chain) ?? []), [placed.seq, placed.digest]]);
    counted.set(document.text, chains);
  }
  const leaves = [...counted].map(([text, chains]): [Digest, Digest] => {
    const place = key(DocumentId.parse(text));
    return [place, leaf(place, [...chains].map(([chain, events]) => part(chain, events)))];
  });
  for (const deleted of [false, true]) {
    for (const { note } of await store.notes({ limit: 1000, deleted })) {
      const names = (await store.conflicts({ document: note.document })).filter(({ kind }) => kind !== "path");
      views.push([key(note.document), viewLeaf(key(note.document), contentOf(note), names.map(({ name }) => name))]);
    }
  }
  return [rootOf(leaves), rootOf(views)];
}

function rootOf(leaves: readonly [Digest, Digest][]): Digest {
  const buckets = new Map<number, [Digest, Digest][]>();
  for (const pair of leaves) buckets.set(bucket(pair[0]), [...(buckets.get(bucket(pair[0])) ?? []), pair]);
  const trie = new Trie();
  for (const [index, pairs] of buckets) trie.set(index, bucketDigest(pairs));
  return trie.root();
}

/** A generator of numbers that looks random and is the same each time. */
export function lots(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}
