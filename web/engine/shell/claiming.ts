// Claims on hand-offs and tasks, made, renewed and ended on this phone, and how they are told; as mesh/node/claiming.py.
//
// A claim is a lease. Who lost one is told; nobody's claim is taken away in silence. This module knows no rule of who has
// what: that is state/leases.ts.
import { Refused } from "../errors.js";
import { type Digest, type DocumentId, hex } from "../names.js";
import type { ClaimRow } from "../rows.js";
import * as leases from "../state/leases.js";
import type { Claim, End } from "../state/leases.js";
import { type Record, type Registers } from "../state/records.js";
import { nowMs, ownDevice, type Phone } from "./calls/phone.js";
import * as keeping from "./keeping.js";
import type { RecordRow } from "./store_port.js";
import { deviceName } from "./subjects.js";
import { LEASE_PERSON_MS } from "./timing.js";

const NAME_BYTES = 8;

/** What else the end of a claim changes in a record. */
export type Closing = (record: Record, ending: Registers) => Registers;

/** Whether a claim is this phone's own: its person's. */
export function isOwn(phone: Phone, claim: Claim): boolean {
  return claim.device === ownDevice(phone) && claim.agent === "";
}

/** Claim something, or renew what is this phone's own. Throws Refused when another one has it, or it is done. */
export async function claimed(phone: Phone, document: DocumentId): Promise<readonly [Claim, RecordRow]> {
  let mine = "";
  await keeping.changed(phone, document, (record) => {
    const [now, held] = [nowMs(phone), leases.holder(record)];
    if (held?.end === leases.DONE) throw new Refused(`${called(record)} is done already`, by(phone, held));
    if (held && held.untilMs > now && isOwn(phone, held)) {
      mine = held.name;
      return held.untilMs - now < LEASE_PERSON_MS / 2 ? leases.renewed(held, now + LEASE_PERSON_MS) : {};
    }
    if (!leases.isFree(record, now)) throw new Refused(`${called(record)} is taken already`, by(phone, held));
    mine = hex(phone.engine.world.random(NAME_BYTES));
    return leases.claimed(record, mine, leases.person(ownDevice(phone)), now + LEASE_PERSON_MS);
  });
  const row = await phone.engine.store.record(document);
  const held = row && leases.holder(row.record);
  if (!row || held?.name !== mine) throw new Refused(`${document.text} was taken meanwhile`, by(phone, held));
  return [held, row];
}

/** Say that something is done, declined or given up, as who has it or as who does not. The event. */
export async function closed(
  phone: Phone,
  document: DocumentId,
  end: End,
  words: string,
  closing: Closing = (_, ending) => ending,
): Promise<Digest | null> {
  return keeping.changed(phone, document, (record) => {
    const held = leases.holder(record);
    if (end === leases.DONE && held?.end === leases.DONE) {
      throw new Refused(`${called(record)} is done already`, by(phone, held));
    }
    const own = held && !held.end && isOwn(phone, held) ? held : null;
    const name = hex(phone.engine.world.random(NAME_BYTES));
    const who = leases.person(ownDevice(phone));
    const ending = own ? leases.ended(own, end, words) : leases.closed(record, name, who, end, words);
    return closing(record, ending);
  });
}

/** A claim, for answers. */
export function toldClaim(phone: Phone, claim: Claim | null): ClaimRow | null {
  if (!claim) return null;
  const { name, device, agent, untilMs, words } = claim;
  const over = !claim.end && untilMs <= nowMs(phone);
  const whose = { device, device_name: deviceName(phone.engine.replica, device), yours: device === ownDevice(phone) };
  return { name, ...whose, agent, until_ms: untilMs, over, words };
}

function called(record: Record): string {
  return `“${record.word("title")}”`;
}

function by(phone: Phone, held: Claim | null): string {
  if (!held) return "Look at it again.";
  const device = deviceName(phone.engine.replica, held.device);
  const somebody = held.agent ? `${held.agent}@${device}` : device;
  if (held.end) return `${somebody} did it.`;
  return `${somebody} has it until ${new Date(held.untilMs).toLocaleString()}, longer if it works on.`;
}
