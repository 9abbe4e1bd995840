// What each device told last: its tips, its receipt, and when it was last in sync; so that this is known of one away; as
// mesh/node/meetings.py has it.
//
// It is kept as settings of the store: when it changed, and that device shows what this phone shows, a link ends or the
// page goes. Nothing is decided by it, and nobody is asked.
import { window } from "../clocks/frontier.js";
import { Refused } from "../errors.js";
import { encode as encodeCbor, fields } from "../events/cbor.js";
import { CHAIN_HEADS_MAX, MEETING_TIPS_MAX, MIB } from "../limits.js";
import type { Digest } from "../names.js";
import { isGuest, type Peer } from "../sync/inputs.js";
import { decodeHave, encode, type Have } from "../sync/messages.js";
import { decode as decodeReceipt, encode as encodeReceipt, type Receipt } from "../sync/receipts.js";

const KEY = "meeting/";
const TYPES = ["bytes", "int", "bytes", "int", "int", "bool"] as const;

/** What one device told last. Times are in milliseconds, by this device's clock; 0: never. */
export interface Meeting {
  readonly have: Have;
  readonly heardMs: number;
  readonly receipt: Receipt | null;
  readonly receiptMs: number;
  /** When it was last known to show, by its own receipt, what this device showed at that time. */
  readonly inSyncMs: number;
  /** Whether the tips are all that it named. */
  readonly whole: boolean;
}

/** How far a device said to hold a chain: the number of its last event there; 0: nothing of it. */
export function holds(meeting: Meeting, chain: Digest): number {
  const tips = meeting.have.control.get(chain) ?? meeting.have.data.get(chain) ?? [];
  return Math.max(0, ...tips.map(({ seq }) => seq));
}

/** Keeps a setting. */
export type Remember = (key: string, value: Uint8Array) => Promise<void>;

/** The meetings of this phone with all other devices. */
export class Meetings {
  readonly #meetings = new Map<Peer, Meeting>();
  readonly #kept = new Map<Peer, Meeting>();

  /** `settings`: as the store had them at the start. */
  constructor(
    private readonly remember: Remember,
    settings: ReadonlyMap<string, Uint8Array>,
  ) {
    for (const [key, value] of settings) {
      const found = key.startsWith(KEY) ? read(value) : null;
      if (!found) continue;
      this.#meetings.set(key.slice(KEY.length), found);
      this.#kept.set(key.slice(KEY.length), found);
    }
  }

  /** What a device told last; null when it never told anything here. */
  of(device: Peer): Meeting | null {
    return this.#meetings.get(device) ?? null;
  }

  /** All that told something. */
  get all(): ReadonlyMap<Peer, Meeting> {
    return this.#meetings;
  }

  /** A device told its tips. */
  told(device: Peer, have: Have): void {
    if (isGuest(device)) return;
    const cut = (lane: Have["data"]) => window(lane, MEETING_TIPS_MAX, CHAIN_HEADS_MAX, 0);
    const kept = { ...have, control: cut(have.control), data: cut(have.data), asks: false };
    const whole = count(kept.control) === count(have.control) && count(kept.data) === count(have.data);
    const before = this.#meetings.get(device) ?? { receipt: null, receiptMs: 0, inSyncMs: 0 };
    this.#meetings.set(device, { ...before, have: kept, heardMs: Date.now(), whole });
  }

  /** A device told its receipt, and that was checked. */
  signed(device: Peer, receipt: Receipt): void {
    const before = this.#meetings.get(device);
    if (before) this.#meetings.set(device, { ...before, receipt, receiptMs: Date.now() });
  }

  /** A device shows what we show, by its receipt. */
  inSync(device: Peer): void {
    const before = this.#meetings.get(device);
    if (before) this.#meetings.set(device, { ...before, inSyncMs: Date.now() });
  }

  /** Keep what these told last, or all: a link or the page ends. */
  async keep(...devices: Peer[]): Promise<void> {
    for (const device of devices.length > 0 ? devices : [...this.#meetings.keys()]) {
      const meeting = this.#meetings.get(device);
      if (!meeting || meeting === this.#kept.get(device)) continue;
      await this.remember(KEY + device, written(meeting));
      this.#kept.set(device, meeting);
    }
  }
}

function count(frontier: Have["data"]): number {
  return [...frontier.values()].reduce((sum, heads) => sum + heads.length, 0);
}

function written({ have, heardMs, receipt, receiptMs, inSyncMs, whole }: Meeting): Uint8Array {
  const signed = receipt ? encodeReceipt(receipt) : new Uint8Array(0);
  return encodeCbor([encode(have), heardMs, signed, receiptMs, inSyncMs, whole]);
}

/** A meeting as it was kept; null where another version wrote it in a form of its own. */
function read(raw: Uint8Array): Meeting | null {
  try {
    const [have, heardMs, signed, receiptMs, inSyncMs, whole] = fields(raw, MIB, "a meeting", TYPES);
    const receipt = signed.length > 0 ? decodeReceipt(signed) : null;
    return { have: decodeHave(have), heardMs, receipt, receiptMs, inSyncMs, whole };
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
