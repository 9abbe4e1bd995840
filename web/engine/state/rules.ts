// What settles itself: overlapping edits of a text of which one can go without a letter being lost; as
// mesh/state/rules.py has it.
//
// A rule looks at the edits and at what is left of them, and gives the same answer on every device. It says nothing by
// itself, and nothing twice: what a person took back is left to people.
import { SETTLED_PRINTS_MAX } from "../limits.js";
import { ascending, type Hex } from "../names.js";
import type { Conflict } from "./conflicts.js";
import type { Edit } from "./edits.js";
import type { Footprint } from "./footprints.js";
import type { OperationId } from "./operations.js";
import type { Settlements } from "./settling.js";
import type { Region } from "./versions.js";

/** `equal`: the same words instead of the same words, one copy stays. `prefix`: at the end, the longer ones stay. */
export const [EQUAL, PREFIX] = ["equal", "prefix"] as const;

/** How a conflict settles itself: by which rule, what is to be written, and the changes of which something goes. */
export interface Ruling {
  readonly rule: typeof EQUAL | typeof PREFIX;
  readonly conflict: Conflict;
  readonly edits: readonly Edit[];
  readonly losers: ReadonlySet<Hex>;
}

/** How an open conflict settles itself, null where only people can do it. */
export function ruling(conflict: Conflict, settlements: Settlements): Ruling | null {
  const { region } = conflict;
  if (!region || settlements.of(conflict.name).length > 0) return null;
  const edits = region.footprints;
  if (edits.length > SETTLED_PRINTS_MAX || new Set(edits.map(placeOf)).size > 1) return null;
  const texts = textsOf(edits, region);
  const longest = Math.max(...texts.map((text) => [...(text ?? "")].length));
  const those = edits.filter((_, number) => [...(texts[number] ?? "")].length === longest);
  const kept = those.reduce((first, one) => (ascending(one.change, first.change) < 0 ? one : first));
  const words = texts[edits.indexOf(kept)];
  if (!words || !texts.every((text) => text && words.startsWith(text))) return null;
  const equal = texts.every((text) => text === words);
  if (!equal && (kept.right !== null || kept.deleted.size > 0)) return null;
  const gone = edits.filter((one) => one !== kept);
  const strike: Edit = { edit: "strike", letters: gone.flatMap((one) => one.inserted) };
  const losers = new Set(gone.map((one) => one.change));
  return { rule: equal ? EQUAL : PREFIX, conflict, edits: [strike], losers };
}

/** Where an edit was made, and what it took out: what edits must have in common. */
function placeOf({ deleted, left, right }: Footprint): string {
  return JSON.stringify([left, right, [...deleted].sort(ascending)]);
}

/** What each edit put into the text, as far as that is still there whole. */
function textsOf(edits: readonly Footprint[], region: Region): (string | null)[] {
  const places = new Map(region.letters.map((letter, place) => [letter, place]));
  const inserted = new Set(edits.flatMap((one) => one.inserted));
  const merged = [...region.merged];
  return edits.map((one) => wholeOf(one, places, region, inserted, merged));
}

/**
 * What an edit put into the text, if all of it is still there and nobody else wrote or deleted inside.
 *
 * Letters that several bring back at once stand among each other, each where it was.
 */
function wholeOf(
  { inserted }: Footprint,
  places: ReadonlyMap<OperationId, number>,
  region: Region,
  own: ReadonlySet<OperationId>,
  merged: readonly string[],
): string | null {
  const found = inserted.map((letter) => places.get(letter) ?? -1);
  if (found.length === 0 || found.some((place) => place < 0)) return null;
  const between = region.letters.slice(found[0]!, found.at(-1)! + 1);
  return between.every((letter) => own.has(letter)) ? found.map((place) => merged[place]).join("") : null;
}
