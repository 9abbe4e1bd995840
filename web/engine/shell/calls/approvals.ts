// Calls about approvals: what another device wants this one to say yes to, and the yes; as mesh/node/calls_confirming.py
// has them.
//
// What is asked is read here from the statements themselves, never from words of the device that asks. Without a yes
// nothing is done there; a no ends the question, so that whoever waits knows, and may ask the same again.
import { NotGranted, Refused } from "../../errors.js";
import { type Act, APPROVED, DENIED, digestOf, KIND, readQuestion, SPACE, USED } from "../../events/approvals.js";
import { readInner } from "../../events/reading.js";
import { draftOf } from "../../events/speaking.js";
import { isRelay } from "../../events/verdict.js";
import { LIST_MAX } from "../../limits.js";
import { type Digest, deviceText, DocumentId, shown } from "../../names.js";
import type { Calls } from "../../port.js";
import type { ApprovalRow } from "../../rows.js";
import { put } from "../../state/edits.js";
import type { Agent } from "../agent.js";
import type { Engine } from "../engine.js";
import type { Loaded } from "../gathered.js";
import { nameOf } from "../subjects.js";
import { ofAct } from "../wording.js";

/** What other devices ask, and nobody has answered. */
export async function approvals(agent: Agent): Promise<{ approvals: ApprovalRow[] }> {
  const found = await agent.store.findDocuments(`${SPACE}/${KIND}/`, LIST_MAX);
  const rows = await agent.engine.look(async (engine) => {
    const open: ApprovalRow[] = [];
    for (const document of found) {
      if (agent.memory.settled.has(document.text)) continue;
      const row = await openRow(engine, document);
      if (row) open.push(row);
      else agent.memory.settled.add(document.text);
    }
    return open;
  });
  return { approvals: rows };
}

/** A question that waits for a person here; null: somebody answered it, it is over, or it is none. */
async function openRow(engine: Engine, document: DocumentId): Promise<ApprovalRow | null> {
  const loaded = await engine.shelf.load(document);
  if (!loaded) return null;
  try {
    const { act, untilMs } = readQuestion(await engine.shelf.birth(document));
    const [asker, agent] = await bornBy(engine, document);
    const answered = [USED, APPROVED].some((word) => loaded.document.live(word).length > 0);
    if (answered || asker === engine.own.admission || agent || untilMs <= engine.world.nowMs()) return null;
    if (await isDenied(engine, loaded, act, asker)) return null;
    return {
      id: document.text,
      device: deviceText(asker),
      name: nameOf(engine.replica, asker),
      act: act.name,
      target: shown(act.target),
      says: ofAct(engine.replica, act),
      until_ms: untilMs,
    };
  } catch (error) {
    if (error instanceof Refused) return null; // somebody wrote something else there
    throw error;
  }
}

/** Whether somebody said no: another live device, that is no relay and that the act does not close. */
async function isDenied(engine: Engine, loaded: Loaded, act: Act, asker: Digest): Promise<boolean> {
  const denied = loaded.document.live(DENIED).filter(({ value }) => value === digestOf(act));
  const authors = await engine.shelf.authors(loaded, denied.map(({ change }) => change));
  const closed = act.bodies.map((body) => (body.kind === "close" ? body.admission : ""));
  const live = engine.replica.verdict.live.filter((one) => !isRelay(one) && ![asker, ...closed].includes(one.digest));
  return [...authors.values()].some((one) => !one.agent && live.some(({ digest }) => digest === one.admission));
}

/** Who asked: the admission and the agent of the birth. Throws Refused. */
async function bornBy(engine: Engine, document: DocumentId): Promise<[Digest, string]> {
  for (const { placed } of await engine.store.rows(document)) {
    const inner = readInner(engine.keyring, placed);
    if (inner?.kind === "born") return [placed.admission, inner.agent];
  }
  throw new Refused("what was asked is not on this phone");
}

/** Say yes or no to what another device asks, as the person. */
export async function approve(agent: Agent, { id, yes }: Calls["approve"][0]): Promise<{ approved: boolean }> {
  const document = DocumentId.parse(id);
  await agent.engine.say(async (engine) => {
    const loaded = await engine.shelf.load(document);
    if (!loaded) throw new Refused("what is asked is not on this phone yet");
    const { act, untilMs } = readQuestion(await engine.shelf.birth(document));
    const [asker, asking] = await bornBy(engine, document);
    if (asker === engine.own.admission) throw new NotGranted("this phone asked that itself");
    const over = loaded.document.live(USED).length > 0 || (await isDenied(engine, loaded, act, asker));
    if (asking || over || untilMs <= engine.world.nowMs()) {
      throw new Refused("this question is over, or an agent asked it");
    }
    const actor = engine.shelf.actor(loaded, engine.own.admission);
    const change = loaded.document.edit(actor, [put(yes ? APPROVED : DENIED, digestOf(act))]).raw;
    return [draftOf({ kind: "changed", change }, document)];
  });
  agent.memory.settled.add(document.text);
  return { approved: yes };
}
