// Documents as they were when somebody began to write, and changes that stand on that; as mesh/node/vaults/versions.py.
//
// What is written so is concurrent with what came since: both count, and where they overlap it is a conflict. This module
// says nothing.
import { Refused } from "../errors.js";
import type { Hex } from "../names.js";
import { branch, knows } from "../state/branching.js";
import type { Document } from "../state/documents.js";
import type { Edit } from "../state/edits.js";
import type { Change } from "../state/operations.js";
import { at, type Past } from "../state/past.js";
import type { Engine } from "./engine.js";
import type { Loaded } from "./gathered.js";

/** A document's latest changes, none where nobody edited it. */
export function headsOf(document: Document): readonly Hex[] {
  return document.heads.length === 1 && document.heads[0] === document.history.first ? [] : document.heads;
}

/** A document as it was after these changes; null: that is how it is. Throws Refused where one is not here. */
export function since(document: Document, version: readonly Hex[]): Past | null {
  if (isNow(document, version)) return null;
  if (knows(document, version)) return at(document, version);
  throw new Refused("this phone does not have the text any more that you began from", "What you wrote is not lost.");
}

function isNow(document: Document, version: readonly Hex[]): boolean {
  return [...version].sort().join() === [...headsOf(document)].sort().join();
}

/** The change that these edits are, made when the document had this version; without one, as it is. */
export function changeOf(
  { shelf, own }: Engine,
  loaded: Loaded,
  edits: readonly Edit[],
  version: readonly Hex[] | null,
): Change {
  const { document } = loaded;
  if (version === null || isNow(document, version)) return document.edit(shelf.actor(loaded, own.admission), edits);
  return branch(document, version, shelf.newActor(own.admission), edits);
}
