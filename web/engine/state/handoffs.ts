// Hand-offs: work that somebody left for whoever comes next, as births and states; as mesh/state/handoffs.py has it.
//
// What a hand-off says is said once; who has it follows from the claims on it. This module reads no clock.
import { Malformed, Misuse } from "../errors.js";
import { wordsOf } from "../letters.js";
import { DocumentId, isWord } from "../names.js";
import * as leases from "./leases.js";
import type { Who } from "./leases.js";
import { type JsonMap, listing, mustBeLine, PROJECT, type Record, type Registers, said, TITLE } from "./records.js";
import { KIND as TASK } from "./tasks.js";

export const KIND = "handoff";
export const [ANYONE, HUMAN, AGENT, DEVICE] = ["anyone", "human", "agent:", "device:"] as const;
export const REASONS = ["done_for_now", "rate_limit", "context_full", "blocked", "needs_human", "scheduled"] as const;
export const [OPEN, CLAIMED, DECLINED, COMPLETED] = ["open", "claimed", "declined", "completed"] as const;
/** What follows from a later one that stands for it, and from the time that is now where it is read. */
export const [SUPERSEDED, EXPIRED] = ["superseded", "expired"] as const;

const UNASKED = ["rate_limit", "context_full"]; // nobody can be asked to say it better: it is taken as it is
const UNCHECKED = ["needs_human", "blocked", ...UNASKED]; // there is nothing to verify yet
const [GOAL_WORDS_MIN, ITEM_WORDS_MIN] = [3, 2];
const AROUND = /^[.,:;!?()"'…-]+|[.,:;!?()"'…-]+$/gu;
const WIDE = /[\u{2e80}-\u{10ffff}]/gu; // of scripts without spaces

/** Words of which a whole sentence says nothing. */
const EMPTY = new Set(
  `a above all and as before continue continuing do doing done etc everything finish finishing go going in is it keep left
  more my next on our please progress remaining rest resume same see stuff task tasks tbd that the there things this todo
  until up what wip with work working`.split(/\s+/),
).add("");

/** A hand-off as somebody says it. Files, verify and assumptions are maps; the others are texts. */
export interface Draft {
  readonly goal: string;
  readonly to?: string;
  readonly reason?: string;
  readonly done?: readonly string[];
  readonly remaining?: readonly string[];
  readonly decisions?: readonly string[];
  readonly rejected?: readonly string[];
  readonly assumptions?: readonly JsonMap[];
  readonly files?: readonly JsonMap[];
  readonly verify?: readonly JsonMap[];
  readonly blockers?: readonly string[];
  readonly context?: string;
  readonly project?: string;
  readonly supersedes?: string;
  /** Until when it is to be picked up; 0: whenever. */
  readonly expiresMs?: number;
}

/** What whoever comes next would have to ask, as sentences; none when it can be worked with. */
export function lacks(draft: Draft): string[] {
  const [found, reason] = [[] as string[], draft.reason ?? REASONS[0]];
  if (wordCount(draft.goal) < GOAL_WORDS_MIN || isVague(draft.goal)) {
    found.push(`the goal needs at least ${GOAL_WORDS_MIN} words that say what is wanted, not '${draft.goal}'`);
  }
  for (const item of draft.remaining ?? []) {
    const says = namedTask(item) !== null || (wordCount(item) >= ITEM_WORDS_MIN && !isVague(item));
    if (!says) found.push(`the remaining item '${item}' says nothing to do`);
  }
  if (!draft.verify?.length && !UNCHECKED.includes(reason)) {
    found.push("it needs a command or a look that shows when it is done (verify)");
  }
  if (reason === "blocked" && !draft.blockers?.length) found.push("it needs to say what blocks it (blockers)");
  return found;
}

/** The task that a remaining item names by its whole id, instead of saying what is to be done. */
export function namedTask(item: string): DocumentId | null {
  try {
    const document = DocumentId.parse(item);
    return document.type === TASK ? document : null;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/** What the birth of a hand-off says; its tasks are made before. Throws Misuse or TooLarge. */
export function registers(draft: Draft, who: Who, tasks: readonly string[], atMs: number): Registers {
  const [reason, expiresMs] = [draft.reason ?? REASONS[0], draft.expiresMs ?? 0];
  if (!REASONS.some((one) => one === reason)) {
    throw new Misuse(`'${reason}' is no reason for a hand-off`, `One of: ${REASONS.join(", ")}.`);
  }
  if (expiresMs > 0 && expiresMs <= atMs) {
    throw new Misuse("the time to pick it up is over already", "Choose a later time.");
  }
  return {
    [TITLE]: mustBeLine(draft.goal, "goal"),
    [PROJECT]: draft.project ?? "",
    "from-session": who.session,
    "from-agent": who.agent,
    "from-device": who.device,
    to: mustBeSomebody(draft.to ?? ANYONE),
    reason,
    at: atMs,
    expires: expiresMs || null,
    done: listing(draft.done ?? []),
    remaining: listing(tasks),
    decisions: listing(draft.decisions ?? []),
    rejected: listing(draft.rejected ?? []),
    assumptions: maps(draft.assumptions),
    files: maps(draft.files),
    verify: maps(draft.verify),
    blockers: listing(draft.blockers ?? []),
    context: draft.context ?? "",
    supersedes: draft.supersedes ?? "",
  };
}

/** Whom a hand-off may be for. Throws Misuse. */
export function mustBeSomebody(to: string): string {
  const name = [AGENT, DEVICE].reduce((left, begun) => (left.startsWith(begun) ? left.slice(begun.length) : left), to);
  if (to === ANYONE || to === HUMAN || (name !== to && isWord(name))) return to;
  throw new Misuse(`'${to}' is nobody to hand off to`, "anyone, human, an agent's name, or a device's name.");
}

/** Whether it is meant for a device, and the agent or the person on it. */
export function isFor(record: Record, who: Who): boolean {
  const meant = who.agent ? AGENT + who.agent : HUMAN;
  return ["", ANYONE, meant, DEVICE + who.device].includes(record.word("to"));
}

/**
 * What became of it: somebody did it, a later one stands for it, somebody has it, its time is over, or it waits.
 *
 * That its time is over is how it looks here and now; it can be picked up as before, and then somebody has it.
 */
export function state(record: Record, nowMs: number, isSuperseded = false): string {
  const held = leases.holder(record);
  if (held?.end === leases.DONE) return COMPLETED;
  if (isSuperseded) return SUPERSEDED;
  if (held && held.untilMs > nowMs) return CLAIMED;
  const expires = record.number("expires");
  if (expires > 0 && expires <= nowMs) return EXPIRED;
  return declined(record).length > 0 && !["", ANYONE].includes(record.word("to")) ? DECLINED : OPEN;
}

/** Who did not want it, with the words. */
export function declined(record: Record): leases.Claim[] {
  return leases.claims(record).filter((claim) => claim.end === leases.DECLINED);
}

/** The hand-offs that later ones among these stand for, each with the first of these that does. */
export function superseded(records: Iterable<Record>): Map<string, Record> {
  const found = new Map<string, Record>();
  for (const record of records) {
    const before = record.word("supersedes");
    if (before && !found.has(before)) found.set(before, record);
  }
  return found;
}

/** The claim that a device has on a hand-off for which somebody else's stands now: it works on what is said anew. */
export function overtaken(record: Record, later: Record, device: string): leases.Claim | null {
  const held = leases.holder(record);
  if (!held || held.end || held.device !== device) return null;
  const own = later.word("from-device") === held.device && later.word("from-agent") === held.agent;
  return own ? null : held;
}

function maps(found: readonly JsonMap[] = []): string {
  return found.length > 0 ? said(found) : "";
}

/** How many words; in scripts without spaces two letters count as one. */
function wordCount(text: string): number {
  return Math.max(wordsOf(text).length, Math.floor((text.match(WIDE)?.length ?? 0) / 2));
}

function isVague(text: string): boolean {
  return wordsOf(text).every((word) => EMPTY.has(word.replace(AROUND, "").toLowerCase()));
}
