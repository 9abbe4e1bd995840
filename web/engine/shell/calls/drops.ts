// Calls about dropped files: dropping one, and having the bytes of one; as mesh/node/calls_drops.py has them.
//
// A file's chunks are here before its record names them. What is fetched is checked; nothing is opened or run.
import { Misuse } from "../../errors.js";
import { documentOf } from "../../events/bodies.js";
import { draftOf } from "../../events/speaking.js";
import { SALT_BYTES, TITLE_BYTES_MAX, WORD_REGISTER_BYTES_MAX } from "../../limits.js";
import { DocumentId, shown, utf8 } from "../../names.js";
import type { Calls } from "../../port.js";
import { gotBy, KIND, registers } from "../../state/drops.js";
import * as records from "../../state/records.js";
import type { Agent } from "../agent.js";
import { address } from "../blobs.js";
import { changed, SPACE } from "../keeping.js";

const PLAYED = /^(audio|video)\/[a-z0-9][a-z0-9.+-]*$/; // by the name of its kind; the node sends no other one so
const UNSAFE = /[/\\\p{Cc}]/gu;

/** Drop a file: its bytes are kept here, and its record names them. For one device, or for all. */
export async function add(agent: Agent, given: Calls["drop.add"][0]): Promise<Calls["drop.add"][1]> {
  const { engine } = agent;
  const name = given.name.replace(UNSAFE, "_").trim() || "file";
  if (utf8(name).length > TITLE_BYTES_MAX) throw new Misuse("the name of the file is too long", "Give it a shorter one.");
  if (given.to !== undefined && !engine.replica.devices.has(given.to)) {
    throw new Misuse(`there is no device ${shown(given.to)}`, "Leave it out, and all devices get the file.");
  }
  const cut = await agent.drops.cut(given.file);
  const mime = utf8(given.mime).length > WORD_REGISTER_BYTES_MAX ? "" : given.mime;
  const said = { ...cut, name, mime, sender: agent.device, to: given.to ?? "", atMs: engine.world.nowMs() };
  const born = records.birth(KIND, registers(said), "", engine.world.random(SALT_BYTES));
  const document = documentOf(SPACE, KIND, born);
  await agent.outgoing.lay(document, cut);
  await engine.say(() => [draftOf(born, document)]);
  return { document: document.text, size: cut.size };
}

/** What a drop is, and whether it is here; where it is not and can be played, the address that plays it from the node. */
export async function show(agent: Agent, given: Calls["drop.show"][0]): Promise<Calls["drop.show"][1]> {
  const drop = await agent.drops.of(DocumentId.parse(given.document));
  if (!drop || drop.deleted) throw new Misuse("there is no such file here", "It may come with the next sync.");
  const { digest, mime, name, size } = drop;
  const here = await agent.drops.isHere(drop);
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
  const file = await agent.drops.file(drop);
  const key = gotBy(agent.held.admission);
  if (file && !drop.got.has(agent.device)) {
    const now = agent.engine.world.nowMs();
    await changed(agent, drop.document, (record) => (record.number(key) ? {} : { [key]: now }));
  }
  return { file, name: shown(name), mime };
}
