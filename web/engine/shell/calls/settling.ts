// Calls that settle a conflict, and take that back; as mesh/node/calls_settling.py has them. Each is one or more events
// that every device honours alike.
//
// A conflict is named by its id: if its values changed since somebody looked, the id is not open any more, and nothing
// is done. Nothing here removes anything from the log.
import { Misuse, Refused } from "../../errors.js";
import { type Draft, draftOf } from "../../events/speaking.js";
import { LIST_MAX } from "../../limits.js";
import type { Digest, DocumentId, Hex } from "../../names.js";
import type { Calls } from "../../port.js";
import type { Edit } from "../../state/edits.js";
import * as notes from "../../state/notes.js";
import { type Choice, editsFor, movedAside, namedTogether } from "../../state/settling.js";
import type { Engine } from "../engine.js";
import type { Loaded } from "../gathered.js";
import type { ConflictRow, NoteRow } from "../store_port.js";
import { nameOf, whoOf } from "../subjects.js";
import * as takeback from "../takeback.js";
import { historyOf, type Named, named, notesAt, openIn } from "./conflicts.js";

type Told = Calls["conflicts.resolve"][1];

const CHANGED = "its values changed since, so it is another conflict now";
const LOOK_AGAIN = "Look again: the list of conflicts shows what is open.";

// ── settling ────────────────────

/** Settle a conflict: by one of its values, by another one, or by the text as it reads now. */
export async function resolve(engine: Engine, args: Calls["conflicts.resolve"][0]): Promise<Told> {
  const [one, choice] = [await named(engine, args.id), choiceOf(args)];
  if (!one.row) throw settledAlready(engine, one);
  const events = one.row.kind === "path" ? await moveAside(engine, one, choice) : await settle(engine, one, choice);
  return told(engine, one, events);
}

function choiceOf({ take, value, merge }: Calls["conflicts.resolve"][0]): Choice {
  const given = [take !== undefined, value !== undefined, merge === true].filter(Boolean);
  if (given.length !== 1) throw new Misuse("a conflict is settled by one of take, value and merge");
  if (value !== undefined) return { choice: "say", value };
  if (take === undefined) return { choice: "merge" };
  if (!Number.isInteger(take) || take < 1) throw new Misuse("values are numbered from 1");
  return { choice: "take", side: take - 1 };
}

function settledAlready({ replica }: Engine, one: Named): Refused {
  const { author } = one.settlements[0]!;
  return new Refused(`it is settled already, by ${whoOf(replica, author)}`, "That can be taken back.");
}

/** The settlements of a conflict inside a document: the first with the edits; further ones only name more prints. */
async function settle(engine: Engine, one: Named, choice: Choice): Promise<Digest[]> {
  let blocks: Hex[][] = [];
  const first = await engine.say(async () => {
    const loaded = await loadedOf(engine, one.document);
    const conflict = openIn(loaded, one.name);
    if (!conflict) throw new Refused(CHANGED, LOOK_AGAIN);
    blocks = namedTogether(conflict.prints);
    const edits = editsFor(loaded.document, conflict, choice);
    return [settlement(engine, loaded, edits, one.name, blocks[0]!)];
  });
  const events = [first.at(-1)!.digest];
  for (const prints of blocks.slice(1)) {
    const said = await engine.say(async () => {
      return [settlement(engine, await loadedOf(engine, one.document), [], one.name, prints)];
    });
    events.push(said.at(-1)!.digest);
  }
  return events;
}

function settlement(engine: Engine, loaded: Loaded, edits: readonly Edit[], conflict: Hex, prints: readonly Hex[]): Draft {
  const { document } = loaded;
  const change = document.edit(engine.shelf.actor(loaded, engine.own.admission), edits, true).raw;
  return draftOf({ kind: "settled", change, conflict, prints, rule: "" }, document.id);
}

/** Several notes at one path: one stays, each of the others moves, by a settlement of its own. */
async function moveAside(engine: Engine, one: Named, choice: Choice): Promise<Digest[]> {
  if (choice.choice === "merge") {
    throw new Misuse("only texts can be merged", "Take one of the notes, or give a path for the others.");
  }
  let count = 0;
  const said = await engine.say(async () => {
    await engine.settled();
    const row: ConflictRow | undefined = (await engine.store.conflict(one.name))[0];
    if (!row) throw new Refused(CHANGED, LOOK_AGAIN);
    const found = await notesAt(engine, row);
    const stays = choice.choice === "take" ? choice.side : 0;
    if (stays >= found.length) {
      throw new Misuse(`${found.length} notes are at this path, there is no note ${stays + 1}`);
    }
    const [drafts, used]: [Draft[], Set<string>] = [[], new Set()];
    for (const giving of found.filter((_, place) => place !== stays)) {
      const path = await free(engine, giving, used, choice.choice === "say" ? String(choice.value) : null);
      const loaded = await loadedOf(engine, giving.note.document);
      drafts.push(settlement(engine, loaded, notes.edits(loaded.document, { path }), one.name, []));
    }
    count = drafts.length;
    return drafts;
  });
  return said.slice(said.length - count).map((placed) => placed.digest);
}

/** A path that no note of the space has: the wanted one, or beside the old one with the name of the device. */
async function free(engine: Engine, giving: NoteRow, used: Set<string>, wanted: string | null): Promise<string> {
  const who = nameOf(engine.replica, giving.placed?.admission ?? giving.updatedBy);
  const { document, path: old } = giving.note;
  const path = wanted || old || "";
  for (;;) {
    const found = wanted && !used.has(path) ? path : movedAside(path, who, (one) => used.has(one));
    const there = await engine.store.notes({ at: [document.space, found], limit: 1 });
    used.add(found);
    if (there.length === 0) return found; // and where too many are taken, `movedAside` refuses
  }
}

// ── taking back ────────────────────

/** Take back every settlement of a conflict that is in effect, the latest first. */
export async function undo(engine: Engine, args: Calls["conflicts.undo"][0]): Promise<Told> {
  const one = await named(engine, args.id);
  if (one.settlements.length === 0) {
    throw new Misuse("this conflict is open, there is nothing to take back", "Settle it first.");
  }
  const events: Digest[] = [];
  for (const row of one.settlements) {
    const history = await historyOf(engine, row.document);
    if (history.effective(row.author.event)) events.push(...(await takeBack(engine, row.author.event)));
  }
  if (events.length === 0) throw new Refused("how it was settled is taken back already", LOOK_AGAIN);
  return told(engine, one, events);
}

async function takeBack(engine: Engine, event: Digest): Promise<Digest[]> {
  let count = 0;
  const said = await engine.say(async () => {
    const [held] = await engine.store.event(event);
    const drafts = await takeback.drafts(engine, held!);
    count = drafts.length;
    return drafts;
  });
  return said.slice(said.length - count).map((placed) => placed.digest);
}

// ── both ────────────────────

async function loadedOf(engine: Engine, document: DocumentId): Promise<Loaded> {
  const loaded = await engine.shelf.load(document);
  if (!loaded?.shown) throw new Refused(`${document.text} cannot be edited: nothing in it counts`);
  return loaded;
}

/** What was said, and what is open in that document now. */
async function told(engine: Engine, one: Named, events: Digest[]): Promise<Told> {
  const open = await engine.store.conflicts({ document: one.document, limit: LIST_MAX });
  return { id: one.name, document: one.document.text, events, opened: open.map((row) => row.name) };
}
