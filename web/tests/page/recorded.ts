// Stands where the worker is while the page is tested: answers every call from rows and tells the test what was asked. It
// is no engine and imitates none: what an act would change is changed only where a test looks for it.
import type { Asked, CallName, Calls, Fault, Told } from "../../engine/port.js";
import type { PairRow, Standing } from "../../engine/rows.js";
import { answersOf, standingOf, type Scene } from "./rows.js";

const scope = self as unknown as { postMessage(told: Told): void; onmessage: (event: MessageEvent<Asked>) => void };
const BROKEN: Fault = {
  family: "Unreachable",
  class: "Unreachable",
  message: "The recorded port was told to fail.",
  hint: "Try it again when a device is in reach.",
};

const STALE: Fault = {
  family: "Refused",
  class: "Refused",
  message: "the note changed meanwhile",
  hint: "Look at both.",
};

/** Which scene is played, said by the server of the test. */
const played: Promise<Scene> = fetch("/scene").then(async (told) => ((await told.json()) as { scene: Scene }).scene);
const answers = played.then(answersOf);
let standing: Standing = standingOf("new");
let pairing: PairRow = { step: "over", digits: null, node: null, problem: null };
void played.then((scene) => (standing = standingOf(scene)));

function reported({ call, args }: Asked): Promise<unknown> {
  const plain = JSON.stringify({ call, args }, (_key, value) =>
    value instanceof Blob ? `${value.size} bytes` : value,
  );
  return fetch("/asked", { method: "POST", body: plain });
}

function stand(changed: Partial<Standing>): Standing {
  standing = { ...standing, ...changed };
  scope.postMessage({ news: { changed: ["pairing", "devices"], standing } });
  return standing;
}

function pair(row: PairRow): PairRow {
  pairing = row;
  scope.postMessage({ news: { changed: ["pairing"] } });
  return row;
}

/** What is not only read: enough of it for a test to go on. */
const acts: { [Name in CallName]?: (args: Calls[Name][0]) => Calls[Name][1] } = {
  status: () => standing,
  "pair.state": () => pairing,
  "pair.begin": () => {
    stand({ state: "pairing" });
    return pair({ step: "compare", digits: "481526", node: "Mac", problem: null });
  },
  "writer.take": () => stand({ state: "member" }),
  sync: () => standing,
  wipe: () => {
    stand({ state: "new", name: null });
    return { wiped: true };
  },
};

scope.onmessage = async ({ data }) => {
  const [scene] = await Promise.all([played, reported(data)]);
  const { id, call, args } = data;
  if (scene === "broken" && call !== "status") return scope.postMessage({ id, fault: BROKEN });
  if (scene === "stale" && call === "note.edit") return scope.postMessage({ id, fault: STALE });
  const act = acts[call] as ((args: unknown) => unknown) | undefined;
  return scope.postMessage({ id, ok: act ? act(args) : (await answers)(call, args as never) });
};
