// The state digest and the view root: leaves in the database, buckets of them, and the tree above in memory; what
// mesh/node/storage/ledger_state.py is for SQLite.
//
// For the state there is a roll for each (document, chain), kept by the same transaction as the events that it adds up.
// Buckets are hashed when somebody asks; which ones are stale is kept by that transaction too, so no end of the browser
// leaves a root that does not fit the rows. Nothing here knows what a document says.
import { ascending, type Digest, DocumentId, hex, type Hex, ZERO } from "../../names.js";
import { bucketDigest, key, leaf, roll, Trie } from "../../state/digest.js";
import { viewLeaf } from "../../state/view_digest.js";
import { Standing } from "../../events/verdict.js";
import type { DocumentText } from "../store_port.js";
import type { ChainMap } from "./chains.js";
import type { Connection, Reading, Writing } from "./connection.js";
import type { Documents } from "./documents.js";
import type { Event } from "./stored.js";

/** A roll as it is kept: what one chain gave to a document. */
interface Roll {
  readonly bucket: number;
  readonly document: DocumentText;
  readonly chain: number;
  readonly count: number;
  /** The last sequence number in it. */
  readonly seq: number;
  readonly hash: Digest;
}

/** What a document shows, as it is kept for the tree over views. */
export interface Leaf {
  readonly bucket: number;
  readonly document: DocumentText;
  /** Absent while nothing is shown. */
  readonly content?: Digest;
  /** The names of its open conflicts. */
  readonly names: readonly Hex[];
}

type Counted = readonly [seq: number, event: Digest];

/** What one commit does to the rolls. */
export class Rolls {
  readonly #added = new Map<string, { document: DocumentText; chain: number; events: Counted[] }>();
  readonly #recount = new Map<string, { document: DocumentText; chain: number }>();

  constructor(
    private readonly tx: Writing,
    private readonly documents: Documents,
    private readonly map: ChainMap,
  ) {}

  /** An event counts from now on. */
  honour(document: DocumentText, chain: number, seq: number, event: Digest): void {
    const place = `${chain} ${document}`;
    const added = this.#added.get(place) ?? { document, chain, events: [] };
    added.events.push([seq, event]);
    this.#added.set(place, added);
  }

  /** An event does not count any more: the roll is made anew from the rows. */
  recount(document: DocumentText, chain: number): void {
    this.#recount.set(`${chain} ${document}`, { document, chain });
  }

