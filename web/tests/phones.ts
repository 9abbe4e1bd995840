// A phone for tests: the true engine on the true store, on the IndexedDB that Node is given, driven by a test in another
// language. Its keys are raw, so that a test can give them. It says nothing by itself and compares nothing.
import "fake-indexeddb/auto";
import { getBackend, init } from "@automerge/automerge/slim";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Refused } from "../engine/errors.js";
import { documentOf } from "../engine/events/bodies.js";
import type { Placed } from "../engine/events/event.js";
import type { Born } from "../engine/events/kinds.js";
import { rekeyPurpose } from "../engine/events/epochs.js";
import { encapsulated, opened, P256 } from "../engine/events/hpke.js";
import { Keyring } from "../engine/events/seal.js";
import { type Draft, draftOf, joinedRuns } from "../engine/events/speaking.js";
import { DocumentId, hex, joined, unhex, utf8 } from "../engine/names.js";
import { Engine, type Owner, type World } from "../engine/shell/engine.js";
import { PhoneStore } from "../engine/shell/store.js";
import { conflictsOf } from "../engine/state/conflicts.js";
import { type Edit, put, splice } from "../engine/state/edits.js";
import * as notes from "../engine/state/notes.js";
import { type Choice, editsFor } from "../engine/state/settling.js";
import { decodePush, encode } from "../engine/sync/messages.js";
import "./automerge.js";
import { type Secrets, secretsOf } from "./device.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

const PLENTY = 100_000;

/** Documents of Automerge whose memory nobody gave back. */
const living = new Set<unknown>();

const backend = Object.getPrototypeOf(getBackend(init())) as Record<string, (...given: unknown[]) => unknown>;
for (const [call, born] of [["applyChanges", true], ["save", true], ["free", false]] as const) {
  const original = backend[call]!;
  backend[call] = function (...given) {
    if (born) living.add(this);
    else living.delete(this);
    return original.apply(this, given);
  };
}

/** Transactions that write and are not over. */
const underWay = new Set<IDBTransaction>();

const { transaction } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof transaction>) {
  const tx = transaction.apply(this, args);
  if (tx.mode === "readwrite") underWay.add(tx);
  for (const over of ["complete", "abort"]) tx.addEventListener(over, () => underWay.delete(tx));
  return tx;
};

/** A phone, and what it told since somebody asked last. */
export class Phone {
  /** What its clock says; null: one that counts the lots it drew. */
  nowMs: number | null = null;
  readonly #keyring = new Keyring();
  #told: Placed[] = [];
  #lots = 0;
  #ended: Promise<void> = Promise.resolve();

  private constructor(
    readonly secrets: Secrets,
    readonly name: string,
    readonly room: { bytes: number; documents: number },
    public store: PhoneStore,
    public engine: Engine,
  ) {}

  static async begun(secrets: Secrets, name: string, room: Phone["room"]): Promise<Phone> {
    const phone = new Phone(secrets, name, room, null!, null!);
    await phone.begin();
    return phone;
  }

  /** Open the database and start the engine, as whoever opens the app does; what ran before is left as it is. */
  async begin(): Promise<void> {
    const { mesh, admission, signSeed } = this.secrets;
    this.store = await PhoneStore.open(indexedDB, {}, this.name, this.room);
    const owner: Owner = { ask: () => undefined, happened: ({ append }) => void this.#told.push(...append) };
    const own = { mesh, admission, signKey: ed25519.getPublicKey(signSeed) };
    this.engine = new Engine(own, this.#keyring, this.store, owner, this.#world());
    await this.engine.start();
    this.#ended = this.engine.work();
    this.#ended.catch(() => undefined); // of one that was killed
  }

  #world(): World {
    return {
      nowMs: () => this.nowMs ?? 1_700_000_000_000 + this.#lots,
      random: (count) => {
        this.#lots += 1;
        const names = Array.from({ length: Math.ceil(count / 32) }, (_, at) => `${this.name} ${this.#lots} ${at}`);
        return joined(...names.map((name) => sha256(utf8(name)))).slice(0, count);
      },
      sign: async (message) => ed25519.sign(message, this.secrets.signSeed),
      open: async (wrapped) => this.#open(wrapped),
    };
  }

  #open(wrapped: Uint8Array): Uint8Array | null {
    const { mesh, admission, kemKey } = this.secrets;
    try {
      const shared = p256.getSharedSecret(kemKey, encapsulated(P256, wrapped)).slice(1, 33);
      return opened(P256, shared, p256.getPublicKey(kemKey, false), wrapped, rekeyPurpose(mesh, admission));
    } catch {
      return null; // no point of the curve, or not sealed for this device
    }
  }

