// The connection to the phone's database: transactions that are awaited until they are kept, and one writer.
//
// Whoever opens it to write takes a number; each writing transaction looks whether it still is the last one that was
// taken, so of two tabs that both think they write one fails, and nothing forks. Requests and the rows that they brought
// are counted. This module knows no event.
import { Damaged, DiskFull, MeshError, Refused, Unreachable } from "../../errors.js";
import { NAME, type StoreName, STORES, UPGRADES } from "./schema.js";

const WRITER = "writer";
const FULL = new Set(["QuotaExceededError"]);
const OURS = new Set(["ConstraintError", "DataError", "TypeError", "ReadOnlyError"]);

/** What was asked of the database since it was opened. */
export interface Asked {
  requests: number;
  rows: number;
}

/** What may happen while a database is opened, and later. */
export interface Watch {
  /** Another tab still runs an older version of the app, and is in the way. */
  blocked?(): void;
  /** The database was taken away: by a newer version of the app in another tab, or by the browser. */
  closed?(): void;
}

/** What may be a key: bytes may, too. */
export type Key = IDBValidKey | Uint8Array;

/** One transaction that reads. Its promises are awaited inside of it and nothing else is. */
export class Reading {
  constructor(
    protected readonly transaction: IDBTransaction,
    private readonly asked: Asked,
  ) {}

  /** One value. */
  get<T>(store: StoreName, key: IDBValidKey): Promise<T | undefined> {
    return this.#one(this.transaction.objectStore(store).get(key));
  }

  /** One value by an index. */
  by<T>(store: StoreName, index: string, key: Key | IDBKeyRange): Promise<T | undefined> {
    return this.#one(this.transaction.objectStore(store).index(index).get(key as IDBValidKey));
  }

  /** Values in the order of their keys. */
  all<T>(store: StoreName, range: IDBKeyRange | null = null, most?: number): Promise<T[]> {
    return this.#many(this.transaction.objectStore(store).getAll(range, most));
  }

  /** Values in the order of an index. */
  allBy<T>(store: StoreName, index: string, range: IDBKeyRange | null = null, most?: number): Promise<T[]> {
    return this.#many(this.transaction.objectStore(store).index(index).getAll(range, most));
  }

  /** Keys in their order. */
  keys<T extends IDBValidKey>(store: StoreName, range: IDBKeyRange | null = null, most?: number): Promise<T[]> {
    return this.#many(this.transaction.objectStore(store).getAllKeys(range, most)) as Promise<T[]>;
  }

  /** How many there are. */
  count(store: StoreName): Promise<number> {
    return this.#done(this.transaction.objectStore(store).count());
  }

  /** How many there are in an index. */
  countBy(store: StoreName, index: string, range?: IDBKeyRange): Promise<number> {
    return this.#done(this.transaction.objectStore(store).index(index).count(range));
  }

  /** The largest key of a store whose keys are numbers; 0 of an empty one. */
  async last(store: StoreName): Promise<number> {
    const cursor = await this.#done(this.transaction.objectStore(store).openKeyCursor(null, "prev"));
    return cursor ? (cursor.key as number) : 0;
  }

  async #one<T>(request: IDBRequest): Promise<T | undefined> {
    const found = (await this.#done(request)) as T | undefined;
    if (found !== undefined) this.asked.rows += 1;
    return found;
  }

  async #many<T>(request: IDBRequest<T[]>): Promise<T[]> {
    const found = await this.#done(request);
    this.asked.rows += found.length;
    return found;
  }

  #done<T>(request: IDBRequest<T>): Promise<T> {
    this.asked.requests += 1;
    return new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error as Error);
    });
  }
}

/** One transaction that writes. What it is told to write fails, if it does, with the whole transaction. */
export class Writing extends Reading {
  /** Write a value; `key` where the store keeps it beside. */
  put(store: StoreName, value: unknown, key?: IDBValidKey): void {
    this.transaction.objectStore(store).put(value, key);
  }

  /** Delete what is there. */
  delete(store: StoreName, key: IDBValidKey | IDBKeyRange): void {
    this.transaction.objectStore(store).delete(key);
  }

  /** Delete everything in a store. */
  clear(store: StoreName): void {
    this.transaction.objectStore(store).clear();
  }
}

/** An open database. */
export class Connection {
  readonly asked: Asked = { requests: 0, rows: 0 };
  #writer = 0;
  #closed = false;

