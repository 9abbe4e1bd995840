// Notes: a title, a text, tags, and where an imported one came from; as mesh/state/notes.py has it.
//
// A note that nobody edited is read from its birth alone. This module reads and suggests; it changes no document.
import { Misuse, TooLarge } from "../errors.js";
import { encodeBody } from "../events/bodies.js";
import type { Born, Value } from "../events/kinds.js";
import { hasHalfLetter, stripped } from "../letters.js";
import { BODY_PLAIN_BYTES_MAX, PATH_BYTES_MAX, TAG_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX } from "../limits.js";
import { byText, type DocumentId, utf8 } from "../names.js";
import { BODY, TAG } from "./catalogue.js";
import type { Document } from "./documents.js";
import type { Edit } from "./edits.js";
import type { Past } from "./past.js";
import { splices } from "./rewording.js";

/** The document type of notes. */
export const KIND = "note";

const [TITLE, PATH, DELETED] = ["title", "path", "deleted"] as const;
const CONTROL = /\p{Cc}/u;

/** A note as people see it. `conflicts` names what is in conflict: registers, `body` for the text, `deleted`. */
export interface Note {
  readonly document: DocumentId;
  readonly title: string;
  readonly body: string;
  readonly tags: readonly string[];
  readonly path: string | null;
  readonly deleted: boolean;
  readonly conflicts: readonly string[];
}

/** What a note shall be; what is not given stays as it is, and an empty path removes it. */
export interface Wanted {
  readonly title?: string | undefined;
  readonly body?: string | undefined;
  readonly addTags?: readonly string[] | undefined;
  readonly removeTags?: readonly string[] | undefined;
  readonly path?: string | undefined;
  readonly deleted?: boolean | undefined;
}

/**
 * The birth of a note. Throws Misuse or TooLarge.
 *
 * The salt is random; it is empty for an imported note, so that equal path and text imported on two devices become one
 * document.
 */
export function birth(title: string, body: string, tags: readonly string[], path: string | null, salt: Uint8Array): Born {
  const registers = new Map<string, Value>([[TITLE, lineOf(title, "title", TITLE_BYTES_MAX)]]);
  if (path) registers.set(PATH, lineOf(path, "path", PATH_BYTES_MAX));
  const names = new Set(tags.map(tagOf));
  countTags(names);
  for (const tag of [...names].sort(byText)) registers.set(TAG + tag, true);
  const born: Born = { kind: "born", registers, text: textOf(body, "text", BODY_PLAIN_BYTES_MAX), salt };
  if (encodeBody(born).length > BODY_PLAIN_BYTES_MAX) throw tooLarge("note", BODY_PLAIN_BYTES_MAX);
  return born;
}

/** A note as it was born, without Automerge. */
export function view(document: DocumentId, born: Born): Note {
  return asShown(document, born.registers, born.text);
}

/** A note as it is, with what is in conflict in it (conflicts.ts). */
export function viewOf(document: Document, conflicts: readonly string[] = []): Note {
  return asShown(document.id, document.registers(), document.text(), conflicts);
}

/** What an edit is compared with: a note as it is, or as it was. */
export type Shown = Pick<Document, "body" | "live" | "registers" | "text">;

/** A note as it was. Of a register that was in conflict it has the value that was shown. */
export function asPast(document: Document, { registers, text }: Past): Shown {
  const live = (key: string) => (registers.has(key) ? [{ value: registers.get(key)!, change: "" }] : []);
  return { body: document.body, live, registers: () => new Map(registers), text: () => text };
}

/**
 * What must be done to a note so that it is as given.
 *
 * A register that is in conflict is written even when the shown value is the wanted one: that settles it. Empty when
 * nothing would change. Throws Misuse or TooLarge.
 */
