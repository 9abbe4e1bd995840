// The phone's store, in IndexedDB: the log, what follows from it, and what else the shell keeps; what
// mesh/node/storage/store.py is for SQLite.
//
// A commit is one transaction, strictly durable, and what is in memory follows it only when it is kept. Where chains end
// is in memory; no document is. It decides nothing.
import type { Span } from "../clocks/frontier.js";
import type { Run } from "../events/event.js";
import type { Mark } from "../events/kinds.js";
import { Standing } from "../events/verdict.js";
import { BODIES_MISSING_MAX, BUCKETS_UNSAVED_MAX, ROWS_READ_MAX } from "../limits.js";
import type { Digest, DocumentId, Hex } from "../names.js";
import type { Body } from "../sync/messages.js";
import { type Branch, type Chain, ChainMap } from "./storage/chains.js";
import { type Committed, commitTo, forgetAll } from "./storage/committing.js";
import { type Asked, Connection, type Reading, type Watch } from "./storage/connection.js";
import type { Tally } from "./storage/documents.js";
import { lookUp, readMatching } from "./storage/finding.js";
import * as log from "./storage/log.js";
import { stateLeaves, Tree, viewLeaves } from "./storage/rolls.js";
import { readBodies, readRun, readUnder } from "./storage/spans.js";
import * as views from "./storage/views.js";
import * as working from "./storage/working.js";
import type * as port from "./store_port.js";

type Missing = readonly [Digest, Digest];
const EMPTY: Tally = { bytes: 0, documents: 0 };

/** The store of one phone. Made by `open`. */
export class PhoneStore implements port.Store {
  #map = new ChainMap();
  #tally = EMPTY;
  #last = 0;
  readonly #state = new Tree("state", stateLeaves);
  readonly #views = new Tree("views", viewLeaves);
  #writing: Promise<unknown> = Promise.resolve();
  #stuck = false; // nothing more may go, however much is here

  private constructor(
    readonly connection: Connection,
    private readonly room: Tally,
  ) {}

