// What a change did to the text, place by place, in the letters that its writer saw; and whether two such places meet;
// as mesh/state/footprints.py has it.
//
// A footprint follows from a change and from what it stands on, and from nothing else: not from what is void, not from
// what came later, not from the order of arrival. So it has one name on every device. This module knows no Automerge
// and does not ask whether two changes knew of each other (overlaps.ts).
import { sha256 } from "@noble/hashes/sha2.js";
import { CONFLICT_NAME_BYTES } from "../limits.js";
import { type DocumentId, type Hex, hex, unhex, utf8 } from "../names.js";
import type { History } from "./history.js";
import type { Moments } from "./moments.js";
import type { OperationId } from "./operations.js";

const NAME = utf8("mesh/print/1");

/**
 * Between two letters that stayed, those that a change took out, and those that it put there.
 *
 * `left` and `right` are the nearest letters that its writer saw and left alone, null at the start and at the end of
 * the text. At least one letter was deleted or inserted.
 */
export interface Footprint {
  readonly change: Hex;
  readonly left: OperationId | null;
  readonly right: OperationId | null;
  readonly deleted: ReadonlySet<OperationId>;
  readonly inserted: readonly OperationId[];
}

/** The name of a footprint: a change has only one to the right of any letter. */
export function printName(document: DocumentId, footprint: Footprint): Hex {
  return named(NAME, [utf8(document.text), unhex(footprint.change), unhex(footprint.left ?? "")]);
}

/** The beginning of a hash over parts, each with its length before it. */
export function named(domain: Uint8Array, parts: Iterable<Uint8Array>): Hex {
  const digest = sha256.create().update(domain);
  for (const part of parts) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, part.length);
    digest.update(length).update(part);
  }
  return hex(digest.digest().slice(0, CONFLICT_NAME_BYTES));
}

/** The footprints of these changes, made after the start of the moments, of which nothing may be void there. */
export function* footprints(moments: Moments, history: History, changes: Iterable<Hex>): Generator<Footprint> {
  for (const change of changes) {
    moments.go(history.reach([change]));
    const [inserted, deleted] = moments.effect(change).map((places) => new Set(places)) as [Set<number>, Set<number>];
    yield* moments.hidden(inserted, () => placesOf(moments, change, inserted, deleted));
  }
}

/** The places that a change touched, while what it inserted is not shown. */
function placesOf(moments: Moments, change: Hex, inserted: Set<number>, deleted: Set<number>): Footprint[] {
  const touched = [...new Set([...inserted, ...deleted])].sort((one, other) => one - other);
  const found: Footprint[] = [];
  let next = 0;
  while (next < touched.length) {
    const [left, right] = [moments.before(touched[next]!), moments.after(touched[next]!)];
    const here: number[] = [];
    while (next < touched.length && touched[next]! < right) here.push(touched[next++]!);
    const names = (places: ReadonlySet<number>) => here.filter((place) => places.has(place)).map((at) => moments.names[at]!);
    found.push({
      change,
      left: moments.names[left] ?? null,
      right: moments.names[right] ?? null,
      deleted: new Set(names(deleted)),
      inserted: names(inserted),
    });
  }
  return found;
}
