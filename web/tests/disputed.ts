// Desks that a test in another language drives, and other questions about conflicts. It decides nothing: who asks
// compares.
import { hex, unhex } from "../engine/names.js";
import { compared } from "../engine/state/comparing.js";
import * as comparing from "../engine/sync/comparing.js";
import { Desk, eventOf } from "./desks.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

const desks = new Map<string, Desk>();

/** What this engine says to each question about conflicts. */
export const DISPUTED: Record<string, (given: Question) => unknown> = {
  conflicts: (given) => Desk.folded(given).facts(given.actor),
  "desk born": ({ desk, document, birth }) => void desks.set(desk, Desk.born(document, birth)),
  "desk loaded": ({ desk }) => void desks.set(desk, desks.get(desk)!.loaded()),
  "desk hears": ({ desk, events }) => desks.get(desk)!.hear(events.map(eventOf)),
  "desk looks": ({ desk }) => desks.get(desk)!.look(),
  "desk facts": ({ desk, actor }) => desks.get(desk)!.facts(actor),
  "desk settles": ({ desk, conflict, choice, actor }) => {
    const one = desks.get(desk)!.open().find(({ name }) => name === conflict)!;
    return desks.get(desk)!.settle(one, choice, actor);
  },
  "desk undoes": ({ desk, event, actor }) => desks.get(desk)!.undo(event, actor),
  compared: ({ old, fresh }) => compared(old, fresh).map(({ sign, parts }) => [sign, parts]),
  comparison: ({ bytes }) => hex(comparing.encode(comparing.decode(unhex(bytes)))),
  "differing leaf": ({ mine, leaves }) => comparing.differingLeaf(new Map(mine), unhex(leaves)),
  "packed leaves": ({ mine }) => hex(comparing.packedLeaves(new Map(mine))),
  "differing events": ({ mine, prints }) => comparing.differingEvents(mine, unhex(prints)),
  differing: ({ mine, prints }) => comparing.differing(mine, unhex(prints)),
  "packed events": ({ mine }) => hex(comparing.packedEvents(mine)),
};
