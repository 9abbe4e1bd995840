// The call for diagnostics: a redacted account of this phone, as the text of a file that a person may send to somebody.
//
// No titles, no contents, no keys, and no names: devices are numbered in the order of their admissions.
import { VERSION } from "../../events/event.js";
import { deviceText } from "../../names.js";
import type { Life } from "../life.js";
import { status } from "./status.js";
import { storage } from "./storage.js";

const DOCUMENT = /\b[a-z0-9-]+\/[a-z0-9-]+\/[a-z2-7]{26}\b/g;
const DIGEST = /\b[0-9a-f]{32,}\b/g;

/** A redacted account of this life. */
export async function diagnostics(life: Life): Promise<{ name: string; text: string }> {
  const [standing, kept] = [await status(life), await storage(life)];
  const account = {
    what: "diagnostics of a phone in a mesh, without names and contents",
    at: new Date().toISOString(),
    protocol: VERSION,
    browser: globalThis.navigator?.userAgent ?? "",
    standing: { ...standing, device: null, name: null, mesh: null, node: null, removed: standing.removed !== null },
    refused: life.agent?.talk.refused ?? 0, // messages, and runs in them, that did not hold since the start
    storage: kept,
    log: life.lines.all,
  };
  const text = redacted(JSON.stringify(account, null, 2), life);
  return { name: `mesh-diagnostics-${account.at.slice(0, 10)}.json`, text };
}

/** The same without what names a device, a mesh or a document. */
function redacted(text: string, { agent }: Life): string {
  let found = text.replace(DOCUMENT, "(document)").replace(DIGEST, "(digest)");
  const devices = agent?.engine.replica.verdict.devices ?? [];
  devices.forEach(({ digest, name }, place) => {
    found = found.replaceAll(deviceText(digest), `(device ${place + 1})`);
    const quoted = JSON.stringify(name).slice(1, -1); // as it stands in the text
    if (quoted.length > 1) found = found.replaceAll(quoted, `(device ${place + 1})`);
  });
  return found;
}
