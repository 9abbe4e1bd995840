// One phone at work in its mesh: engine, link and talk together, and what calls act on; as mesh/node/agent.py has it.
//
// It owns the engine and carries out what that does not. It draws no page, and decides nothing about what counts.
import { MeshError } from "../errors.js";
import { rekeyPurpose } from "../events/epochs.js";
import { Lane, type Placed } from "../events/event.js";
import { readInner } from "../events/reading.js";
import { Keyring } from "../events/seal.js";
import { deviceText } from "../names.js";
import type { News, Topic } from "../port.js";
import type { DeviceRow, Standing } from "../rows.js";
import type { Effects, Peer } from "../sync/inputs.js";
import type { Want } from "../sync/messages.js";
import { Presence } from "../sync/presence.js";
import { devices } from "./calls/devices.js";
import type { Phone } from "./calls/phone.js";
import { problemsOf } from "./calls/status.js";
import { Drops } from "./drops.js";
import { Engine, type Owner } from "./engine.js";
import { Forgetting } from "./forgetting.js";
import type { Held, Home, Secrets } from "./home.js";
import type { Keys } from "./keys.js";
import { Link, type Surroundings } from "./link.js";
import type { Lines, Log } from "./log.js";
import { Meetings } from "./meetings.js";
import { Outbox } from "./outbox.js";
import { Outgoing } from "./outgoing.js";
import { Rulings } from "./rulings.js";
import type { Store } from "./store_port.js";
import { type Listener, Talk } from "./talk.js";
import * as timing from "./timing.js";
import { Wakes } from "./wake.js";

const READ_MAX = 200; // events of one commit that are looked at for what the page shall read again; of more: everything
const ALWAYS: readonly Topic[] = ["conflicts"];
const EVERYTHING: readonly Topic[] = [
  "notes", "tasks", "sessions", "handoffs", "asks", "approvals", "memories", "conflicts", "devices", "inbox",
];
const TOPICS: ReadonlyMap<string, readonly Topic[]> = new Map<string, readonly Topic[]>([
  ["note", ["notes", "inbox"]],
  ["drop", ["inbox"]],
  ["task", ["tasks"]],
  ["session", ["sessions"]],
  ["handoff", ["handoffs"]],
  ["ask", ["asks"]],
  ["approval", ["approvals"]],
  ["memory", ["memories"]],
  ["decision", ["memories"]],
  ["claim", ["tasks", "handoffs"]],
]);

/** What the agent is made of. */
export interface Made {
  readonly home: Home;
  readonly held: Held;
  readonly keys: Keys;
  readonly secrets: Secrets;
  readonly store: Store;
  readonly lines: Lines;
  /** Posts bytes to the node that serves the page. */
  readonly post: (path: string, body: Uint8Array) => Promise<Uint8Array>;
  /** What changed, for the page. */
  readonly news: (news: News) => void;
  /** The verdict says that this phone is no member any more: by statements that were verified here. */
  readonly closed: () => void;
}

/** What an agent remembers until it ends, and no longer. */
export interface Memory {
  /** Questions that nobody need answer any more, as text. */
  readonly settled: Set<string>;
  /** What was shared from other apps and could not be taken in, when that was last tried. */
  unshared: Standing["problems"];
}

/** One phone at work. */
export class Agent implements Owner, Listener, Phone {
  readonly engine: Engine;
  readonly store: Store;
  /** This device, as text. */
  readonly device: string;
  readonly home: Home;
  readonly held: Held;
  readonly keys: Keys;
  readonly lines: Lines;
  readonly log: Log;
  readonly presence = new Presence();
  readonly memory: Memory = { settled: new Set(), unshared: [] };
  readonly wakes: Wakes;
  readonly drops: Drops;
  readonly outgoing: Outgoing;
  readonly rulings: Rulings;
  readonly forgetting: Forgetting;
  meetings!: Meetings;
  outbox!: Outbox;
  talk!: Talk;
  link: Link | null = null;
  /** When this phone last held all that a device told it; null: never. */
  asOfMs: number | null = null;
  #secrets: Secrets;
  #work: Promise<void> | null = null;
  #closed = false;

