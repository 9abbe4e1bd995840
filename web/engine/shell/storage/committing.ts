// One commit: everything of a batch in one transaction; what ledger.py is for SQLite.
//
// First everything is looked up, then it is worked out and written. What is in memory changes when the caller knows that
// all of it is kept. It decides nothing.
import { Lane } from "../../events/event.js";
import { Standing } from "../../events/verdict.js";
import type { Batch, DocumentText } from "../store_port.js";
import type { ChainMap } from "./chains.js";
import type { Writing } from "./connection.js";
import { Documents, type Tally } from "./documents.js";
import { Ledger } from "./ledger.js";
import { readSome } from "./log.js";
import { Rolls } from "./rolls.js";
import { Showcase } from "./showcase.js";
import { named } from "../showing.js";
import { stand } from "./stored.js";
import { noteForgotten } from "./working.js";

/** What is known before a commit. `map` is a copy that it may change. */
export interface Known {
  readonly map: ChainMap;
  readonly tally: Tally;
  readonly last: number;
}

/** What a commit came to. */
export interface Committed {
  readonly last: number;
  readonly tally: Tally;
  /** Whether bodies came, or some may go that could not. */
  readonly grew: boolean;
  /** The buckets that must be hashed anew. */
  readonly stale: { readonly state: readonly number[]; readonly views: readonly number[] };
}

/** Write a batch. */
export async function commitTo(tx: Writing, batch: Batch, { map, tally: before, last }: Known): Promise<Committed> {
  const tally = { ...before };
  const documents = new Documents(tx, tally);
  const rolls = new Rolls(tx, documents, map);
  const ledger = new Ledger(tx, map, documents, rolls, last);
  await documents.lookUp([...(await ledger.lookUp(batch)), ...concerned(batch)]);
  for (const kept of batch.events ?? []) ledger.keep(kept);
  for (const [event, body] of batch.bodies ?? []) ledger.fill(event, body);
  for (const weighed of batch.standings ?? []) ledger.weigh(weighed);
  for (const [event, change] of batch.changes ?? []) ledger.carries(event, change);
  ledger.write();
  if (batch.forgotten) await noteForgotten(tx, batch.forgotten, batch.timeMs ?? 0);
  const showcase = new Showcase(tx, documents);
  await showcase.take(batch);
  const stale = { state: [...(await rolls.write())], views: [...(await showcase.write(batch))] };
  for (const [name, value] of batch.settings ?? []) tx.put("settings", value, name);
  documents.write();
  if (stale.state.length + stale.views.length > 0) tx.put("stale", stale);
  return { last: ledger.last, tally, grew: tally.bytes > before.bytes || tally.documents > before.documents, stale };
}

/** The documents that a batch speaks of by name. */
function concerned({ events = [], standings = [], ...batch }: Batch): DocumentText[] {
  const { unshown = [], born = [], notes = [], records = [], conflicts = [], settlements = [] } = batch;
  const found = [...events, ...standings].flatMap(({ document }) => document ?? []);
  found.push(...unshown, ...[...born, ...notes, ...records].map(named));
  found.push(...conflicts.map(([document]) => document), ...settlements.map(([document]) => document));
  return found.map(({ text }) => text);
}

/** Drop what follows from the log: every data event waits. */
export async function forgetAll(tx: Writing, map: ChainMap): Promise<void> {
  const views = ["notes", "records", "words", "places", "leaves", "conflicts", "settlements"] as const;
  for (const store of [...views, "snapshots", "rolls", "stale"] as const) tx.clear(store);
  for (const tree of ["tree/state", "tree/views"]) tx.delete("kv", tree);
  for (const event of await readSome(tx, ({ branch }) => map.chainOf(branch).lane === Lane.DATA, 0, Infinity)) {
    stand(event, Standing.WAITS, "", Lane.DATA);
    if (event.away !== undefined) {
      event.lean = event.id; // to weigh it again its body is needed
      delete event.away;
    }
    tx.put("events", event);
  }
}
