// Leases: who has a hand-off or a task, where several may claim it without knowing of each other; as
// mesh/state/leases.py has it.
//
// Each claim has a register of its own, so none overwrites another; who holds the thing follows from all of them, by
// rules that no clock decides, and is the same on every device. This module reads no clock: now comes in.
import { byText } from "../names.js";
import { LEASE_OVER_MAX, SEQ_MAX } from "../limits.js";
import { isMap, isWhole, type Json, type JsonMap, type Record, type Registers, said } from "./records.js";

export const [CLAIM, ACK, END] = ["claim/", "ack/", "end/"] as const;
export const [DONE, RELEASED, DECLINED] = ["done", "released", "declined"] as const;
export const ENDS = [DONE, RELEASED, DECLINED] as const;

export type End = (typeof ENDS)[number];

/** Who claims: a device, an agent on it (empty: the person), and the session that it is done in, if any. */
export interface Who {
  readonly device: string;
  readonly agent: string;
  readonly session: string;
}

/** One claim: who has it, and until when (ms, by the clock of who claims). */
export interface Claim extends Who {
  /** 16 random hexadecimal digits. */
  readonly name: string;
  /** One more than any claim that was seen: who saw the other comes later. */
  readonly number: number;
  readonly untilMs: number;
  /** The claims that it passes over, each with the end of its lease as it was seen: one renewed since goes on. */
  readonly over: readonly (readonly [name: string, seenMs: number])[];
  /** Empty while it goes on. */
  readonly end: End | "";
  /** Why it ended. */
  readonly words: string;
  /** Whether a device that did not claim has said that it saw it. */
  readonly acknowledged: boolean;
}

/** The person at a device. */
export function person(device: string): Who {
  return { device, agent: "", session: "" };
}

/** All claims of a record, by name; what cannot be read is none. */
export function claims(record: Record): Claim[] {
  const made = record.saids(CLAIM);
  if (made.size === 0) return []; // as most
  const [ends, seenBy] = [record.saids(END), acknowledged(record)];
  return [...made].flatMap(([name, value]) => claimOf(name, value, ends.get(name) ?? {}, seenBy.get(name) ?? new Set()));
}

/**
 * The claim that counts, null when nobody has it.
 *
 * A claim that is done beats all others. One that was released or declined is out, and so is one that another one passed
 * over, unless its lease was renewed without that one knowing: who works on is not robbed by who was away. Of the rest
 * the first counts: one that another device acknowledged before one that none did, then the one that was made knowing
 * less, then the smaller name.
 */
export function holder(record: Record): Claim | null {
  return rivals(claims(record))[0] ?? null;
}

/** Whether somebody may claim it now: nobody has it, or the lease of who has it is over. */
export function isFree(record: Record, nowMs: number): boolean {
  const held = holder(record);
  return held === null || (!held.end && held.untilMs <= nowMs);
}

/** Whether somebody said that it is done. */
export function isDone(record: Record): boolean {
  return holder(record)?.end === DONE;
}

/** Claims of a device that it did not give up and that do not count: another one has it, had it, or did it. */
export function lost(record: Record, device: string): Claim[] {
  const held = holder(record);
  return claims(record).filter((claim) => claim.device === device && !claim.end && claim.name !== held?.name);
}

/** Whose claim counts instead of one that was lost; null when that one was given up since. */
export function instead(record: Record, claim: Claim): Claim | null {
  const passing = claims(record).filter((one) => one.over.some(([name]) => name === claim.name));
  const latest = passing.reduce<Claim | null>((best, one) => (best && best.number >= one.number ? best : one), null);
  return holder(record) ?? latest;
}

/**
 * The register of a new claim, which passes over those that count now: the caller has asked `isFree`.
 *
 * `taking`: it passes over them even if they are renewed, since a person says so.
 */
export function claimed(record: Record, name: string, who: Who, untilMs: number, taking = false): Registers {
  const before = claims(record);
  const open = rivals(before).filter((claim) => !claim.end).slice(0, LEASE_OVER_MAX);
  const over = open.map((claim) => [claim.name, taking ? SEQ_MAX : claim.untilMs] as const);
  return written({ name, number: following(before), ...who, untilMs, over });
}

