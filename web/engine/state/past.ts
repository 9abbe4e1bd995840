// A document as it was: with some changes and all that they stand on, and nothing else; and the way back to it; as
// mesh/state/past.py has it.
//
// What does not count now is not seen in the past either. This module changes nothing: it says what would have to be
// written.
import { Refused } from "../errors.js";
import type { Value } from "../events/kinds.js";
import { ascending, byText, type Hex } from "../names.js";
import { BODY } from "./catalogue.js";
import type { Document } from "./documents.js";
import { type Edit, put, remove } from "./edits.js";
import { NONE } from "./intake.js";
import { splices } from "./rewording.js";

/**
 * What was to be seen: registers, each with the value that was shown, and which of them had several; the text.
 *
 * `changes`: how many changes had been made, the birth included.
 */
export interface Past {
  readonly registers: ReadonlyMap<string, Value>;
  readonly conflicts: readonly string[];
  readonly text: string;
  readonly changes: number;
}

/** A document as it was at these changes, which are in it; without any, as it was born. */
export function at(document: Document, changes: Iterable<Hex>, without = NONE): Past {
  const history = document.history;
  const reach = history.reach([history.first, ...changes]);
  const after = new Set([...without, ...history.difference(history.reach(history.heads), reach)]);
  const view = document.folded().view(new Set([...after, ...document.hidden]));
  const keys = [...view.live.keys()].sort(byText);
  const live = new Map(keys.map((key) => [key, [...view.live.get(key)!].sort(([one], [other]) => ascending(one, other))]));
  const registers = new Map(keys.map((key) => [key, live.get(key)!.at(-1)![1].value]));
  return {
    registers,
    conflicts: keys.filter((key) => new Set(live.get(key)!.map(([, one]) => one.value)).size > 1),
    text: document.body === null ? String(registers.get(BODY) ?? "") : view.text,
    changes: history.size - after.size,
  };
}

/** The edits by which a document is as it was; none where it is. Throws Refused for a register in conflict. */
export function restoring(document: Document, past: Past): readonly Edit[] {
  const now = document.registers();
  const edits: Edit[] = [];
  for (const key of [...new Set([...now.keys(), ...past.registers.keys()])].sort(byText)) {
    const wanted = past.registers.get(key);
    if (now.get(key) === wanted) continue;
    if (document.conflicts().includes(key)) {
      throw new Refused(
        `${key} is in conflict, and this would write over all its values`,
        "Look at the conflicts and settle it first, then restore.",
      );
    }
    edits.push(wanted === undefined ? remove(key) : put(key, wanted));
  }
  return [...edits, ...(document.body === null ? [] : splices(document.text(), past.text))];
}
