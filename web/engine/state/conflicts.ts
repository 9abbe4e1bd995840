// Conflicts of one document: where people or agents disagreed without knowing of each other; as mesh/state/conflicts.py
// has it.
//
// A conflict is a fact of the log: it follows from the honoured events of its document alone, and its name is the same
// on every device that holds them. This module finds and settles nothing by itself that could lose a value, and it
// knows nothing of two documents at one path (the store finds these).
import type { Value } from "../events/kinds.js";
import { lettersIn } from "../letters.js";
import { WORD_SHOWN_CHARACTERS } from "../limits.js";
import { ascending, byText, type DocumentId, type Hex, unhex, utf8 } from "../names.js";
import { BODY, NOTICES } from "./catalogue.js";
import type { Document } from "./documents.js";
import { named } from "./footprints.js";
import type { Live } from "./history.js";
import type { Change, OperationId } from "./operations.js";
import { byAge } from "./reaches.js";
import type { Settlements } from "./settling.js";
import type { Region } from "./versions.js";

/** The register that says whether a document is deleted. */
export const DELETED = "deleted";

/** The register that says where an imported document came from. */
export const PATH = "path";

const NAME = utf8("mesh/conflict/1");
const FIRST_WORD = /^[\p{L}\p{N}_]+/u;
const LAST_WORD = /[\p{L}\p{N}_]+$/u;

/**
 * What sort of disagreement it is: different values of one register; the same, of the path: one rename to two places;
 * edits of one region of a text that overlap; deleted there, edited here; several documents at one path.
 */
export const KINDS = ["register", "renamed", "text", "deleted", "path"] as const;
export type Kind = (typeof KINDS)[number];

/**
 * One of the values that live side by side, and the change of the document that wrote it.
 *
 * Of a text it is the region as that side had it, and its change is the last one that made it so. Of a deletion it is
 * `deleted` or `edited`, and the change is the deletion, or the newest edit beside it.
 */
export interface Side {
  readonly value: Value;
  readonly change: Hex;
}

/**
 * One open conflict. `sides` are in an order that is the same everywhere, the shown one first for registers.
 *
 * `ancestor` is what both sides began with, null where there was nothing. `words`: what stands in the text right before
 * and after the region, where that would cut a word; it is in all values.
 */
export class Conflict {
  constructor(
    readonly name: Hex,
    readonly kind: Kind,
    readonly field: string,
    readonly sides: readonly Side[],
    readonly ancestor: Value,
    readonly region: Region | null = null,
    readonly words: readonly [string, string] = ["", ""],
  ) {}

  /** The names of the edits of a text that overlap; empty for other conflicts. */
  get prints(): readonly Hex[] {
    return this.region?.prints ?? [];
  }

  /** Where in the shown text the region begins, in letters. */
  get start(): number {
    return this.region ? this.region.start - lettersIn(this.words[0]) : 0;
  }

  /** How many letters of the shown text are in the region. */
  get length(): number {
    return this.region ? this.region.length + lettersIn(this.words[0]) + lettersIn(this.words[1]) : 0;
  }

  /** What the shown text has there. */
  get merged(): string {
    return this.region ? between(this.words, this.region.merged) : "";
  }
}

/** The name of a conflict, from what lives side by side in it: operations, edits or documents, as bytes in hex. */
export function nameOf(document: DocumentId, kind: Kind, field: string, members: Iterable<Hex>): Hex {
  const parts = [...new Set(members)].sort(ascending).map(unhex);
  return named(NAME, [utf8(document.text), utf8(kind), utf8(field), ...parts]);
}

/** The open conflicts of a document: of its registers, of its text from beginning to end, delete against edit. */
export function conflictsOf(document: Document, settlements: Settlements): readonly Conflict[] {
  const registers = document.conflicts().map((key) => registerOf(document, key, document.liveOperations(key)));
  const regions = document.regions(settlements);
  const text = regions.length > 0 ? [...document.text()] : [];
  const deleted = deletedBeside(document);
  return [...registers, ...regions.map((region) => textOf(document, text, region)), ...(deleted ? [deleted] : [])];
}

