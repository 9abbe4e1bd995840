// Several notes at one path of a space: which event gave each its path, and the conflict that they are; as
// mesh/node/storage/placings.py has it.
//
// Nothing is kept of such a conflict; the store finds the notes when somebody asks. It renames nothing.
import { CONFLICT_SIDES_KEPT } from "../../limits.js";
import { ascending, type Digest, type DocumentId, hex, type Hex, utf8 } from "../../names.js";
import { nameOf } from "../../state/conflicts.js";
import type { Author, ConflictRow, NoteRow } from "../store_port.js";

const FIELD = "path";

/** How a note came to its path. Where nobody knows who gave it, `author` is null, and the numbers are of who touched it. */
export interface Placing {
  readonly lamport: number;
  readonly event: Hex;
  readonly document: DocumentId;
  readonly by: Digest;
  readonly timeMs: number;
  readonly author: Author | null;
}

/** How a note came to its path. */
export function placingOf({ note: { document }, placed: author, lamport, updatedBy, updatedMs }: NoteRow): Placing {
  if (!author) return { lamport, event: "", document, by: updatedBy, timeMs: updatedMs, author };
  return { lamport: author.lamport, event: author.event, document, by: author.admission, timeMs: author.timeMs, author };
}

/** The order in which notes came to a path. */
export function byPlacing(one: Placing, other: Placing): number {
  return one.lamport - other.lamport || ascending(one.event, other.event) || byDocument(one.document, other.document);
}

function byDocument(one: DocumentId, other: DocumentId): number {
  return ascending(one.space, other.space) || ascending(one.type, other.type) || ascending(one.name, other.name);
}

/** The conflict of notes at one path, of which there are at least two. */
export function conflictAt(notes: readonly NoteRow[]): ConflictRow {
  const found = notes.map(placingOf).sort(byPlacing);
  const [first, second] = [found[0]!, found[1]!];
  const texts = found.map(({ document }) => document.text);
  const members = [...texts.map((text) => hex(utf8(text))), ...found.map(({ event }) => event).filter(Boolean)];
  const sides = found.map(({ document: { text }, author }) => ({ value: text, characters: text.length, author }));
  return {
    name: nameOf(first.document, "path", FIELD, members),
    document: first.document,
    kind: "path",
    field: FIELD,
    sinceMs: second.timeMs,
    lamport: found.at(-1)!.lamport,
    count: found.length,
    devices: [...new Set(found.map(({ by }) => by))],
    sides: sides.slice(0, CONFLICT_SIDES_KEPT),
    ancestor: null,
  };
}
