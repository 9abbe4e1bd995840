// Serving: which events of a chain somebody lacks, and the longest signed run of them that fits into a page; what
// mesh/node/storage/ledger_spans.py is for SQLite.
//
// A path is a few segments of branches, so a forked chain of any length is walked in as many steps as it has forks.
// Nothing here writes.
import { type Head, sameHead, START } from "../../clocks/chain.js";
import type { Span } from "../../clocks/frontier.js";
import { CLEAR, decodeHeader, type Event as Told, Lane, type Run } from "../../events/event.js";
import type { Mark } from "../../events/kinds.js";
import {
  EVENT_OVERHEAD_BYTES,
  KIB,
  PAGE_BYTES_MAX,
  PUSH_BYTES_MAX,
  SIGNED_RUN_BYTES_MAX,
  SIGNED_RUN_EVENTS_MAX,
} from "../../limits.js";
import { type Digest, hex } from "../../names.js";
import type { Body } from "../../sync/messages.js";
import { type ChainMap, isOn, type Segment } from "./chains.js";
import type { Reading } from "./connection.js";
import { isHeld, lookUp } from "./finding.js";
import { type Event, headOf } from "./stored.js";

const STEP = 64; // events that are read at a time: a page of usual ones

/** Which of these events are a mark or under it; null when the mark is not held. */
export async function readUnder(
  tx: Reading,
  map: ChainMap,
  mark: Mark,
  events: Iterable<Digest>,
): Promise<Set<Digest> | null> {
  const held = await isHeld(tx, map, mark);
  if (!held) return null;
  const path = map.pathTo(held);
  const found = await lookUp(tx, events);
  return new Set([...found].filter(([, event]) => isOn(path, event)).map(([digest]) => digest));
}

/** What to serve of a span. */
export async function readRun(
  tx: Reading,
  map: ChainMap,
  { chain, target, after: places }: Span,
  bytesMax: number,
  bodies: boolean,
): Promise<Run | null> {
  const end = await isHeld(tx, map, { chain, head: target });
  if (!end) return null;
  const path = map.pathTo(end);
  const after = await onPath(tx, path, places);
  const page = new Page(Math.min(bytesMax, PAGE_BYTES_MAX));
  for (const segment of path) {
    if (!(await fill(tx, page, segment, after.seq, (event) => bodies || isClear(map, event)))) break;
  }
  return page.run(chain, after);
}

/** The first of these places that is on a path; the start where none is. */
async function onPath(tx: Reading, path: readonly Segment[], places: readonly Head[]): Promise<Head> {
  const held = await lookUp(tx, places.map(({ digest }) => digest));
  const found = places.find((head) => {
    const event = held.get(head.digest);
    return event && sameHead(headOf(event), head) && isOn(path, event);
  });
  return found ?? START;
}

/** Clear events, that is control and openings, never go without their bodies. */
function isClear(map: ChainMap, { branch, seq }: Event): boolean {
  return seq === 1 || map.chainOf(branch).lane === Lane.CONTROL;
}

/** Fill a page from a segment; false when it is full. */
async function fill(
  tx: Reading,
  page: Page,
  { branch, first, last }: Segment,
  after: number,
  whole: (event: Event) => boolean,
): Promise<boolean> {
  for (let seq = Math.max(first, after + 1); seq <= last; seq += STEP) {
    const range = IDBKeyRange.bound([branch, seq], [branch, Math.min(last, seq + STEP - 1)]);
    const events = await tx.allBy<Event>("events", "place", range);
    const bodies = await Promise.all(
      events.map(async (event) => (whole(event) ? tx.get<Uint8Array>("bodies", event.id) : undefined)),
    );
    for (const [at, event] of events.entries()) if (!page.take(event, bodies[at] ?? null)) return false;
  }
  return true;
}

/** A run that grows as long as it fits, remembering where it may end. */
class Page {
  #events: Told[] = [];
  #size = 0;
  #signed = 0;
  #signature: Uint8Array | null = null;

  constructor(private readonly bytesMax: number) {}

  /** Add an event; false when the page is full. Bodies count as present even where they are not. */
  take({ header, signature }: Event, body: Uint8Array | null): boolean {
    this.#size += header.length + decodeHeader(header).bodyBytes + EVENT_OVERHEAD_BYTES;
    const overhead = (this.#events.length + 1) * EVENT_OVERHEAD_BYTES;
    const long = this.#size - overhead > SIGNED_RUN_BYTES_MAX || this.#events.length >= SIGNED_RUN_EVENTS_MAX;
    if (this.#signed > 0 && (long || this.#size > this.bytesMax)) return false;
    this.#events.push({ header, body });
    if (this.#size > PUSH_BYTES_MAX - KIB) {
      // One signature over more than a message: only headers without bodies can have come that way, and only so can
      // they go on. Events that must have their bodies came with them, so they are few and small.
      this.#events = this.#events.map((one) => (decodeHeader(one.header).epoch === CLEAR ? one : { ...one, body: null }));
    }
    if (signature) [this.#signed, this.#signature] = [this.#events.length, signature];
    return true;
  }

  /** What fits, up to the last signature. */
  run(chain: Digest, after: Head): Run | null {
    if (!this.#signature) return null;
    return { chain, after, events: this.#events.slice(0, this.#signed), signature: this.#signature };
  }
}

/** Bodies of these events, as many as fit. */
export async function readBodies(tx: Reading, digests: Iterable<Digest>, bytesMax: number): Promise<Body[]> {
  const found: Body[] = [];
  let size = 0;
  for (const event of (await lookUp(tx, digests)).values()) {
    const body = await tx.get<Uint8Array>("bodies", event.id);
    if (!body) continue;
    size += body.length + EVENT_OVERHEAD_BYTES;
    if (found.length > 0 && size > bytesMax) break;
    found.push([hex(event.digest), body]);
  }
  return found;
}
