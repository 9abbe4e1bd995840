// Calls about devices: who is in, who was, and what each has said to hold of what was written here; as
// mesh/node/calls_devices.py has them.
//
// A phone lets nobody in and takes nobody out: nothing here is changed.
import { fingerprint } from "../../events/keys.js";
import { decodeInner } from "../../events/event.js";
import { type Admission, inBrowser, sortedCuts } from "../../events/verdict.js";
import { ascending, type Digest, deviceText, roleText } from "../../names.js";
import type { DeviceRow } from "../../rows.js";
import type { Agent } from "../agent.js";
import { nameOf } from "../subjects.js";

/** Everybody who is in, and who was: those that were closed stand last. */
export async function devices(agent: Agent): Promise<{ devices: DeviceRow[] }> {
  const { verdict } = agent.engine.replica;
  const closed = (one: Admission) => Number(verdict.closes.has(one.digest));
  const found = verdict.devices.sort(
    (one, other) =>
      closed(one) - closed(other) ||
      one.rank - other.rank ||
      ascending(one.name, other.name) ||
      ascending(one.digest, other.digest),
  );
  return { devices: await Promise.all(found.map((one) => told(agent, one))) };
}

async function told(agent: Agent, one: Admission): Promise<DeviceRow> {
  const { held, meetings, outbox, talk } = agent;
  const [id, self] = [deviceText(one.digest), one.digest === held.admission];
  const meeting = meetings.of(id);
  return {
    id,
    name: one.name,
    rank: one.rank,
    role: roleText(one.rank),
    self,
    in_browser: inBrowser(one),
    fingerprint: fingerprint({ ...one, kind: "admit", proof: new Uint8Array(0) }),
    last_seen_ms: self || talk.peer === id ? Date.now() : (meeting?.heardMs ?? null),
    in_sync_ms: meeting?.inSyncMs || null,
    waiting: self || !meeting ? null : outbox.waitingFor(meeting),
    closed: await closedBy(agent, one.digest),
  };
}

/** Who closed an admission, when by their own clock, and why: by the first statement that says so. */
export async function closedBy({ engine, store }: Agent, admission: Digest): Promise<DeviceRow["closed"]> {
  const { statements, verdict } = engine.replica;
  const [cut] = sortedCuts(verdict.closes.get(admission));
  const said = cut && statements.get(cut.by);
  if (!said) return null;
  const [row] = await store.event(said.digest);
  return {
    name: nameOf(engine.replica, said.admission),
    time_ms: row ? decodeInner(row.placed.header.inner).timeMs : 0,
    reason: said.body?.kind === "close" ? said.body.reason : "",
  };
}
