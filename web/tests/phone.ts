// A whole phone in Node, for tests: the true shell over a store in memory, real sockets and real https, driven by lines of
// JSON. Only what Node has not is handed in: a name that leads to this machine, a certificate to trust, IndexedDB.
import "fake-indexeddb/auto";
import "./automerge.js";
import { readFileSync } from "node:fs";
import https from "node:https";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { Refused, Unreachable } from "../engine/errors.js";
import { call, faultOf } from "../engine/shell/calls.js";
import { Home } from "../engine/shell/home.js";
import { Keys } from "../engine/shell/keys.js";
import { type Ask, type Told } from "../engine/shell/asking.js";
import { Life } from "../engine/shell/life.js";
import { Connection } from "../engine/shell/storage/connection.js";
import { PhoneStore } from "../engine/shell/store.js";
import { takenIn } from "../engine/shell/shared.js";
import { OUTBOX } from "../engine/shell/outbox.js";
import { hex } from "../engine/names.js";
import type { CallName, Topic } from "../engine/port.js";

interface Line {
  id: number;
  ask: string;
  call: CallName;
  args: Record<string, unknown>;
  origin: string;
  root: string;
}

interface Answer {
  status: number;
  body: Buffer;
}

const topics = new Set<Topic>();
let life: Life | null = null;
let [origin, ca] = ["", ""];
let inFlight = false;
let own: object | null = null;
const sockets = new Set<WebSocket>();

/** One request to the door, whose name leads to this machine. */
function asked(method: string, path: string, body: Uint8Array | string | null, timeoutMs: number): Promise<Answer> {
  const url = new URL(path, origin);
  if (inFlight) return Promise.reject(new Unreachable("flight mode"));
  return new Promise((done, failed) => {
    const options = { method, ca, host: "127.0.0.1", servername: url.hostname, timeout: timeoutMs };
    const headers = { host: url.host, origin, "content-type": "application/json" };
    const request = https.request({ ...options, port: url.port, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => done({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
      response.on("error", (error) => failed(new Unreachable(error.message)));
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", (error) => failed(new Unreachable(error.message)));
    request.end(body);
  });
}

const ask: Ask = async (path, posted) => {
  const answer = await asked(posted === null ? "GET" : "POST", path, posted === null ? null : JSON.stringify(posted), 40_000);
  return { status: answer.status, told: JSON.parse(answer.body.toString() || "{}") as Told };
};

async function post(path: string, body: Uint8Array): Promise<Uint8Array> {
  const answer = await asked("POST", path, body, 10_000);
  if (answer.status !== 200) throw new Refused(`refused: ${answer.status} ${answer.body.toString()}`);
  return new Uint8Array(answer.body);
}

function socketTo(url: string): globalThis.WebSocket {
  const lookup = (_: string, options: { all?: boolean }, found: (...given: unknown[]) => void) => {
    if (options.all) found(null, [{ address: "127.0.0.1", family: 4 }]);
    else found(null, "127.0.0.1", 4);
  };
  const socket = new WebSocket(url, { ca, lookup: lookup as never, headers: { origin } });
  sockets.add(socket);
  socket.on("error", () => {}); // a browser tells of it by `close` as well, and ends nothing
  socket.on("close", () => sockets.delete(socket));
  return socket as unknown as globalThis.WebSocket;
}

async function started(): Promise<Life> {
  const made = new Life({
    home: new Home(await Connection.open(indexedDB)),
    openStore: () => PhoneStore.open(indexedDB),
    ask,
    post,
    around: {
      url: `${origin.replace("https:", "wss:")}/nats`,
      socket: socketTo,
      probe: () => asked("GET", "/who", null, 2_500),
    },
    news: ({ changed }) => changed.forEach((topic) => topics.add(topic)),
  });
  await made.start();
  return made;
}

/** What the page never sees, for a test that compares. */
async function looked(): Promise<Record<string, unknown>> {
  const agent = life!.agent;
  const outbox = await life!.world.home.all(OUTBOX);
  const seen = [...topics].sort();
  topics.clear();
  if (!agent) return { seen, outbox: outbox.size, secrets: (await life!.world.home.get("secrets")) !== undefined };
  const { engine, link, talk, store } = agent;
  return {
    seen,
    device: agent.device,
    outbox: [...outbox.values()].map((body) => hex(body as Uint8Array)),
    node: talk.peer,
    state: await store.digest(),
    view: await store.viewRoot(),
    bodyBytes: (await store.counts()).bodyBytes,
    verdict: engine.replica.verdictDigest,
    refused: talk.refused,
    alarms: talk.alarms,
    link: link?.state,
    problem: link?.problem?.message ?? null,
    log: agent.lines.all.map(({ what, ...more }) => [what, more]),
  };
}

async function answer(given: Line): Promise<unknown> {
  if (given.ask === "start") {
    origin = given.origin;
    ca = readFileSync(given.root, "utf8");
    life = await started();
    return null;
  }
  if (given.ask === "restart") {
    life!.drop(); // as when the browser is ended
    life = await started();
    return null;
  }
  if (given.ask === "later") {
    const now = Date.now;
    Date.now = () => now() + Number(given.args["ms"]);
    return null;
  }
  if (given.ask === "forgotten") return life!.agent!.forgetting.look();
  if (given.ask === "look") return looked();
  if (given.ask === "flight") {
    inFlight = Boolean(given.args["on"]);
    if (inFlight) for (const socket of sockets) socket.terminate();
    else life!.agent?.link?.kick();
    return null;
  }
  if (given.ask === "other keys") {
    const found = await Keys.made({ get: async () => undefined, put: async () => {} });
    own ??= { ...life!.agent!.link!["around"] };
    Object.assign(life!.agent!.link!["around"], { transportKey: found.transportKey, sign: found.login });
    return null;
  }
  if (given.ask === "own keys") {
    Object.assign(life!.agent!.link!["around"], own);
    return null;
  }
  if (given.ask === "drop") {
    const bytes = Buffer.from(String(given.args["base64"]), "base64");
    const name = String(given.args["name"]);
    return call(life!, "drop.add", { file: new Blob([bytes]), name, mime: String(given.args["mime"]) });
  }
  if (given.ask === "share") {
    const bytes = Buffer.from(String(given.args["base64"]), "base64");
    const files = [{ name: String(given.args["name"]), mime: "image/jpeg", file: new Blob([bytes]) }];
    const { at_ms, key, title, text } = given.args as { at_ms: number; key: number; title: string; text: string };
    const share = { title, text, url: "", files, at_ms };
    await life!.world.home.connection.writeAside(async (tx) => tx.put("shared", share, key));
    return takenIn(life!.agent!);
  }
  if (given.ask === "get") {
    const { file, name } = await call(life!, "drop.get", { document: String(given.args["document"]) });
    return { name, base64: file && Buffer.from(await file.arrayBuffer()).toString("base64") };
  }
  return call(life!, given.call, given.args as never);
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line) as Line;
  void answer(given).then(
    (ok) => console.log(JSON.stringify({ id: given.id, ok: ok ?? null })),
    (error: unknown) => console.log(JSON.stringify({ id: given.id, fault: faultOf(error) })),
  );
}
process.exit(0);
