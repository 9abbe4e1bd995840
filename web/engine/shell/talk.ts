// Talk with the node that serves the page: what the link brings goes to the engine, and what the engine wants asked or
// sent goes out; as mesh/node/talk.py has it, for a device with one link.
//
// Every message may be lost or come twice; anti-entropy on each link and at intervals makes up for it. The node is a guest
// here, with which control alone is traded, until it has proven which device it is. Nothing here touches the store, and
// nothing decides what counts.
import { MeshError, Refused, Stranger, Unreachable } from "../errors.js";
import { QUESTION_BYTES } from "../limits.js";
import * as comparing from "../sync/comparing.js";
import { type Effects, GUEST, isGuest, type Peer } from "../sync/inputs.js";
import * as drops from "../sync/drops.js";
import * as introducing from "../sync/introducing.js";
import { decodeHave, decodePush, decodeWant, encode, type Have, type Push, type Want } from "../sync/messages.js";
import * as presence from "../sync/presence.js";
import * as receipts from "../sync/receipts.js";
import * as visiting from "../sync/visiting.js";
import { Agreeing } from "./agreeing.js";
import type { Engine } from "./engine.js";
import type { Keys } from "./keys.js";
import type { Handler, Link } from "./link.js";
import type { Log } from "./log.js";
import type { Meetings } from "./meetings.js";
import * as timing from "./timing.js";

const NOTHING = new Uint8Array(0);
const WHERE = "where";
/** The node as a guest by HTTP meets it. */
const DOOR: Peer = `${GUEST}door`;

/** What the talk tells its owner, and asks of it. */
export interface Listener {
  /** Something about the link, or about what others hold, is another. */
  changed(): void;
  /** A device shows what this phone shows: all is traded. */
  agreed(device: Peer): void;
  /** The node does not let this phone in. */
  shutOut(): void;
  /** What is not held elsewhere goes first, before anything is compared. */
  first(device: Peer): Promise<void>;
  /** Post bytes to the node, by a request of the page. Throws Unreachable, Refused. */
  posted(path: string, body: Uint8Array): Promise<Uint8Array>;
  /** A question for chunks. Throws Refused. */
  chunks(peer: Peer, body: Uint8Array): Promise<Uint8Array>;
}

