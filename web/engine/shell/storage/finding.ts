// Finding events by their names, and rows with the bodies that are here. Nothing here writes.
import type { Mark } from "../../events/kinds.js";
import { DIGEST_BYTES, MATCHES_MAX } from "../../limits.js";
import { type Digest, unhex } from "../../names.js";
import type { Row } from "../store_port.js";
import type { ChainMap } from "./chains.js";
import type { Reading } from "./connection.js";
import { type Event, rowOf } from "./stored.js";

/** The rows of these events, with the bodies that are here. */
export async function rowsOf(tx: Reading, map: ChainMap, events: readonly Event[]): Promise<Row[]> {
  const bodies = await Promise.all(events.map((event) => bodyOf(tx, event)));
  return events.map((event, at) => rowOf(event, bodies[at], map));
}

async function bodyOf(tx: Reading, { id, lean, away }: Event): Promise<Uint8Array | undefined> {
  return lean === undefined && away === undefined ? tx.get<Uint8Array>("bodies", id) : undefined;
}

/** The event of a mark, if that is held where the mark says. */
export async function isHeld(tx: Reading, map: ChainMap, { chain, head }: Mark): Promise<Event | null> {
  const event = await tx.by<Event>("events", "digest", unhex(head.digest));
  return event?.seq === head.seq && map.chainOf(event.branch).digest === chain ? event : null;
}

/** These events, as far as they are held. */
export async function lookUp(tx: Reading, digests: Iterable<Digest>): Promise<Map<Digest, Event>> {
  const wanted = [...new Set(digests)];
  const found = await Promise.all(wanted.map((digest) => tx.by<Event>("events", "digest", unhex(digest))));
  return new Map(wanted.flatMap((digest, at) => (found[at] ? [[digest, found[at]] as const] : [])));
}

/** The events whose digest begins with these hex digits. */
export async function readMatching(tx: Reading, map: ChainMap, prefix: string): Promise<Row[]> {
  const digits = prefix.trim().toLowerCase();
  if (!/^[0-9a-f]+$/.test(digits) || digits.length > 2 * DIGEST_BYTES) return [];
  const [first, last] = ["0", "f"].map((rest) => unhex(digits.padEnd(2 * DIGEST_BYTES, rest)));
  return rowsOf(tx, map, await tx.allBy<Event>("events", "digest", IDBKeyRange.bound(first, last), MATCHES_MAX));
}
