// What an event does to its document, in one line: said from the event alone, without the document; as
// mesh/state/summaries.py has it.
//
// Values in it are foreign text: whoever shows a summary makes it safe. This module keeps nothing.
import type { Born, Carrier, Value } from "../events/kinds.js";
import { beginning, lettersIn, oneLine } from "../letters.js";
import { SUMMARY_CHARACTERS_MAX, SUMMARY_PARTS_MAX, SUMMARY_VALUE_CHARACTERS } from "../limits.js";
import { BODY, TAG } from "./catalogue.js";
import { Action, actorOf, type Change, counterOf, type Operation, operationId } from "./operations.js";

const DELETED = "deleted";
const NAMED = 12; // digits of an event or a conflict
const RUNS_MAX = 3; // pieces of text that are shown

/** How a document began. */
export function ofBirth(birth: Born): string {
  const listed = [...birth.registers];
  const others = listed.filter(([key]) => !key.startsWith(TAG)).map(([key, value]) => `${key} ${valued(value)}`);
  const tags = listed.filter(([key]) => key.startsWith(TAG)).map(([key]) => `tag ${cut(key.slice(TAG.length))}`);
  return line("written", [...others, ...(birth.text ? [characters(birth.text)] : []), ...tags]);
}

/** What a change does; `change` is the one that the body carries. */
export function ofChange(body: Carrier, change: Change): string {
  const effects = effectsOf(change);
  if (body.kind === "undone") return line(`takes back ${body.event.slice(0, NAMED)}`, effects);
  if (body.kind === "settled") {
    const how = body.rule ? ` by the rule \`${cut(body.rule)}\`` : "";
    return line(`settles conflict ${body.conflict.slice(0, NAMED)}${how}`, effects);
  }
  return line(effects.length > 0 ? "" : "changes nothing", effects);
}

function effectsOf(change: Change): string[] {
  const registers = new Map<string, Operation[]>();
  const runs: string[] = [];
  let [inserted, gone] = [0, 0];
  let goesOn: readonly (string | null)[] = [];
  for (const [place, operation] of change.operations.entries()) {
    const { element, key, object } = operation;
    if (object === null) {
      registers.set(key!, [...(registers.get(key!) ?? []), operation]);
    } else if (operation.insert) {
      if (!goesOn.includes(element) || element === null) runs.push("");
      runs[runs.length - 1] += String(operation.value);
      inserted += 1;
      // Behind the letter just written, or one that comes back, behind the next one that went.
      const after = element === null ? "" : operationId(counterOf(element) + 1, actorOf(element));
      goesOn = [operationId(change.start + place, change.actor), after];
    } else {
      gone += 1;
    }
  }
  const puts = (writes: Operation[]) => writes.filter((write) => write.action === Action.PUT).map((write) => write.value);
  const said = [...registers].map(([key, writes]) => registerSaid(key, puts(writes)));
  return inserted || gone ? [...said, textSaid(inserted, gone, runs)] : said;
}

function textSaid(inserted: number, gone: number, runs: readonly string[]): string {
  const counts = [inserted ? `+${counted(inserted)}` : "", gone ? `-${counted(gone)}` : ""];
  const shown = runs.slice(0, RUNS_MAX).filter((run) => oneLine(run)).map((run) => `"${cut(run)}"`);
  return ["text", ...counts, ...shown, runs.length > RUNS_MAX ? "…" : ""].filter(Boolean).join(" ");
}

/** What became of one register; several values of one change stand side by side. */
function registerSaid(key: string, values: readonly Value[]): string {
  if (key.startsWith(TAG)) return `${values.length > 0 ? "tag" : "untag"} ${cut(key.slice(TAG.length))}`;
  if (key === DELETED) return values.at(-1) === true ? "removed" : "brought back";
  if (key === BODY) return values.map((value) => characters(String(value))).join(" | ");
  return values.length > 0 ? `${cut(key)} ${values.map(valued).join(" | ")}` : `${cut(key)} removed`;
}

function valued(value: Value): string {
  if (typeof value === "string") return `"${cut(value)}"`;
  return value === true ? "yes" : value === false ? "no" : value === null ? "none" : String(value);
}

function characters(text: string): string {
  return `text of ${counted(lettersIn(text))} characters`;
}

function counted(count: number): string {
  return count.toLocaleString("en-US");
}

function line(head: string, parts: readonly string[]): string {
  const more = parts.length - SUMMARY_PARTS_MAX;
  const shown = more > 0 ? [...parts.slice(0, SUMMARY_PARTS_MAX), `and ${counted(more)} more`] : parts;
  return cut([head, shown.join("; ")].filter(Boolean).join(": "), SUMMARY_CHARACTERS_MAX);
}

/** A text on one line, its beginning if it is long. */
function cut(text: string, most = SUMMARY_VALUE_CHARACTERS): string {
  const short = oneLine(beginning(text, most + 1));
  return lettersIn(text) > most ? `${beginning(short, most - 1)}…` : short;
}
