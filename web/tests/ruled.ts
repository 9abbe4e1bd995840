// What the rules of this engine say to the open conflicts of a document. It compares nothing.
import { conflictsOf } from "../engine/state/conflicts.js";
import { ruling } from "../engine/state/rules.js";
import { Desk } from "./desks.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

/** What is asked about rules. */
export const RULED: Record<string, (given: Question) => unknown> = {
  rules: (given) => {
    const { document, settlements } = Desk.folded(given);
    return conflictsOf(document, settlements).map((one) => {
      const found = ruling(one, settlements);
      return found && [one.name, found.rule, found.edits, [...found.losers].sort()];
    });
  },
};