export function edits(document: Shown, wanted: Wanted): Edit[] {
  const { title, body, path, deleted, addTags = [], removeTags = [] } = wanted;
  const out: Edit[] = [];
  if (title !== undefined) out.push(...set(document, TITLE, lineOf(title, "title", TITLE_BYTES_MAX)));
  if (path) out.push(...set(document, PATH, lineOf(path, "path", PATH_BYTES_MAX)));
  else if (path !== undefined && document.live(PATH).length > 0) out.push({ edit: "delete", key: PATH });
  if (deleted !== undefined && (deleted || document.live(DELETED).length > 0)) out.push(...set(document, DELETED, deleted));
  out.push(...retagged(document, new Set(addTags.map(tagOf)), new Set(removeTags.map(tagOf))));
  if (body !== undefined) out.push(...reworded(document, textOf(body, "text", BODY_PLAIN_BYTES_MAX)));
  return out;
}

/** A note of these registers and this text. */
export function asShown(
  document: DocumentId,
  registers: ReadonlyMap<string, Value>,
  body: string,
  conflicts: readonly string[] = [],
): Note {
  const path = registers.get(PATH);
  const tags = [...registers.keys()].filter((key) => key.startsWith(TAG)).map((key) => key.slice(TAG.length));
  return {
    document,
    title: String(registers.get(TITLE) || ""),
    body,
    tags: tags.sort(byText),
    path: typeof path === "string" ? path : null,
    deleted: registers.get(DELETED) === true,
    conflicts,
  };
}

function set(document: Shown, key: string, value: Value): Edit[] {
  const live = document.live(key);
  return live.length === 1 && live[0]!.value === value ? [] : [{ edit: "put", key, value }];
}

function retagged(document: Shown, add: ReadonlySet<string>, remove: ReadonlySet<string>): Edit[] {
  const both = [...add].filter((tag) => remove.has(tag)).sort(byText)[0];
  if (both !== undefined) throw new Misuse(`the tag '${both}' is both added and removed`);
  const keys = [...document.registers().keys()].filter((key) => key.startsWith(TAG));
  const held = new Set(keys.map((key) => key.slice(TAG.length)));
  countTags(new Set([...held, ...add].filter((tag) => !remove.has(tag))));
  const fresh = [...add].filter((tag) => !held.has(tag)).sort(byText);
  const gone = [...remove].filter((tag) => held.has(tag)).sort(byText);
  const puts = fresh.map((tag): Edit => ({ edit: "put", key: TAG + tag, value: true }));
  return [...puts, ...gone.map((tag): Edit => ({ edit: "delete", key: TAG + tag }))];
}

function reworded(document: Shown, body: string): Edit[] {
  return document.body === null ? set(document, BODY, body) : splices(document.text(), body);
}

function countTags(tags: ReadonlySet<string>): void {
  if (tags.size <= TAGS_MAX) return;
  throw new TooLarge(`a note has at most ${TAGS_MAX} tags`, "Remove some tags first. Nothing was changed.");
}

/** A tag in one spelling: what looks the same is the same tag. */
function tagOf(tag: string): string {
  const name = stripped(lineOf(tag, "tag", TAG_BYTES_MAX).normalize("NFC"));
  if (!name) throw new Misuse("a tag is empty");
  return lineOf(name, "tag", TAG_BYTES_MAX);
}

function lineOf(text: string, what: string, bytesMax: number): string {
  if (CONTROL.test(text)) {
    throw new Misuse(`a ${what} is one line without control characters`, "Leave out line breaks and tabs.");
  }
  return textOf(text, what, bytesMax);
}

function textOf(text: string, what: string, bytesMax: number): string {
  if (hasHalfLetter(text)) throw new Misuse(`the ${what} has half a character in it`, "It was probably cut, or is no text.");
  if (text.includes("\0")) throw new Misuse(`the ${what} has a NUL in it`, "It is probably no text; send it as a file.");
  if (utf8(text).length > bytesMax) throw tooLarge(what, bytesMax);
  return text;
}

function tooLarge(what: string, bytesMax: number): TooLarge {
  return new TooLarge(`a ${what} has at most ${bytesMax.toLocaleString("en-US")} bytes`, "Split it, or send it as a file.");
}
