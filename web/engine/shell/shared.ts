// What was shared with this phone from other apps: the service worker catches it, and it is taken in here: a file becomes a
// drop, words become a note.
//
// A share leaves its store only when what it became is kept. Nothing is opened or looked into.
import { MeshError } from "../errors.js";
import { utf8 } from "../names.js";
import { TEXT_BYTES_MAX, TITLE_BYTES_MAX } from "../limits.js";
import type { Agent } from "./agent.js";
import * as drops from "./calls/drops.js";
import { NOTES } from "./calls/notes.js";

/** One share, as the service worker keeps it. */
export interface Share {
  readonly title: string;
  readonly text: string;
  readonly url: string;
  readonly files: readonly { readonly name: string; readonly mime: string; readonly file: Blob }[];
  readonly at_ms: number;
}

/** The last look at what was shared, of each agent: two at once would take a share in twice. */
const looking = new WeakMap<Agent, Promise<unknown>>();

/** Take in everything that was shared; what fails stays for the next time, and keeps nothing else back. How many it was. */
export function takenIn(agent: Agent): Promise<number> {
  const before = looking.get(agent) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(() => takeAll(agent));
  looking.set(agent, mine);
  return mine;
}

async function takeAll(agent: Agent): Promise<number> {
  const [keys, shares] = await agent.home.connection.read(async (tx) => {
    return [await tx.keys<number>("shared"), await tx.all<Share>("shared")] as const;
  });
  let count = 0;
  for (const [place, share] of shares.entries()) {
    try {
      await take(agent, keys[place]!, share);
      count += 1;
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      agent.log("shared.failed", { error: error.message });
    }
  }
  return count;
}

async function take(agent: Agent, key: number, share: Share): Promise<void> {
  const { connection } = agent.home;
  const words = [share.text, share.url].filter((part) => part.trim() !== "").join("\n\n");
  const title = words || share.files.length === 0 ? share.title : "";
  for (const [place, file] of share.files.entries()) {
    await drops.add(agent, { ...file, name: cut(file.name, TITLE_BYTES_MAX) });
    const rest: Share = { ...share, title, files: share.files.slice(place + 1) };
    await connection.writeAside(async (tx) => tx.put("shared", rest, key)); // this file is not taken in again
  }
  if (words || title) {
    await NOTES["note.add"](agent, { title: cut(title, TITLE_BYTES_MAX), body: cut(words, TEXT_BYTES_MAX) });
  }
  await connection.writeAside(async (tx) => tx.delete("shared", key));
}

/** As much of a text as fits. */
function cut(text: string, bytesMax: number): string {
  let found = text;
  while (utf8(found).length > bytesMax) found = [...found].slice(0, Math.floor([...found].length * 0.9)).join("");
  return found;
}
