// Taking an event back: what must be said for it, worked out where nothing else can come between; as
// mesh/node/takeback.py has it.
//
// An undo is an event like any other, and takes back one event of its document. Control events are never taken back:
// whoever tries is told so. Nothing here says anything.
import { Refused } from "../errors.js";
import { Lane } from "../events/event.js";
import { type Draft, draftOf } from "../events/speaking.js";
import { Standing } from "../events/verdict.js";
import type { Digest, DocumentId, Hex } from "../names.js";
import { decode } from "../state/changes.js";
import type { Edit } from "../state/edits.js";
import { BuiltOn, type Took } from "../state/lines.js";
import type { Change } from "../state/operations.js";
import * as undoing from "../state/undoing.js";
import { type Plan, Undos } from "../state/undos.js";
import { settlementsOf } from "./disputes.js";
import type { Engine } from "./engine.js";
import type { Loaded } from "./gathered.js";
import type { Row } from "./store_port.js";
import { whoOf } from "./subjects.js";

const SHOWN_DIGITS = 12; // of an event in a sentence: enough to be the only one

/** The undos of a document, by event, and what each event that they are about did: null for a birth. */
class Known {
  constructor(
    readonly undos: Undos,
    readonly changes: ReadonlyMap<Digest, Change | null>,
  ) {}

  /** The changes of some events. */
  of(events: Iterable<Digest>): ReadonlySet<Hex> {
    const found = [...events].map((event) => this.changes.get(event) ?? null);
    return new Set(found.filter((change) => change !== null).map((change) => change.hash));
  }
}

/** The undos of a document that count, each with what it takes back. */
export async function undosOf(engine: Engine, document: DocumentId): Promise<[Digest, Digest][]> {
  const found: [Digest, Digest][] = [];
  for await (const row of settlementsOf(engine.store, document)) {
    if (row.undoes) found.push([row.author.event, row.undoes]);
  }
  return found;
}

/** What must be said so that an event is taken back. Throws Refused where it cannot be. */
export async function drafts(engine: Engine, row: Row): Promise<Draft[]> {
  const document = mustBeOfADocument(row);
  await engine.settled();
  const loaded = await engine.shelf.load(document);
  const event = row.placed.digest;
  if (row.standing !== Standing.HONOURED || !loaded?.shown) {
    throw new Refused("it does not count, so there is nothing to take back");
  }
  const known = await knownOf(engine, document, event);
  if (!known.changes.has(event)) throw new Refused("it changes nothing in its document, so there is nothing to take back");
  if (!known.undos.stands(event)) {
    const by = short(known.undos.of(event)[0]!);
    throw new Refused(`it was taken back already, by event ${by}`, "To take that back brings it back.");
  }
  const actor = engine.shelf.actor(loaded, engine.own.admission);
  try {
    const [plan, edits] = editsOf(loaded, known, event);
    let change = loaded.document.edit(actor, edits, true);
    return plan.names.map((name, place) => {
      if (place > 0) change = undoing.beside(change);
      return draftOf({ kind: "undone", change: change.raw, event: name }, document);
    });
  } catch (error) {
    throw error instanceof BuiltOn ? await inTheWay(engine, loaded, error.change) : error;
  }
}

/** The document of an event. Throws Refused for what is never taken back. */
function mustBeOfADocument({ placed, document }: Row): DocumentId {
  if (placed.lane === Lane.CONTROL) {
    throw new Refused("it says who belongs to the mesh, or who may do what, and that is never taken back");
  }
  if (!document) throw new Refused("it belongs to no document, or cannot be read here");
  return document;
}

/** What it takes, and what must be written. Throws BuiltOn. */
function editsOf(loaded: Loaded, known: Known, event: Digest): [Plan, Edit[]] {
  const { undos, changes } = known;
  const plan = undos.plan(event);
  if (changes.get(event) === null) return [plan, undoing.unborn(loaded.document)];
  const root = changes.get(plan.root) ?? null;
  if (root === null || !plan.turns) return [plan, []];
  const took = plan.names.map((name) => tookOf(loaded, known, name));
  const reversal = { took, root, stops: undos.stands(plan.root), undos: known.of(undos.undos), back: known.of(undos.back) };
  return [plan, undoing.inverse(loaded.document, reversal)];
}

/** A change that is taken back, and what was taken back for whoever made it. */
function tookOf(loaded: Loaded, known: Known, name: Digest): Took {
  const change = known.changes.get(name)!;
  const knew = (undo: Digest) => {
    const other = known.changes.get(undo) ?? null;
    return other !== null && other.hash !== change.hash && loaded.document.history.standsOn(change.hash, other.hash);
  };
  return { change, back: known.of(known.undos.known(knew).back) };
}

/** All undos of a document, and the changes of the events that they and this one are about. */
async function knownOf(engine: Engine, document: DocumentId, event: Digest): Promise<Known> {
  const pairs = await undosOf(engine, document);
  const rows: Row[] = [];
  for (const name of new Set([event, ...pairs.flat()])) rows.push(...(await engine.store.event(name)));
  const counted = rows.filter((row) => row.standing === Standing.HONOURED && row.document?.text === document.text);
  const readings = await engine.shelf.scales.read(engine.shelf.gathered.read(counted));
  const changes = new Map<Digest, Change | null>();
  counted.forEach((row, place) => {
    const body = readings[place]!.body;
    if (body && "change" in body) changes.set(row.placed.digest, decode(body.change));
    else if (body?.kind === "born") changes.set(row.placed.digest, null);
  });
  const births = new Set([...changes].filter(([, change]) => change === null).map(([name]) => name));
  const here = pairs.filter(([undo, target]) => changes.has(undo) && changes.has(target));
  return new Known(new Undos(here, births), changes);
}

/** That later work is built on it: whose, and what to do. */
async function inTheWay(engine: Engine, loaded: Loaded, change: Hex): Promise<Refused> {
  const author = (await engine.shelf.authors(loaded, [change])).get(change);
  if (!author) return new Refused("a later change is built on it", "Edit what it says now instead.");
  const by = whoOf(engine.replica, author);
  const message = `a later change is built on it: event ${short(author.event)} by ${by}`;
  return new Refused(message, "Take that back first, or edit what it says now instead.");
}

function short(event: Digest): string {
  return event.slice(0, SHOWN_DIGITS);
}
