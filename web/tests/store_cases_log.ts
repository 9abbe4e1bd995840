// Events are kept, found, listed and served: cases of the store's contract. They know no IndexedDB.
import { byHead, Trail } from "../engine/clocks/chain.js";
import { Damaged, Unreachable } from "../engine/errors.js";
import { Lane } from "../engine/events/event.js";
import { Standing } from "../engine/events/verdict.js";
import { PAGE_BYTES_MAX } from "../engine/limits.js";
import { ascending, unhex, ZERO } from "../engine/names.js";
import type { Row } from "../engine/shell/store_port.js";
import { type Case, digests, fails, lots, same } from "./store_checks.js";
import * as made from "./store_writers.js";
import { document, kept, noteRow, whole, Writer } from "./store_writers.js";

/** By what each of them shows. */
export const LOG_CASES: Record<string, Case> = {
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
    const isVoid = whole(writer, home).map((one) => ({ ...one, standing: Standing.VOID, reason: "a reason" }));
    const events = [kept(writer.said[0]!), ...isVoid.slice(1)];
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

  "of what came in a message only its own bytes are kept": async (store) => {
    const writer = new Writer();
    const events = writer.run(2).map((placed) => {
      const message = new Uint8Array(100_000);
      message.set(placed.event.body!, 7);
      return { ...placed, event: { ...placed.event, body: message.subarray(7, 7 + placed.event.body!.length) } };
    });
    await store.commit({ events: [kept(writer.said[0]!), ...events.map((placed) => kept(placed))] });
    const rows = await store.log({ after: 1, limit: 9 });
    same(rows.map(({ placed }) => placed), writer.said.slice(1));
    same(rows.map(({ placed: { event } }) => event.body!.buffer.byteLength), [60, 60]);
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
    const later = await store.about(["note"], about[2]![0] as number, 4);
    same(later.map(([id]) => id), about.slice(3, 7).map(([id]) => id));
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
};
