// This phone, whatever it is just now: new, coming in, a member at work, or taken out; and how it goes from one to the
// next.
//
// One of a browser's tabs runs it at a time. What ends a membership is a statement that was verified here, never a node's
// word; then keys and contents are erased, and what nobody else holds is kept as a text for the person to save.
import { Misuse, Refused } from "../errors.js";
import type { Packet } from "../events/founding.js";
import type { News } from "../port.js";
import type { PairRow, Standing } from "../rows.js";
import { decodePush } from "../sync/messages.js";
import { Agent } from "./agent.js";
import type { Ask } from "./asking.js";
import { closedBy } from "./calls/devices.js";
import type { Home } from "./home.js";
import { Keys } from "./keys.js";
import type { LetIn, LettingIn } from "./letting_in.js";
import type { Surroundings } from "./link.js";
import { Lines } from "./log.js";
import { UNSENT } from "./outbox.js";
import type { Store } from "./store_port.js";

/** What is kept of a phone that was taken out: who did it, and what nobody else holds. */
const REMOVED = "removed";
const SAVED = "saved";

const PACKET = "?packet"; // whom the control events of an admission come from: a guest of that name

/** What this phone needs of the world around it. */
export interface World {
  /** The stores of this browser; the store of the log is made anew for each life of an agent. */
  readonly home: Home;
  readonly openStore: () => Promise<Store>;
  readonly ask: Ask;
  /** Posts bytes to the node. Throws Unreachable, Refused. */
  readonly post: (path: string, body: Uint8Array) => Promise<Uint8Array>;
  readonly around: Omit<Surroundings, "device" | "transportKey" | "sign" | "visible">;
  readonly news: (news: News) => void;
}

/** Who took this phone out of its mesh, when by their own clock, and why. */
export type Removed = NonNullable<Standing["removed"]>;

/** This phone, from one life to the next. */
export class Life {
  agent: Agent | null = null;
  removed: Removed | null = null;
  coming: LettingIn | null = null;
  keys: Keys | null = null;
  /** What the page said of itself last: a worker does not see it. */
  page = { visible: true, installed: false };
  readonly lines = new Lines();
  #leaving: Promise<void> | null = null;

  constructor(readonly world: World) {}

  /** Read who this phone is, and begin to work where it is a member. */
  async start(): Promise<void> {
    this.removed = ((await this.world.home.get(REMOVED)) as Removed | undefined) ?? null;
    if (this.removed) return;
    this.keys = await Keys.kept(this.world.home.keys);
    const held = await this.world.home.held();
    if (held && this.keys) await this.#begin();
  }

  /** While this phone is being taken out: fulfilled when what it held is erased. Nothing is told of it before. */
  get leaving(): Promise<void> | null {
    return this.#leaving;
  }

  /** What it is. */
  get state(): Standing["state"] {
    if (this.removed) return "removed";
    if (this.agent) return "member";
    return this.coming && this.coming.row.step !== "over" ? "pairing" : "new";
  }

  /** The agent. Throws Misuse where there is none. */
  member(): Agent {
    if (this.agent) return this.agent;
    if (this.removed) {
      throw new Refused("this phone was taken out of the mesh", "`Wipe` it here; then `mesh phone add` lets it in anew.");
    }
    throw new Misuse("this phone is in no mesh yet", "On a computer: mesh phone add.");
  }

  /** Ask to be let in; `begun` begins a try, for what it takes is not in the script of a start. */
  async comeIn(begun: typeof LettingIn.begun, given: { token: string; device?: string; name: string }): Promise<PairRow> {
    if (this.agent) throw new Misuse("this phone is in a mesh already", "Wipe it first, under Devices.");
    if (this.removed) this.member();
    this.coming?.end();
    this.keys ??= await Keys.made(this.world.home.keys);
    this.coming = begun(this.keys, this.world.ask, given, () => this.#told(), (one) => this.#joined(one));
    return this.coming.row;
  }

  /** End, so that another tab can go on. */
  async end(): Promise<void> {
    this.coming?.end();
    await this.agent?.end();
  }

  /** Let go at once: another tab has the chain now. */
  drop(): void {
    this.coming?.end();
    this.agent?.drop();
  }

  /** Erase everything of the mesh on this phone. */
  async wipe(): Promise<void> {
    this.coming?.end();
    const { agent } = this;
    [this.agent, this.coming, this.removed, this.keys] = [null, null, null, null];
    await agent?.end();
    await this.world.home.erase(new Map());
    this.#leaving = null; // it may come in anew
    this.#told();
  }

  /** What nobody else held when this phone was taken out, as a text; null where there is nothing. */
  async saved(): Promise<string | null> {
    return ((await this.world.home.get(SAVED)) as string | undefined) ?? null;
  }

  #told(): void {
    this.world.news({ changed: ["pairing"] });
  }

  async #joined({ name, packet }: LetIn): Promise<void> {
    const { mesh, admission, transport, epochs } = packet;
    await this.world.home.join({ name, mesh, admission }, { transport, epochs }, this.keys!);
    await this.#begin(packet);
  }

  async #begin(packet?: Packet): Promise<void> {
    const { home, news, around, openStore, post } = this.world;
    const [held, keys] = [(await home.held())!, this.keys!];
    const secrets = await home.secrets(keys);
    const made = { home, held, keys, secrets, store: await openStore(), lines: this.lines, news, post };
    const agent = new Agent({ ...made, closed: () => this.#close(agent) });
    await agent.start();
    for (const raw of packet?.control ?? []) await agent.engine.hear(PACKET, decodePush(raw));
    if (this.#leaving) return; // what was here says that it is no member
    this.agent = agent;
    agent.dial({ ...around, visible: () => this.page.visible });
    this.#told();
  }

  /** A verified statement took this phone out: keep what nobody else holds as a text, and erase the rest. */
  #close(agent: Agent): void {
    this.#leaving ??= this.#left(agent).catch((error: Error) => {
      this.lines.log("wipe.failed", { error: error.message });
      console.error(error);
    });
  }

  async #left(agent: Agent): Promise<void> {
    const { name, ...said } = (await closedBy(agent, agent.held.admission)) ?? { name: "", time_ms: 0, reason: "" };
    const removed = { by: name, ...said };
    const parts: string[] = [];
    for (const [name, sealed] of await this.world.home.all(UNSENT)) {
      parts.push(new TextDecoder().decode(await agent.keys.open(name, sealed as Uint8Array)));
    }
    const kept: [string, unknown][] = [[REMOVED, removed]];
    if (parts.length > 0) kept.push([SAVED, parts.join("\n")]);
    await agent.end().catch(() => {}); // what it still does fills stores that are emptied now
    await this.world.home.erase(new Map(kept));
    [this.removed, this.agent, this.keys] = [removed, null, null]; // not before: what is told is so
    this.#told();
  }
}
