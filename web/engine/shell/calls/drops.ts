// The call that drops a file; as mesh/node/calls_drops.py has it.
//
// A file's chunks are here before its record names them. Nothing is opened or run. Having one is in calls/files.ts.
import { Misuse } from "../../errors.js";
import { documentOf } from "../../events/bodies.js";
import { TITLE_BYTES_MAX, WORD_REGISTER_BYTES_MAX } from "../../limits.js";
import { shown, utf8 } from "../../names.js";
import type { Calls } from "../../port.js";
import { KIND, registers } from "../../state/drops.js";
import * as records from "../../state/records.js";
import type { Agent } from "../agent.js";
import * as keeping from "../keeping.js";

const UNSAFE = /[/\\\p{Cc}]/gu;

/** What makes the same file the same drop, however often it is dropped. */
export interface Once {
  readonly salt: Uint8Array;
  readonly atMs: number;
}

/** Drop a file: its bytes are kept here, and its record names them. For one device, or for all. */
export async function add(
  agent: Agent,
  given: Calls["drop.add"][0],
  { salt, atMs }: Once = { salt: keeping.salt(agent), atMs: agent.engine.world.nowMs() },
): Promise<Calls["drop.add"][1]> {
  const { engine } = agent;
  const name = given.name.replace(UNSAFE, "_").trim() || "file";
  if (utf8(name).length > TITLE_BYTES_MAX) throw new Misuse("the name of the file is too long", "Give it a shorter one.");
  if (given.to !== undefined && !engine.replica.devices.has(given.to)) {
    throw new Misuse(`there is no device ${shown(given.to)}`, "Leave it out, and all devices get the file.");
  }
  const cut = await agent.drops.cut(given.file);
  const mime = utf8(given.mime).length > WORD_REGISTER_BYTES_MAX ? "" : given.mime;
  const said = { ...cut, name, mime, sender: agent.device, to: given.to ?? "", atMs };
  const born = records.birth(KIND, registers(said), "", salt);
  const document = documentOf(keeping.SPACE, KIND, born);
  await agent.outgoing.lay(document, cut);
  await keeping.madeOnce(agent, [document, born]);
  return { document: document.text, size: cut.size };
}
