// What no start of the page needs: coming in, and calls about the brief, tasks, sessions, hand-offs, questions, approvals,
// memories, conflicts, searching, files that were dropped, this phone's storage, being woken, diagnostics. They and what
// they stand on are a script of their own, loaded from the cache when the first of them is asked.
//
// Nothing here does anything: each call is in the module that it is named after.
import type { OfAny, OfMembers } from "../calls.js";
import { approvals, approve } from "./approvals.js";
import { LettingIn } from "../letting_in.js";
import { ASKS } from "./asks.js";
import { BRIEF } from "./brief.js";
import * as conflicts from "./conflicts.js";
import { diagnostics } from "./diagnostics.js";
import * as files from "./files.js";
import { HANDOFFS } from "./handoffs.js";
import { MEMORIES } from "./memories.js";
import * as pushing from "./pushing.js";
import { SEARCH } from "./search.js";
import { SESSIONS } from "./sessions.js";
import * as settling from "./settling.js";
import * as storage from "./storage.js";
import { TASKS } from "./tasks.js";

/** What is asked of a phone in any state of its life, sooner or later. */
export const LATER_OF_ANY: OfAny = {
  storage: storage.storage,
  "storage.persist": storage.persist,
  diagnostics,
  "push.key": pushing.key,
  "push.keep": pushing.keep,
};

/** What is asked of a member, sooner or later. */
export const LATER: OfMembers = {
  ...BRIEF,
  ...TASKS,
  ...SESSIONS,
  ...HANDOFFS,
  ...ASKS,
  ...MEMORIES,
  ...SEARCH,
  approvals,
  approve,
  "drop.get": files.get,
  "drop.show": files.show,
  conflicts: ({ engine }, args) => conflicts.listed(engine, args),
  "conflicts.show": ({ engine }, args) => conflicts.show(engine, args),
  "conflicts.settled": ({ engine }, args) => conflicts.settled(engine, args),
  "conflicts.resolve": ({ engine }, args) => settling.resolve(engine, args),
  "conflicts.undo": ({ engine }, args) => settling.undo(engine, args),
};

/** Begin to come in. */
export const begun = LettingIn.begun;
