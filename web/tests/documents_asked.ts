// Questions about documents, and documents that a test in another language drives. It decides nothing.
import { getHeads } from "@automerge/automerge/slim";
import { decodeBody } from "../engine/events/bodies.js";
import { Lane } from "../engine/events/event.js";
import type { Born } from "../engine/events/kinds.js";
import { DocumentId, hex, unhex } from "../engine/names.js";
import { branch } from "../engine/state/branching.js";
import { type Rule, SHAPES } from "../engine/state/catalogue.js";
import { decode } from "../engine/state/changes.js";
import * as digest from "../engine/state/digest.js";
import type { Part } from "../engine/state/digest.js";
import { Document } from "../engine/state/documents.js";
import type { Edit } from "../engine/state/edits.js";
import { derive } from "../engine/state/genesis.js";
import { inflate } from "../engine/state/inflate.js";
import type { Taken } from "../engine/state/intake.js";
import { gate } from "../engine/state/shapes.js";
import { at, restoring } from "../engine/state/past.js";
import { bornInAutomerge, shownByAutomerge } from "./automerge.js";
import { carried, editOf, liveIn, rootOf } from "./documented.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

/** A document that is driven, and what it was folded from. */
interface Driven {
  readonly id: DocumentId;
  readonly birth: Born;
  document: Document;
}

const driven = new Map<string, Driven>();

/** All that a document shows. */
function look(document: Document): Record<string, unknown> {
  return {
    text: document.text(),
    live: liveIn(document),
    conflicts: document.conflicts(),
    heads: document.heads,
    changes: document.changeCount,
    hidden: [...document.hidden].sort(),
    aside: document.aside,
    concurrent: document.concurrent,
    disagreements: document.disagreements(),
    ...told(document.take([])),
  };
}

/** An edit as tests write it. */
function spelled(edit: Edit): unknown[] {
  if (edit.edit === "splice") return ["splice", edit.position, edit.deleted, edit.inserted];
  if (edit.edit === "put") return ["put", edit.key, edit.value];
  return edit.edit === "delete" ? ["delete", edit.key] : [edit.edit];
}

function told({ applied, waiting, refused, doubled }: Taken): Record<string, unknown> {
  return { applied, waiting, refused: refused.map(([hash, reason]) => [hash, reason]), doubled };
}

/** What this engine says to each question about documents. */
export const DOCUMENT_QUESTIONS: Record<string, (given: Question) => unknown> = {
  shapes: () => {
    const rules = (found: ReadonlyMap<string, Rule>) => Object.fromEntries(found);
    return [...SHAPES].map(([kind, shape]) => [kind, rules(shape.registers), rules(shape.prefixes), shape.other]);
  },
  inflate: ({ bytes, most }) => hex(inflate(unhex(bytes), most)),
  change: ({ bytes }) => {
    const { hash, dependencies, actor, sequence, start, operations, raw } = decode(unhex(bytes));
    return { hash, dependencies, actor, sequence, start, operations, raw: hex(raw) };
  },
  gate: ({ bytes, admission, kind, body }) => gate(decode(unhex(bytes)), { admission, kind, body }),
  genesis: ({ document, born }) => {
    const { hash, actor, registers, body, letters, raw } = derive(DocumentId.parse(document), birthOf(born));
    return { hash, actor, registers: [...registers], body, letters, raw: hex(raw) };
  },
  fold: ({ name, document, born, events, isVoid }) => {
    const [id, birth] = [DocumentId.parse(document), birthOf(born)];
    driven.get(name)?.document.free();
    driven.set(name, { id, birth, document: Document.fold(id, birth, carried(events), new Set(isVoid)) });
  },
  take: ({ name, changes, isVoid }) => {
    const raws: string[] = changes;
    return told(driven.get(name)!.document.take(raws.map((raw) => decode(unhex(raw))), new Set(isVoid)));
  },
  edit: ({ name, actor, edits, bare }) => {
    return hex(driven.get(name)!.document.edit(actor, edits.map(editOf), bare).raw);
  },
  branch: ({ name, heads, actor, edits }) => {
    return hex(branch(driven.get(name)!.document, heads, actor, edits.map(editOf)).raw);
  },
  past: ({ name, changes }) => {
    const { document } = driven.get(name)!;
    const found = at(document, changes);
    return { ...found, registers: Object.fromEntries(found.registers), restoring: restoring(document, found).map(spelled) };
  },
  "by automerge": ({ document, born, changes }) => {
    const [birth, raws]: [Born, string[]] = [birthOf(born), changes];
    const first = bornInAutomerge(birth, derive(DocumentId.parse(document), birth).actor);
    return { first: getHeads(first), ...shownByAutomerge(first, raws.map(unhex)) };
  },
  digest: ({ parts }) => {
    const told: [string, string, [number, string][]][] = parts;
    const leaves = new Map<string, Part[]>();
    for (const [document, chain, events] of told) {
      leaves.set(document, [...(leaves.get(document) ?? []), digest.part(chain, events)]);
    }
    return rootOf([...leaves].map(([name, found]) => {
      const key = digest.key(DocumentId.parse(name));
      return [key, digest.leaf(key, found)];
    }));
  },
  reload: ({ name }) => {
    const one = driven.get(name)!;
    const saved = one.document.save();
    one.document.free();
    one.document = Document.load(saved);
  },
  "look at": ({ name }) => look(driven.get(name)!.document),
};

function birthOf(born: string): Born {
  return decodeBody(Lane.DATA, "born", unhex(born)) as Born;
}