  /** Write the rolls, once the events are written. Returns the buckets concerned. */
  async write(): Promise<Set<number>> {
    const added = [...this.#added].filter(([place]) => !this.#recount.has(place)).map(([, one]) => one);
    const buckets = added.map(({ document }) => this.documents.bucket(document));
    const before = await Promise.all(
      added.map(({ document, chain }, place) => this.tx.get<Roll>("rolls", [buckets[place]!, document, chain])),
    );
    for (const [place, { document, chain, events }] of added.entries()) {
      events.sort(byPlace);
      let { count, seq, hash } = before[place] ?? { count: 0, seq: 0, hash: ZERO };
      if (events[0]![0] <= seq) {
        this.recount(document, chain); // it stands before one that was rolled, or beside it in a forked chain
        continue;
      }
      for (const [, event] of events) hash = roll(hash, event);
      [count, seq] = [count + events.length, events.at(-1)![0]];
      this.tx.put("rolls", { bucket: buckets[place]!, document, chain, count, seq, hash });
    }
    for (const { document, chain } of this.#recount.values()) await this.#count(document, chain);
    return new Set([...added, ...this.#recount.values()].map(({ document }) => this.documents.bucket(document)));
  }

  async #count(document: DocumentText, chain: number): Promise<void> {
    const rows = await this.tx.allBy<Event>("events", "document", IDBKeyRange.bound([document], [document, []]));
    const events = rows
      .filter(({ standing, branch }) => standing === Standing.HONOURED && this.map.branches.get(branch)!.chain === chain)
      .map(({ seq, digest }): Counted => [seq, hex(digest)])
      .sort(byPlace);
    const bucket = this.documents.bucket(document);
    if (events.length === 0) {
      this.tx.delete("rolls", [bucket, document, chain]);
      return;
    }
    const hash = events.reduce((rolled, [, event]) => roll(rolled, event), ZERO);
    this.tx.put("rolls", { bucket, document, chain, count: events.length, seq: events.at(-1)![0], hash });
  }
}

function byPlace([one, event]: Counted, [other, another]: Counted): number {
  return one - other || ascending(event, another);
}

// ── the trees ──────────────────────────────────────────────────────────────────────────────────

/** A document with its leaf. */
export type Leafed = readonly [DocumentId, Digest];

/** The leaves of a bucket. */
type Leaves = (tx: Reading, bucket: number, map: ChainMap) => Promise<Leafed[]>;

/** The documents of a bucket, each with the leaf that its rolls make. */
export const stateLeaves: Leaves = async (tx, bucket, map) => {
  const found = new Map<DocumentText, Roll[]>();
  for (const one of await tx.all<Roll>("rolls", IDBKeyRange.bound([bucket], [bucket, []]))) {
    found.set(one.document, [...(found.get(one.document) ?? []), one]);
  }
  return [...found].map(([text, rolls]) => {
    const document = DocumentId.parse(text);
    const parts = rolls.map(({ chain, count: events, hash }) => {
      return { chain: map.chains.get(chain)!.digest, events, roll: hash };
    });
    return [document, leaf(key(document), parts)];
  });
};

/** The documents of a bucket, each with the leaf of what it shows. */
export const viewLeaves: Leaves = async (tx, bucket) => {
  const rows = await tx.all<Leaf>("leaves", IDBKeyRange.bound([bucket], [bucket, []]));
  return rows.flatMap(({ document: text, content, names }): Leafed[] => {
    if (content === undefined) return [];
    const document = DocumentId.parse(text);
    return [[document, viewLeaf(key(document), content, names)]];
  });
};

/** The tree over all buckets, in memory. */
export class Tree {
  #trie = new Trie();
  readonly #stale = new Set<number>();
  #unsaved = 0;
  #settling: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: "state" | "views",
    private readonly leaves: Leaves,
  ) {}

  /** Take over what was saved. */
  restore(saved: Uint8Array | undefined): void {
    if (saved) this.#trie = Trie.of(saved);
  }

  /** These changed, and the change is kept. */
  touch(buckets: Iterable<number>): void {
    for (const bucket of buckets) this.#stale.add(bucket);
  }

  /** Everything was dropped, and that is kept. */
  forget(): void {
    this.#trie = new Trie();
    this.#stale.clear();
  }

  /** The tree as the rows make it. */
  async settled(connection: Connection, map: () => ChainMap): Promise<Trie> {
    const mine = this.#settling.catch(() => undefined).then(() => this.#settle(connection, map));
    this.#settling = mine;
    await mine;
    return this.#trie;
  }

  async #settle(connection: Connection, map: () => ChainMap): Promise<void> {
    const [stale, trie] = [[...this.#stale], this.#trie];
    if (stale.length === 0) return;
    this.#stale.clear(); // what changes while this reads is stale again
    try {
      await connection.read(async (tx) => {
        const found = await Promise.all(stale.map((bucket) => this.leaves(tx, bucket, map())));
        for (const [at, bucket] of stale.entries()) {
          trie.set(bucket, bucketDigest(found[at]!.map(([document, digest]) => [key(document), digest])));
        }
      });
    } catch (error) {
      this.touch(stale);
      throw error;
    }
    this.#unsaved += stale.length;
  }

  /** How many buckets were hashed, or wait for it, that would be hashed again at the next start. */
  get unsaved(): number {
    return this.#unsaved + this.#stale.size;
  }

  /** The digests of all nodes as they are saved; ask `settled` first. */
  saved(): Uint8Array {
    this.#unsaved = 0;
    return this.#trie.saved();
  }
}
