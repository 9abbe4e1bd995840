// What the phone's store promises, on whatever IndexedDB it stands: the one of a browser, or the one that Node is given.
//
// It needs nothing but the engine, so the same compiled file runs in a page. Whoever runs it brings a way to open a store
// by name (again and again: what was kept is there), and a way to report one case.
import { byHead, Trail } from "../engine/clocks/chain.js";
import { Damaged, DiskFull, MeshError, Unreachable } from "../engine/errors.js";
import { Lane } from "../engine/events/event.js";
import { Standing } from "../engine/events/verdict.js";
import { PAGE_BYTES_MAX } from "../engine/limits.js";
import { ascending, type Digest, DocumentId, hex, unhex, ZERO } from "../engine/names.js";
import type { Batch, Row, Store } from "../engine/shell/store_port.js";
import type { PhoneStore } from "../engine/shell/store.js";
import { part, key, leaf, bucket, bucketDigest, Trie } from "../engine/state/digest.js";
import { contentOf, viewLeaf } from "../engine/state/view_digest.js";
import * as made from "./store_writers.js";
import { Writer } from "./store_writers.js";

/** Opens the store of this name; one that is open already writes no more. */
export type MakeStore = (name: string) => Promise<PhoneStore>;

/** Reports one case, by what it shows. */
export type Check = (title: string, run: () => Promise<void>) => void;

type Case = (store: PhoneStore, again: () => Promise<PhoneStore>) => Promise<void>;

/** Run all cases, each with a store of its own. */
export function storeContract(makeStore: MakeStore, check: Check): void {
  for (const [title, run] of Object.entries(CASES)) {
    check(title, async () => {
      const name = `contract ${title}`;
      const opened: PhoneStore[] = [await makeStore(name)];
      const again = async () => {
        opened.push(await makeStore(name));
        return opened.at(-1)!;
      };
      try {
        await run(opened[0]!, again);
      } finally {
        for (const store of opened) await store.close();
      }
    });
  }
}

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

async function fails(family: abstract new (...args: never[]) => MeshError, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof family) return;
    throw error;
  }
  throw new Error(`no ${family.name}`);
}

function digests(rows: readonly Row[]): Digest[] {
  return rows.map(({ placed }) => placed.digest);
}

