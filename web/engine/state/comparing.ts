// What is different between two texts, line by line, and in lines that correspond word by word; for people to read; as
// mesh/state/comparing.py has it.
//
// What edits are made of is worked out in rewording.ts; this module changes nothing and makes no text safe.
import { DIFF_LINES_MAX } from "../limits.js";
import { opcodes } from "./matching.js";
import { splices } from "./rewording.js";

const CONTEXT_LINES = 3; // that are the same, around those that are not

/** A piece of a line, and whether it is what is different in it. */
export type Part = readonly [text: string, different: boolean];

/** A line: gone (`-`), new (`+`), the same (a space), or so many that are the same and left out (`@`). */
export interface Line {
  readonly sign: "-" | "+" | " " | "@";
  readonly parts: readonly Part[];
}

/** Lines that are the same in both or not: where in the old, where in the new. */
type Block = readonly [same: boolean, i: number, j: number, k: number, m: number];

/** The lines in which two texts differ, with some around them; none where they are equal. */
export function compared(old: string, fresh: string): Line[] {
  if (old === fresh) return [];
  let [before, after] = [old.split("\n"), fresh.split("\n")];
  if (before.at(-1) === "" && after.at(-1) === "") {
    [before, after] = [before.slice(0, -1), after.slice(0, -1)]; // behind the last line break there is no line
  }
  const blocks = blocksOf(before, after);
  return blocks.flatMap(([same, i, j, k, m], number) => {
    if (!same) return changed(before.slice(i, j), after.slice(k, m));
    const trail = number < blocks.length - 1 ? CONTEXT_LINES : 0;
    return around(before.slice(i, j), number > 0 ? CONTEXT_LINES : 0, trail);
  });
}

function blocksOf(old: readonly string[], fresh: readonly string[]): Block[] {
  const shorter = Math.min(old.length, fresh.length);
  let [head, tail] = [0, 0];
  while (head < shorter && old[head] === fresh[head]) head += 1;
  while (tail < shorter - head && old[old.length - 1 - tail] === fresh[fresh.length - 1 - tail]) tail += 1;
  const [left, right] = [old.slice(head, old.length - tail), fresh.slice(head, fresh.length - tail)];
  const found: Block[] = [];
  if (head > 0) found.push([true, 0, head, 0, head]);
  if (Math.max(left.length, right.length) > DIFF_LINES_MAX) {
    found.push([false, head, head + left.length, head, head + right.length]);
  } else {
    for (const [tag, i, j, k, m] of opcodes(left, right)) {
      found.push([tag === "equal", head + i, head + j, head + k, head + m]);
    }
  }
  if (tail > 0) found.push([true, old.length - tail, old.length, fresh.length - tail, fresh.length]);
  return found;
}

/** Lines that are the same: those beside what is not, and how many lie between. */
function around(lines: readonly string[], lead: number, trail: number): Line[] {
  const same = (text: string): Line => ({ sign: " ", parts: [[text, false]] });
  if (lines.length <= lead + trail + 1) return lines.map(same);
  const leftOut = lines.length - lead - trail;
  const between: Line = { sign: "@", parts: [[String(leftOut), false]] };
  return [...lines.slice(0, lead).map(same), between, ...lines.slice(lines.length - trail).map(same)];
}

/** Lines that went, then those that came; where as many came as went, word by word. */
function changed(gone: readonly string[], came: readonly string[]): Line[] {
  const pairs = gone.length === came.length ? gone.map((old, place) => words(old, came[place]!)) : null;
  const whole = (text: string): Part[] => [[text, true]];
  const left = pairs ? pairs.map(([old]) => old) : gone.map(whole);
  const right = pairs ? pairs.map(([, fresh]) => fresh) : came.map(whole);
  return [...left.map((parts): Line => ({ sign: "-", parts })), ...right.map((parts): Line => ({ sign: "+", parts }))];
}

/** Two lines in parts that are the same in both, and parts that are not. */
function words(old: string, fresh: string): [old: Part[], fresh: Part[]] {
  const letters = [...old];
  const [left, right]: [Part[], Part[]] = [[], []];
  let at = 0;
  for (const splice of splices(old, fresh).reverse()) {
    const same = letters.slice(at, splice.position).join("");
    at = splice.position + splice.deleted;
    left.push([same, false], [letters.slice(splice.position, at).join(""), true]);
    right.push([same, false], [splice.inserted, true]);
  }
  const rest: Part = [letters.slice(at).join(""), false];
  const filled = (parts: Part[]) => parts.filter(([text]) => text !== "");
  return [filled([...left, rest]), filled([...right, rest])];
}