  /**
   * Open the database to write, making or upgrading it; whoever wrote before writes no more. `room`: of the working set.
   * Throws Refused where a newer version of the app wrote it.
   */
  static async open(factory: IDBFactory, watch: Watch = {}, name?: string, room = working.ROOM): Promise<PhoneStore> {
    const connection = await Connection.open(factory, watch, name);
    try {
      await connection.takeOver();
      const store = new PhoneStore(connection, room);
      await store.#load();
      return store;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #load(): Promise<void> {
    await this.connection.read(async (tx) => {
      this.#map = new ChainMap(await tx.all<Chain>("chains"), await tx.all<Branch>("branches"));
      this.#tally = (await tx.get<Tally>("kv", "tally")) ?? EMPTY;
      this.#last = await tx.last("events");
      for (const tree of [this.#state, this.#views]) tree.restore(await tx.get<Uint8Array>("kv", `tree/${tree.name}`));
      for (const { state, views } of await tx.all<Committed["stale"]>("stale")) {
        this.#state.touch(state);
        this.#views.touch(views);
      }
    });
  }

  /** What was asked of the database so far. */
  get asked(): Asked {
    return this.connection.asked;
  }

  // ── writing ──────────────────────────────────────────────────────────────────────────────────

  /** Keep all of it or nothing; nothing is written for an empty batch. Returns the largest row id of an event. */
  async commit(batch: port.Batch): Promise<number> {
    return this.#alone(async () => {
      if (Object.keys(batch).length === 0) return this.#last;
      const map = new ChainMap(this.#map.chains.values(), this.#map.branches.values());
      const done = await this.connection.write((tx) => commitTo(tx, batch, { map, tally: this.#tally, last: this.#last }));
      [this.#map, this.#tally, this.#last] = [map, done.tally, done.last];
      this.#state.touch(done.stale.state);
      this.#views.touch(done.stale.views);
      if (done.grew) this.#stuck = false;
      return done.last;
    });
  }

  /** One write after the other, each with what follows from it in memory. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#writing.catch(() => undefined).then(work);
    this.#writing = mine;
    return mine;
  }

  /** What is needed at start. */
  async boot(): Promise<port.Boot> {
    return this.#read(async (tx) => {
      const names = await tx.keys<string>("settings");
      const values = await tx.all<Uint8Array>("settings");
      return {
        ...(await log.readBoot(tx, this.#map)),
        settings: new Map(names.map((name, at) => [name, values[at]!])),
        missingBodies: await working.readMissing(tx, BODIES_MISSING_MAX),
      };
    });
  }

  #read<T>(work: (tx: Reading) => Promise<T>): Promise<T> {
    return this.connection.read(work);
  }

  // ── looking up ───────────────────────────────────────────────────────────────────────────────

  /** Which of these events are held. */
  async held(digests: Iterable<Digest>): Promise<Set<Digest>> {
    return new Set((await this.#read((tx) => lookUp(tx, digests))).keys());
  }

  /** Sequence number and Lamport number of those events that are held. */
  async places(digests: Iterable<Digest>): Promise<Map<Digest, { seq: number; lamport: number }>> {
    const found = await this.#read((tx) => lookUp(tx, digests));
    return new Map([...found].map(([digest, { seq, lamport }]) => [digest, { seq, lamport }]));
  }

  /** Which of these events are a mark or under it. */
  async under(mark: Mark, events: Iterable<Digest>): Promise<Set<Digest> | null> {
    return this.#read((tx) => readUnder(tx, this.#map, mark, events));
  }

  /** Data events of a device that are honoured and not under any of these marks. */
  async beyond(admission: Digest, marks: readonly Mark[], after = 0, limit = ROWS_READ_MAX): Promise<port.Row[]> {
    return this.#read((tx) => log.readBeyond(tx, this.#map, admission, marks, [after, limit]));
  }

  /** The events whose digest starts with these hex digits. */
  async event(prefix: string): Promise<port.Row[]> {
    return this.#read((tx) => readMatching(tx, this.#map, prefix));
  }

  /** What was stored under a name. */
  async setting(name: string): Promise<Uint8Array | null> {
    return (await this.#read((tx) => tx.get<Uint8Array>("settings", name))) ?? null;
  }

  // ── serving ──────────────────────────────────────────────────────────────────────────────────

  /** The longest run towards the span's target that fits and ends on a signed event. */
  async serve(span: Span, bytesMax: number, bodies = true): Promise<Run | null> {
    return this.#read((tx) => readRun(tx, this.#map, span, bytesMax, bodies));
  }

  /** Bodies of these events, as many as fit; at least one if any is held. */
  async bodies(digests: Iterable<Digest>, bytesMax: number): Promise<Body[]> {
    return this.#read((tx) => readBodies(tx, digests, bytesMax));
  }

  /** (event, digest of its body) of events whose body is wanted, oldest first. */
  async missingBodies(limit = BODIES_MISSING_MAX): Promise<Missing[]> {
    return this.#read((tx) => working.readMissing(tx, limit));
  }

  /** Delete the bodies of documents that were forgotten before that time. */
  async erase(beforeMs: number): Promise<number> {
    return this.#alone(async () => {
      const done = await this.connection.write((tx) => working.eraseForgotten(tx, this.#tally, beforeMs));
      this.#tally = done.tally;
      return done.gone;
    });
  }

  // ── a bounded working set ────────────────────────────────────────────────────────────────────

  /** Whether more bodies are here than the working set holds, and some may go. */
  get overfull(): boolean {
    return !this.#stuck && working.isOver(this.#tally, this.room);
  }

  /** Let the bodies of the documents that were touched longest ago go; none that `own` wrote. */
  async trim(own: Digest): Promise<number> {
    return this.#alone(async () => {
      for (let count = 0; ; ) {
        const done = await this.connection.write((tx) => working.trimSome(tx, this.#map, [this.#tally, this.room], own));
        this.#tally = done.tally;
        count += done.gone;
        if (done.over) continue;
        this.#stuck = working.isOver(this.#tally, this.room);
        return count;
      }
    });
  }

  /** Have the bodies of a document that were let go be missing again. */
  async want(document: DocumentId): Promise<Missing[]> {
    return this.#alone(() => this.connection.write((tx) => working.wantAgain(tx, document)));
  }

  // ── rows ─────────────────────────────────────────────────────────────────────────────────────

  /** All events of a document with a larger row id. */
  async rows(document: DocumentId, after = 0): Promise<port.Row[]> {
    return this.#read((tx) => log.readDocument(tx, this.#map, document, after));
  }

  /** Data events that wait or are void. */
  async unsettled(document: DocumentId | null = null, after = 0, limit = ROWS_READ_MAX): Promise<port.Row[]> {
    return this.#read((tx) => log.readUnsettled(tx, this.#map, document, after, limit));
  }

  /** Data events in the order of row ids. */
  async replay(after = 0, limit = ROWS_READ_MAX): Promise<port.Row[]> {
    return this.#read((tx) => log.readReplay(tx, this.#map, after, limit));
  }

  /** Documents of these types that events with a larger row id belong to. */
  async about(types: readonly string[], after = 0, limit = ROWS_READ_MAX): Promise<(readonly [number, DocumentId])[]> {
    return this.#read((tx) => log.readAbout(tx, types, after, limit));
  }

  /** Events in the order in which they were kept here. */
  async log(asked: log.Listed & { after?: number }): Promise<port.Row[]> {
    return this.#read((tx) => log.readLog(tx, this.#map, asked));
  }

  /** Events by stamp, the latest first. */
  async newest(asked: log.Listed & { before?: port.Row | null }): Promise<port.Row[]> {
    return this.#read((tx) => log.readNewest(tx, this.#map, asked));
  }

  /** All chains, by digest. */
  async chains(): Promise<port.ChainFacts[]> {
    return log.chainFacts(this.#map);
  }

  /** The places at which chains fork. */
  async forks(limit: number): Promise<port.ForkFacts[]> {
    return this.#read((tx) => log.readForks(tx, this.#map, limit));
  }

  // ── documents ────────────────────────────────────────────────────────────────────────────────

  /** The newest snapshot of a document. */
  async snapshot(document: DocumentId): Promise<port.Snapshot | null> {
    const found = await this.#read((tx) => tx.get<{ data: Uint8Array; upto: number }>("snapshots", document.text));
    return found ? { document, data: found.data, upto: found.upto } : null;
  }

  /** One note. */
  async note(document: DocumentId): Promise<port.NoteRow | null> {
    return this.#read((tx) => views.readNote(tx, document));
  }

  /** One record. */
  async record(document: DocumentId): Promise<port.RecordRow | null> {
    return this.#read((tx) => views.readRecord(tx, document));
  }

  /** What these documents are called. */
  async titles(documents: Iterable<DocumentId>): Promise<Map<port.DocumentText, string>> {
    return this.#read((tx) => views.readTitles(tx, documents));
  }

  /** Notes, the latest first. */
  async notes(asked: port.NotesAsked): Promise<port.NoteRow[]> {
    return this.#read((tx) => views.readNotes(tx, asked));
  }

  /** Records of some types, the latest first. */
  async records(asked: port.RecordsAsked): Promise<port.RecordRow[]> {
    return this.#read((tx) => views.readRecords(tx, asked));
  }

  /** Notes and records in which every word begins a word, the best first. */
  async hits(search: string, asked: port.HitsAsked): Promise<DocumentId[]> {
    return this.#read((tx) => views.readHits(tx, search, asked));
  }

  /** Open conflicts, the latest first. */
  async conflicts(asked: port.ConflictsAsked = {}): Promise<port.ConflictRow[]> {
    return this.#read((tx) => views.readConflicts(tx, asked));
  }

  /** The open conflicts whose name begins with these hex digits. */
  async conflict(prefix: string): Promise<port.ConflictRow[]> {
    return this.#read((tx) => views.readConflict(tx, prefix));
  }

  /** Settlements, the latest first. */
  async settlements(asked: port.SettlementsAsked = {}): Promise<port.SettlementRow[]> {
    return this.#read((tx) => views.readSettlements(tx, asked));
  }

  /** The event of each change of a document. */
  async ofChanges(document: DocumentId, changes: Iterable<Hex>): Promise<Map<Hex, port.Row>> {
    return this.#read((tx) => log.readChanges(tx, this.#map, document, changes));
  }

  /** Documents that a person may mean. */
  async findDocuments(prefix: string, limit = ROWS_READ_MAX): Promise<DocumentId[]> {
    return this.#read((tx) => views.readMeant(tx, prefix, limit));
  }

  /** How many notes there are that were not put away. */
  async countNotes(): Promise<number> {
    return this.#read((tx) => tx.countBy("notes", "listed", IDBKeyRange.bound([0], [0, []])));
  }

  // ── state ────────────────────────────────────────────────────────────────────────────────────

  /** The root over all honoured data events that belong to a document. */
  async digest(): Promise<Digest> {
    return this.#root(this.#state);
  }

  /** The children of a node of the state tree. */
  async digestChildren(level: number, index: number): Promise<readonly Digest[]> {
    return (await this.#state.settled(this.connection, () => this.#map)).children(level, index);
  }

  /** The root over what all notes and records show. */
  async viewRoot(): Promise<Digest> {
    return this.#root(this.#views);
  }

  /** The children of a node of the tree over views. */
  async viewChildren(level: number, index: number): Promise<readonly Digest[]> {
    return (await this.#views.settled(this.connection, () => this.#map)).children(level, index);
  }

  async #root(tree: Tree): Promise<Digest> {
    const root = (await tree.settled(this.connection, () => this.#map)).root();
    if (tree.unsaved >= BUCKETS_UNSAVED_MAX) await this.#save();
    return root;
  }

  /** Keep what was hashed. Without it the next start hashes again. */
  async #save(): Promise<void> {
    await this.#alone(async () => {
      const trees = [this.#state, this.#views];
      for (const tree of trees) await tree.settled(this.connection, () => this.#map);
      await this.connection.write(async (tx) => {
        for (const tree of trees) tx.put("kv", tree.saved(), `tree/${tree.name}`);
        tx.clear("stale");
      });
    });
  }

  /** The documents of a bucket, each with its leaf in one of the trees. */
  async leaves(bucket: number, ofViews: boolean): Promise<(readonly [DocumentId, Digest])[]> {
    const found = await this.#read((tx) => (ofViews ? viewLeaves : stateLeaves)(tx, bucket, this.#map));
    return found.sort(([one], [other]) => views.byDocument(one, other));
  }

  /** How much there is. */
  async counts(): Promise<port.Counts> {
    return this.#read(async (tx) => {
      const pending = (standing: Standing) => {
        return tx.countBy("events", "pending", IDBKeyRange.bound([standing], [standing, []]));
      };
      return {
        events: await tx.count("events"),
        documents: await tx.count("documents"),
        conflicts: await views.countConflicts(tx),
        waiting: await pending(Standing.WAITS),
        void: await pending(Standing.VOID),
        bodyBytes: this.#tally.bytes,
        bodiesMissing: await tx.countBy("events", "lean"),
        bodiesAway: await tx.countBy("events", "away"),
      };
    });
  }

  /** Drop what follows from the log. */
  async forgetState(): Promise<void> {
    await this.#alone(async () => {
      await this.connection.write((tx) => forgetAll(tx, this.#map));
      for (const tree of [this.#state, this.#views]) tree.forget();
    });
  }

  /** Let go of the database, once what was hashed is kept. A second time does nothing. */
  async close(): Promise<void> {
    const unsaved = [this.#state, this.#views].some((tree) => tree.unsaved > 0);
    if (unsaved) await this.#save().catch(() => undefined); // the next start hashes again
    this.connection.close();
  }
}
