// What the page can ask of this phone: one function a call, from plain arguments to a plain result; as
// mesh/node/calls.py has it.
//
// Everything the page asks comes through here. What goes wrong is told as a fault, with what the person may do; this module
// formats nothing. What no start asks for is in a script of its own (calls/later.ts).
import { Damaged, MeshError, Misuse, Refused, Unreachable } from "../errors.js";
import type { CallName, Calls, Fault } from "../port.js";
import type { Agent } from "./agent.js";
import { devices } from "./calls/devices.js";
import { add } from "./calls/drops.js";
import { INBOX } from "./calls/inbox.js";
import { later } from "./calls/loading.js";
import { NOTES } from "./calls/notes.js";
import * as pairing from "./calls/pairing.js";
import * as status from "./calls/status.js";
import { unsent, wipe } from "./calls/wipe.js";
import type { Life } from "./life.js";

/** What does a call, for whom. */
export type Of<Who, Name extends CallName> = (who: Who, args: Calls[Name][0]) => Promise<Calls[Name][1]>;

/** Calls of a phone in any state of its life. */
export type OfAny = { readonly [Name in CallName]?: Of<Life, Name> };

/** What is asked of any as soon as it starts. */
const OF_ANY: OfAny = {
  status: status.status,
  sync: status.sync,
  visible: status.visible,
  "pair.begin": pairing.begin,
  "pair.state": pairing.state,
  unsent,
  wipe,
};

/** Calls of a member. */
export type OfMembers = { readonly [Name in CallName]?: Of<Agent, Name> };

/** What is asked of a member as soon as it starts. */
const OF_MEMBERS: OfMembers = {
  ...NOTES,
  ...INBOX,
  devices,
  "drop.add": add,
};

/** Do what the page asks. Throws MeshError. */
export async function call<Name extends CallName>(life: Life, name: Name, args: Calls[Name][0]): Promise<Calls[Name][1]> {
  await life.leaving;
  const rest = OF_ANY[name] || OF_MEMBERS[name] ? null : await later();
  const ofAny = (OF_ANY[name] ?? rest?.LATER_OF_ANY[name]) as Of<Life, Name> | undefined;
  if (ofAny) return ofAny(life, args);
  const ofMembers = (OF_MEMBERS[name] ?? rest?.LATER[name]) as Of<Agent, Name> | undefined;
  if (!ofMembers) throw new Misuse(`this phone knows no call '${name}'`, "Reload the page: it may be of another version.");
  return ofMembers(life.member(), args ?? ({} as Calls[Name][0]));
}

/** What went wrong, as the page is told. A bug of ours is named as one, and stands in the console. */
export function faultOf(error: unknown): Fault {
  if (error instanceof MeshError) {
    const families = { Misuse, Refused, Damaged, Unreachable };
    const found = Object.entries(families).find(([, family]) => error instanceof family);
    const family = (found?.[0] ?? "Bug") as Fault["family"];
    return { family, class: error.name, message: error.message, hint: error.hint };
  }
  console.error(error);
  const { message, name } = error instanceof Error ? error : { message: String(error), name: "Error" };
  const hint = "That is a fault of this app. Under Devices, `Send diagnostics` says more about it.";
  return { family: "Bug", class: name, message, hint };
}
