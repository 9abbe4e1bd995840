// What each folder of vectors about documents asks for, as this engine answers it: as
// tests/unit/state/test_documents_vectors.py does for Python. A case that does not behave as it says throws.
import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { getAllChanges } from "@automerge/automerge/slim";
import { Refused } from "../engine/errors.js";
import type { Born, Value } from "../engine/events/kinds.js";
import { DocumentId, hex, unhex } from "../engine/names.js";
import { decode } from "../engine/state/changes.js";
import * as digest from "../engine/state/digest.js";
import type { Leaf } from "../engine/state/digest.js";
import { Document } from "../engine/state/documents.js";
import { type Edit, put, remove, revive, splice, strike, swap } from "../engine/state/edits.js";
import { derive, type Genesis } from "../engine/state/genesis.js";
import type { Carried } from "../engine/state/intake.js";
import { operationId } from "../engine/state/operations.js";
import type { Note } from "../engine/state/notes.js";
import { Record as Kept } from "../engine/state/records.js";
import { gate } from "../engine/state/shapes.js";
import { contentOf, viewLeaf } from "../engine/state/view_digest.js";
import { bornInAutomerge, shownByAutomerge } from "./automerge.js";

// Cases are JSON of many forms; what is read of one is checked by what comes out.
export type Case = any;

const NOTHING = new Uint8Array(0);
const EDITS: Record<string, (...given: never[]) => Edit> = {
  put,
  swap,
  delete: remove,
  splice,
  strike,
  revive,
};

/** Whether a call is refused. */
export function refused(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    if (error instanceof Refused) return true;
    throw error;
  }
}

/** A birth as cases write it. */
export function birthOf(registers: Record<string, Value>, text: string): Born {
  return { kind: "born", registers: new Map(Object.entries(registers)), text, salt: NOTHING };
}

/** An edit as cases write it. */
export function editOf([name, ...rest]: [string, ...never[]]): Edit {
  return EDITS[name]!(...rest);
}

/** Digests of events with their changes, as cases write them. */
export function carried(events: [string, string][]): Carried[] {
  return events.map(([event, raw]) => [event, decode(unhex(raw))]);
}

/** Each register's values with the hashes of their changes, the shown one first. */
export function liveIn(document: Document): Record<string, unknown> {
  const keys = [...document.registers().keys()];
  return Object.fromEntries(keys.map((key) => [key, document.live(key).map(({ value, change }) => [value, change])]));
}

/** A document that is told one change after the other, and folded again where it asks for that. */
export function stepByStep(name: DocumentId, birth: Born, events: readonly Carried[], isVoid: ReadonlySet<string>): Document {
  let document = Document.fold(name, birth, [], isVoid);
  events.forEach(([, change], number) => {
    if (document.take([change], isVoid).doubled) document = Document.fold(name, birth, events.slice(0, number + 1), isVoid);
  });
  return document;
}

function changes(given: Case, name: string): void {
  const raw = unhex(given.change);
  if (!given.read) {
    ok(refused(() => decode(raw)));
    ok(!name.startsWith("valid_"));
    return;
  }
  const change = decode(raw);
  equal(change.hash, given.hash);
  if (given.allowed === undefined) return;
  const author = { admission: given.admission, kind: given.type, body: operationId(given.body[0], given.body[1]) };
  equal(!refused(() => gate(change, author)), given.allowed);
}

function documents(given: Case, name: string): void {
  const { birth, birth_characters: size } = given;
  const text = typeof birth.text === "string" ? birth.text : birth.text[0].repeat(size - 1) + birth.text[1];
  const [id, born] = [DocumentId.parse(given.document), birthOf(birth.registers, text)];
  const genesis = derive(id, born);
  equal(genesis.hash, given.genesis_hash);
  if (given.genesis !== null) equal(hex(genesis.raw), given.genesis);
  equal(genesis.body, given.body && operationId(given.body[0], given.body[1]));
  const events = carried(given.events);
  for (const order of [events, [...events].reverse()]) {
    const document = Document.fold(id, born, order);
    for (const one of [document, Document.load(document.save())]) {
      const taken = one.take([]);
      equal(createHash("sha256").update(one.text()).digest("hex"), given.text_sha256);
      if (given.text !== null) equal(one.text(), given.text);
      deepEqual(one.heads, given.heads);
      deepEqual(one.conflicts(), given.conflicts);
      deepEqual(taken.waiting, given.waiting);
      deepEqual(taken.refused.map(([hash]) => hash), given.refused);
      if (given.live !== null) deepEqual(liveIn(one), given.live);
      deepEqual(one.disagreements(), []);
    }
  }
  equal(name.startsWith("valid_"), given.waiting.length + given.refused.length === 0);
  if (name.startsWith("valid_") && given.text !== null) alike(born, genesis, events, given);
}

