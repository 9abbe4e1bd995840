// What other devices hold of what was written here, by their own word; as mesh/node/why/holdings.py has it.
//
// Whoever said nothing is no evidence. It asks nobody, and decodes no event: only the log is read, from its end, and then
// what is new in it. What waits is remembered while the phone is awake: lists ask for it each time.
import type { Placed } from "../../events/event.js";
import type { DocumentText, Row, Store } from "../store_port.js";
import type { Phone } from "./phone.js";

const PAGE = 128;
const PAGES_MAX = 64; // of events that wait, which is a week in which much was written

/** Where an event stands. */
export type Place = Pick<Placed, "chain" | "seq" | "digest">;

/** What other devices said to hold. `wire` keeps it; nothing else is asked of it. */
export interface Holdings {
  /** Whether some other device said to hold an event that was said here. */
  heldElsewhere(event: Place): boolean;
}

/** An event that no other device held when somebody looked last, and its document. */
type Waits = Place & { readonly document: DocumentText };

/** What waited when somebody looked last, and up to which row of the log that was. */
interface Seen {
  readonly waits: readonly Waits[];
  readonly upto: number;
}

const seen = new WeakMap<Holdings, Seen>();

/** The documents of which something that was said here is held by no other device yet. */
export async function waitingDocuments({ engine, holdings }: Phone): Promise<Set<DocumentText>> {
  const { own, shelf, store } = engine;
  const before = seen.get(holdings);
  const last = shelf.lastRow; // before it is read: what others wrote is not looked through again
  const fresh = before ? await said(store, own.admission, before.upto) : await fromTheEnd(store, own.admission, holdings);
  const upto = before && fresh.length === PAGES_MAX * PAGE ? fresh.at(-1)!.id : Math.max(last, before?.upto ?? 0);
  const events = [...(before?.waits ?? []), ...fresh.flatMap(waiting)].filter((one) => !holdings.heldElsewhere(one));
  const waits = [...new Map(events.map((one) => [one.digest, one])).values()];
  seen.set(holdings, { waits, upto });
  return new Set(waits.map(({ document }) => document));
}

function waiting({ document, placed: { chain, digest, seq } }: Row): Waits[] {
  return document ? [{ chain, digest, seq, document: document.text }] : [];
}

/** What was said here behind a row of the log. */
async function said(store: Store, own: string, after: number): Promise<Row[]> {
  const found: Row[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const rows = await store.log({ admission: own, after: found.at(-1)?.id ?? after, limit: PAGE });
    found.push(...rows);
    if (rows.length < PAGE) break;
  }
  return found;
}

/** What was said here, the latest first. Devices hold chains from their beginning: a page that is held ends the search. */
async function fromTheEnd(store: Store, own: string, holdings: Holdings): Promise<Row[]> {
  const found: Row[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const rows: Row[] = await store.newest({ admission: own, before: found.at(-1) ?? null, limit: PAGE });
    found.push(...rows);
    if (rows.length < PAGE || rows.every(({ placed }) => holdings.heldElsewhere(placed))) break;
  }
  return found;
}
