// The calls of the page on a phone's true engine and store, for a test in another language: what each answers, or whose
// fault it is, and how many documents were loaded for that. What only the link knows is left out: which devices there are.
import { MeshError } from "../engine/errors.js";
import { faultOf } from "../engine/shell/calls.js";
import { ASKS } from "../engine/shell/calls/asks.js";
import { BRIEF } from "../engine/shell/calls/brief.js";
import { HANDOFFS } from "../engine/shell/calls/handoffs.js";
import type { Holdings } from "../engine/shell/calls/holdings.js";
import { INBOX } from "../engine/shell/calls/inbox.js";
import { MEMORIES } from "../engine/shell/calls/memories.js";
import { NOTES } from "../engine/shell/calls/notes.js";
import type { Phone } from "../engine/shell/calls/phone.js";
import { SEARCH } from "../engine/shell/calls/search.js";
import { SESSIONS } from "../engine/shell/calls/sessions.js";
import { TASKS } from "../engine/shell/calls/tasks.js";
import { Rulings } from "../engine/shell/rulings.js";
import { phones } from "./phones.js";

// Questions are JSON of many forms; what is read of one is checked by what comes out.
type Question = any;

const HANDLERS: { [call: string]: (phone: Phone, args: never) => Promise<unknown> } = {
  ...NOTES,
  ...TASKS,
  ...HANDOFFS,
  ...SESSIONS,
  ...ASKS,
  ...MEMORIES,
  ...BRIEF,
  ...SEARCH,
  ...INBOX,
};

const rulers = new Map<string, { rulings: Rulings; lines: unknown[] }>();
const holdings = new Map<string, Holdings>();
const held = new Map<string, number>(); // up to which number others said to hold what a phone wrote

/** One for each phone, as its agent has it. */
function holdingsOf(device: string): Holdings {
  const found = holdings.get(device) ?? { heldElsewhere: ({ seq }) => seq <= (held.get(device) ?? 0) };
  holdings.set(device, found);
  return found;
}

async function called({ device, call, args, now_ms }: Question): Promise<unknown> {
  const phone = phones.get(device)!;
  phone.nowMs = now_ms;
  let loads = 0;
  const { engine } = phone;
  const { folding } = engine.shelf;
  const load = folding.load;
  folding.load = (document) => {
    loads += 1;
    return load.call(folding, document);
  };
  const asked: Phone = {
    engine,
    holdings: holdingsOf(device),
    devices: async () => [],
    problems: async () => [],
    isAtWork: () => false,
  };
  try {
    return { ok: await HANDLERS[call]!(asked, args as never), loads };
  } catch (error) {
    if (error instanceof MeshError) return { fault: faultOf(error) };
    throw error;
  } finally {
    folding.load = load;
  }
}

/** What rules settle: everything that this phone should say now; and the lines that it logged. */
async function ruled({ device, now_ms }: Question): Promise<unknown> {
  const phone = phones.get(device)!;
  phone.nowMs = now_ms;
  const lines: unknown[] = [];
  const known = rulers.get(device);
  const log = (...line: unknown[]) => void rulers.get(device)!.lines.push(line);
  const { rulings } = known ?? { rulings: new Rulings(phone.engine, log) };
  rulers.set(device, { rulings, lines });
  rulings.end(); // no timers: the test says when it looks
  await rulings.look();
  return lines;
}

/** What is asked of a phone's calls. */
export const CALLED: Record<string, (given: Question) => unknown> = {
  "phone calls": called,
  "phone rules": ruled,
  "phone is held": ({ device, seq }) => void held.set(device, seq),
};
