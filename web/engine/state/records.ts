// Records: documents that are no notes, as lists show them: their registers, their text, and what is in conflict; as
// mesh/state/records.py has it.
//
// A hand-off, a task, a receipt and their like are all kept in this one form; the module of each type reads it with the
// type's own words. This module reads and suggests; it changes no document.
import { Misuse, TooLarge } from "../errors.js";
import { encodeBody } from "../events/bodies.js";
import type { Born, Value } from "../events/kinds.js";
import { oneLine } from "../letters.js";
import { BODY_PLAIN_BYTES_MAX, JSON_DEPTH_MAX, LIST_REGISTER_BYTES_MAX } from "../limits.js";
import { byText, type DocumentId, utf8 } from "../names.js";
import { BODY, SHAPES, TAG } from "./catalogue.js";
import type { Document } from "./documents.js";
import type { Edit } from "./edits.js";
import { KIND as NOTE } from "./notes.js";
import { splices } from "./rewording.js";
import { checkBirth, checkRegister } from "./shapes.js";

/** The types of records. */
export const TYPES: readonly string[] = [...SHAPES.keys()].filter((kind) => kind !== NOTE).sort();

export const [TITLE, PROJECT, STATE, DELETED] = ["title", "project", "state", "deleted"] as const;

/** Registers that shall be written; null takes one away, or leaves it out of a birth, as an empty text does. */
export type Registers = { readonly [key: string]: Value };

/** What stands in a register that is JSON. */
export type Json = Value | readonly Json[] | JsonMap;

/** A map of it. */
export type JsonMap = { readonly [key: string]: Json };

const UNSEARCHED = ["ack/", "chunks", "claim/", "end/", "got/"]; // how registers begin that nobody looks for
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;
const LONG_NUMBER = /^-?\d{16,}$/;
const CONTROL = /[\0-\x1f]/;

/** A record as people see it: of each register the value that is shown. `conflicts` names what is in conflict. */
export class Record {
  constructor(
    readonly document: DocumentId,
    readonly registers: ReadonlyMap<string, Value>,
    readonly text: string,
    readonly conflicts: readonly string[] = [],
  ) {}

  /** Its type. */
  get kind(): string {
    return this.document.type;
  }

  /** Whether it was put away. */
  get deleted(): boolean {
    return this.registers.get(DELETED) === true;
  }

  /** Its tags. */
  get tags(): string[] {
    return [...this.under(TAG).keys()];
  }

  /** A register that holds text; empty where it is missing or holds something else. */
  word(key: string): string {
    const value = this.registers.get(key);
    return typeof value === "string" ? value : "";
  }

  /** A register that holds a whole number. */
  number(key: string, otherwise = 0): number {
    const value = this.registers.get(key);
    return typeof value === "number" ? value : otherwise;
  }

  /** A register that holds JSON; null where it is missing or cannot be read. */
  said(key: string): Json {
    return read(this.word(key));
  }

  /** A register that holds a list of texts; what is no text is left out. */
  listed(key: string): string[] {
    return textsOf(this.said(key));
  }

  /** A register that holds a list of maps; what is no map is left out. */
  maps(key: string): JsonMap[] {
    const found = this.said(key);
    return isList(found) ? found.filter(isMap) : [];
  }

  /** The registers under a prefix, without it, by name. */
  under(prefix: string): Map<string, Value> {
    const keys = [...this.registers.keys()].filter((key) => key.startsWith(prefix));
    return new Map(keys.sort(byText).map((key) => [key.slice(prefix.length), this.registers.get(key)!]));
  }

  /** The registers under a prefix that hold a JSON map. */
  saids(prefix: string): Map<string, JsonMap> {
    const found = new Map<string, JsonMap>();
    for (const [name, value] of this.under(prefix)) {
      const map = typeof value === "string" ? read(value) : null;
      if (isMap(map)) found.set(name, map);
    }
    return found;
  }

  /** What it is found by, beside its title and its text: the texts in its registers, and its tags. */
  words(): string[] {
    const found = this.tags;
    for (const key of [...this.registers.keys()].sort(byText)) {
      const value = this.registers.get(key);
      if (typeof value !== "string" || key === TITLE || UNSEARCHED.some((begun) => key.startsWith(begun))) continue;
      const json = value.startsWith("[") || value.startsWith("{") ? read(value) : null;
      found.push(...(json === null ? [value] : allTexts(json)));
    }
    return found;
  }
}

/** Whether something that was JSON is a map. */
export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !isList(value);
}

