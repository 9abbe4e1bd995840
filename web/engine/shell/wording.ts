// Statements and acts in words, as a person is asked about them: from the bytes themselves and this device's verdict; as
// mesh/node/wording.py has it.
//
// Nothing that another device put into words is repeated here.
import type { Act } from "../events/approvals.js";
import { ANY, type ControlBody, type Grant } from "../events/kinds.js";
import { roleText, shown } from "../names.js";
import type { Replica } from "../sync/replica.js";
import { nameOf } from "./subjects.js";

const ID_CHARACTERS = 12;
const TOLD_MAX = 3;
const ALONE: ReadonlyMap<string, string> = new Map([
  ["rotate", "a new epoch key"],
  ["passphrase", "another passphrase for that home, or none"],
  ["void-discard", "leave the void work of {target} out of lists there"],
]);

/** An act, one line a statement; what it says without statements in one line. */
export function ofAct(replica: Replica, { bodies, name, target }: Act): string[] {
  if (bodies.length > 0) return bodies.map((body) => lineOf(replica, body));
  return [shown((ALONE.get(name) ?? `do ${name} {target}`).replace("{target}", target))];
}

/** One statement. */
export function lineOf(replica: Replica, body: ControlBody): string {
  switch (body.kind) {
    case "grant":
      return `grant ${words(replica, body)}`;
    case "ungrant": {
      const found = replica.statements.get(body.grant)?.body;
      return found?.kind === "grant" ? `end the grant ${words(replica, found)}` : "end a grant that is not here";
    }
    case "close": {
      const ends = body.marks.length === 1 ? "1 mark" : `${body.marks.length} marks`;
      const kept = body.marks.length > 0 ? `what it wrote counts up to ${ends}` : "nothing that it wrote counts";
      return `close ${shown(nameOf(replica, body.admission))} (${shown(body.reason) || "no reason"}): ${kept}`;
    }
    case "admit":
      return `let ${shown(body.name)} in as ${roleText(body.rank)} (rank ${body.rank})`;
    case "adopt": {
      const named = body.events.slice(0, TOLD_MAX).map((event) => event.slice(0, ID_CHARACTERS));
      const more = body.events.length > TOLD_MAX ? " …" : "";
      return `have ${body.events.length} void events count: ${named.join(", ")}${more}`;
    }
    case "forget":
      return `forget ${body.document.text} for ever, on every device`;
    case "rekey":
      return "a new epoch key";
    default:
      return body.kind;
  }
}

/** A grant in words. */
function words(replica: Replica, grant: Grant): string {
  const device = shown(nameOf(replica, grant.admission));
  const who = grant.agent ? `${shown(grant.agent)}@${device}` : device;
  const types = grant.types.includes(ANY) ? "everything" : grant.types.join(", ");
  const verbs = grant.verbs.includes(ANY) ? "all verbs" : grant.verbs.join(", ");
  const where = grant.space === ANY ? "every space" : grant.space;
  const until = grant.untilMs === null ? "" : ` until ${new Date(grant.untilMs).toISOString().slice(0, 10)}`;
  return `${who}: ${verbs} of ${types} in ${where}${until}`;
}
