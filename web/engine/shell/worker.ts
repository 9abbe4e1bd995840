// The worker that runs this phone: one tab of the browser at a time writes; its calls come from the page, and its news go
// there.
//
// It is where the world is handed in: the browser's stores, sockets, clock and locks. Nothing here knows a document.
import wasm from "@automerge/automerge/automerge.wasm?url";
import type { Asked, News, Told, Topic } from "../port.js";
import type { Standing } from "../rows.js";
import { Refused, Unreachable } from "../errors.js";
import { ready, readyBy } from "../state/engine.js";
import { askedOf } from "./asking.js";
import { call, faultOf } from "./calls.js";
import { elsewhere, status } from "./calls/status.js";
import { Home } from "./home.js";
import { Life } from "./life.js";
import { takenIn } from "./shared.js";
import { Connection, type Watch } from "./storage/connection.js";
import { PhoneStore } from "./store.js";
import * as timing from "./timing.js";
import { warm } from "./warming.js";

/** Whoever holds it writes. */
const LOCK = "mesh/writer";
/** Between tabs, and from the service worker. */
const CHANNEL = "mesh";
/** The writer is to stop at once. */
const STOP = "stop";
/** The service worker sent something, or took something in. */
const SENT = "sent";

/** What a page asks before it shows anything. */
const FIRST: ReadonlySet<string> = new Set(["status", "visible"]);

/** What a dedicated worker has of its page. */
interface Page {
  postMessage(told: Told): void;
  onmessage: ((message: MessageEvent<Asked>) => void) | null;
}

const page = globalThis as unknown as Page;

/** One tab's worker. */
class Worker {
  readonly #channel = new BroadcastChannel(CHANNEL);
  readonly #news = new Coalesced((changed) => void this.#tell(changed).catch((error) => console.warn(error)));
  #life: Life | null = null;
  #waiting: AbortController | null = null;
  #broken: unknown = null;
  #turn = 0;
  #prepared = false;
  #ready: Promise<void>;

  constructor() {
    this.#channel.onmessage = ({ data }) => {
      if (data === STOP) this.#stopped();
      if (data === SENT) void this.#sent();
    };
    globalThis.addEventListener("online", () => this.#life?.agent?.link?.kick());
    page.onmessage = ({ data }) => void this.#asked(data);
    this.#ready = this.#first();
  }

  /** Write, unless another tab does; then wait for it to go. */
  #first(): Promise<void> {
    return new Promise((known) => {
      const given = async (lock: Lock | null) => {
        if (lock) return this.#write(known);
        known();
        this.#wait();
      };
      navigator.locks.request(LOCK, { ifAvailable: true }, given).catch(() => this.#lost());
    });
  }

