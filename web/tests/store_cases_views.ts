// What documents show is kept, listed and found: cases of the store's contract. They know no IndexedDB.
import { Standing } from "../engine/events/verdict.js";
import { ascending, unhex, ZERO } from "../engine/names.js";
import { type Case, roots, same } from "./store_checks.js";
import * as made from "./store_writers.js";
import { document, noteRow, recordRow, whole, Writer } from "./store_writers.js";

/** By what each of them shows. */
export const VIEW_CASES: Record<string, Case> = {
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
    const found = await store.notes({ limit: 100, search: "number1" });
    same(found, living.filter(({ note }) => note.title.startsWith("Note number1")));
    same(await store.notes({ limit: 4, search: "number1", after: found[2]! }), found.slice(3, 7));
    const even = found.filter(({ note }, at) => at > 0 && note.tags.length > 0);
    same(await store.notes({ limit: 2, search: "number1", tag: "even", after: found[0]! }), even.slice(0, 2));
    same(titles(await store.notes({ limit: 100, tag: "even" })), titles(living.filter(({ note }) => note.tags.length > 0)));
    same(titles(await store.notes({ limit: 100, deleted: true })), ["Note number24"]);
    const folded = living.filter(({ note }) => note.title.startsWith("Note number1"));
    same(await store.notes({ limit: 100, search: "FUSS number1" }), folded);
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
      const [project, state] = [at % 3 === 0 ? "garden" : "", at % 5 === 0 ? "done" : "open"];
      const registers = { title: `thing ${at}`, project, state };
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
    const placed = [5, 7].map((lamport) => {
      return { ...noteRow(document(lamport), "n", 1, { path: "p.md" }), placed: made.author(lamport) };
    });
    const settled = [3, 5, 5].map((at) => made.settlementRow(document(1), at, `a${at}`.padEnd(32, "0")));
    await store.commit({
      notes: [noteRow(document(1), "n"), noteRow(document(2), "m"), ...placed],
      conflicts: [[document(1), [one]], [document(2), [other]]],
      settlements: [[document(1), settled, false]],
    });
    for (const each of [store, await again()]) {
      const all = (await each.conflicts()).map(({ kind, lamport }) => [kind, lamport]);
      same(all, [["register", 9], ["path", 7], ["register", 4]]);
      same(await each.conflicts({ document: document(1) }), [one]);
      const sides = (await each.conflicts({ kind: "path" }))[0]!.sides.map(({ value }) => value);
      same(sides, placed.map(({ note }) => note.document.text));
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

  "the event of a change is found, an honoured one before others": async (store) => {
    const [one, two] = [new Writer(1), new Writer(2)];
    const [first, second, change] = [one.say(), two.say(), made.digestOf("change")];
    await store.commit({
      events: [...whole(one, document(1)), ...whole(two, document(1))],
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
};