  constructor(private readonly made: Made) {
    const { held, home, keys, lines, secrets, store } = made;
    [this.home, this.held, this.keys, this.lines, this.store] = [home, held, keys, lines, store];
    this.log = lines.log;
    this.device = deviceText(held.admission);
    this.#secrets = secrets;
    const { admission, mesh } = held;
    const purpose = rekeyPurpose(mesh, admission);
    const world = {
      nowMs: () => Date.now(),
      random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)),
      sign: keys.sign,
      open: (wrapped: Uint8Array) => keys.unwrap(wrapped, purpose),
    };
    const keyring = new Keyring(secrets.epochs);
    this.engine = new Engine({ mesh, admission, signKey: keys.signKey }, keyring, store, this, world);
    this.drops = new Drops(this);
    this.outgoing = new Outgoing(home, this.device, (document) => this.drops.of(document));
    this.rulings = new Rulings(this.engine, this.log);
    this.forgetting = new Forgetting(this.engine, this.log);
    this.wakes = new Wakes(home);
  }

  /** Read what the store holds, and begin to work. */
  async start(): Promise<void> {
    const { settings } = await this.engine.start();
    this.#work = this.engine.work();
    this.#work.catch((error: unknown) => this.log("engine.ended", { error: String(error) })); // who waits is told, too
    const remember = (key: string, value: Uint8Array) => this.engine.remember(key, value);
    this.meetings = new Meetings(remember, settings);
    this.outbox = new Outbox(this.engine, this.meetings, this.home, this.keys);
    this.talk = new Talk(this.engine, this.keys, this.log, this.meetings, this.presence, this);
    this.asOfMs = Math.max(0, ...[...this.meetings.all.values()].map(({ inSyncMs }) => inSyncMs)) || null;
    await this.#keepKeys();
    this.rulings.start();
    this.forgetting.start();
    this.#look();
    this.#filesMoved(true);
    void this.outbox.keepSoon().catch((error: Error) => this.log("outbox.failed", { error: error.message }));
  }

  /** Dial the node that served the page, and talk with it until `end`. */
  dial(around: Omit<Surroundings, "device" | "transportKey" | "sign">): Link {
    const { transportKey, login } = this.keys;
    const link = new Link({ ...around, device: this.device, transportKey, sign: login }, this.talk);
    this.link = link;
    this.talk.start(link);
    void link.run().catch((error: unknown) => {
      this.log("link.broken", { error: String(error) });
      console.error(error);
    });
    return link;
  }

  /** End: what was asked for until now is done, and nothing more. */
  async end(): Promise<void> {
    this.rulings.end();
    this.forgetting.end();
    this.talk.end();
    this.link?.end();
    await this.meetings.keep().catch(() => {}); // the store may be another tab's by now
    await this.engine.stop();
    await this.#work;
    await this.store.close();
  }

  /** Let go at once: another tab has the chain now. */
  drop(): void {
    this.rulings.end();
    this.forgetting.end();
    this.talk.end();
    this.link?.end();
    void this.store.close();
  }

  // ── what calls ask ───────────────────────────────────────────────────────────────────────────

  /** What other devices said to hold. */
  readonly holdings = { heldElsewhere: ({ chain, seq }: Placed): boolean => this.outbox.isHeld(chain, seq) };

  /** Each device, as the call `devices` tells of it. */
  async devices(): Promise<DeviceRow[]> {
    return (await devices(this)).devices;
  }

  /** What is wrong here, as the call `status` tells of it. */
  async problems(): Promise<Standing["problems"]> {
    return problemsOf(this);
  }

  /** Whether a device said just now that a session is at work. */
  isAtWork(session: string): boolean {
    return this.presence.atWork(session);
  }

  // ── owner of the engine ──────────────────────────────────────────────────────────────────────

  /** Ask a peer. */
  ask(peer: Peer, want: Want): void {
    this.talk.ask(peer, want);
  }

  /** The effects are durable: tell the node and the page. */
  happened(effects: Effects): void {
    this.talk.happened(effects);
    this.rulings.lookSoon();
    const changed = this.#topics(effects);
    this.made.news({ changed });
    if (changed.includes("inbox")) this.#filesMoved();
    const own = effects.append.filter(({ admission }) => admission === this.held.admission);
    if (this.talk.peer) this.wakes.sent += own.length; // they went out as news
    if (own.length > 0) this.#outboxMoved();
    if (!effects.judged) return;
    void this.#keepKeys();
    this.#look();
  }

  #topics({ append, bodies, judged }: Effects): Topic[] {
    if (judged || bodies.length > 0 || append.length > READ_MAX) return [...EVERYTHING];
    const found = new Set<Topic>(append.length > 0 ? ALWAYS : []);
    for (const placed of append) for (const topic of this.#topicsOf(placed)) found.add(topic);
    return [...found];
  }

  #topicsOf(placed: Placed): readonly Topic[] {
    try {
      const type = placed.lane === Lane.DATA ? readInner(this.engine.keyring, placed)?.document?.type : undefined;
      return (type !== undefined && TOPICS.get(type)) || [];
    } catch (error) {
      if (error instanceof MeshError) return []; // what cannot be read is shown nowhere
      throw error;
    }
  }

  /** Whether this phone is a member still, by what was verified here. */
  #look(): void {
    const { verdict, statements } = this.engine.replica;
    if (this.#closed || !statements.has(this.held.admission) || verdict.isLive(this.held.admission)) return;
    this.#closed = true;
    this.made.closed();
  }

  /** Keep which epoch keys are here. */
  async #keepKeys(): Promise<void> {
    const epochs = new Map(this.engine.keyring.keys);
    if (this.#closed || same(epochs, this.#secrets.epochs)) return;
    this.#secrets = { ...this.#secrets, epochs };
    await this.home.renew(this.#secrets, this.keys).catch((error: Error) => {
      this.log("keys.unkept", { error: error.message }); // the log gives them again
    });
  }

  // ── what the talk asks and tells ─────────────────────────────────────────────────────────────

  /** Something about the link, or about what others hold, is another. */
  changed(): void {
    this.made.news({ changed: ["devices"] });
    this.#outboxMoved();
  }

  /** A device shows what this phone shows. */
  agreed(device: Peer): void {
    this.asOfMs = this.meetings.of(device)?.inSyncMs ?? this.asOfMs;
    this.wakes.over();
    this.changed();
    // A phone is killed without a word, and then would not know that it was in step.
    void this.meetings.keep(device).catch((error: Error) => this.log("meeting.unkept", { error: error.message }));
  }

  /** The node does not let this phone in: there is nothing to wait for. */
  shutOut(): void {
    this.wakes.over();
  }

  /** What no other device holds goes first. */
  async first(device: Peer): Promise<void> {
    this.wakes.sent += await this.outbox.bring((body) => this.talk.request(device, "push", body, timing.ASK_TIMEOUT_MS));
    this.changed();
  }

  /** Post bytes to the node. Throws Unreachable, Refused. */
  posted(path: string, body: Uint8Array): Promise<Uint8Array> {
    return this.made.post(path, body);
  }

  /** A question for chunks. Throws Refused. */
  chunks(_peer: Peer, body: Uint8Array): Promise<Uint8Array> {
    return this.drops.answer(body);
  }

  /** Another device may have the bytes of a file by now. */
  #filesMoved(start = false): void {
    if (this.#closed) return;
    void this.outgoing.settle(start).catch((error: Error) => this.log("outgoing.failed", { error: error.message }));
  }

  #outboxMoved(): void {
    void this.outbox.keepSoon().catch((error: Error) => this.log("outbox.failed", { error: error.message }));
  }
}

function same(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  return one.size === other.size && [...one.keys()].every((name) => other.has(name));
}
