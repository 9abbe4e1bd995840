// An edit of a document as it was: what somebody wrote who had not seen what came since; as mesh/state/branching.py.
//
// Such a change stands on what its writer had, and is concurrent with the rest: both count, and where they overlap it is
// a conflict like any other. This module changes no document.
import { Misuse } from "../errors.js";
import { ascending, type Hex } from "../names.js";
import type { Document } from "./documents.js";
import { Draft, type Edit, Letters } from "./edits.js";
import type { Change } from "./operations.js";

const FIRST = 1;

/** Whether all these changes are in a document, so that it can be edited as it was then. */
export function knows(document: Document, heads: Iterable<Hex>): boolean {
  return [...heads].every((head) => document.contains(head));
}

/**
 * The change that these edits are, made when a document had these heads; without any, when it was born.
 *
 * The heads are in the document. `actor` is as for `Document.edit`, and has written nothing yet. Throws Misuse or
 * TooLarge.
 */
export function branch(document: Document, heads: readonly Hex[], actor: Hex, edits: readonly Edit[]): Change {
  const history = document.history;
  const known = heads.length > 0 ? [...heads].sort(ascending) : [history.first];
  if (history.nextSequence(actor) !== FIRST) {
    throw new Misuse("this actor has written already", "Take a new random actor.");
  }
  const later = history.difference(history.reach(history.heads), history.reach(known));
  const view = document.folded().view(new Set([...later, ...document.hidden]));
  const start = 1 + Math.max(...known.map((head) => history.age(head)[0]));
  const letters = new Letters(view.letters.length, (place) => view.letters[place]!);
  const draft = new Draft(start, actor, document.body, letters);
  for (const edit of edits) draft.apply(edit, ({ key }) => view.live.get(key)?.keys() ?? []);
  if (draft.operations.length === 0) throw new Misuse("nothing would change");
  return draft.change(history, known, FIRST);
}
