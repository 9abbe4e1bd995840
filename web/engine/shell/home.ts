// What is kept of this phone beside its log: its keys, who it is in which mesh, and what must lie sealed; as
// mesh/node/home.py and vault.py have it.
//
// Everything here is written durably before anybody is told. It knows no event, and the service worker reads `outbox` only.
import { Damaged } from "../errors.js";
import { encode as encodeCbor, expectTypes, fields } from "../events/cbor.js";
import { ADMISSION_BYTES_MAX } from "../limits.js";
import { type Digest, hex, type Short, unhex } from "../names.js";
import type { KeyShelf, Keys } from "./keys.js";
import type { Connection } from "./storage/connection.js";
import { STORES } from "./storage/schema.js";

const SECRETS = "secrets";
const HELD = "held";
const WRITER = "writer"; // as storage/connection.ts numbers those who write

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

/** What lies in the database beside the log: `kv` and `keys`. */
export class Home {
  constructor(readonly connection: Connection) {}

  /** What is kept under a name. */
  async get(name: string): Promise<unknown> {
    return this.connection.read((tx) => tx.get("kv", name));
  }

  /** Keep something; null: forget it. */
  async put(name: string, value: unknown): Promise<void> {
    await this.connection.writeAside(async (tx) => {
      if (value === null) tx.delete("kv", name);
      else tx.put("kv", value, name);
    });
  }

  /** What is kept under names that begin so, in their order. */
  async all(prefix: string): Promise<Map<string, unknown>> {
    const range = beginning(prefix);
    return this.connection.read(async (tx) => {
      const names = await tx.keys<string>("kv", range);
      const values = await tx.all<unknown>("kv", range);
      return new Map(names.map((name, place) => [name, values[place]]));
    });
  }

  /** Forget what is kept under names that begin so. */
  async forget(...prefixes: string[]): Promise<void> {
    await this.connection.writeAside(async (tx) => {
      for (const prefix of prefixes) tx.delete("kv", beginning(prefix));
    });
  }

  /** Where the keys lie. */
  readonly keys: KeyShelf = {
    get: (name) => this.connection.read((tx) => tx.get("keys", name)),
    put: (records) => {
      return this.connection.writeAside(async (tx) => {
        for (const [name, key] of records) tx.put("keys", key, name);
      });
    },
  };

  /** Who this phone is; null while it is in no mesh. */
  async held(): Promise<Held | null> {
    return ((await this.get(HELD)) as Held | undefined) ?? null;
  }

  /** Keep who this phone is, and its secrets: in one transaction, so that neither is without the other. */
  async join(held: Held, secrets: Secrets, keys: Keys): Promise<void> {
    const sealed = await keys.seal(SECRETS, written(secrets));
    await this.connection.writeAside(async (tx) => {
      tx.put("kv", held, HELD);
      tx.put("kv", sealed, SECRETS);
    });
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

  /** Erase everything of the mesh, in one transaction, and keep only this. Whoever had it open writes no more. */
  async erase(kept: ReadonlyMap<string, unknown>): Promise<void> {
    await this.connection.writeAside(async (tx) => {
      const writer = (await tx.get<number>("kv", WRITER)) ?? 0;
      for (const name of STORES) tx.clear(name);
      tx.put("kv", writer + 1, WRITER);
      for (const [name, value] of kept) tx.put("kv", value, name);
    });
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
