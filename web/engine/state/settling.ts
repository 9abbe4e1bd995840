// Settling conflicts: which settlements are in effect, and what must be written so that a conflict is settled; as
// mesh/state/settling.py has it.
//
// A settlement is an event; it is in effect unless an event takes it back that is itself not taken back. This module
// holds no document and says nothing: it only tells what somebody would have to say.
import { Misuse, Refused } from "../errors.js";
import type { Carrier, Settled, Value } from "../events/kinds.js";
import { PATH_BYTES_MAX, SETTLED_PRINTS_MAX } from "../limits.js";
import { ascending, type Digest, type Hex, utf8 } from "../names.js";
import { BODY } from "./catalogue.js";
import { decode } from "./changes.js";
import { type Conflict, DELETED, PATH } from "./conflicts.js";
import type { Document } from "./documents.js";
import type { Edit, Splice } from "./edits.js";
import * as notes from "./notes.js";
import type { Pairs } from "./regions.js";
import { splices } from "./rewording.js";
import { checkRegister } from "./shapes.js";
import { Undos } from "./undos.js";
import type { Region, Version } from "./versions.js";

const NAMES_TRIED = 1000; // for a document that gives way
const CONTROLS = /\p{Cc}/gu;

/** The side of that number, from 0; something else than any side, or one in other words; the text as it is shown. */
export type Choice =
  | { readonly choice: "take"; readonly side: number }
  | { readonly choice: "say"; readonly value: Value }
  | { readonly choice: "merge" };

/** The honoured `settled` and `undone` events of one document, in whatever order they came. */
export class Settlements {
  readonly #settled = new Map<Digest, Settled>();
  readonly #naming = new Map<Hex, Set<Digest>>();
  readonly #undos = new Undos();
  readonly #changes = new Map<Digest, Hex>();
  #rivals: Pairs | null = null;

  /** Take in what an event says; of a plain change that is nothing. `change`: its hash, where that is known. */
  add(event: Digest, body: Carrier, change: Hex = ""): void {
    this.#rivals = null;
    if (body.kind === "settled") {
      this.#settled.set(event, body);
      if (change || body.change.length > 0) this.#changes.set(event, change || decode(body.change).hash);
      for (const name of body.prints) this.#naming.set(name, (this.#naming.get(name) ?? new Set()).add(event));
    } else if (body.kind === "undone") {
      this.#undos.add(event, body.event);
    }
  }

  /** Whether nothing takes an event back, or only what is taken back itself. */
  effective(event: Digest): boolean {
    return this.#undos.stands(event);
  }

  /** The event that takes this one back and is in effect; of several the one with the smallest digest. */
  undoneBy(event: Digest): Digest | null {
    return this.#undos.of(event)[0] ?? null;
  }