/** The roots over what a store holds, worked out the plain way. */
async function roots(store: Store): Promise<[Digest, Digest]> {
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
function lots(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

const { document, kept, noteRow, recordRow, whole } = made;

const CASES: Record<string, Case> = {
  "an empty store answers": async (store) => {
    const boot = await store.boot();
    same([boot.control, boot.tips.size, boot.settings.size, boot.missingBodies], [[], 0, 0, []]);
    same(await store.digest(), ZERO);
    same(await store.viewRoot(), ZERO);
    same([await store.chains(), await store.notes({ limit: 1 }), await store.newest({ limit: 1 })], [[], [], []]);
    same(await store.commit({}), 0);
    same(await store.counts(), {
      bodiesAway: 0,
      bodiesMissing: 0,
      bodyBytes: 0,
      conflicts: 0,
      documents: 0,
      events: 0,
      void: 0,
      waiting: 0,
    });
  },

  "events come back as they were kept, also after the app was closed": async (store, again) => {
    const [writer, home] = [new Writer(), document(1)];
    writer.run(3);
    const events = writer.said.map((placed) => kept(placed, placed.seq > 1 ? home : null, placed.seq > 1 ? Standing.VOID : 0));
    same(await store.commit({ events }), 4);
    for (const each of [store, await again()]) {
      const rows = await each.rows(home);
      same(rows.map(({ placed }) => placed), writer.said.slice(1));
      same(rows.map(({ id, standing, reason }) => [id, standing, reason]), [2, 3, 4].map((id) => [id, 2, "a reason"]));
      same(digests(await each.event(writer.said[0]!.digest)), [writer.said[0]!.digest]);
      same(digests(await each.unsettled(home, 2)), writer.said.slice(2).map(({ digest }) => digest));
      same(digests(await each.unsettled(null, 0, 2)), writer.said.slice(1, 3).map(({ digest }) => digest));
    }
  },

  "what is held already stays as it is": async (store) => {
    const writer = new Writer();
    writer.run(5);
    await store.commit({ events: whole(writer).slice(0, 3) });
    const anew = whole(writer).map((one) => ({ ...one, standing: Standing.VOID }));
    same(await store.commit({ events: anew }), 6);
    same(await store.commit({ events: anew }), 6);
    const rows = await store.log({ limit: 10 });
    same(digests(rows), writer.said.map(({ digest }) => digest));
    same(rows.map(({ standing }) => standing), [0, 0, 0, 2, 2, 2]);
  },

  "a refused batch leaves nothing": async (store) => {
    const [writer, other] = [new Writer(), new Writer(2)];
    writer.run(2);
    const settings = [["a", unhex("0b")]] as const;
    await fails(Damaged, () => store.commit({ events: [...whole(other), kept(writer.said[1]!)], settings }));
    const standings = [{ event: writer.said[0]!.digest, standing: Standing.VOID, reason: "", document: null }];
    await fails(Damaged, () => store.commit({ events: whole(other), notes: [noteRow(document(1), "no")], standings }));
    const boot = await store.boot();
    same([boot.tips.size, boot.settings.size, (await store.notes({ limit: 5 })).length], [0, 0, 0]);
    same(await store.commit({ events: whole(writer) }), 3);
    same((await store.log({ limit: 9 })).map(({ id }) => id), [1, 2, 3]);
  },

  "of two that write, the one that was first writes no more": async (store, again) => {
    const writer = new Writer();
    const first = writer.say();
    await store.commit({ events: whole(writer) });
    const later = await again();
    const other = { ...writer.say({ body: unhex("00") }) };
    await fails(Unreachable, () => store.commit({ events: [kept(other)] }));
    same(await store.held([first.digest, other.digest]), [first.digest]);
    const mine = writer.say({ after: { seq: 2, digest: first.digest }, body: unhex("01") });
    await later.commit({ events: [kept(mine)] });
    same((await later.chains())[0]!.tips, [{ seq: 3, digest: mine.digest }]);
    await fails(Unreachable, () => store.trim(ZERO));
    await fails(Unreachable, () => store.forgetState());
  },

  "boot brings what a phone holds in memory": async (store, again) => {
    const [control, data, short] = [new Writer(1, Lane.CONTROL), new Writer(2), new Writer(3)];
    control.run(4);
    data.run(100, 10);
    const trail = new Trail();
    for (const head of made.headsOf(data.said)) trail.extend(head);
    for (const writer of [data, control, short]) await store.commit({ events: whole(writer) });
    await store.commit({ settings: [["epoch", unhex("01")], ["name", unhex("02")]] });
    const boot = await (await again()).boot();
    same(boot.control, control.said);
    for (const writer of [control, data, short]) {
      same(boot.tips.get(writer.chain), [writer.head]);
      same(boot.tipLamports.get(writer.head.digest), writer.lamport);
      same(boot.openings.get(writer.chain), [writer.admission, writer.lane]);
    }
    same(boot.trails.get(data.chain), trail.heads);
    same([...boot.settings], [["epoch", unhex("01")], ["name", unhex("02")]]);
  },

  "all branches of a fork are held": async (store, again) => {
    const writer = new Writer();
    const opening = writer.head;
    writer.run(3);
    const [middle, first] = [made.headsOf(writer.said)[2]!, writer.head];
    writer.say({ after: opening });
    const second = writer.head;
    await store.commit({ events: whole(writer) });
    const later = [writer.say({ after: middle }), ...writer.run(2)];
    const third = writer.head;
    later.push(writer.say({ after: made.headsOf(later)[0]! }));
    for (const placed of later) await store.commit({ events: [kept(placed)] });
    for (const each of [store, await again()]) {
      same((await each.boot()).tips.get(writer.chain), [first, second, third, writer.head].sort(byHead));
      same((await each.held(writer.said.map(({ digest }) => digest))).size, writer.said.length);
      same((await each.forks(10)).map(({ after, branches }) => [after.seq, branches]), [[1, 2], [3, 2], [4, 2]]);
      const mark = { chain: writer.chain, head: third };
      const below = await each.under(mark, writer.said.map(({ digest }) => digest));
      same([...below!].length, third.seq);
      same(await each.under({ chain: writer.chain, head: { seq: third.seq, digest: ZERO } }, []), null);
      const beyond = await each.beyond(writer.admission, [mark]);
      const outside = writer.said.filter(({ digest }) => !below!.has(digest)).map(({ digest }) => digest);
      same(digests(beyond), outside);
      same(digests(await each.beyond(writer.admission, [mark], beyond[1]!.id, 1)), outside.slice(2, 3));
    }
  },

  "events are found by places and prefixes": async (store) => {
    const writer = new Writer();
    writer.run(40);
    await store.commit({ events: whole(writer) });
    const wanted = writer.said[7]!;
    same([...(await store.places([wanted.digest, ZERO]))], [[wanted.digest, { lamport: 8, seq: 8 }]]);
    for (const length of [1, 7, 15, 16, 17, 31, 63, 64]) {
      const found = digests(await store.event(wanted.digest.slice(0, length)));
      const fitting = writer.said.map(({ digest }) => digest).filter((one) => one.startsWith(wanted.digest.slice(0, length)));
      same(found.sort(), fitting.sort().slice(0, 16));
    }
    for (const foreign of ["", "xyz", "%", "0".repeat(65)]) same(await store.event(foreign), []);
  },

  "lists come in the order of arrival": async (store) => {
    const [one, two, control] = [new Writer(1), new Writer(2), new Writer(3, Lane.CONTROL)];
    const events = [one, two, control].map((writer) => kept(writer.said[0]!));
    for (let number = 0; number < 30; number++) {
      const writer = [one, two, control][number % 3]!;
      events.push(kept(writer.say(), writer === control ? null : document(number % 2)));
    }
    await store.commit({ events });
    const order = events.map(({ placed }) => placed.digest);
    same(digests(await store.log({ limit: 100 })), order);
    same(digests(await store.log({ after: 5, limit: 7 })), order.slice(5, 12));
    same(digests(await store.log({ admission: two.admission, limit: 100 })), two.said.map(({ digest }) => digest));
    const data = events.filter(({ placed }) => placed.lane === Lane.DATA).map(({ placed }) => placed.digest);
    same(digests(await store.replay(0, 100)), data);
    const about = events.flatMap(({ document: of }, at) => (of ? [[at + 1, of.text]] : []));
    same((await store.about(["note", "task"], 0, 100)).map(([id, of]) => [id, of.text]), about);
    same((await store.about(["note"], about[2]![0] as number, 4)).map(([id]) => id), about.slice(3, 7).map(([id]) => id));
    same(await store.about(["task"]), []);
    const rows = await store.rows(document(0));
    same(digests(await store.rows(document(0), rows[2]!.id)), digests(rows.slice(3)));
  },

  "the newest come in the order of stamps": async (store) => {
    const [random, about] = [lots(5), document(1)];
    const writers = [1, 2, 3, 4].map((number) => new Writer(number));
    const events = writers.map((writer) => kept(writer.said[0]!));
    for (let number = 0; number < 60; number++) {
      const writer = writers[random(4)]!;
      const forks = random(10) === 0 ? { after: made.headsOf(writer.said)[random(Math.min(4, writer.said.length))]! } : {};
      events.push(kept(writer.say({ ...forks, step: 1 + random(3) }), about));
    }
    await store.commit({ events });
    const order = events.map(({ placed }) => placed).sort((a, b) => {
      return b.header.lamport - a.header.lamport || ascending(b.chain, a.chain) || ascending(b.digest, a.digest);
    });
    for (const admission of [undefined, writers[0]!.admission]) {
      const fitting = order.filter((placed) => admission === undefined || placed.admission === admission);
      const narrowed = admission === undefined ? {} : { admission };
      for (const limit of [1, 7, 100]) {
        const paged: Row[] = [];
        for (;;) {
          const page = await store.newest({ ...narrowed, before: paged.at(-1) ?? null, limit });
          if (page.length === 0) break;
          paged.push(...page);
        }
        same(digests(paged), fitting.map(({ digest }) => digest));
      }
    }
    const first = await store.newest({ document: about, limit: 9 });
    const rest = await store.newest({ document: about, before: first.at(-1)!, limit: 100 });
    same(digests([...first, ...rest]), order.filter(({ seq }) => seq > 1).map(({ digest }) => digest));
  },

  "runs are served up to a signature, towards a target": async (store) => {
    const writer = new Writer(1, Lane.DATA, 1000);
    writer.run(60, 3);
    const fork = made.headsOf(writer.said)[10]!;
    const main = writer.head;
    writer.say({ after: fork });
    await store.commit({ events: whole(writer) });
    const span = (after = [made.headsOf(writer.said)[4]!]) => ({ chain: writer.chain, target: main, after });
    const run = (await store.serve(span(), 20_000))!;
    same([run.after.seq, run.signature], [5, writer.said[run.after.seq + run.events.length - 1]!.signature]);
    same(run.events, writer.said.slice(5, 5 + run.events.length).map(({ event }) => event));
    same(run.events.length > 10 && run.events.length < 20, true);
    same((await store.serve(span(), 1))!.events.length, 2); // at least one signed run, however large
    same((await store.serve(span([]), PAGE_BYTES_MAX))!.after.seq, 0);
    same(await store.serve(span([main]), PAGE_BYTES_MAX), null);
    same(await store.serve({ ...span(), target: { seq: 9, digest: ZERO } }, PAGE_BYTES_MAX), null);
    const side = (await store.serve({ chain: writer.chain, target: writer.head, after: [main, fork] }, PAGE_BYTES_MAX))!;
    same([side.after, side.events], [fork, [writer.said.at(-1)!.event]]);
    const lean = (await store.serve(span(), 20_000, false))!;
    same(lean.events, run.events.map(({ header }) => ({ header, body: null })));
    const opening = (await store.serve(span([]), 1, false))!;
    same(opening.events[0], writer.said[0]!.event); // what is clear never goes without its body
  },

  "bodies may come later": async (store, again) => {
    const writer = new Writer();
    writer.run(3);
    await store.commit({ events: writer.said.map((placed) => kept(placed.seq < 3 ? placed : made.bodiless(placed))) });
    const lacking = writer.said.slice(2).map(({ digest, header }) => [digest, header.bodyDigest]);
    same(await store.missingBodies(), lacking);
    same((await store.boot()).missingBodies, lacking);
    same(await store.missingBodies(1), lacking.slice(0, 1));
    const [third, fourth] = [writer.said[2]!, writer.said[3]!];
    await store.commit({ bodies: [[third.digest, third.event.body!]] });
    await store.commit({ bodies: [[third.digest, unhex("0a")], [ZERO, unhex("0b")]] });
    for (const each of [store, await again()]) {
      same(await each.bodies([fourth.digest, third.digest], PAGE_BYTES_MAX), [[third.digest, third.event.body]]);
      same(await each.missingBodies(), lacking.slice(1));
      same((await each.bodies(writer.said.map(({ digest }) => digest), 1)).length, 1);
      same((await each.counts()).bodiesMissing, 1);
    }
  },

  "a kill in the middle of a commit leaves what was before": async (store, again) => {
    const writer = new Writer();
    writer.run(3);
    await store.commit({ events: whole(writer, document(1)), notes: [noteRow(document(1), "before")] });
    const before = await store.digest();
    const under = writer.run(20);
    const cut = store.commit({ events: under.map((placed) => kept(placed, document(2))), notes: [noteRow(document(2), "after")] });
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

  "notes are listed, the latest first, by tags, words and paths": async (store) => {
    const rows = Array.from({ length: 25 }, (_, at) => {
      const tags = at % 2 === 0 ? ["even", `n${at}`] : [];
      return noteRow(document(at), `Note number${at}`, 1 + (at % 7), { tags, body: `Füße ${at}`, deleted: at === 24 });
    });
    await store.commit({ born: [rows[0]!], notes: rows.slice(1) });
    const order = (found: typeof rows) => [...found].sort((one, other) => {
      return other.lamport - one.lamport || ascending(one.note.document.name, other.note.document.name);
    });
    const titles = (found: typeof rows) => found.map(({ note }) => note.title);
    const living = order(rows.slice(0, 24));
    same(await store.notes({ limit: 100 }), living);
    same(await store.countNotes(), 24);
    const pages = [];
    for (let after = null as (typeof rows)[0] | null; ; after = pages.at(-1)!) {
      const page = await store.notes({ limit: 5, after });
      if (page.length === 0) break;
      pages.push(...page);
    }
    same(titles(pages), titles(living));
    same(titles(await store.notes({ limit: 100, tag: "even" })), titles(living.filter(({ note }) => note.tags.length > 0)));
    same(titles(await store.notes({ limit: 100, deleted: true })), ["Note number24"]);
    same(titles(await store.notes({ limit: 100, search: "FUSS number1" })).sort(), titles(rows.filter((_, at) => at === 1 || (at > 9 && at < 20))).sort());
    same(await store.notes({ limit: 100, search: '" OR' }), []);
    same([...(await store.titles([document(3), document(99)]))], [[document(3).text, "Note number3"]]);
    same((await store.findDocuments(document(3).text.slice(0, -20))).map(({ text }) => text), [document(3).text]);
    same((await store.findDocuments(`task/${document(3).text.slice(10)}`)), []);
  },

  "the latest row is the one that is shown; one that was born stands only where nothing stood": async (store, again) => {
    const row = noteRow(document(1), "first", 1, { tags: ["a", "b"], path: "a.md" });
    await store.commit({ born: [row] });
    await store.commit({ born: [noteRow(document(1), "again", 2)] });
    same((await store.note(document(1)))!.note.title, "first");
    await store.commit({ notes: [noteRow(document(1), "second", 3, { tags: ["b"] })] });
    for (const each of [store, await again()]) {
      same((await each.notes({ limit: 5 })).map(({ note }) => note.title), ["second"]);
      same((await each.notes({ limit: 5, tag: "a" })).length, 0);
      same((await each.notes({ limit: 5, at: ["home", "a.md"] })).length, 0);
      same((await each.notes({ limit: 5, search: "first" })).length, 0);
    }
    const now = await again();
    await now.commit({ unshown: [document(1)] });
    same([await now.note(document(1)), await now.notes({ limit: 5 }), await now.viewRoot()], [null, [], ZERO]);
  },

  "records are listed by type, project and state, and found": async (store) => {
    const rows = Array.from({ length: 30 }, (_, at) => {
      const kind = at % 2 === 0 ? "task" : "memory";
      const registers = { title: `thing ${at}`, project: at % 3 === 0 ? "garden" : "", state: at % 5 === 0 ? "done" : "open" };
      return recordRow(document(at, "home", kind), 1 + at, registers, `text of ${at}`);
    });
    await store.commit({ records: rows });
    const titles = (found: typeof rows) => found.map(({ record }) => record.word("title"));
    const latest = [...rows].reverse();
    same(await store.record(rows[3]!.record.document), rows[3]);
    same(titles(await store.records({ types: ["task", "memory"], limit: 100 })), titles(latest));
    const tasks = latest.filter(({ record }) => record.kind === "task");
    same(titles(await store.records({ types: ["task"], limit: 4, after: tasks[3]! })), titles(tasks.slice(4, 8)));
    const garden = tasks.filter(({ record }) => record.word("project") === "garden");
    same(titles(await store.records({ types: ["task"], project: "garden", limit: 3 })), titles(garden.slice(0, 3)));
    const done = latest.filter(({ record }) => record.word("state") === "done");
    same(titles(await store.records({ types: ["task", "memory"], states: ["done"], limit: 100 })), titles(done));
    same(titles(await store.records({ types: ["task"], search: "thing 1", limit: 2 })), ["thing 18", "thing 16"]);
    same((await store.hits("thing 2", { types: ["memory"], limit: 3 })).length, 3);
    same((await store.hits("of 7", { limit: 5 })).map(({ text }) => text), [rows[7]!.record.document.text]);
  },

  "conflicts and settlements are listed, those of several notes at one path too": async (store, again) => {
    const [one, other] = [made.conflictRow(document(1), "one", 4), made.conflictRow(document(2), "other", 9)];
    const placed = [5, 7].map((lamport) => ({ ...noteRow(document(lamport), "n", 1, { path: "p.md" }), placed: made.author(lamport) }));
    await store.commit({
      notes: [noteRow(document(1), "n"), noteRow(document(2), "m"), ...placed],
      conflicts: [[document(1), [one]], [document(2), [other]]],
      settlements: [[document(1), [3, 5, 5].map((at) => made.settlementRow(document(1), at, `a${at}`.padEnd(32, "0"))), false]],
    });
    for (const each of [store, await again()]) {
      same((await each.conflicts()).map(({ kind, lamport }) => [kind, lamport]), [["register", 9], ["path", 7], ["register", 4]]);
      same(await each.conflicts({ document: document(1) }), [one]);
      same((await each.conflicts({ kind: "path" }))[0]!.sides.map(({ value }) => value), placed.map(({ note }) => note.document.text));
      same((await each.conflicts({ limit: 1, after: (await each.conflicts())[0]! })).map(({ kind }) => kind), ["path"]);
      same(await each.conflicts({ device: one.devices[0]!, kind: "register", limit: 1 }), [other]);
      same(await each.conflict(one.name.slice(0, 9)), [one]);
      const path = (await each.conflicts({ kind: "path" }))[0]!;
      same(await each.conflict(path.name.slice(0, 20)), [path]);
      same((await each.settlements()).map(({ author }) => author.lamport), [5, 3]);
      same((await each.settlements({ document: document(1), before: 5 })).map(({ author }) => author.lamport), [3]);
      same((await each.settlements({ conflict: "a3" })).map(({ author }) => author.lamport), [3]);
      same((await each.counts()).conflicts, 3);
      same([await each.digest(), await each.viewRoot()], await roots(each));
    }
    const now = await again();
    await now.commit({ conflicts: [[document(1), []]], unshown: [document(2), document(5)] });
    same(await now.conflicts(), []);
    await now.commit({ settlements: [[document(1), [], true]] });
    same(await now.settlements(), []);
    same([await now.digest(), await now.viewRoot()], await roots(now));
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
        return { event: placed.digest, document: of, standing: random(2) === 0 ? Standing.HONOURED : Standing.VOID, reason: "r" };
      });
      const notes = Array.from({ length: random(3) }, () => {
        return noteRow(document(random(12)), `title ${round}`, round, { deleted: random(5) === 0, path: random(2) === 0 ? `p${random(3)}` : null });
      });
      const conflicts = random(3) === 0 ? [[document(random(12)), [made.conflictRow(document(0), `c ${round}`, round)]] as const] : [];
      const about = conflicts.map(([of, rows]) => [of, rows.map((row) => ({ ...row, document: of }))] as const);
      await store.commit({ events, standings, notes, conflicts: about, unshown: random(6) === 0 ? [document(random(12))] : [] });
      if (random(7) === 0) store = await again();
      if (random(3) === 0) same([await store.digest(), await store.viewRoot()], await roots(store));
    }
    same([await store.digest(), await store.viewRoot()], await roots(store));
    for (const [bucketNumber, [of, digest]] of [[bucket(key(document(1))), (await store.leaves(bucket(key(document(1))), false))[0]!] as const]) {
      same(bucketNumber, bucket(key(of)));
      same(digest === ZERO, false);
    }
    await store.forgetState();
    same([await store.digest(), await store.viewRoot(), (await store.unsettled(null, 0, 1000)).length], [ZERO, ZERO, (await store.replay(0, 1000)).length]);
    store = await again();
    same([await store.digest(), await store.viewRoot()], [ZERO, ZERO]);
  },

  "the event of a change is found, an honoured one before others": async (store) => {
    const [one, two] = [new Writer(1), new Writer(2)];
    const [first, second, change] = [one.say(), two.say(), made.digestOf("change")];
    await store.commit({
      events: [...whole(one), ...whole(two)].map((event) => ({ ...event, document: event.placed.seq > 1 ? document(1) : null })),
      changes: [first, second].map(({ digest }) => [digest, change] as const),
    });
    const found = async () => [...(await store.ofChanges(document(1), [change, ZERO]))].map(([, row]) => row.placed.digest);
    const smaller = [first.digest, second.digest].sort(ascending);
    same(await found(), smaller.slice(0, 1));
    const standings = [{ event: smaller[0]!, document: document(1), standing: Standing.VOID, reason: "" }];
    await store.commit({ standings });
    same(await found(), smaller.slice(1));
    same((await store.ofChanges(document(2), [change])).size, 0);
  },

  "snapshots are kept, replaced and dropped": async (store, again) => {
    await store.commit({ snapshots: [{ document: document(1), data: unhex("01"), upto: 3 }] });
    await store.commit({ snapshots: [{ document: document(1), data: unhex("02"), upto: 4 }] });
    same(await (await again()).snapshot(document(1)), { document: document(1), data: unhex("02"), upto: 4 });
    const now = await again();
    await now.commit({ stale: [document(1)] });
    same(await now.snapshot(document(1)), null);
  },

  "what was forgotten leaves, its headers stay, and its bodies are not asked for": async (store) => {
    const writer = new Writer();
    writer.run(4);
    await store.commit({ events: whole(writer, document(1)), changes: [[writer.said[1]!.digest, ZERO]], timeMs: 1000 });
    await store.commit({ forgotten: [document(1)], timeMs: 2000 });
    same(await store.erase(2000), 0);
    same(await store.erase(2001), 4);
    same([await store.erase(9000), await store.missingBodies()], [0, []]);
    same((await store.rows(document(1))).map(({ placed }) => placed.event.body), [null, null, null, null]);
    same((await store.ofChanges(document(1), [ZERO])).size, 0);
    await store.commit({ forgotten: [], timeMs: 9000 });
    same((await store.missingBodies()).length, 4);
  },
};
