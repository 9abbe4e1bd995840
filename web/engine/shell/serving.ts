// Serving: the answer to a Want, as mesh/node/engine.py has it; and asking for what was let go here. It folds nothing.
import type { Run } from "../events/event.js";
import { BODY_MISSING } from "../events/reading.js";
import { eventBytes } from "../events/speaking.js";
import { Standing } from "../events/verdict.js";
import { PAGE_BYTES_MAX } from "../limits.js";
import type { Peer } from "../sync/inputs.js";
import type { DocumentId } from "../names.js";
import type { Push, Want } from "../sync/messages.js";
import type { Missing } from "../sync/missing.js";
import type { Replica } from "../sync/replica.js";
import type { Batch, DocumentText, Store } from "./store_port.js";

/** As much of what a peer wants, and may have, as fits a page. */
export async function served(store: Store, replica: Replica, peer: Peer, want: Want): Promise<Push> {
  const heard = { input: "heard", peer, message: want, held: new Map(), opened: new Map() } as const;
  const runs: Run[] = [];
  let [bodies, room] = [[] as Push["bodies"], PAGE_BYTES_MAX];
  for (const [, allowed] of replica.handle(heard).serve) {
    for (const span of allowed.spans) {
      const run = room > 0 ? await store.serve(span, room) : null;
      if (!run) continue;
      const size = run.events.reduce((sum, event) => sum + eventBytes(event), 0);
      if (runs.length > 0 && size > room) break;
      runs.push(run);
      room -= size;
    }
    if (allowed.bodies.length > 0 && room > 0) bodies = await store.bodies(allowed.bodies, room);
  }
  return { message: "push", runs, bodies, answer: true };
}

/** Whether a commit says that a body is missing: if it was let go, it is wanted again. */
export function lacksBodies({ standings = [] }: Batch): boolean {
  return standings.some(({ reason, standing }) => standing === Standing.WAITS && reason === BODY_MISSING);
}

/** Have the bodies of lacking documents be asked for, and `anew` all that the store wants. Returns how many are new. */
export async function sought(
  store: Store,
  missing: Missing,
  lacking: Map<DocumentText, DocumentId>,
  anew: boolean,
): Promise<number> {
  const count = await brought(store, lacking.values(), missing);
  const fresh = anew ? (await store.missingBodies()).filter(([event]) => !missing.has(event)) : [];
  for (const [event, body] of fresh) missing.set(event, body);
  lacking.clear();
  return count + fresh.length;
}

/** Have bodies of documents that were let go be missing, so that peers are asked for them. Returns how many. */
export async function brought(store: Store, documents: Iterable<DocumentId>, missing: Missing): Promise<number> {
  let count = 0;
  for (const document of documents) {
    for (const [event, body] of await store.want(document)) {
      missing.set(event, body);
      count += 1;
    }
  }
  return count;
}
