// What was shared with this phone from other apps: the service worker catches it, and it is taken in here: a file becomes a
// drop, words become a note.
//
// A share leaves its store only when what it became is kept. Nothing is opened or looked into.
import { sha256 } from "@noble/hashes/sha2.js";
import { MeshError } from "../errors.js";
import { shown, utf8 } from "../names.js";
import { SALT_BYTES, TEXT_BYTES_MAX, TITLE_BYTES_MAX } from "../limits.js";
import type { Standing } from "../rows.js";
import type { Agent } from "./agent.js";
import * as drops from "./calls/drops.js";
import { birth } from "./calls/notes.js";
import { madeOnce } from "./keeping.js";
import { ALARMS_SHOWN_MAX } from "./timing.js";

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

/** Take in all that was shared, and say how many; what fails stays for the next time, is told, and keeps nothing back. */
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
  const problems: Standing["problems"] = [];
  for (const [place, share] of shares.entries()) {
    try {
      await take(agent, keys[place]!, share);
      count += 1;
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      agent.log("shared.failed", { error: error.message });
      const { hint, message } = error;
      const name = shown(share.title || share.files[0]?.name || "");
      problems.push({ what: `“${name}” from another app is not taken in yet: ${message}`, hint });
    }
  }
  agent.memory.unshared = problems.slice(0, ALARMS_SHOWN_MAX);
  return count;
}

async function take(agent: Agent, key: number, share: Share): Promise<void> {
  const { connection } = agent.home;
  const words = [share.text, share.url].filter((part) => part.trim() !== "").join("\n\n");
  const title = words || share.files.length === 0 ? share.title : "";
  // The page may go before the store knows that something was taken in: then the next one makes the same of it.
  const salt = (left: number) =>
    sha256(utf8(`shared with ${agent.device}: ${key} ${share.at_ms} ${left}`)).slice(0, SALT_BYTES);
  for (const [place, file] of share.files.entries()) {
    const once = { salt: salt(share.files.length - place), atMs: share.at_ms };
    await drops.add(agent, { ...file, name: cut(file.name, TITLE_BYTES_MAX) }, once);
    const rest: Share = { ...share, title, files: share.files.slice(place + 1) };
    await connection.writeAside(async (tx) => tx.put("shared", rest, key)); // this file is not taken in again
  }
  if (words || title.trim()) {
    const note = { title: cut(title, TITLE_BYTES_MAX), body: cut(words, TEXT_BYTES_MAX) };
    await madeOnce(agent, birth(note, salt(0)));
  }
  await connection.writeAside(async (tx) => tx.delete("shared", key));
}

/** As much of a text as fits. */
function cut(text: string, bytesMax: number): string {
  let found = text;
  while (utf8(found).length > bytesMax) found = [...found].slice(0, Math.floor([...found].length * 0.9)).join("");
  return found;
}
