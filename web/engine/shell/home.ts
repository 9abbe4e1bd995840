// What is kept of this phone beside its log: its keys, who it is in which mesh, and what must lie sealed; as
// mesh/node/home.py and vault.py have it.
//
// Everything here is written durably before anybody is told. It knows no event, and the service worker reads `outbox` only.
import { Damaged, DiskFull, Unreachable } from "../errors.js";
import { encode as encodeCbor, expectTypes, fields } from "../events/cbor.js";
import { ADMISSION_BYTES_MAX } from "../limits.js";
import { type Digest, hex, type Short, unhex } from "../names.js";
import type { KeyShelf, Keys } from "./keys.js";

const SECRETS = "secrets";
const HELD = "held";

/** Who this phone is. */
export interface Held {
  readonly name: string;
  readonly mesh: Digest;
  readonly admission: Digest;
}

/** What scripts must see while they run. */
export interface Secrets {
  readonly transport: Uint8Array;
  readonly epochs: ReadonlyMap<Short, Uint8Array>;
}

/** A promise of what a request of the browser's store comes to. Rejects with Unreachable or DiskFull. */
export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((kept, failed) => {
    request.onsuccess = () => kept(request.result);
    request.onerror = () => failed(problemOf(request.error));
  });
}

/** Fulfilled when a transaction is on the disk. */
export function durable(transaction: IDBTransaction): Promise<void> {
  return new Promise((kept, failed) => {
    transaction.oncomplete = () => kept();
    transaction.onabort = () => failed(problemOf(transaction.error));
  });
}

function problemOf(error: DOMException | null): Error {
  if (error?.name === "QuotaExceededError") return new DiskFull("this phone has no room left for what was to be kept");
  return new Unreachable(`this browser's store does not serve: ${error?.message ?? "it was closed"}`);
}

/** The two stores of the database that are no log: `kv` and `keys`. */
export class Home {
  constructor(readonly database: IDBDatabase) {}

  /** What is kept under a name. */
  async get(name: string): Promise<unknown> {
    return done(this.database.transaction("kv").objectStore("kv").get(name));
  }

  /** Keep something; null: forget it. */
  async put(name: string, value: unknown): Promise<void> {
    const writing = this.database.transaction("kv", "readwrite", { durability: "strict" });
    if (value === null) writing.objectStore("kv").delete(name);
    else writing.objectStore("kv").put(value, name);
    await durable(writing);
  }

  /** What is kept under names that begin so, in their order. */
  async all(prefix: string): Promise<Map<string, unknown>> {
    const reading = this.database.transaction("kv").objectStore("kv");
    const range = beginning(prefix);
    const [names, values] = await Promise.all([done(reading.getAllKeys(range)), done(reading.getAll(range))]);
    return new Map(names.map((name, place) => [String(name), values[place]]));
  }

  /** Forget what is kept under names that begin so. */
  async forget(...prefixes: string[]): Promise<void> {
    const writing = this.database.transaction("kv", "readwrite", { durability: "strict" });
    for (const prefix of prefixes) writing.objectStore("kv").delete(beginning(prefix));
    await durable(writing);
  }

  /** Where the keys lie. */
  readonly keys: KeyShelf = {
    get: (name) => done(this.database.transaction("keys").objectStore("keys").get(name)),
    put: async (records) => {
      const writing = this.database.transaction("keys", "readwrite", { durability: "strict" });
      for (const [name, key] of records) writing.objectStore("keys").put(key, name);
      await durable(writing);
    },
    clear: async () => {
      const writing = this.database.transaction("keys", "readwrite", { durability: "strict" });
      writing.objectStore("keys").clear();
      await durable(writing);
    },
  };

  /** Who this phone is; null while it is in no mesh. */
  async held(): Promise<Held | null> {
    return ((await this.get(HELD)) as Held | undefined) ?? null;
  }

  /** Keep who this phone is, and its secrets: in one transaction, so that neither is without the other. */
  async join(held: Held, secrets: Secrets, keys: Keys): Promise<void> {
    const sealed = await keys.seal(SECRETS, written(secrets));
    const writing = this.database.transaction("kv", "readwrite", { durability: "strict" });
    writing.objectStore("kv").put(held, HELD);
    writing.objectStore("kv").put(sealed, SECRETS);
    await durable(writing);
  }

  /** The secrets. Throws Damaged. */
  async secrets(keys: Keys): Promise<Secrets> {
    const sealed = await this.get(SECRETS);
    if (!(sealed instanceof Uint8Array)) throw new Damaged("the secrets of this phone are gone from this browser");
    return read(await keys.open(SECRETS, sealed));
  }

  /** Keep other secrets than before. */
  async renew(secrets: Secrets, keys: Keys): Promise<void> {
    await this.put(SECRETS, await keys.seal(SECRETS, written(secrets)));
  }

  /** Erase everything of the mesh, in one transaction, and keep only this. */
  async erase(kept: ReadonlyMap<string, unknown>): Promise<void> {
    const names = [...this.database.objectStoreNames];
    const writing = this.database.transaction(names, "readwrite", { durability: "strict" });
    for (const name of names) writing.objectStore(name).clear();
    for (const [name, value] of kept) writing.objectStore("kv").put(value, name);
    await durable(writing);
  }
}

function beginning(prefix: string): IDBKeyRange {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`);
}

function written({ transport, epochs }: Secrets): Uint8Array {
  return encodeCbor([transport, [...epochs].map(([epoch, key]) => [unhex(epoch), key])]);
}

function read(raw: Uint8Array): Secrets {
  const [transport, pairs] = fields(raw, ADMISSION_BYTES_MAX, "the secrets", ["bytes", "list"]);
  const epochs = new Map<Short, Uint8Array>();
  for (const pair of pairs) {
    const [epoch, key] = expectTypes(pair, "an epoch key", ["bytes", "bytes"]);
    epochs.set(hex(epoch), key);
  }
  return { transport, epochs };
}
