// Desks that a test in another language drives, and other questions about conflicts. It decides nothing: who asks
// compares.
import { MeshError } from "../engine/errors.js";
import { hex, unhex } from "../engine/names.js";
import { Agreeing, fresh } from "../engine/shell/agreeing.js";
import { faultOf } from "../engine/shell/calls.js";
import * as conflicts from "../engine/shell/calls/conflicts.js";
import * as settling from "../engine/shell/calls/settling.js";
import * as side from "../engine/shell/comparing.js";
import type { Engine } from "../engine/shell/engine.js";
import { compared } from "../engine/state/comparing.js";
import * as comparing from "../engine/sync/comparing.js";
import { Desk, eventOf } from "./desks.js";
import { phones } from "./phones.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

const desks = new Map<string, Desk>();

const CALLS: Record<string, (engine: Engine, args: Question) => Promise<unknown>> = {
  conflicts: conflicts.listed,
  "conflicts.show": conflicts.show,
  "conflicts.settled": conflicts.settled,
  "conflicts.resolve": settling.resolve,
  "conflicts.undo": settling.undo,
};

const agreeings = new Map<string, Agreeing>();

/** What a phone knows of the mac, which differs or not; it signs and sends nothing here. */
function agreeingOf(device: string, differs: boolean): Agreeing {
  const nothing = () => undefined;
  const made = () => new Agreeing(phones.get(device)!.engine, null!, null!, nothing, null!, nothing, nothing);
  const found = agreeings.get(device) ?? made();
  agreeings.set(device, found);
  if (differs) found.sides.set("mac", found.sides.get("mac") ?? { ...fresh(), differs });
  return found;
}

/** What a phone answers to a call about conflicts, or whose fault it is. */
async function disputed({ device, call, args }: Question): Promise<unknown> {
  try {
    return { ok: await CALLS[call]!(phones.get(device)!.engine, args) };
  } catch (error) {
    if (error instanceof MeshError) return { fault: faultOf(error) };
    throw error;
  }
}

/** What this engine says to each question about conflicts. */
export const DISPUTED: Record<string, (given: Question) => unknown> = {
  conflicts: (given) => Desk.folded(given).facts(given.actor),
  "phone disputes": disputed,
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
  "phone compares": async ({ device, bytes, views }) => {
    const { store } = phones.get(device)!;
    const said = bytes ? await side.followed(store, comparing.decode(unhex(bytes))) : await side.begun(store, views);
    return said ? hex(comparing.encode(said)) : "";
  },
  "phone is damaged": async ({ device, event, standing }) => {
    const { store } = phones.get(device)!;
    const [row] = await store.event(event);
    await store.commit({ standings: [{ event, standing, reason: "", document: row!.document }] });
  },
  "phone sees": async ({ device, bytes }) => {
    const seen = await side.seenFromHere(phones.get(device)!.store, comparing.decode(unhex(bytes)) as comparing.Finding);
    return seen ? hex(comparing.encode(seen)) : "";
  },
  "phone is compared": async ({ device, bytes, differs }) => hex(await agreeingOf(device, differs).compared("mac", unhex(bytes))),
  comparison: ({ bytes }) => hex(comparing.encode(comparing.decode(unhex(bytes)))),
  "differing leaf": ({ mine, leaves }) => comparing.differingLeaf(new Map(mine), unhex(leaves)),
  "packed leaves": ({ mine }) => hex(comparing.packedLeaves(new Map(mine))),
  "differing events": ({ mine, prints }) => comparing.differingEvents(mine, unhex(prints)),
  differing: ({ mine, prints }) => comparing.differing(mine, unhex(prints)),
  "packed events": ({ mine }) => hex(comparing.packedEvents(mine)),
};