/** The handler of the link, and what carries out what the engine wants of others. */
export class Talk implements Handler {
  readonly agreeing: Agreeing;
  alarms: string[] = [];
  /** Messages, and runs in them, that did not hold since the start. */
  refused = 0;
  /** Events that came since the start. */
  received = 0;
  #link: Link | null = null;
  #proven: Peer | null = null;
  #stranger: string | null = null;
  #greeting = new Set<Peer>();
  #telling = false;
  #failed = 0;
  #ended = false;
  #ticks: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly engine: Engine,
    private readonly keys: Keys,
    private readonly log: Log,
    private readonly meetings: Meetings,
    private readonly present: presence.Presence,
    private readonly listener: Listener,
  ) {
    const asks = { request: this.request.bind(this) };
    const spawn = (work: () => Promise<void>) => this.#spawn(work);
    this.agreeing = new Agreeing(engine, keys, asks, log, meetings, spawn, (device) => listener.agreed(device));
  }

  /** Talk over a link until `end`. */
  start(link: Link): void {
    this.#link = link;
    this.#ticks = setInterval(() => this.#spawn(() => this.#tick()), timing.COMPARE_INTERVAL_MS);
  }

  /** Say nothing any more. */
  end(): void {
    this.#ended = true;
    clearInterval(this.#ticks);
  }

  /** The device at the other end, once it has proven which one it is. */
  get peer(): Peer | null {
    return this.#proven;
  }

  /** Which device is at the other end, where it is none of the mesh by what this phone knows; else null. */
  get stranger(): string | null {
    return this.#stranger;
  }

  /** Ask the node; until it has proven who it is, only that. Throws Unreachable, Refused. */
  async request(peer: Peer, verb: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (verb !== introducing.VERB && !this.#isMet(peer)) throw new Unreachable("it has not proven yet which device it is");
    return this.#link!.request(deviceOf(peer), verb, body, timeoutMs);
  }

  async #tick(): Promise<void> {
    await this.#settled();
    await this.engine.feed({ input: "ticked" });
  }

  async #settled(): Promise<void> {
    this.engine.replica.state = await this.engine.store.digest();
  }

  #spawn(work: () => Promise<void>): void {
    if (this.#ended) return;
    work().catch((error: unknown) => {
      if (!this.#ended) this.log("talk.failed", { error: (error as Error).message });
      if (!(error instanceof MeshError) && !this.#ended) console.error(error);
    });
  }

  // ── from the link ────────────────────────────────────────────────────────────────────────────

  /** The link's state is another. */
  changed(): void {
    this.listener.changed();
  }

  /** Answer the node. Throws Refused. */
  async heard(sender: string, verb: string, body: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#answer(this.#known(sender), verb, body);
    } catch (error) {
      if (error instanceof Refused) this.refused += 1;
      throw error;
    }
  }

  /** What the engine calls the node: a guest, until it has proven who it is. */
  #known(device: Peer): Peer {
    return device === this.#proven ? device : GUEST + device;
  }

  async #answer(peer: Peer, verb: string, body: Uint8Array): Promise<Uint8Array> {
    if (verb === "have") return this.#heardHave(peer, decodeHave(body));
    if (verb === "want") return encode(await this.engine.serve(peer, decodeWant(body)));
    if (verb === "push") {
      await this.engine.hear(peer, decodePush(body));
      return NOTHING;
    }
    if (verb === WHERE) return NOTHING; // a phone dials the door it came by, and no address
    const inside = !this.engine.replica.outside(peer);
    if (verb === presence.VERB && inside) {
      this.present.learned(peer, presence.decode(body));
      return NOTHING;
    }
    if (verb === receipts.VERB && inside) return this.agreeing.answer(peer, body);
    if (verb === comparing.VERB && inside) return this.agreeing.compared(peer, body);
    if (verb === drops.VERB && inside) return this.listener.chunks(peer, body);
    throw new Refused(`this device does not know '${verb}'`, "One of the two needs an upgrade: `mesh --version`.");
  }

  async #heardHave(peer: Peer, have: Have): Promise<Uint8Array> {
    this.#knows(peer, have);
    await this.#settled();
    const effects = await this.engine.hear(peer, have);
    const answer = effects.send.find(([to, message]) => to === peer && message.message === "have");
    return answer ? encode(answer[1]) : NOTHING;
  }

  #knows(peer: Peer, have: Have): void {
    if (isGuest(peer)) return;
    this.meetings.told(peer, have);
    this.agreeing.heard(peer, have);
    this.listener.changed();
  }

  /** A link is up: find out who is there, hand over what nobody else holds, and compare. */
  linked(device: Peer): void {
    this.log("link.up", { device });
    this.#spawn(() => this.#begin(device));
  }

  async #begin(device: Peer): Promise<void> {
    let proven = false;
    try {
      proven = await this.#introduced(device);
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      this.log("who.failed", { device, error: error.message });
      await new Promise((done) => setTimeout(done, timing.WHO_AGAIN_MS));
      if (this.#link?.node === device && !this.#proven) this.#spawn(() => this.#begin(device));
      return;
    }
    if (this.#link?.node !== device) return;
    [this.#proven, this.#stranger] = proven ? [device, null] : [null, device];
    const untold = (error: Error) => this.log("outbox.failed", { error: error.message });
    if (proven) await this.listener.first(device).catch(untold); // then it goes as it is asked for
    this.#greet(this.#known(device), 0);
    this.listener.changed();
  }

  /** The link is down: what was asked there may be asked over the next one. */
  parted(device: Peer): void {
    this.log("link.down", { device });
    const peers = [device, GUEST + device];
    [this.#proven, this.#stranger] = [null, null];
    this.present.parted(device);
    this.agreeing.parted(device);
    for (const peer of peers) this.#spawn(() => this.engine.feed({ input: "lost", peer }).then(() => {}));
    this.#spawn(() => this.meetings.keep(device));
    this.listener.changed();
  }

  /** Whether the node is a live device that this phone knows, and has its key. Throws Forged where it has not. */
  async #introduced(device: Peer): Promise<boolean> {
    const { replica } = this.engine;
    const admission = replica.devices.get(device);
    const found = admission === undefined ? undefined : replica.verdict.admissions.get(admission);
    if (admission === undefined || !found || !replica.verdict.isLive(admission)) return false;
    const question = crypto.getRandomValues(new Uint8Array(QUESTION_BYTES));
    const answered = await this.request(device, introducing.VERB, question, timing.ASK_TIMEOUT_MS);
    const teller = { admission, signKey: found.signKey };
    try {
      introducing.check(answered, question, replica.own.mesh, teller, replica.own.admission);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const problem = new Stranger(
        `whoever answers at the door says to be ${found.name} and cannot prove it`,
        "Look at `mesh devices` on a computer of yours, and at who is in your network. Nothing was sent there.",
      );
      this.#link!.distrust(problem);
      throw problem;
    }
    return true;
  }

  /** The node does not let this phone in: hear what statements say about that, for a node's word counts for nothing. */
  shutOut(): void {
    this.listener.shutOut();
    this.#spawn(() => this.visit());
  }

  /** Trade control events as a guest, by HTTP. Throws Unreachable, Refused. */
  async visit(): Promise<void> {
    const { own, replica } = this.engine;
    const asked = async (verb: "have" | "want", message: Have | Want) => {
      const body = await visiting.question(own, Date.now(), verb, encode(message), this.keys.sign);
      return this.listener.posted("/api/guest", body);
    };
    try {
      const theirs = decodeHave(await asked("have", replica.have(DOOR, true)));
      let pulling = (await this.engine.hear(DOOR, theirs)).ask;
      while (pulling.length > 0) {
        const page = decodePush(await asked("want", pulling[0]![1]));
        pulling = (await this.engine.hear(DOOR, page)).ask;
      }
      this.log("visit.done");
    } finally {
      await this.engine.feed({ input: "lost", peer: DOOR }); // or the next visit would think that this one still fetches
    }
  }

  // ── from the engine ──────────────────────────────────────────────────────────────────────────

  /** Fetch a page; what comes goes back to the engine, and so does that nothing came. */
  ask(peer: Peer, want: Want): void {
    if (peer === DOOR) return; // whoever visits asks by himself
    this.#spawn(async () => {
      try {
        const raw = await this.request(peer, "want", encode(want), timing.ASK_TIMEOUT_MS);
        await this.engine.hear(peer, decodePush(raw));
        this.#failed = 0;
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        this.#failed += 1;
        this.log("fetch.failed", { device: peer, error: error.message });
        await this.engine.feed({ input: "lost", peer });
        this.#greet(peer, Math.min(timing.AGAIN_MS * 2 ** this.#failed, timing.COMPARE_INTERVAL_MS));
      }
    });
  }

  /** Send what is durable now. */
  happened(effects: Effects): void {
    this.refused += effects.refused;
    this.received += effects.append.filter(({ admission }) => admission !== this.engine.own.admission).length;
    for (const alarm of effects.alarms) {
      this.log("alarm", { what_happened: alarm });
      if (!this.alarms.includes(alarm)) this.alarms = [...this.alarms.slice(1 - timing.ALARMS_SHOWN_MAX), alarm];
    }
    for (const [peer, message] of effects.send) {
      if (peer === null) this.#tell(message);
      else if (message.message === "have" && message.asks) this.#greet(peer, 0);
    }
    for (const peer of effects.meet) this.#greet(peer, timing.AGAIN_MS);
    if (effects.judged) this.#judged();
  }

  /** The verdict is another: the node may be one that is known now, or not one any more. */
  #judged(): void {
    const node = this.#link?.node;
    if (!node) return;
    const live = !this.engine.replica.outside(node) && this.engine.replica.devices.has(node);
    if (live && !this.#proven) this.linked(node);
    if (live || !this.#proven) return;
    this.parted(node);
    this.#stranger = node; // the link is up still
  }

  /** News: events go at once; tips after a moment in which more may come, so that lost events are missed soon. */
  #tell(message: Have | Push): void {
    const peer = this.#proven;
    if (!peer) return;
    if (message.message === "push") this.#spawn(async () => this.#link!.tell(peer, "push", encode(message)));
    if (this.#telling) return;
    this.#telling = true;
    this.#spawn(async () => {
      await new Promise((done) => setTimeout(done, timing.NEWS_DELAY_MS));
      this.#telling = false;
      if (this.#proven !== peer) return;
      await this.#settled();
      this.#link!.tell(peer, "have", encode(this.engine.replica.have(peer, false)));
    });
  }

  #greet(peer: Peer, delayMs: number): void {
    if (this.#greeting.has(peer)) return;
    this.#greeting.add(peer);
    this.#spawn(async () => {
      await new Promise((done) => setTimeout(done, delayMs));
      this.#greeting.delete(peer);
      if (this.#isMet(peer)) await this.#compare(peer);
    });
  }

  /** Whether that is who is at the other end: proven, or a guest because the device is none of the mesh; not before. */
  #isMet(peer: Peer): boolean {
    const device = this.#link?.node;
    return device !== undefined && device !== null && peer === (device === this.#stranger ? GUEST + device : this.#proven);
  }

  /** Trade tips: the anti-entropy round of every link and interval. */
  async #compare(peer: Peer): Promise<void> {
    const { replica } = this.engine;
    replica.met.add(peer);
    await this.#settled();
    const mine = encode(replica.have(peer, true));
    const have = decodeHave(await this.request(peer, "have", mine, timing.ASK_TIMEOUT_MS));
    this.#knows(peer, have);
    await this.engine.hear(peer, have);
  }

  /** Compare now. */
  compareSoon(): void {
    if (this.#link?.node) this.#greet(this.#known(this.#link.node), 0);
  }
}

function deviceOf(peer: Peer): string {
  return peer.startsWith(GUEST) ? peer.slice(GUEST.length) : peer;
}
