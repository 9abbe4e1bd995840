// Warming up: a note that nobody sees is made, edited, kept and let go, so that the first edit of the person does not wait
// for a browser that compiles machine code when it is called.
//
// Nothing of it is kept or told, and nothing depends on it.
import { documentOf } from "../events/bodies.js";
import { SALT_BYTES } from "../limits.js";
import { Document } from "../state/documents.js";
import { ACTOR_BYTES } from "../state/operations.js";
import * as notes from "../state/notes.js";
import { SPACE } from "./keeping.js";

/** Do once what a first edit does. Automerge must be ready. */
export function warm(): void {
  const born = notes.birth("Warm", "Some words.", [], null, new Uint8Array(SALT_BYTES));
  const note = Document.born(documentOf(SPACE, notes.KIND, born), born);
  note.take([note.edit("00".repeat(ACTOR_BYTES), notes.edits(note, { title: "Warmer", body: "Some more words." }))]);
  note.text();
  Document.load(note.save()).free();
  note.free();
}
