// The call that searches: notes and records by their words, with the piece of text in which they stand; as
// mesh/node/calls_search.py has it.
//
// It reads the index and what is shown, loads no document, and changes nothing.
import { LIST_MAX, SEARCH_EXCERPT_CHARACTERS } from "../../limits.js";
import type { DocumentId } from "../../names.js";
import type { Calls, FoundRow } from "../../port.js";
import { excerpt } from "../../state/excerpts.js";
import { oneLine } from "../../letters.js";
import { asKept, titleOf } from "../showing.js";
import type { Shown } from "../store_port.js";
import { type Handlers, pageOf, type Phone } from "./phone.js";

const LIST_DEFAULT = 20;

/** The call. */
export const SEARCH: Handlers<"search"> = { search };

/** Notes and records with these words, the best first. */
async function search(phone: Phone, given: Calls["search"][0]): Promise<Calls["search"][1]> {
  const { words } = given;
  if (!oneLine(words)) return { found: [] };
  const { store } = phone.engine;
  const found: FoundRow[] = [];
  for (const document of await store.hits(words, { limit: pageOf(given, LIST_DEFAULT, LIST_MAX) })) {
    const row = await asKept(store, document);
    if (row) found.push(told(document, row, words)); // one that went meanwhile is not told of
  }
  return { found };
}

function told(document: DocumentId, row: Shown, words: string): FoundRow {
  const snippet = excerpt(textOf(row), words, SEARCH_EXCERPT_CHARACTERS);
  return { document: document.text, type: document.type, title: titleOf(row), snippet };
}

function textOf(row: Shown): string {
  return "note" in row ? row.note.body : [row.record.text, ...row.record.words()].filter(Boolean).join("\n");
}