/** The conflicts of registers that this change of a document ended: of what it replaced several were different. */
export function replacedBy(document: Document, settlement: Change): readonly Conflict[] {
  return settlement.operations.flatMap((operation) => {
    if (operation.object !== null || operation.key === null) return [];
    const writes = new Map(document.folded().writes(operation.key).map((write) => [write.id, write]));
    const live = new Map<OperationId, Live>();
    for (const name of operation.before) {
      const write = writes.get(name);
      if (write) live.set(name, { value: write.value, change: write.change });
    }
    const different = new Set([...live.values()].map(({ value }) => valueKey(value)));
    return different.size > 1 ? [registerOf(document, operation.key, live)] : [];
  });
}

/** What is in conflict in a document: registers, `body` for its text, `deleted`; each once. */
export function fields(conflicts: Iterable<Conflict>): string[] {
  return [...new Set([...conflicts].map((conflict) => conflict.field))].sort(byText);
}

/** What tells values apart: a number is no truth value, and no text. */
export function valueKey(value: Value): string {
  return `${typeof value} ${value}`;
}

/** Different values of one register. Equal ones are one side, by the greatest of their operations. */
function registerOf(document: Document, key: string, live: ReadonlyMap<OperationId, Live>): Conflict {
  const sides = new Map<string, Side>();
  for (const operation of [...live.keys()].sort(ascending).reverse()) {
    const { value, change } = live.get(operation)!;
    if (!sides.has(valueKey(value))) sides.set(valueKey(value), { value, change });
  }
  const kind = key === PATH ? "renamed" : "register";
  const before = document.folded().parted(key, live.keys(), document.hidden);
  const name = nameOf(document.id, kind, key, live.keys());
  return new Conflict(name, kind, key, [...sides.values()], before.length === 1 ? before[0]! : null);
}

/** Edits of one region of the text that overlap. */
function textOf(document: Document, text: readonly string[], region: Region): Conflict {
  const words = wordsBeside(text, region);
  const sides = region.sides.map((side) => ({ value: between(words, side.text), change: side.change }));
  const name = nameOf(document.id, "text", BODY, region.prints);
  return new Conflict(name, "text", BODY, sides, between(words, region.ancestor), region, words);
}

/** What completes the words that a region cuts: people read words, and edits are of letters. */
function wordsBeside(text: readonly string[], region: Region): [string, string] {
  const texts = [region.ancestor, region.merged, ...region.sides.map((side) => side.text)];
  const end = region.start + region.length;
  const before = text.slice(Math.max(region.start - WORD_SHOWN_CHARACTERS, 0), region.start).join("");
  const after = text.slice(end, end + WORD_SHOWN_CHARACTERS).join("");
  const cut = [texts.some((each) => FIRST_WORD.test(each)), texts.some((each) => LAST_WORD.test(each))];
  return [cut[0] ? (LAST_WORD.exec(before)?.[0] ?? "") : "", cut[1] ? (FIRST_WORD.exec(after)?.[0] ?? "") : ""];
}

/** Deletions that live, and edits beside them: their writers did not know of each other. Notices are no edits. */
function deletedBeside(document: Document): Conflict | null {
  const [live, history] = [document.liveOperations(DELETED), document.history];
  if (live.size === 0 || [...live.values()].some(({ value }) => value !== true)) {
    return null; // where some say so and some do not, that is a conflict of the register
  }
  const gone = [...new Set([...live.values()].map(({ change }) => change))];
  const later = history.difference(history.reach(history.heads), history.reach(gone));
  const beyond = [...later].filter((change) => !document.hidden.has(change));
  const unaware = beyond.filter((change) => !gone.some((deletion) => history.standsOn(change, deletion)));
  const found = unaware.length > 0 ? document.folded().beside(DELETED, new Set(unaware), NOTICES) : new Set<Hex>();
  const newest = [...found].sort((one, other) => byAge(history.age(one), history.age(other))).at(-1);
  if (newest === undefined) return null;
  const last = [...live.keys()].sort(ascending).at(-1)!;
  const sides = [
    { value: "deleted", change: live.get(last)!.change },
    { value: "edited", change: newest },
  ];
  const name = nameOf(document.id, "deleted", DELETED, [...live.keys(), ...found]);
  return new Conflict(name, "deleted", DELETED, sides, null);
}

function between([before, after]: readonly [string, string], text: string): string {
  return before + text + after;
}