  private constructor(
    private readonly db: IDBDatabase,
    watch: Watch,
  ) {
    const gone = () => {
      if (this.#closed) return;
      this.close();
      watch.closed?.();
    };
    db.onversionchange = gone; // a newer version of the app waits for this one
    db.onclose = gone;
  }

  /** Open the database, making or upgrading it. Throws Refused where a newer version of the app wrote it. */
  static async open(factory: IDBFactory, watch: Watch = {}, name = NAME): Promise<Connection> {
    const request = factory.open(name, UPGRADES.length);
    return new Promise((done, failed) => {
      request.onblocked = () => watch.blocked?.(); // it goes on when the other one lets go
      request.onupgradeneeded = ({ oldVersion }) => {
        try {
          for (const upgrade of UPGRADES.slice(oldVersion)) upgrade(request.result);
        } catch (error) {
          failed(faultOf(error));
          request.transaction?.abort(); // what was there stays
        }
      };
      request.onerror = () => failed(faultOf(request.error));
      request.onsuccess = () => done(new Connection(request.result, watch));
    });
  }

  /** Be the one who writes from now on; whoever was before writes no more. */
  async takeOver(): Promise<void> {
    await this.#transaction("readwrite", async (tx) => {
      this.#writer = ((await tx.get<number>("kv", WRITER)) ?? 0) + 1;
      (tx as Writing).put("kv", this.#writer, WRITER);
    });
  }

  /** Read, all of one moment. */
  async read<T>(work: (tx: Reading) => Promise<T>): Promise<T> {
    return this.#transaction("readonly", work);
  }

  /** Write all of it or nothing; when this returns it is kept. Throws Unreachable where somebody else writes now. */
  async write<T>(work: (tx: Writing) => Promise<T>): Promise<T> {
    return this.#transaction("readwrite", async (tx) => {
      if ((await tx.get<number>("kv", WRITER)) !== this.#writer) {
        throw new Unreachable("the app was opened in another tab, which writes now", "Go on there, or use it here.");
      }
      return work(tx as Writing);
    });
  }

  /** Write what no engine reads, as a service worker does, whoever else writes. */
  async writeAside<T>(work: (tx: Writing) => Promise<T>): Promise<T> {
    return this.#transaction("readwrite", async (tx) => work(tx as Writing));
  }

  /** Let go of it. A second time does nothing. */
  close(): void {
    this.#closed = true;
    this.db.close();
  }

  async #transaction<T>(mode: IDBTransactionMode, work: (tx: Reading) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Unreachable("the data of this app are closed", "Close this tab and open the app again.");
    try {
      return await this.#kept(mode, work);
    } catch (error) {
      throw faultOf(error);
    }
  }

  async #kept<T>(mode: IDBTransactionMode, work: (tx: Reading) => Promise<T>): Promise<T> {
    const transaction = this.db.transaction(STORES, mode, { durability: "strict" });
    const ended = new Promise<void>((done, failed) => {
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error ?? new DOMException("it was ended", "AbortError"));
    });
    ended.catch(() => undefined); // it may be aborted while the work goes on, which then fails
    const tx = mode === "readonly" ? new Reading(transaction, this.asked) : new Writing(transaction, this.asked);
    let found: T;
    try {
      found = await work(tx);
    } catch (error) {
      abort(transaction);
      await ended.catch(() => undefined);
      throw error instanceof MeshError ? error : (transaction.error ?? error); // why it was aborted says more
    }
    if (mode === "readwrite") await ended; // what was read was read
    return found;
  }
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // it is over already
  }
}

/** What went wrong, by whose fault it is. */
function faultOf(error: unknown): unknown {
  if (error instanceof MeshError || !(error instanceof Error)) return error;
  const { name, message } = error;
  if (FULL.has(name)) return new DiskFull("this phone has no room for what was to be kept; nothing half written remains");
  if (name === "VersionError") {
    return new Refused("a newer version of this app wrote the data here", "Reload the page; nothing was changed.");
  }
  if (name === "ConstraintError") return new Damaged(`what was to be kept does not fit what is there: ${message}`);
  if (OURS.has(name) || !(error instanceof DOMException)) return error;
  return new Unreachable(`this browser's storage does not answer: ${message || name}`, "Close the app and open it again.");
}