/** Automerge itself, by its own calls, writes the same first change, and shows the same. */
function alike(born: Born, genesis: Genesis, events: readonly Carried[], { heads, text, live }: Case): void {
  const first = bornInAutomerge(born, genesis.actor);
  equal(hex(getAllChanges(first)[0]!), hex(genesis.raw));
  const values = Object.entries<[Value, string][]>(live).map(([key, all]) => [key, all.map(([value]) => value)]);
  const shown = shownByAutomerge(first, events.map(([, change]) => change.raw));
  deepEqual(shown, { heads, text, values: Object.fromEntries(values) });
}

/** What a case of a masked document says, in the order of the file, in the opposite one, one by one, and loaded. */
export function masked(given: Case): void {
  const { body, ...registers } = given.birth.registers;
  const born = birthOf(given.birth.text === null ? registers : given.birth.registers, given.birth.text ?? body);
  const id = DocumentId.parse(given.document);
  equal(derive(id, born).hash, given.first);
  const [events, isVoid] = [carried(given.changes), new Set<string>(given.void)];
  const folded = Document.fold(id, born, events, isVoid);
  const backwards = Document.fold(id, born, [...events].reverse(), isVoid);
  for (const one of [folded, backwards, stepByStep(id, born, events, isVoid), Document.load(folded.save())]) {
    const taken = one.take([]);
    equal(one.text(), given.text);
    deepEqual(liveIn(one), given.live);
    deepEqual(one.heads, given.heads);
    deepEqual([...one.hidden].sort(), given.hidden);
    deepEqual(one.aside, given.aside);
    deepEqual(taken.waiting, given.waiting);
    deepEqual(taken.refused.map(([hash]) => hash), given.refused);
    if (given.edit) equal(hex(one.edit(given.edit.actor, given.edit.edits.map(editOf)).raw), given.next);
    deepEqual(one.disagreements(), []);
  }
}

function masks(given: Case, name: string): void {
  masked(given);
  equal(name.startsWith("valid_"), given.waiting.length + given.refused.length === 0);
}

/** What is said of the documents of records; what the rules of a type make of one is asked elsewhere. */
function records(given: Case, name: string): void {
  if (name.startsWith("valid_")) {
    masked(given);
    const shown = Object.entries(given.live).map(([key, values]) => [key, (values as [Value, string][][])[0]![0]]);
    deepEqual(given.shown.registers, Object.fromEntries(shown.filter(([key]) => key !== "body")));
    const registers = new Map(Object.entries<Value>(given.shown.registers));
    equal(contentOf(new Kept(DocumentId.parse(given.document), registers, given.shown.text)), given.content);
    return;
  }
  for (const { admission, type, change, body } of Object.values<Case>(given)) {
    const author = { admission, kind: type, body: operationId(body[0], body[1]) };
    const read = decode(unhex(change));
    ok(refused(() => gate(read, author)));
    gate({ ...read, operations: [] }, author); // nothing else is wrong with it
  }
}

function digests(given: Case): void {
  const chains = new Map<string, Map<string, [number, string][]>>();
  for (const [name, chain, seq, event] of given.events) {
    const parts = chains.get(name) ?? new Map<string, [number, string][]>();
    chains.set(name, parts.set(chain, [...(parts.get(chain) ?? []), [seq, event]]));
  }
  const leaves = [...chains].map(([name, parts]): Leaf => {
    const key = digest.key(DocumentId.parse(name));
    const found = digest.leaf(key, [...parts].map(([chain, events]) => digest.part(chain, events)));
    equal(found, given.leaves[name]);
    return [key, found];
  });
  equal(rootOf(leaves), given.root);
}

function views(given: Case): void {
  const whole: [Note | Kept, string[]][] = [
    ...given.notes.map(([name, title, body, tags, path, deleted, names]: Case) => {
      return [{ document: DocumentId.parse(name), title, body, tags, path, deleted, conflicts: [] }, names];
    }),
    ...given.records.map(([name, registers, text, names]: Case) => {
      return [new Kept(DocumentId.parse(name), new Map(Object.entries(registers)), text), names];
    }),
  ];
  const leaves = whole.map(([one, names]): Leaf => {
    const [name, key, content] = [one.document.text, digest.key(one.document), contentOf(one)];
    equal(content, given.contents[name]);
    equal(viewLeaf(key, content, names), given.leaves[name]);
    return [key, given.leaves[name]];
  });
  equal(rootOf(leaves), given.root);
}

/** The top of the tree over some leaves. */
export function rootOf(leaves: readonly Leaf[]): string {
  const buckets = new Map<number, Leaf[]>();
  for (const one of leaves) buckets.set(digest.bucket(one[0]), [...(buckets.get(digest.bucket(one[0])) ?? []), one]);
  return new digest.Trie([...buckets].map(([bucket, these]) => [bucket, digest.bucketDigest(these)])).root();
}

/** The folders that are about documents. */
export const RUNNERS: Record<string, (given: Case, name: string) => void> = {
  changes,
  documents,
  masks,
  records,
  digest: digests,
  views,
};
