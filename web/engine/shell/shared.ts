// What was shared with this phone from other apps: the service worker catches it, and it is taken in here: a file becomes a
// drop, words become a note.
//
// A share leaves its store only when what it became is kept. Nothing is opened or looked into.
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

/** Take in everything that was shared. Returns how many shares it was. */
export async function takenIn(agent: Agent): Promise<number> {
  const { connection } = agent.home;
  const [keys, shares] = await connection.read(async (tx) => {
    return [await tx.keys<number>("shared"), await tx.all<Share>("shared")] as const;
  });
  for (const [place, share] of shares.entries()) {
    for (const file of share.files) await drops.add(agent, file);
    const words = [share.text, share.url].filter((part) => part.trim() !== "").join("\n\n");
    if (words || (share.title && share.files.length === 0)) {
      await NOTES["note.add"](agent, { title: cut(share.title, TITLE_BYTES_MAX), body: cut(words, TEXT_BYTES_MAX) });
    }
    await connection.writeAside(async (tx) => tx.delete("shared", keys[place]!));
  }
  return shares.length;
}

/** As much of a text as fits. */
function cut(text: string, bytesMax: number): string {
  let found = text;
  while (utf8(found).length > bytesMax) found = [...found].slice(0, Math.floor([...found].length * 0.9)).join("");
  return found;
}