  /** Write as soon as nobody else does. */
  #wait(): void {
    if (this.#waiting) return;
    const waiting = (this.#waiting = new AbortController());
    const granted = () => {
      this.#waiting = null;
      return this.#write(() => {});
    };
    navigator.locks.request(LOCK, { signal: waiting.signal }, granted).catch(() => {
      if (!waiting.signal.aborted) this.#lost();
    });
  }

  /** Take over from another tab. */
  async #take(): Promise<void> {
    if (this.#life) return;
    this.#waiting?.abort();
    this.#waiting = null;
    this.#channel.postMessage(STOP); // before the lock is theirs no more
    await new Promise<void>((begun) => {
      navigator.locks.request(LOCK, { steal: true }, () => this.#write(begun)).catch(() => this.#lost());
    });
  }

  /** Be the writer until somebody takes that over. */
  async #write(begun: () => void): Promise<void> {
    const turn = (this.#turn += 1);
    try {
      const life = await this.#begun({ blocked: () => this.#hindered(begun), closed: () => this.#stopped() });
      this.#broken = null;
      if (turn !== this.#turn) return life.drop(); // it was another tab's before it began
      this.#life = life;
      void this.#sent();
    } catch (error) {
      if (turn !== this.#turn) return; // another tab took over amid it
      this.#broken = error; // told to whoever asks: a new try would come to the same
    } finally {
      begun();
    }
    this.#news.add({ changed: [] });
    await new Promise(() => {}); // until somebody steals the lock, or this tab ends
  }

  /** Another tab runs an older version, and does not let go of data that are to be of a newer form: they wait for it. */
  #hindered(begun: () => void): void {
    const hint = "Close it, and all others that show this app; then this one goes on by itself. Nothing was changed.";
    this.#broken = new Unreachable("an older version of this app is open in another tab, and in the way", hint);
    begun();
  }

  async #begun(watch: Watch): Promise<Life> {
    readyBy(bring);
    const connection = await Connection.open(indexedDB, watch);
    const life = new Life({
      home: new Home(connection),
      openStore: () => PhoneStore.open(indexedDB, watch),
      ask: askedOf((...given) => fetch(...given)),
      post: (path, body) => posted(path, body),
      around: {
        url: `wss://${location.host}/nats`,
        socket: (url) => new WebSocket(url),
        probe: () => probe(),
      },
      news: (news) => this.#news.add(news),
    });
    try {
      await life.start();
    } catch (error) {
      life.drop();
      throw error;
    }
    return life;
  }

  /** The person sees a list: bring what the first edit needs, and warm it up. What keeps it from that, the edit tells. */
  #prepare(): void {
    if (this.#prepared) return;
    this.#prepared = true;
    bring().then(() => setTimeout(warm, timing.WARM_MS), () => (this.#prepared = false));
  }

  /** Another tab took over: stop at once, and go on when it is gone. */
  #lost(): void {
    this.#stopped();
    this.#wait();
  }

  #stopped(): void {
    this.#turn += 1;
    this.#life?.drop();
    this.#life = null;
    this.#news.add({ changed: [] });
  }

  /** What was shared with this phone while no page was open is taken in. */
  async #sent(): Promise<void> {
    const agent = this.#life?.agent;
    if (!agent) return;
    agent.talk.compareSoon();
    await takenIn(agent).catch((error: Error) => agent.log("shared.failed", { error: error.message }));
    this.#news.add({ changed: [] }); // what could not be taken in is a problem of how this phone stands
  }

  async #asked({ id, call: name, args }: Asked): Promise<void> {
    await this.#ready.catch(() => {});
    try {
      const ok = await this.#answer(name, args);
      const waiting = this.#life?.agent?.outbox.waiting;
      page.postMessage(waiting === undefined ? { id, ok } : { id, ok, waiting });
    } catch (error) {
      page.postMessage({ id, fault: faultOf(error) });
    }
    if (this.#life && !FIRST.has(name)) this.#prepare();
  }

  async #answer(name: Asked["call"], args: Asked["args"]): Promise<unknown> {
    if (name === "writer.take") {
      await this.#take();
      if (!this.#broken) return this.#standing();
    }
    if (this.#broken) throw this.#broken;
    if (this.#life) return call(this.#life, name, args);
    if (name === "status") return elsewhere();
    throw new Unreachable("another tab of this page is at work", "Close it, or use `Use it here`.");
  }

  async #standing(): Promise<Standing> {
    return this.#life ? status(this.#life) : elsewhere();
  }

  async #tell(changed: Topic[]): Promise<void> {
    if (this.#broken) return;
    page.postMessage({ news: { changed, standing: await this.#standing() } });
  }
}

/** News that come together are told together. */
class Coalesced {
  readonly #changed = new Set<Topic>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly tell: (changed: Topic[]) => void) {}

  add({ changed }: News): void {
    for (const topic of changed) this.#changed.add(topic);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      const told = [...this.#changed];
      this.#changed.clear();
      this.tell(told);
    }, timing.NEWS_CALM_MS);
  }
}

let brought: Promise<void> | null = null;

/** Have Automerge's machine code at hand: once, and after a failure again for the next who needs it. */
function bring(): Promise<void> {
  brought ??= machine().catch((error: unknown) => {
    brought = null;
    throw error;
  });
  return brought;
}

/** Make Automerge ready: its machine code lies in the cache of the page. */
async function machine(): Promise<void> {
  const answer = await fetch(wasm).catch(() => null);
  if (!answer?.ok) throw new Unreachable("a part of this app is not here", "Open it once where a computer is in reach.");
  await ready(await WebAssembly.compileStreaming(answer)); // while it comes; a browser may remember what it compiled
}

/** Post bytes to the node, and have its answer. */
async function posted(path: string, body: Uint8Array): Promise<Uint8Array> {
  let answer: Response;
  try {
    const signal = AbortSignal.timeout(timing.ASK_TIMEOUT_MS);
    answer = await fetch(path, { method: "POST", body: new Uint8Array(body), cache: "no-store", signal });
  } catch {
    throw new Unreachable("no device of yours answers");
  }
  if (!answer.ok) throw new Refused(`the device that answers refused: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Whether anything answers at the page's origin: a browser throttles sockets that failed, and no fetch. */
async function probe(): Promise<void> {
  try {
    await fetch("/who", { cache: "no-store", signal: AbortSignal.timeout(timing.PROBE_TIMEOUT_MS) });
  } catch {
    throw new Unreachable("no device of yours answers");
  }
}

new Worker();
