// Calls about what this phone keeps: how much that is, and whether the browser may clear it away.
//
// Nothing is changed, but what the browser is asked for.
import type { StorageRow } from "../../rows.js";
import type { Life } from "../life.js";

/** This phone's storage, and what its wakes cost. */
export async function storage(life: Life): Promise<StorageRow> {
  const { agent } = life;
  const counts = agent ? await agent.store.counts() : null;
  const manager = globalThis.navigator?.storage;
  const estimate = (await manager?.estimate?.()) ?? {};
  return {
    persisted: (await manager?.persisted?.()) ?? null,
    used_bytes: estimate.usage ?? null,
    quota_bytes: estimate.quota ?? null,
    events: counts?.events ?? 0,
    documents: counts?.documents ?? 0,
    bodies_missing: (counts?.bodiesMissing ?? 0) + (counts?.bodiesAway ?? 0),
    installed: life.page.installed,
    wakes: agent ? await agent.wakes.rows() : [],
  };
}

/** Ask the browser to keep this page's data. */
export async function persist(): Promise<{ persisted: boolean }> {
  const manager = globalThis.navigator?.storage;
  return { persisted: (await manager?.persist?.()) ?? false };
}
