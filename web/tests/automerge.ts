// Automerge made ready as a test has it: its machine code read from the package; and what it makes of a document by
// its own calls alone, for comparing. It decides nothing.
import * as automerge from "@automerge/automerge/slim";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Born, Value } from "../engine/events/kinds.js";
import { byText, type Hex } from "../engine/names.js";
import { ready } from "../engine/state/engine.js";

await ready(readFileSync(fileURLToPath(import.meta.resolve("@automerge/automerge/automerge.wasm"))));

type Plain = Record<string, unknown>;

const plain = (value: unknown) => (automerge.isImmutableString(value) ? value.toString() : value);

/** The first change of a document with a Text, made by the calls that Automerge gives to everybody. */
export function bornInAutomerge({ registers, text }: Born, actor: Hex): automerge.Doc<Plain> {
  return automerge.change(automerge.init<Plain>({ actor }), { time: 0 }, (document) => {
    for (const [key, value] of [...registers].sort(([one], [other]) => byText(one, other))) {
      document[key] = typeof value === "string" ? new automerge.ImmutableString(value) : value;
    }
    document["body"] = "";
    automerge.splice(document as automerge.Doc<Plain>, ["body"], 0, 0, text);
  });
}

/** What Automerge shows: the heads, the text, and all values of each register, the shown one first. */
export interface Shown {
  readonly heads: readonly Hex[];
  readonly text: unknown;
  readonly values: Readonly<Record<string, readonly Value[]>>;
}

/** What Automerge makes of changes on top of a first one. */
export function shownByAutomerge(first: automerge.Doc<Plain>, changes: readonly Uint8Array[]): Shown {
  const [document] = automerge.applyChanges(automerge.clone(first), [...changes]);
  const keys = Object.keys(document).filter((key) => key !== "body");
  const values = keys.map((key) => [key, Object.values(automerge.getConflicts(document, key) ?? { only: document[key] })]);
  const shown = values.map(([key, all]) => [key, (all as unknown[]).map(plain).reverse()]);
  const found = { text: document["body"], values: Object.fromEntries(shown) as Shown["values"] };
  return { heads: automerge.getHeads(document).sort(), ...found };
}