/** Whether something that was JSON is a list. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Whether something that was JSON is a whole number that every device can hold. */
export function isWhole(value: Json | undefined): value is number {
  return Number.isSafeInteger(value);
}

/** The texts of a list that was JSON; none where it is no list. */
export function textsOf(value: Json | undefined): string[] {
  return isList(value) ? value.filter((one) => typeof one === "string") : [];
}

/** The texts in something that was JSON. */
function allTexts(value: Json): string[] {
  if (typeof value === "string") return [value];
  if (isList(value)) return value.flatMap(allTexts);
  return isMap(value) ? Object.values(value).flatMap(allTexts) : [];
}

/**
 * The birth of a record; registers without a value (null, an empty text) are left out.
 *
 * The salt is random, and empty where equal births on two devices are one thing. Throws Misuse or TooLarge.
 */
export function birth(kind: string, registers: Registers, text = "", salt: Uint8Array = new Uint8Array(0)): Born {
  const kept = Object.entries(registers).filter(([, value]) => value !== null && value !== "");
  const born: Born = { kind: "born", registers: new Map(kept.sort(([a], [b]) => byText(a, b))), text, salt };
  checkBirth(kind, born);
  if (encodeBody(born).length > BODY_PLAIN_BYTES_MAX) {
    const most = BODY_PLAIN_BYTES_MAX.toLocaleString("en-US");
    throw new TooLarge(`a ${kind} has at most ${most} bytes`, "Say it in fewer words.");
  }
  return born;
}

/** A record as it was born, without Automerge. */
export function view(document: DocumentId, born: Born): Record {
  return new Record(document, born.registers, born.text);
}

/** A record as it is, with what is in conflict in it (conflicts.ts). */
export function viewOf(document: Document, conflicts: readonly string[] = []): Record {
  const registers = [...document.registers()].filter(([key]) => key !== BODY);
  return new Record(document.id, new Map(registers), document.text(), conflicts);
}

/**
 * What must be done to a record so that these registers are as given; null removes one. Empty: nothing to do.
 *
 * Throws Malformed or TooLarge when the type has no such register.
 */
export function edits(document: Document, registers: Registers, text: string | null = null): Edit[] {
  const out: Edit[] = [];
  for (const [key, value] of Object.entries(registers).sort(([a], [b]) => byText(a, b))) {
    const live = document.live(key).map((found) => found.value);
    if (value === null) {
      if (live.length > 0) out.push({ edit: "delete", key });
    } else if (live.length !== 1 || live[0] !== value) {
      checkRegister(document.id.type, key, value);
      out.push({ edit: "put", key, value });
    }
  }
  if (text !== null && text !== document.text()) {
    if (document.body === null) out.push({ edit: "put", key: BODY, value: text });
    else out.push(...splices(document.text(), text));
  }
  return out;
}

/** JSON for a register: in one form, so that what is equal is one value. Throws TooLarge. */
export function said(value: Json): string {
  const text = written(value);
  if (utf8(text).length > LIST_REGISTER_BYTES_MAX) {
    const most = LIST_REGISTER_BYTES_MAX.toLocaleString("en-US");
    throw new TooLarge(`a list has at most ${most} bytes`, "Say it in fewer words.");
  }
  return text;
}

function written(value: Json): string {
  if (isList(value)) return `[${value.map(written).join(",")}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort(byText);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${written(value[key]!)}`).join(",")}}`;
}

/** A list of texts for a register; empty where there is none, so that the register is left out. */
export function listing(texts: readonly string[]): string {
  const found = texts.filter((text) => oneLine(text) !== "");
  return found.length > 0 ? said(found) : "";
}

/** JSON out of a register, which anybody may have written; null when it is none. */
export function read(text: string): Json {
  if (!text) return null;
  try {
    const found = JSON.parse(text) as Json;
    return isFlat(found, JSON_DEPTH_MAX) ? found : null;
  } catch {
    return null;
  }
}

/** The same for people: numbers that a browser would round are texts of their digits. */
export function exactly(text: string): Json {
  const kept = (token: string) => (LONG_NUMBER.test(token) && !isWhole(Number(token)) ? `"${token}"` : token);
  return read(text.replace(TOKENS, kept));
}

/** Whether lists and maps stand in each other no deeper than so often. */
function isFlat(value: Json, most: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return most > 0 && Object.values(value).every((one) => isFlat(one, most - 1));
}

/** One line of text, without blanks around it. Throws Misuse. */
export function mustBeLine(text: string, what: string): string {
  const line = oneLine(text);
  if (!line || CONTROL.test(line)) throw new Misuse(`a ${what} is one line of text`, "Give it a few words.");
  return line;
}
