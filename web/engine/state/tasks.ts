// Tasks: one thing to do, as views, births and states; as mesh/state/tasks.py has it.
//
// That somebody is at it, or did it, is no value that others could overwrite: a claim says it, and a claim that is done
// beats all others. Nothing here makes a document or reads a clock.
import { Misuse, Refused } from "../errors.js";
import { SEQ_MAX } from "../limits.js";
import { ascending, byText } from "../names.js";
import * as leases from "./leases.js";
import { listing, mustBeLine, PROJECT, type Record, type Registers, STATE, TITLE } from "./records.js";

export const KIND = "task";
export const [OPEN, IN_PROGRESS, BLOCKED] = ["open", "in_progress", "blocked"] as const;
export const [NEEDS_HUMAN, DONE, DROPPED] = ["needs_human", "done", "dropped"] as const;
export const STATES = [OPEN, IN_PROGRESS, BLOCKED, NEEDS_HUMAN, DONE, DROPPED] as const;

export type State = (typeof STATES)[number];

export const OVER: readonly string[] = [DONE, DROPPED];

/** States that somebody sets; the others come of claims. */
export const SET: readonly string[] = [OPEN, BLOCKED, NEEDS_HUMAN, DROPPED];

export const NEEDS = "needs/";
export const [BLOCKS, DISCOVERED] = ["blocks", "discovered-from"] as const;
export const [PRIORITY_DEFAULT, PRIORITY_LAST] = [2, 4] as const;

/** A task as somebody says it. `needs` and `discoveredFrom` are documents. */
export interface Draft {
  readonly title: string;
  readonly project?: string;
  readonly priority?: number;
  readonly needs?: readonly string[];
  readonly discoveredFrom?: string;
  readonly dueMs?: number | null;
  readonly kind?: string;
  readonly acceptance?: readonly string[];
  readonly handoff?: string;
  readonly external?: string;
}

/** What the birth of a task says. Throws Misuse or TooLarge. */
export function registers(draft: Draft): Registers {
  const needed = Object.fromEntries((draft.needs ?? []).map((one) => [NEEDS + one, BLOCKS]));
  return {
    ...needed,
    ...(draft.discoveredFrom ? { [NEEDS + draft.discoveredFrom]: DISCOVERED } : {}),
    [TITLE]: mustBeLine(draft.title, "task's title"),
    [PROJECT]: draft.project ?? "",
    [STATE]: OPEN,
    priority: mustBePriority(draft.priority ?? PRIORITY_DEFAULT),
    due: draft.dueMs || null,
    kind: draft.kind ?? "",
    acceptance: listing(draft.acceptance ?? []),
    handoff: draft.handoff ?? "",
    external: draft.external ?? "",
  };
}

/** 0 (now) to 4 (some day). Throws Misuse. */
export function mustBePriority(priority: number): number {
  if (priority >= 0 && priority <= PRIORITY_LAST) return priority;
  throw new Misuse(`a priority is a number from 0 to ${PRIORITY_LAST}`, "0 is the most urgent.");
}

/** The tasks that must be over before this one can begin. */
export function needs(record: Record): string[] {
  return [...record.under(NEEDS)].filter(([, how]) => how === BLOCKS).map(([name]) => name);
}

/** What became of it. Done beats all, and who is at it is at it, whatever was set before. */
export function state(record: Record, nowMs: number): State {
  const [held, set] = [leases.holder(record), record.word(STATE)];
  if (set === DONE || held?.end === leases.DONE) return DONE;
  if (set === BLOCKED || set === NEEDS_HUMAN || set === DROPPED) return set;
  return held && held.untilMs > nowMs ? IN_PROGRESS : OPEN;
}

/** Whether nothing is to be done any more. */
export function isOver(record: Record): boolean {
  return OVER.includes(state(record, 0));
}

/** Of the tasks that it needs those that are not over; one that is not here is waited for too. */
export function waitsFor(record: Record, others: ReadonlyMap<string, Record>): string[] {
  return needs(record).filter((one) => !others.has(one) || !isOver(others.get(one)!));
}

/**
 * Tasks that wait for each other, so that none can ever begin: two devices said so apart.
 *
 * Each ring begins with its smallest name, and each task in it waits for the next one, the last for the first. Of rings
 * that share a task one is found; where it is broken, the next.
 */
export function rings(found: readonly Record[]): Record[][] {
  const open = new Map(found.filter((one) => !isOver(one)).map((one) => [one.document.text, one]));
  const left = new Map([...open].map(([name, one]) => [name, needs(one).filter((need) => open.has(need)).reverse()]));
  const seen = new Set<string>(); // of which nothing more can come
  const rings: string[][] = [];
  for (const start of [...open.keys()].sort(byText)) {
    const path = seen.has(start) ? [] : [start]; // from one to what it waits for
    while (path.length > 0) {
      const after = left.get(path.at(-1)!)!;
      while (after.length > 0 && seen.has(after.at(-1)!)) after.pop();
      const next = after.at(-1);
      const place = next === undefined ? -1 : path.indexOf(next);
      if (next === undefined) {
        seen.add(path.pop()!);
      } else if (place >= 0) {
        const ring = path.splice(place);
        rings.push(ring);
        for (const one of ring) seen.add(one);
      } else {
        path.push(next);
      }
    }
  }
  const ordered = rings.map(fromSmallest).sort(([one], [other]) => byText(one!, other!));
  return ordered.map((ring) => ring.map((name) => open.get(name)!));
}

function fromSmallest(ring: readonly string[]): string[] {
  const first = ring.indexOf([...ring].sort(byText)[0]!);
  return [...ring.slice(first), ...ring.slice(0, first)];
}

/** How tasks are listed: the most urgent first, then what is due first, then by name. */
export function byUrgency(one: Record, other: Record): number {
  const [first, second] = [one.document, other.document];
  return (
    one.number("priority", PRIORITY_DEFAULT) - other.number("priority", PRIORITY_DEFAULT) ||
    (one.number("due") || SEQ_MAX) - (other.number("due") || SEQ_MAX) ||
    ascending(first.space, second.space) ||
    ascending(first.name, second.name)
  );
}

/** The registers by which somebody sets a state; `in_progress` and `done` come of claims. Throws Misuse, Refused. */
export function setState(record: Record, wanted: string, reason = ""): Registers {
  if (!SET.includes(wanted)) {
    throw new Misuse(`"${wanted}" is no state that can be set`, `One of: ${SET.join(", ")}.`);
  }
  if (wanted !== OPEN && state(record, 0) === DONE) {
    throw new Refused("this task is done", "Opening it again takes that back.");
  }
  const reopened = wanted === OPEN ? leases.reopened(record) : {};
  const receipt = Object.keys(reopened).length > 0 ? { receipt: null } : {};
  return { ...reopened, [STATE]: wanted, reason: reason || null, ...receipt };
}

/** The registers of a task that somebody did. `ending`: the end of a claim, which makes it so. */
export function finished(record: Record, ending: Registers, receipt: string, words: string): Registers {
  return {
    ...ending,
    [STATE]: DONE,
    receipt: receipt || record.word("receipt") || null,
    reason: words || record.word("reason") || null,
  };
}
