// Calls about files that were dropped: what one is, and its bytes; as mesh/node/calls_drops.py has them.
//
// What is fetched is checked; nothing is opened or run.
import { Misuse } from "../../errors.js";
import { DocumentId, shown } from "../../names.js";
import type { Calls } from "../../port.js";
import { gotBy } from "../../state/drops.js";
import type { Agent } from "../agent.js";
import { address } from "../blobs.js";
import { fileOf, isHere } from "../fetching.js";
import { changed } from "../keeping.js";

const PLAYED = /^(audio|video)\/[a-z0-9][a-z0-9.+-]*$/; // by the name of its kind; the node sends no other one so

/** What a drop is, and whether it is here; where it is not and can be played, the address that plays it from the node. */
export async function show(agent: Agent, given: Calls["drop.show"][0]): Promise<Calls["drop.show"][1]> {
  const drop = await agent.drops.of(DocumentId.parse(given.document));
  if (!drop || drop.deleted) throw new Misuse("there is no such file here", "It may come with the next sync.");
  const { digest, mime, name, size } = drop;
  const here = await isHere(agent.drops, drop);
  const signer = { ...agent.held, sign: agent.keys.sign };
  const place = { document: given.document, digest };
  const played = !here && PLAYED.test(mime) && agent.talk.peer !== null;
  const url = played ? await address(signer, "GET", place, agent.engine.world.nowMs()) : null;
  return { name: shown(name), mime, size, here, url };
}

/** The bytes of a drop: from here, or fetched; null while no device in reach has them. */
export async function get(agent: Agent, given: Calls["drop.get"][0]): Promise<Calls["drop.get"][1]> {
  const drop = await agent.drops.of(DocumentId.parse(given.document));
  if (!drop || drop.deleted) throw new Misuse("there is no such file here", "It may come with the next sync.");
  const { mime, name } = drop;
  const file = await fileOf(agent, drop);
  const key = gotBy(agent.held.admission);
  if (file && !drop.got.has(agent.device)) {
    const now = agent.engine.world.nowMs();
    await changed(agent, drop.document, (record) => (record.number(key) ? {} : { [key]: now }));
  }
  return { file, name: shown(name), mime };
}
