// What notes and records are found by: their words, folded so that case and accents do not matter.
//
// A word that is looked for must begin a word of the title or of the rest. The texts lie beside the rows, so that a search
// reads nothing else; they are looked through, for an index of words would cost more at each edit than it gives. Nothing
// in what a person types is syntax.
import { SEARCH_CHARACTERS_MAX, SEARCH_WORDS_MAX } from "../../limits.js";
import { PROJECT, TITLE } from "../../state/records.js";
import { isDeleted, named } from "../showing.js";
import type { DocumentText, Shown } from "../store_port.js";
import type { Reading } from "./connection.js";
import { type Place, placeOf } from "./stored.js";

const PAGE = 500; // texts that are looked through at a time

/** What a note or record is found by, as it is kept; each word has a blank before it, and the last one behind it. */
export interface Words {
  readonly document: DocumentText;
  readonly type: string;
  readonly project: string;
  readonly deleted: boolean;
  readonly place: Place;
  readonly title: string;
  /** All words, those of the title included. */
  readonly all: string;
}

/** The words of a text as they are searched for. */
export function wordsOf(text: string): string[] {
  const folded = text.toUpperCase().toLowerCase().replaceAll("ς", "σ"); // as near to case folding as a browser comes
  return folded.normalize("NFKD").replace(/\p{Mn}/gu, "").match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** The words that are searched for. */
export function wantedIn(search: string): string[] {
  return wordsOf([...search].slice(0, SEARCH_CHARACTERS_MAX).join("")).slice(0, SEARCH_WORDS_MAX);
}

/** What a row is found by. */
export function wordsFor(row: Shown): Words {
  const document = named(row);
  const isNote = "note" in row;
  const title = isNote ? row.note.title : row.record.word(TITLE);
  const rest = isNote ? [row.note.body, ...row.note.tags] : [row.record.text, ...row.record.words()];
  return {
    document: document.text,
    type: document.type,
    project: isNote ? "" : row.record.word(PROJECT),
    deleted: isDeleted(row),
    place: placeOf(row),
    title: spaced(title),
    all: spaced([title, ...rest].join(" ")),
  };
}

function spaced(text: string): string {
  return ` ${[...new Set(wordsOf(text))].join(" ")} `;
}

/** Whether each of these begins a word. */
export function matches({ all }: Words, wanted: readonly string[]): boolean {
  return wanted.length > 0 && wanted.every((word) => all.includes(` ${word}`));
}

/** How good a match is, 0 the best: by words in the title, whole ones first; then anywhere. */
export function worth({ title, all }: Words, wanted: readonly string[]): number {
  const whole = (text: string) => wanted.every((word) => text.includes(` ${word} `));
  if (whole(title)) return 0;
  if (wanted.every((word) => title.includes(` ${word}`))) return 1;
  return whole(all) ? 2 : 3;
}

/** Everything that fits, looked through page by page. */
export async function lookThrough(tx: Reading, fits: (words: Words) => boolean): Promise<Words[]> {
  const found: Words[] = [];
  for (let range: IDBKeyRange | null = null; ; ) {
    const page: Words[] = await tx.all<Words>("words", range, PAGE);
    found.push(...page.filter(fits));
    const last = page.at(-1);
    if (!last || page.length < PAGE) return found;
    range = IDBKeyRange.lowerBound(last.document, true);
  }
}
