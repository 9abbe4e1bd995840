// The working set: which bodies this phone keeps, which it lets go, and how what was forgotten leaves for good; what
// mesh/node/storage/ledger_forgotten.py is for SQLite, and more.
//
// Headers stay, since chains stand on them, and what lists show stays. What counted when it was let go counts on. Nothing
// here decides what is forgotten.
import { Standing } from "../../events/verdict.js";
import { decodeHeader } from "../../events/event.js";
import { WORKING_SET_BYTES_MAX, WORKING_SET_DOCUMENTS_MAX } from "../../limits.js";
import { type Digest, DocumentId, hex } from "../../names.js";
import type { DocumentText } from "../store_port.js";
import type { ChainMap } from "./chains.js";
import type { Reading, Writing } from "./connection.js";
import type { Held, Tally } from "./documents.js";
import { eventsOf } from "./log.js";
import type { Event } from "./stored.js";

const KEPT = 0.9; // of the working set is kept when it grew over its bounds, so that not each commit lets something go
const STEP = 64; // documents of which bodies go in one transaction

/** An event and the digest of its body. */
type Missing = readonly [Digest, Digest];

/** How much the working set holds. */
export const ROOM: Tally = { bytes: WORKING_SET_BYTES_MAX, documents: WORKING_SET_DOCUMENTS_MAX };

/** Whether more is here than there is room for; `share`: of it. */
export function isOver({ bytes, documents }: Tally, room: Tally, share = 1): boolean {
  return bytes > share * room.bytes || documents > share * room.documents;
}

/** Let bodies of a few documents go, those touched longest ago. Returns how many went, and what is here now. */
export async function trimSome(
  tx: Writing,
  map: ChainMap,
  [tally, room]: readonly [Tally, Tally],
  own: Digest,
): Promise<{ gone: number; tally: Tally; over: boolean }> {
  const oldest = await tx.allBy<Held>("documents", "touched", null, STEP);
  const left = { ...tally };
  let gone = 0;
  for (const held of oldest) {
    if (!isOver(left, room, KEPT)) break;
    let bytes = held.bytes;
    const events = await eventsOf(tx, held.text);
    // At any moment, and all of it: what came of its bodies would be let go, and asked for again, before the last is here.
    const isNeeded = events.some(({ lean, standing }) => standing === Standing.WAITS || lean !== undefined);
    for (const event of isNeeded ? [] : events) {
      if (map.chainOf(event.branch).admission === own || event.lean !== undefined || event.away !== undefined) continue;
      tx.delete("bodies", event.id);
      tx.put("events", { ...event, away: event.id });
      bytes -= decodeHeader(event.header).bodyBytes;
      gone += 1;
    }
    left.bytes -= held.bytes - bytes;
    left.documents -= 1;
    const { touched: _, ...rest } = held;
    tx.put("documents", { ...rest, bytes });
  }
  tx.put("kv", left, "tally");
  return { gone, tally: left, over: oldest.length === STEP && isOver(left, room, KEPT) };
}

/** Have the bodies of a document that were let go be missing again. */
export async function wantAgain(tx: Writing, { text }: DocumentId): Promise<Missing[]> {
  const events = await tx.allBy<Event>("events", "away", IDBKeyRange.bound([text], [text, []]));
  return events.map(({ away, ...event }) => {
    tx.put("events", { ...event, lean: away });
    return missing(event);
  });
}

function missing({ digest, header }: Event): Missing {
  return [hex(digest), decodeHeader(header).bodyDigest];
}

/** Events whose body is wanted, oldest first; none of forgotten documents. */
export async function readMissing(tx: Reading, limit: number): Promise<Missing[]> {
  const forgotten = new Set(await tx.keys<DocumentText>("forgotten"));
  const found: Missing[] = [];
  for (let range: IDBKeyRange | null = null; found.length < limit; ) {
    const page: Event[] = await tx.allBy<Event>("events", "lean", range, limit);
    found.push(...page.filter(({ document }) => document === undefined || !forgotten.has(document)).map(missing));
    if (page.length < limit) break;
    range = IDBKeyRange.lowerBound(page.at(-1)!.id, true);
  }
  return found.slice(0, limit);
}

/** Remember which documents are forgotten, each since it first was; the others are not any more. */
export async function noteForgotten(tx: Writing, documents: readonly DocumentId[], timeMs: number): Promise<void> {
  const [wanted, held] = [new Set(documents.map(({ text }) => text)), new Set(await tx.keys<DocumentText>("forgotten"))];
  for (const text of held) if (!wanted.has(text)) tx.delete("forgotten", text);
  for (const text of wanted) if (!held.has(text)) tx.put("forgotten", timeMs, text);
}

/** Delete the bodies of documents forgotten before that time. Returns how many, and what is here now. */
export async function eraseForgotten(tx: Writing, tally: Tally, beforeMs: number): Promise<{ gone: number; tally: Tally }> {
  const left = { ...tally };
  let gone = 0;
  for (const text of await tx.keys<DocumentText>("forgotten")) {
    if (!((await tx.get<number>("forgotten", text))! < beforeMs)) continue;
    for (const { change: _, away: __, ...event } of await eventsOf(tx, text)) {
      if ((await tx.get("bodies", event.id)) !== undefined) gone += 1;
      tx.delete("bodies", event.id);
      tx.put("events", { ...event, lean: event.id });
    }
    const held = await tx.get<Held>("documents", text);
    if (!held) continue;
    const { touched, ...rest } = held;
    left.bytes -= held.bytes;
    if (touched !== undefined) left.documents -= 1;
    tx.put("documents", { ...rest, bytes: 0 });
  }
  tx.put("kv", left, "tally");
  return { gone, tally: left };
}
