// Open conflicts as lists have them: one line of an answer each, for conflicts, notes and the brief.
//
// It tells what stands in a row of the store, and never looks whether that still holds.
import type { Value } from "../../events/kinds.js";
import type * as rows from "../../rows.js";
import { sizeOf } from "../disputes.js";
import type { Engine } from "../engine.js";
import type { Author, ConflictRow } from "../store_port.js";
import { nameOf, toldAuthor } from "../subjects.js";

/** An open conflict, as lists have it. */
export function lineOf(engine: Engine, row: ConflictRow, titles: ReadonlyMap<string, string>): rows.ConflictRow {
  return {
    id: row.name,
    document: row.document.text,
    title: titles.get(row.document.text) ?? null,
    field: row.field,
    kind: row.kind,
    count: row.count,
    since: row.sinceMs,
    devices: row.devices.map((device) => nameOf(engine.replica, device)),
    values: row.sides.map(({ value, characters, author }) => ({ ...valueOf(engine, value, author), characters })),
    ancestor: row.ancestor,
  };
}

/** A value and who wrote it. */
export function valueOf(engine: Engine, value: Value, author: Author | null): rows.SideRow {
  return { value, characters: sizeOf(value), ...(author ? toldAuthor(engine.replica, author) : {}) };
}
