// Calls about how this phone stands: its link, what waits, what is wrong; as mesh/node/calls_status.py has
// them for a full device.
//
// Everything is told as it is here; nothing is asked of others and nothing is changed.
import { eventsBetween } from "../../clocks/frontier.js";
import { Lane } from "../../events/event.js";
import { shown } from "../../names.js";
import type { Calls } from "../../port.js";
import type { Standing } from "../../rows.js";
import * as doorways from "../../state/doorways.js";
import { KIND, readable } from "../../state/drops.js";
import { LIST_MAX } from "../../limits.js";
import type { Agent } from "../agent.js";
import { keysMissing } from "../agreeing.js";
import type { Life } from "../life.js";
import { nameOf } from "../subjects.js";

const CATCHING_UP_EVENTS = 50; // less is here before anybody could read how far it is

type Problem = Standing["problems"][number];

const NOBODY: Standing = {
  state: "new",
  device: null,
  name: null,
  mesh: null,
  link: "none",
  node: null,
  as_of_ms: null,
  waiting: 0,
  waiting_files: 0,
  bodies_missing: 0,
  catching_up: null,
  problems: [],
  removed: null,
};

/** How a phone stands that leaves the writing to another tab. */
export function elsewhere(): Standing {
  return { ...NOBODY, state: "elsewhere" };
}

/** How this phone stands. */
export async function status(life: Life): Promise<Standing> {
  await life.leaving;
  const { agent, removed, state } = life;
  if (!agent) return { ...NOBODY, state, removed };
  const [files, problems] = [await waitingFiles(agent), await problemsOf(agent)]; // first: the rest is as it is when told
  const { asOfMs, device, engine, held, link, outbox, talk } = agent;
  return {
    state,
    removed,
    device,
    name: held.name,
    mesh: held.mesh,
    link: talk.stranger === null ? (link?.state ?? "none") : "none", // a link to no device of the mesh
    node: talk.stranger === null ? nodeOf(agent) : null,
    as_of_ms: asOfMs,
    waiting: outbox.waiting,
    waiting_files: files,
    bodies_missing: engine.replica.missing.size,
    catching_up: catchingUp(agent),
    problems,
  };
}

/** What the device that answers is called. */
function nodeOf({ engine, link }: Agent): string | null {
  if (!link?.node) return null;
  const admission = engine.replica.devices.get(link.node);
  return admission === undefined ? link.node : nameOf(engine.replica, admission);
}

/** Files that were dropped here and whose bytes no other device has said to have. */
async function waitingFiles({ device, store }: Agent): Promise<number> {
  const rows = await store.records({ types: [KIND], limit: LIST_MAX });
  return rows.filter(({ record }) => {
    const drop = readable(record); // another device may have written anything there
    return drop !== null && drop.got.has(device) && drop.got.size === 1 && drop.size > 0;
  }).length;
}

/** How far this phone is behind what the node told, while that is much. */
function catchingUp({ engine, meetings, talk }: Agent): Standing["catching_up"] {
  const have = talk.peer ? meetings.of(talk.peer)?.have : undefined;
  if (!have) return null;
  const { chains } = engine.replica;
  const lacks = eventsBetween(chains.frontier(Lane.DATA), have.data);
  if (lacks < CATCHING_UP_EVENTS) return null;
  const total = eventsBetween(new Map(), have.data);
  return { done: Math.max(0, total - lacks), total };
}

/** What is wrong here, and what helps. */
export async function problemsOf(agent: Agent): Promise<Problem[]> {
  return [...ofNow(agent), ...(await ofTrust(agent))];
}

/** The certificate of the page was given up, or made anew, and this phone has not come since. */
async function ofTrust({ asOfMs, engine, link, store }: Agent): Promise<Problem[]> {
  if (link?.state === "live") return []; // its browser trusts what is shown
  const { statements, verdict } = engine.replica;
  const rows = await store.records({ types: [doorways.KIND], limit: LIST_MAX });
  const made = rows.filter(({ born }) => !born.agent && doorways.mayMake(verdict, born.admission));
  const known = made.flatMap(({ record, born }) => doorways.read(record, born.lamport) ?? []);
  const found = doorways.current(known, verdict, statements);
  if (!known.length || (found && (asOfMs ?? 0) >= found.sinceMs)) return [];
  const names = [...new Set(known.flatMap((one) => doorways.lost(one, verdict, statements)))].map((name) => shown(name));
  if (!names.length) return [];
  const what = `${names.join(", ")} had the key of the certificate that this phone trusts, and is out of the mesh`;
  const hint = "At home, trust the new one as on the first day: on a computer, `mesh phone list` shows where.";
  return [{ what, hint }];
}

function ofNow(agent: Agent): Problem[] {
  const { engine, link, talk } = agent;
  const alarms = talk.alarms.map((what) => ({ what, hint: "On a computer, `mesh log` shows who wrote what." }));
  const found: Problem[] = [...alarms, ...agent.memory.unshared];
  if (link?.problem && link.state !== "live") found.push({ what: shown(link.problem.message), hint: link.problem.hint });
  if (talk.stranger !== null) {
    const closed = engine.replica.devices.has(talk.stranger);
    const what = closed
      ? `${shown(nodeOf(agent) ?? "")} was taken out of the mesh, and answers at the door`
      : "whoever answers at the door is no device of the mesh that this phone knows";
    found.push({ what, hint: "Nothing of yours goes there. Open the app where a computer of yours is in reach." });
  }
  const missing = keysMissing(engine);
  if (missing > 0) {
    const hint = "Open the app where an admin device is in reach; `mesh rotate` there hands the keys on.";
    found.push({ what: `what was written in ${missing} epochs cannot be read here: their keys are missing`, hint });
  }
  if (engine.replica.verdict.unknown.size > 0) {
    found.push({ what: "statements of a newer version are held", hint: "Reload this page where a computer is in reach." });
  }
  const side = talk.peer ? agent.talk.agreeing.sides.get(talk.peer) : undefined;
  if (side?.differs) {
    const hint = "On that computer, `mesh status` says where they differ.";
    found.push({ what: "this phone and the computer hold the same and show something else", hint });
  }
  return found;
}

/** Sync now; a phone that was refused tries again. */
export async function sync(life: Life): Promise<Standing> {
  const agent = life.member();
  await agent.wakes.wake(agent, "asked");
  return status(life);
}

/** The page came to the front, or went from it. */
export async function visible(life: Life, { visible: seen, installed }: Calls["visible"][0]): Promise<void> {
  life.page = { visible: seen, installed: installed ?? life.page.installed };
  if (seen && life.agent) void life.agent.wakes.wake(life.agent, "seen");
}