  /** End it as one should, and begin again from what was kept. */
  async restart(): Promise<void> {
    await this.engine.stop();
    await this.#ended;
    await this.store.close();
    await this.begin();
  }

  /**
   * Leave it in the middle of a note, so many turns after that was begun, and begin again from what was kept. Returns
   * which note that was; whether it was kept nobody knows.
   */
  async kill(title: string, turns: number): Promise<string> {
    const { document, birth } = noteOf(title, null);
    const cut = this.engine.say(() => [draftOf(birth, document)]);
    cut.catch(() => undefined);
    for (let turn = 0; turn < turns; turn++) await new Promise((go) => setImmediate(go));
    for (const tx of underWay) tx.abort(); // what an end of the browser does to them
    await this.begin();
    return document.text;
  }

  /** Say something; false where that is refused. */
  async say(make: (engine: Engine) => Promise<readonly Draft[]>): Promise<boolean> {
    try {
      await this.engine.say(make);
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  /** Try to write while whatever is written finds no room, while another tab has taken over, or as ever: what fails. */
  async tries(title: string, under: "full" | "taken" | ""): Promise<{ fault: string; tips: number[] }> {
    const { prototype } = IDBObjectStore;
    const { put } = prototype;
    if (under === "full") {
      prototype.put = () => {
        throw new DOMException("no room", "QuotaExceededError");
      };
    }
    if (under === "taken") await PhoneStore.open(indexedDB, {}, this.name, this.room);
    let fault = "";
    try {
      await this.write(title, null);
    } catch (error) {
      fault = (error as Error).name;
    } finally {
      prototype.put = put;
    }
    const mine = (await this.store.chains()).filter(({ admission }) => admission === this.secrets.admission);
    return { fault, tips: mine.flatMap(({ tips }) => tips.map(({ seq }) => seq)) };
  }

  async write(title: string, path: string | null): Promise<string> {
    const { document, birth } = noteOf(title, path);
    await this.say(async () => [draftOf(birth, document)]);
    return document.text;
  }

  async edit(document: DocumentId, edits: readonly Edit[]): Promise<boolean> {
    return this.say(async (engine) => {
      const loaded = await engine.shelf.load(document);
      if (!loaded?.shown) return [];
      const actor = engine.shelf.actor(loaded, engine.own.admission);
      return [draftOf({ kind: "changed", change: loaded.document.edit(actor, edits).raw }, document)];
    });
  }

  /** Settle the first conflict of a document. */
  async settle(document: DocumentId, choice: Choice): Promise<boolean> {
    return this.say(async (engine) => {
      const loaded = await engine.shelf.load(document);
      const one = loaded && conflictsOf(loaded.document, loaded.settlements)[0];
      if (!one || (choice.choice === "merge" && one.kind !== "text")) return [];
      const actor = engine.shelf.actor(loaded, engine.own.admission);
      const change = loaded.document.edit(actor, editsFor(loaded.document, one, choice), true);
      const settled = { kind: "settled", change: change.raw, conflict: one.name, prints: one.prints, rule: "" } as const;
      return [draftOf(settled, document)];
    });
  }

  /** Everything that it holds, as it would serve it: one message for each page. */
  async everything(): Promise<string[]> {
    const pages: string[] = [];
    for (const { chain, tips } of await this.store.chains()) {
      for (const target of tips) {
        for (let after = [] as (typeof target)[]; ; ) {
          const push = await this.engine.serve("mac", { message: "want", spans: [{ chain, target, after }], bodies: [] });
          if (push.runs.length === 0) break;
          pages.push(hex(encode(push)));
          const { after: from, events } = push.runs[0]!;
          const [last] = (await this.store.log({ limit: PLENTY })).filter(({ placed }) => {
            return placed.chain === chain && placed.seq === from.seq + events.length;
          });
          after = [{ seq: last!.placed.seq, digest: last!.placed.digest }];
          if (after[0]!.digest === target.digest) break;
        }
      }
    }
    return pages;
  }

  /** What it holds and shows. */
  async look(): Promise<Record<string, unknown>> {
    const rows = await this.store.replay(0, PLENTY);
    const [conflicts, settlements] = [await this.store.conflicts(), await this.store.settlements()];
    const lists = [await this.store.notes({ limit: 1000 }), await this.store.notes({ limit: 1000, deleted: true })];
    const shown = lists.flat();
    return {
      state: await this.store.digest(),
      view: await this.store.viewRoot(),
      verdict: this.engine.replica.verdictDigest,
      standings: rows.map(({ placed, standing, document }) => [placed.digest, standing, document?.text ?? ""]).sort(),
      conflicts: conflicts.map(({ name, kind, field, count, lamport }) => [name, kind, field, count, lamport]),
      settlements: settlements.map(({ author, conflict, undoes }) => [author.event, conflict, undoes ?? ""]),
      notes: shown.map(({ note, lamport, updatedBy, placed }) => {
        return [note.document.text, note.title, note.body, note.conflicts, lamport, updatedBy, placed?.event ?? ""];
      }),
      missing: this.engine.replica.missing.size,
    };
  }

  /** What it told since somebody asked last. */
  news(): string {
    const told = this.#told.filter(({ admission }) => admission === this.secrets.admission);
    this.#told = [];
    return hex(encode({ message: "push", runs: joinedRuns(told), bodies: [], answer: false }));
  }
}

function noteOf(title: string, path: string | null): { document: DocumentId; birth: Born } {
  const birth = notes.birth(title, `text of ${title}`, [], path, sha256(utf8(title)).slice(0, 16));
  return { document: documentOf("home", notes.KIND, birth), birth };
}

/** All of them, by name. */
export const phones = new Map<string, Phone>();

function phone({ device }: Question): Phone {
  return phones.get(device)!;
}

/** What a phone does when it is asked. */
export const PHONES: Record<string, (given: Question) => unknown> = {
  "phone begins": async ({ device, secrets, room }) => {
    phones.set(device, await Phone.begun(secretsOf(secrets), device, room));
  },
  "phone restarts": (given) => phone(given).restart(),
  "phone is killed": (given) => phone(given).kill(given.title, given.turns),
  "phone hears": async (given) => {
    const effects = await phone(given).engine.hear("mac", decodePush(unhex(given.bytes)));
    return { append: effects.append.length, alarms: effects.alarms, refused: effects.refused };
  },
  "phone writes": (given) => phone(given).write(given.title, given.path ?? null),
  "phone tries": (given) => phone(given).tries(given.title, given.under),
  "phone retitles": (given) => phone(given).edit(DocumentId.parse(given.document), [put("title", given.title)]),
  "phone deletes": (given) => phone(given).edit(DocumentId.parse(given.document), [put("deleted", true)]),
  "phone splices": (given) => {
    return phone(given).edit(DocumentId.parse(given.document), [splice(given.position, given.deleted, given.inserted)]);
  },
  "phone settles": (given) => phone(given).settle(DocumentId.parse(given.document), given.choice),
  "phone looks": (given) => phone(given).look(),
  "phone rebuilds": (given) => phone(given).engine.rebuild(),
  "phone lacks": async (given) => (await phone(given).store.missingBodies()).map(([event]) => event),
  "phone told": (given) => phone(given).news(),
  "phone tells all": (given) => phone(given).everything(),
  "phone trims": async (given) => phone(given).store.trim(phone(given).secrets.admission),
  "phone brings": (given) => phone(given).engine.bring(DocumentId.parse(given.document)),
  "phone knows": async (given) => {
    const rows = await phone(given).store.rows(DocumentId.parse(given.document));
    return rows.map(({ placed, reason }) => [placed.digest, reason, placed.event.body !== null]);
  },
  "phone holds": () => living.size,
  "phone counts": async (given) => ({ ...(await phone(given).store.counts()), asked: { ...phone(given).store.asked } }),
};
