// What is left after an end in the middle, with no room, and after bodies were let go or erased; versions: cases of the
// store's contract.
import { DiskFull, Refused, Unreachable } from "../engine/errors.js";
import { Lane } from "../engine/events/event.js";
import { BODY_MISSING } from "../engine/events/reading.js";
import { Standing } from "../engine/events/verdict.js";
import { PAGE_BYTES_MAX } from "../engine/limits.js";
import { unhex, ZERO } from "../engine/names.js";
import type { Batch } from "../engine/shell/store_port.js";
import { type Step, UPGRADES } from "../engine/shell/storage/schema.js";
import { PhoneStore } from "../engine/shell/store.js";
import { bucket, key } from "../engine/state/digest.js";
import { type Case, fails, LITTLE, lots, roots, same } from "./store_checks.js";
import * as made from "./store_writers.js";
import { digestOf, document, kept, noteRow, whole, Writer } from "./store_writers.js";

/** The database of this name as a later version of the app leaves it. */
async function raised(name: string): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(name, 1000);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error as Error);
  });
}

/** A tab that never hears that a newer app waits for it. */
async function deaf(name: string): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error as Error);
  });
}

/** Be a later version of the app, whose database has this as well. */
async function asLater<T>(step: Step, work: () => Promise<T>): Promise<T> {
  const steps = UPGRADES as Step[];
  steps.push(step);
  try {
    return await work();
  } finally {
    steps.pop();
  }
}

/** What a database keeps as the setting `a`. */
async function settingIn(db: IDBDatabase): Promise<Uint8Array> {
  return new Promise((done, failed) => {
    const request = db.transaction("settings").objectStore("settings").get("a");
    request.onsuccess = () => done(request.result as Uint8Array);
    request.onerror = () => failed(request.error as Error);
  });
}

