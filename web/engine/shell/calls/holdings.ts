// What other devices hold of what was written here, by their own word; as mesh/node/why/holdings.py has it.
//
// Whoever said nothing is no evidence. It asks nobody, and decodes no event: only the log is read, from its end.
import type { Placed } from "../../events/event.js";
import type { DocumentText, Row, Store } from "../store_port.js";

const PAGE = 128;
const PAGES_MAX = 64; // of events that wait, which is a week in which much was written

/** What other devices said to hold. `wire` keeps it; nothing else is asked of it. */
export interface Holdings {
  /** Whether some other device said to hold an event that was said here. */
  heldElsewhere(event: Placed): boolean;
}

/**
 * The documents of which something that was said here is held by no other device yet.
 *
 * Devices hold chains from their beginning, so a page of which all is held ends the search.
 */
export async function waitingDocuments(store: Store, own: string, holdings: Holdings): Promise<Set<DocumentText>> {
  const found = new Set<DocumentText>();
  let before: Row | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const rows: Row[] = await store.newest({ admission: own, before, limit: PAGE });
    const waiting = rows.filter(({ placed }) => !holdings.heldElsewhere(placed));
    for (const { document } of waiting) if (document) found.add(document.text);
    if (waiting.length === 0 || rows.length < PAGE) break;
    before = rows.at(-1)!;
  }
  return found;
}