  /** The settlements in effect that name an overlapping edit. */
  naming(name: Hex): ReadonlySet<Digest> {
    return new Set([...(this.#naming.get(name) ?? [])].filter((event) => this.effective(event)));
  }

  /** The changes by which an overlapping edit was settled, by settlements in effect. */
  choices(name: Hex): ReadonlySet<Hex> {
    const found = [...this.naming(name)].map((event) => this.#changes.get(event));
    return new Set(found.filter((change) => change !== undefined));
  }

  /** The changes by which the same edit was settled more than once, two by two, by settlements in effect. */
  rivals(): Pairs {
    if (this.#rivals === null) {
      const found = new Map<string, readonly [Hex, Hex]>();
      for (const name of this.#naming.keys()) {
        for (const pair of pairs([...this.choices(name)].sort(ascending))) found.set(pair.join(), pair);
      }
      this.#rivals = [...found.keys()].sort(ascending).map((key) => found.get(key)!);
    }
    return this.#rivals;
  }

  /** The settlements of a conflict, in effect or not. */
  of(conflict: Hex): Digest[] {
    const found = [...this.#settled].filter(([, body]) => body.conflict === conflict);
    return found.map(([event]) => event).sort(ascending);
  }
}

/**
 * What must be written so that an open conflict of a document is settled this way; nothing where that is shown.
 *
 * Several documents at one path are settled by moving them (`movedAside`). Throws Misuse, or Refused for a value that
 * the document cannot hold.
 */
export function editsFor(document: Document, conflict: Conflict, choice: Choice): Edit[] {
  const { kind, sides } = conflict;
  const side = choice.choice === "take" ? sides[choice.side] : undefined;
  if (choice.choice === "take" && !side) {
    throw new Misuse(`this conflict has ${sides.length} values, there is no value ${choice.side + 1}`);
  }
  if (kind === "text") return reworded(conflict, choice);
  if (choice.choice === "merge") {
    throw new Misuse("only texts can be merged", "Take one of the values, or give another one.");
  }
  if (kind === "path") throw new Misuse("documents at one path are settled by moving some of them");
  if (kind === "deleted") {
    const gone = choice.choice === "take" ? choice.side === 0 : choice.value;
    if (typeof gone !== "boolean") {
      throw new Misuse("a document is deleted or not, there is nothing in between", "Take one of the values.");
    }
    return [{ edit: "put", key: DELETED, value: gone }];
  }
  if (choice.choice === "take") return [{ edit: "put", key: conflict.field, value: side!.value }];
  return said(document, conflict.field, choice.value);
}

/** A register set to what a person says, checked as any other edit is. */
function said(document: Document, key: string, value: Value): Edit[] {
  if (document.id.type === notes.KIND && typeof value === "string") {
    if (key === "title") return notes.edits(document, { title: value });
    if (key === PATH) return notes.edits(document, { path: value });
    if (key === BODY) return notes.edits(document, { body: value });
  }
  checkRegister(document.id.type, key, value);
  return [{ edit: "put", key, value }];
}

/** The region of a text in other words; what stays keeps its letters, so that others' edits find their place. */
function reworded(conflict: Conflict, choice: Choice): Edit[] {
  const region = conflict.region!;
  if (choice.choice === "merge") return [];
  if (choice.choice === "take") return asHad(region, region.sides[choice.side]!);
  if (typeof choice.value !== "string") throw new Misuse("a text is settled by a text");
  return splices(conflict.merged, choice.value).map((one) => ({ ...one, position: conflict.start + one.position }));
}

/**
 * A region as one side had it: what that does not show is deleted, what others deleted is inserted again.
 *
 * Both are in the order of all letters that ever were, so what they share comes in one order. The last splice first, so
 * that none moves another.
 */
function asHad(region: Region, side: Version): Splice[] {
  const [today, theirs, text] = [region.letters, side.letters, [...side.text]];
  const own = new Set(theirs);
  const shared = new Set(today.filter((letter) => own.has(letter)));
  const found: Splice[] = [];
  let [at, had] = [0, 0];
  for (;;) {
    let [end, until] = [at, had];
    while (end < today.length && !shared.has(today[end]!)) end += 1;
    while (until < theirs.length && !shared.has(theirs[until]!)) until += 1;
    if (end > at || until > had) {
      const inserted = text.slice(had, until).join("");
      found.push({ edit: "splice", position: region.start + at, deleted: end - at, inserted });
    }
    if (end === today.length) return found.reverse();
    [at, had] = [end + 1, until + 1];
  }
}

/** What each of several settlements names, so that any two of these edits are named by one of them. */
export function namedTogether(prints: Iterable<Hex>, most = SETTLED_PRINTS_MAX): Hex[][] {
  const ordered = [...new Set(prints)].sort(ascending);
  if (ordered.length <= most) return [ordered];
  const half = Math.floor(most / 2);
  const blocks: Hex[][] = [];
  for (let start = 0; start < ordered.length; start += half) blocks.push(ordered.slice(start, start + half));
  return pairs(blocks).map(([one, other]) => [...one, ...other].sort(ascending));
}

/** Where a document goes that gives way: `stem (device).extension`, beside what is there. Throws Refused. */
export function movedAside(path: string, device: string, taken: (path: string) => boolean): string {
  const who = device.replaceAll("/", "-").replace(CONTROLS, "");
  const name = path.slice(path.lastIndexOf("/") + 1);
  const folder = path.slice(0, path.length - name.length);
  const point = name.lastIndexOf(".");
  const [stem, extension] = point > 0 ? [name.slice(0, point), name.slice(point)] : [name, ""];
  for (let number = 1; number < NAMES_TRIED; number++) {
    const mark = number === 1 ? ` (${who})` : ` (${who} ${number})`;
    const room = PATH_BYTES_MAX - utf8(`${folder}${mark}${extension}`).length;
    const found = `${folder}${fitting(stem, room)}${mark}${extension}`;
    if (!taken(found) && utf8(found).length <= PATH_BYTES_MAX) return found;
  }
  throw new Refused(`there is no free name beside '${path}'`, "Rename one of the notes by hand.");
}

/** The beginning of a text that takes at most so many bytes. */
function fitting(text: string, bytes: number): string {
  let [found, left] = ["", bytes];
  for (const letter of text) {
    left -= utf8(letter).length;
    if (left < 0) break;
    found += letter;
  }
  return found;
}

/** Any two of these, each pair once, in their order. */
function pairs<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((one, place) => items.slice(place + 1).map((other): [T, T] => [one, other]));
}