/** By what each of them shows. */
export const ROOM_CASES: Record<string, Case> = {
  "a kill in the middle of a commit leaves what was before": async (store, again) => {
    const writer = new Writer();
    writer.run(3);
    await store.commit({ events: whole(writer, document(1)), notes: [noteRow(document(1), "before")] });
    const before = await store.digest();
    const under = writer.run(20);
    const events = under.map((placed) => kept(placed, document(2)));
    const cut = store.commit({ events, notes: [noteRow(document(2), "after")] });
    cut.catch(() => undefined);
    const next = await again(); // takes over while that is on its way: either all of it is there or nothing
    const there = (await next.held(under.map(({ digest }) => digest))).size;
    same(there === 0 || there === 20, true);
    same((await next.notes({ limit: 9 })).length, there === 0 ? 1 : 2);
    same([(await next.digest()) === before, await roots(next)], [there === 0, [await next.digest(), await next.viewRoot()]]);
  },

  "an error while it writes is a fault with a name, and loses nothing": async (store, again) => {
    const writer = new Writer();
    await store.commit({ events: whole(writer) });
    const { prototype } = IDBObjectStore;
    const put = prototype.put;
    prototype.put = function (this: IDBObjectStore, ...args: Parameters<typeof put>) {
      if (this.name === "notes") throw new DOMException("full", "QuotaExceededError");
      return put.apply(this, args);
    };
    const next = kept(writer.say(), document(1));
    const batch: Batch = { events: [next], notes: [noteRow(document(1), "one too many")] };
    try {
      await fails(DiskFull, () => store.commit(batch));
    } finally {
      prototype.put = put;
    }
    same((await store.log({ limit: 5 })).length, 1);
    await store.commit(batch); // as soon as there is room
    const opened = await again();
    same([(await opened.log({ limit: 5 })).length, (await opened.notes({ limit: 5 })).length], [2, 1]);
    same([await opened.digest(), await opened.viewRoot()], await roots(opened));
  },

  "roots fit the rows after whatever was committed, weighed again, forked, killed and dropped": async (first, again) => {
    let store = first;
    const random = lots(11);
    const writers = [1, 2, 3].map((number) => new Writer(number));
    await store.commit({ events: writers.map((writer) => kept(writer.said[0]!)) });
    for (let round = 0; round < 60; round++) {
      const events = Array.from({ length: random(5) }, () => {
        const writer = writers[random(3)]!;
        const forks = random(8) === 0 ? { after: made.headsOf(writer.said)[random(writer.said.length)]! } : {};
        return kept(writer.say(forks), document(random(12)), random(4) === 0 ? Standing.WAITS : Standing.HONOURED);
      });
      const held = (await store.replay(0, 1000)).filter(() => random(12) === 0);
      const standings = held.map(({ placed, document: of }) => {
        const standing = random(2) === 0 ? Standing.HONOURED : Standing.VOID;
        return { event: placed.digest, document: of, standing, reason: "r" };
      });
      const notes = Array.from({ length: random(3) }, () => {
        const path = random(2) === 0 ? `p${random(3)}` : null;
        return noteRow(document(random(12)), `title ${round}`, round, { deleted: random(5) === 0, path });
      });
      const disputed = random(3) === 0 ? [document(random(12))] : [];
      const conflicts = disputed.map((of) => [of, [made.conflictRow(of, `c ${round}`, round)]] as const);
      const unshown = random(6) === 0 ? [document(random(12))] : [];
      await store.commit({ events, standings, notes, conflicts, unshown });
      if (random(7) === 0) store = await again();
      if (random(3) === 0) same([await store.digest(), await store.viewRoot()], await roots(store));
    }
    same([await store.digest(), await store.viewRoot()], await roots(store));
    const [of, digest] = (await store.leaves(bucket(key(document(1))), false))[0]!;
    same([of, digest === ZERO], [document(1), false]);
    await store.forgetState();
    same([await store.digest(), await store.viewRoot()], [ZERO, ZERO]);
    same((await store.unsettled(null, 0, 1000)).length, (await store.replay(0, 1000)).length);
    store = await again();
    same([await store.digest(), await store.viewRoot()], [ZERO, ZERO]);
  },

  "what was forgotten leaves, its headers stay, and its bodies are not asked for": async (store) => {
    const writer = new Writer();
    writer.run(4);
    await store.commit({ events: whole(writer, document(1)), changes: [[writer.said[1]!.digest, ZERO]], timeMs: 1000 });
    await store.commit({ forgotten: [document(1)], timeMs: 2000 });
    same(await store.erase(2000), 0);
    same(await store.erase(2001), 4);
    same([await store.erase(9000), await store.missingBodies(), (await store.counts()).bodyBytes], [0, [], 0]);
    same((await store.rows(document(1))).map(({ placed }) => placed.event.body), [null, null, null, null]);
    same((await store.ofChanges(document(1), [ZERO])).size, 0);
    await store.commit({ forgotten: [], timeMs: 9000 });
    same((await store.missingBodies()).length, 4);
  },

  "a commit is one transaction, strictly kept, and is not over before that is": async (store) => {
    const { prototype } = IDBDatabase;
    const { transaction } = prototype;
    const seen: { mode: string; durability: string; complete: boolean }[] = [];
    prototype.transaction = function (this: IDBDatabase, names, mode = "readonly", options = {}) {
      const tx = transaction.call(this, names, mode, options);
      const one = { mode, durability: options.durability ?? "", complete: false };
      tx.addEventListener("complete", () => (one.complete = true));
      seen.push(one);
      return tx;
    };
    try {
      const writer = new Writer();
      writer.run(4);
      const conflicts = [[document(1), [made.conflictRow(document(1), "c", 1)]]] as const;
      const events = whole(writer, document(1));
      await store.commit({ events, notes: [noteRow(document(1), "n")], conflicts, settings: [["a", unhex("0b")]] });
    } finally {
      prototype.transaction = transaction;
    }
    same(seen, [{ mode: "readwrite", durability: "strict", complete: true }]);
  },

  "bodies of what was touched longest ago are let go, and come again when they are wanted": async (first, again) => {
    await first.close();
    const store = await again(LITTLE);
    const [other, own] = [new Writer(1, Lane.DATA, 100), new Writer(2, Lane.DATA, 100)];
    const events = [other, own].map((writer) => kept(writer.said[0]!));
    for (let number = 0; number < 10; number++) {
      events.push(kept(other.say(), document(number)));
      if (number === 1) events.push(kept(own.say(), document(1)));
      if (number === 2) events.push(kept(other.say(), document(2), Standing.WAITS));
    }
    const notes = Array.from({ length: 10 }, (_, number) => noteRow(document(number), `note ${number}`));
    await store.commit({ events, notes });
    const before = [await store.digest(), await store.viewRoot(), await store.notes({ limit: 99 })];
    same([store.overfull, (await store.counts()).bodyBytes], [true, 1200]);
    same(await store.trim(own.admission), 3); // of documents 0, 1 and 3: in 2 something waits
    for (const each of [store, await again(LITTLE)]) {
      same([each.overfull, (await each.counts()).bodiesAway, await each.missingBodies()], [false, 3, []]);
      same([await each.digest(), await each.viewRoot(), await each.notes({ limit: 99 })], before);
      const here = async (number: number) => {
        return (await each.rows(document(number))).map(({ placed }) => placed.event.body !== null);
      };
      same([await here(1), await here(2), await here(0)], [[false, true], [true, true], [false]]);
      same([await here(3), await here(9)], [[false], [true]]);
      const run = (await each.serve({ chain: other.chain, target: other.head, after: [] }, PAGE_BYTES_MAX))!;
      same(run.events.map(({ body }) => body === null), other.said.map(({ seq }) => [2, 3, 6].includes(seq)));
    }
    const now = await again(LITTLE);
    const gone = other.said[2]!;
    same(await now.want(document(1)), [[gone.digest, gone.header.bodyDigest]]);
    same([await now.want(document(1)), await now.missingBodies()], [[], [[gone.digest, gone.header.bodyDigest]]]);
    await now.commit({ bodies: [[gone.digest, gone.event.body!]] });
    same([now.overfull, (await now.counts()).bodiesAway, (await now.counts()).bodyBytes], [false, 2, 1000]);
    const event = other.said[5]!.digest;
    await now.commit({ standings: [{ event, standing: Standing.WAITS, reason: BODY_MISSING, document: null }] });
    same((await now.missingBodies()).map(([one]) => one), [event]);
    await now.forgetState();
    same((await now.missingBodies()).length, 2);
  },

  "what waits stays, and may go once it waits no more": async (first, again) => {
    await first.close();
    const [store, other] = [await again(LITTLE), new Writer(1, Lane.DATA, 300)];
    const waits = other.run(5).map((placed, number) => kept(placed, document(number), Standing.WAITS));
    await store.commit({ events: [kept(other.said[0]!), ...waits] });
    same([store.overfull, await store.trim(digestOf("nobody")), store.overfull], [true, 0, false]);
    const weighed = waits.map(({ placed, document: of }) => {
      return { event: placed.digest, standing: Standing.HONOURED, reason: "", document: of };
    });
    await store.commit({ standings: weighed });
    same([store.overfull, await store.trim(digestOf("nobody"))], [true, 2]);
    same([(await store.counts()).bodyBytes, store.overfull], [900, false]);
  },

  "of a document of which a body is wanted nothing is let go until all are here": async (first, again) => {
    await first.close();
    const [store, other] = [await again(LITTLE), new Writer(1, Lane.DATA, 300)];
    other.run(3);
    await store.commit({ events: whole(other, document(1)) });
    const rest = other.run(2).map((placed) => kept(placed, document(2)));
    await store.commit({ events: rest });
    same(await store.trim(digestOf("nobody")), 3);
    same((await store.want(document(1))).length, 3);
    const [, one, two, three] = other.said;
    await store.commit({ bodies: [[one!.digest, one!.event.body!]] });
    await store.trim(digestOf("nobody"));
    await store.commit({ bodies: [[two!.digest, two!.event.body!]] });
    await store.trim(digestOf("nobody"));
    const here = async () => (await store.rows(document(1))).map(({ placed }) => placed.event.body !== null);
    same([await here(), (await store.missingBodies()).length], [[true, true, false], 1]);
    await store.commit({ bodies: [[three!.digest, three!.event.body!]] });
    same(await here(), [true, true, true]);
  },

  "what could not be read when it came is counted once it belongs to a document": async (first, again) => {
    await first.close();
    const [store, other] = [await again(LITTLE), new Writer(1, Lane.DATA, 300)];
    const sealed = other.run(4).map((placed) => kept(placed, null, Standing.WAITS));
    await store.commit({ events: [kept(other.said[0]!), ...sealed] });
    same((await store.counts()).bodyBytes, 0);
    const weighed = sealed.map(({ placed }, number) => {
      return { event: placed.digest, standing: Standing.HONOURED, reason: "", document: document(number) };
    });
    await store.commit({ standings: weighed });
    same([(await store.counts()).bodyBytes, store.overfull], [1200, true]);
    same([await store.trim(digestOf("nobody")), (await store.counts()).bodyBytes], [1, 900]);
  },

  "what nobody else wrote is never let go, however much it is": async (first, again) => {
    await first.close();
    const [store, own] = [await again(LITTLE), new Writer(2, Lane.DATA, 500)];
    own.run(9);
    await store.commit({ events: whole(own, document(1)) });
    await store.trim(own.admission);
    same([store.overfull, (await store.counts()).bodiesAway], [false, 0]);
  },

  "opening reads where chains end and nothing for each document": async (store, again) => {
    const writer = new Writer();
    const size = 700;
    for (let round = 0; round < 2; round++) {
      const numbers = Array.from({ length: size / 2 }, (_, at) => round * size + at);
      const events = numbers.map((number) => kept(writer.say(), document(number)));
      const opening = round === 0 ? [kept(writer.said[0]!)] : [];
      const notes = numbers.map((number) => noteRow(document(number), "n", number));
      await store.commit({ events: [...opening, ...events], notes });
    }
    const root = await store.digest();
    const opened = await again();
    await opened.boot();
    await opened.unsettled();
    same([await opened.digest(), await opened.viewRoot()], [root, await store.viewRoot()]);
    const { requests, rows } = opened.asked;
    same([requests < 60, rows < 60], [true, true]);
    same((await opened.notes({ limit: 20 })).length, 20);
    same([opened.asked.requests - requests, opened.asked.rows - rows], [1, 20]);
  },

  "data of a newer app are refused, and stay": async (store, _, name) => {
    await store.commit({ settings: [["a", unhex("0b")]] });
    await store.close();
    const newer = await raised(name);
    await fails(Refused, () => PhoneStore.open(indexedDB, {}, name));
    same(await settingIn(newer), unhex("0b"));
    newer.close();
  },

  "an app that is in the way of a newer one lets go, and loses nothing": async (_, again, name) => {
    let closed = 0;
    const store = await PhoneStore.open(indexedDB, { closed: () => (closed += 1) }, name);
    await store.commit({ settings: [["a", unhex("0b")]] });
    const cut = store.commit({ settings: [["a", unhex("0c")]] });
    const newer = await raised(name);
    await cut;
    same([await settingIn(newer), closed], [unhex("0c"), 1]);
    await fails(Unreachable, () => store.commit({ settings: [["a", unhex("0d")]] }));
    await fails(Unreachable, () => store.notes({ limit: 1 }));
    newer.close();
    await fails(Refused, () => again());
  },

  "an upgrade waits for an app that does not let go, says so, and finds all that is there": async (store, again, name) => {
    await store.commit({ settings: [["a", unhex("0b")]] });
    const held = await deaf(name);
    await asLater((db) => void db.createObjectStore("later"), async () => {
      let opened: PhoneStore | null = null;
      let opening: Promise<PhoneStore> | null = null;
      await new Promise<void>((blocked, failed) => {
        opening = PhoneStore.open(indexedDB, { blocked }, name);
        opening.then((found) => (opened = found), failed);
      });
      await fails(Unreachable, () => store.commit({ settings: [["a", unhex("0c")]] })); // that one heard it
      same([opened, await settingIn(held), held.version], [null, unhex("0b"), UPGRADES.length - 1]);
      held.close();
      const newer = await opening!;
      same(await newer.setting("a"), unhex("0b"));
      await newer.commit({ settings: [["a", unhex("0d")]] });
      await newer.close();
      const shown = await deaf(name);
      same([shown.version, [...shown.objectStoreNames].includes("later")], [UPGRADES.length, true]);
      shown.close();
    });
    await fails(Refused, () => again());
  },

  "an upgrade that fails leaves what was there, for the app of before": async (store, again, name) => {
    await store.commit({ settings: [["a", unhex("0b")]] });
    await store.close();
    const broken: Step = (db) => {
      db.createObjectStore("half");
      throw new Unreachable("no upgrade");
    };
    await asLater(broken, () => fails(Unreachable, () => PhoneStore.open(indexedDB, {}, name)));
    const opened = await again();
    same(await opened.setting("a"), unhex("0b"));
    await opened.close();
    const shown = await deaf(name);
    same([...shown.objectStoreNames].includes("half"), false);
    shown.close();
  },
};