/** The register of a claim whose lease goes on; one that is over is not renewed but claimed anew. */
export function renewed(claim: Claim, untilMs: number): Registers {
  return written({ ...claim, untilMs });
}

/** The register that ends a claim. */
export function ended(claim: { readonly name: string }, end: End, words = ""): Registers {
  return { [END + claim.name]: said({ end, words }) };
}

/**
 * What somebody writes who ends it without having had it: a claim, over at once, and its end.
 *
 * It passes over nothing: whoever has it keeps it, unless it is done by that.
 */
export function closed(record: Record, name: string, who: Who, end: End, words = ""): Registers {
  const claim = { name, number: following(claims(record)), ...who, untilMs: 0, over: [] };
  return { ...written(claim), ...ended(claim, end, words) };
}

/** What takes back that it is done. */
export function reopened(record: Record): Registers {
  const done = claims(record).filter((claim) => claim.end === DONE);
  return Object.assign({}, ...done.map((claim) => ended(claim, RELEASED)));
}

/** The claim that this device should acknowledge: another one's, which counts, and which nobody acknowledged. */
export function unseen(record: Record, device: string): Claim | null {
  const held = holder(record);
  return held && !held.end && !held.acknowledged && held.device !== device ? held : null;
}

/** The register by which a device says that it saw a claim. */
export function seen(claim: Claim, device: string, nowMs: number): Registers {
  return { [`${ACK}${claim.name}/${device}`]: nowMs };
}

/** The claims that may count, the one that does first. */
function rivals(found: readonly Claim[]): Claim[] {
  const done = found.filter((claim) => claim.end === DONE);
  const passed = new Map<string, number>();
  for (const [name, seenMs] of found.flatMap((claim) => claim.over)) {
    passed.set(name, Math.max(seenMs, passed.get(name) ?? seenMs));
  }
  const goesOn = (one: Claim) => !one.end && one.untilMs > (passed.get(one.name) ?? one.untilMs - 1);
  const live = done.length > 0 ? done : found.filter(goesOn);
  return live.sort((one, other) => {
    const known = Number(other.acknowledged) - Number(one.acknowledged);
    return known || one.number - other.number || byText(one.name, other.name);
  });
}

function following(before: readonly Claim[]): number {
  const most = before.length > 0 ? Math.max(...before.map((claim) => claim.number)) : 0;
  return Math.min(most + 1, SEQ_MAX);
}

function written(claim: Omit<Claim, "end" | "words" | "acknowledged">): Registers {
  const { number, device, agent, session, untilMs, over } = claim;
  return { [CLAIM + claim.name]: said({ number, device, agent, session, until: untilMs, over: Object.fromEntries(over) }) };
}

function acknowledged(record: Record): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const key of record.under(ACK).keys()) {
    const [name = "", ...device] = key.split("/");
    found.set(name, (found.get(name) ?? new Set()).add(device.join("/")));
  }
  return found;
}

function claimOf(name: string, value: JsonMap, end: JsonMap, seenBy: ReadonlySet<string>): Claim[] {
  const { number, until, over } = value;
  if (!isWhole(number) || !isWhole(until) || !isMap(over)) return [];
  const [device, agent, session] = [wordOf(value["device"]), wordOf(value["agent"]), wordOf(value["session"])];
  const passed = Object.entries(over).filter((pair): pair is [string, number] => isWhole(pair[1]));
  const how = ENDS.find((one) => one === end["end"]) ?? "";
  return [
    {
      name,
      number,
      device,
      agent,
      session,
      untilMs: until,
      over: passed.sort(([one], [other]) => byText(one, other)).slice(0, LEASE_OVER_MAX),
      end: how,
      words: wordOf(end["words"]),
      acknowledged: [...seenBy].some((one) => one !== device),
    },
  ];
}

function wordOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
