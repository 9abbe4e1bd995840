// What one data event counts for under a verdict: one lookup, whatever else is held; as mesh/events/weigh.py has it.
//
// Under one verdict more data only end waiting: honoured stays honoured, void stays void. Only authority is asked here;
// whether the content fits its document is for the document to say. This module reads no log: what only the log can
// tell about a chain is asked of a Lineage (PROTOCOL, "Authority").
import { RANK_ADMIN_LAST } from "../limits.js";
import { type Digest, ZERO } from "../names.js";
import { type Inner, Lane, type Placed } from "./event.js";
import { known, type Mark } from "./kinds.js";
import { covers, type Cuts, sortedCuts, Standing, type Verdict } from "./verdict.js";

/** What the log knows of the chains that are held. */
export interface Lineage {
  /** Whether a mark later in the event's chain stands on the event. Null: the mark is not held yet. */
  under(placed: Placed, mark: Mark): boolean | null;
}

/** What an event counts for, why it does not, and the statement that says so (ZERO when none does). */
export interface Weight {
  readonly standing: Standing;
  readonly reason: string;
  readonly by: Digest;
}

export const FORGOTTEN = "its document is forgotten";
export const NOT_ADMITTED = "its device was never let in";
export const NOT_GRANTED = "nothing allows it";
export const CLOSED = "written after its device was closed";
export const UNGRANTED = "written after the grant was withdrawn";
export const UNSURE = "where its device or its grant ended is not here yet";

/** Whether a data event is allowed, with the reason where it is not. */
export function weigh(verdict: Verdict, placed: Placed, inner: Inner, lineage: Lineage): Weight {
  if (!known(Lane.DATA, inner.kind)) {
    return weight(Standing.OPAQUE, `of kind ${JSON.stringify(inner.kind)}, which this version does not read`);
  }
  if (inner.kind === "opening") return weight(Standing.HONOURED);
  if (inner.document && verdict.forgotten.has(inner.document.text)) return weight(Standing.VOID, FORGOTTEN);
  const adopted = verdict.adopted.get(placed.digest);
  if (adopted === undefined) {
    if (!verdict.admissions.has(placed.admission)) return weight(Standing.VOID, NOT_ADMITTED);
    const grant = verdict.grants.get(inner.grant);
    if (!grant || !covers(grant, placed.admission, inner)) return weight(Standing.VOID, NOT_GRANTED);
  }
  const rank = adopted ?? RANK_ADMIN_LAST + 1;
  const closed = shut(placed, verdict.closes.get(placed.admission), rank, lineage, CLOSED);
  const ungranted = shut(placed, verdict.ungrants.get(inner.grant), rank, lineage, UNGRANTED);
  return ungranted.standing > closed.standing ? ungranted : closed;
}

function weight(standing: Standing, reason = "", by: Digest = ZERO): Weight {
  return { standing, reason, by };
}

/** What several ends come to. An adoption overrides those of its own rank and of junior ranks. */
function shut(placed: Placed, cuts: Cuts | undefined, adopted: number, lineage: Lineage, reason: string): Weight {
  let found = weight(Standing.HONOURED);
  for (const cut of sortedCuts(cuts)) {
    const inside = adopted <= cut.rank || isInside(placed, cut.marks, lineage);
    if (inside === false) return weight(Standing.VOID, reason, cut.by);
    if (inside === null) found = weight(Standing.WAITS, UNSURE, cut.by);
  }
  return found;
}

function isInside(placed: Placed, marks: readonly Mark[], lineage: Lineage): boolean | null {
  const answers = marks.filter((mark) => mark.chain === placed.chain).map((mark) => reached(placed, mark, lineage));
  return answers.includes(true) ? true : answers.includes(null) ? null : false;
}

function reached(placed: Placed, mark: Mark, lineage: Lineage): boolean | null {
  if (mark.head.seq > placed.seq) return lineage.under(placed, mark);
  return mark.head.seq === placed.seq && mark.head.digest === placed.digest;
}
