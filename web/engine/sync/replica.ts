// The whole device as one machine: an input goes in, effects come out; as mesh/sync/replica.py has it, for a member.
//
// No clock is read, no socket or store is touched, nothing is awaited. The caller carries the effects out in the order
// of their fields: ask, append, serve, send, then the rest. What only the log can tell comes in with the input (`held`),
// and what only the wrapping key opens (`opened`). To say something takes two steps, for the signature between them is
// awaited: `draft`, and the input "spoken"; whoever drives this lets no other input in between.
import { type Head, START } from "../clocks/chain.js";
import { type Frontier, lacking, type Tip, unknownHeads } from "../clocks/frontier.js";
import { Misuse, Refused } from "../errors.js";
import { Chains, type Fitted, Gap, type Held, type Tipped } from "../events/chains.js";
import { faultText, Learner, type Opened, wrapIn } from "../events/epochs.js";
import { Lane, type Placed, type Run } from "../events/event.js";
import { Judgement } from "../events/judge.js";
import { type Proven, statement } from "../events/reading.js";
import type { Keyring } from "../events/seal.js";
import { bytesOf, joinedRuns, NONCES_BYTES, type Speaker, Voice } from "../events/speaking.js";
import { admitted, type Statements, type Verdict } from "../events/verdict.js";
import { CONTROL_BYTES_MAX, LIVE_PUSH_BYTES_MAX, SALT_BYTES, WANT_BODIES_MAX } from "../limits.js";
import { type Digest, deviceText, ZERO } from "../names.js";
import { type Effects, type Fork, GUEST, type Heard, type Input, isGuest, NOTHING, type Peer, type Said } from "./inputs.js";
import { type Have, type Message, type Push, told, type Want } from "./messages.js";
import { Missing } from "./missing.js";
import { Pull, Pulls } from "./pull.js";
import { epochToWrite, granted } from "./saying.js";

const EVERYBODY: Peer = "*";
const NONE: Opened = new Map();

/** One device's part in one mesh. */
export class Replica {
  readonly judgement: Judgement;
  readonly learner: Learner;
  readonly pulls = new Pulls();
  missing = new Missing();
  readonly met = new Set<Peer>();
  /** All that were ever let in, by the names that the bus gives them. */
  readonly devices = new Map<Peer, Digest>();
  /** The own chain that this device speaks on: after a start, the one last spoken on. Without one, one is opened. */
  voice: Digest | null = null;
  /** Chains that this device spoke on, and somebody else went on with. */
  readonly doubled = new Set<Digest>();
  controlBytes = 0;
  /** How many Haves were told: of a frontier that is too large each tells another part. */
  turn = 0;
  verdictDigest: Digest;
  /** The state digest, as the shell settled it last. */
  state: Digest = ZERO;
  /** The largest Lamport number of any event that is held. */
  heard = 0;

  /** Start from what the log holds: its chains, and all control events; `proven`: those known to be so. */
  constructor(
    readonly own: Speaker,
    readonly keyring: Keyring,
    readonly chains = new Chains(own.mesh),
    control: readonly Placed[] = [],
    opened: Opened = NONE,
    readonly proven: Proven = new Set(),
  ) {
    this.judgement = new Judgement(own.mesh);
    this.learner = new Learner(own.mesh, own.admission, keyring);
    for (const chain of chains.chains.values()) {
      for (const { lamport } of chain.tips.values()) this.heard = Math.max(this.heard, lamport);
    }
    this.verdictDigest = this.verdict.digest();
    this.#judge(control, opened, []);
  }

  /** What counts, by all that is held. */
  get verdict(): Verdict {
    return this.judgement.verdict;
  }

  /** All control events, as `judge` reads them. */
  get statements(): Statements {
    return this.judgement.statements;
  }

  /** Whether only control is traded with this peer: a guest, or a device that is not live any more. */
  outside(peer: Peer): boolean {
    const admission = this.devices.get(peer);
    return isGuest(peer) || (admission !== undefined && !this.verdict.isLive(admission));
  }

  /** My frontier as this peer may see it: who is outside sees control only. */
  have(peer: Peer, asks: boolean): Have {
    const data: Frontier = this.outside(peer) ? new Map() : this.chains.frontier(Lane.DATA);
    this.turn += 1;
    const tips = told(this.chains.frontier(Lane.CONTROL), data, this.turn);
    return { message: "have", ...tips, state: this.state, verdict: this.verdictDigest, asks };
  }

  /** Digests that the log must be asked about before this message is handled. A guest's tips are not asked for. */
  unsure(message: Message, peer: Peer = ""): Digest[] {
    if (message.message === "push") return message.runs.flatMap((run) => this.chains.unsure(run));
    if (message.message === "want" || peer === GUEST) return [];
    const mine = new Map([...this.chains.frontier(Lane.CONTROL), ...this.chains.frontier(Lane.DATA)]);
    const theirs = new Map([...message.control, ...message.data]);
    return unknownHeads(mine, theirs).map(([, head]) => head.digest);
  }

  /** What was wrapped for this device in a message: to be opened before it is handled. */
  wraps(message: Message): Uint8Array[] {
    if (message.message !== "push") return [];
    const runs = message.runs.filter((run) => this.chains.chains.get(run.chain)?.lane !== Lane.DATA);
    return runs.flatMap(({ events }) => events).flatMap((event) => wrapIn(event, this.own.admission) ?? []);
  }

  /** Take one input. Throws Misuse for "spoken" only; then nothing has changed. */
  handle(given: Input): Effects {
    switch (given.input) {
      case "spoken":
        return this.#speak(given.commit);
      case "met":
        if (!this.met.has(given.peer)) this.missing.anew(given.peer); // to compare again is no reason to ask in vain
        this.met.add(given.peer);
        return { ...NOTHING, send: [[given.peer, this.have(given.peer, true)]] };
      case "heard": {
        const { message, peer } = given;
        if (message.message === "have") return this.#compare(peer, message, given.held);
        if (message.message === "push") return this.#receive(given, message);
        return { ...NOTHING, serve: [[peer, this.#allowed(peer, message)]] };
      }
      case "lost":
        this.met.delete(given.peer);
        this.missing.anew(given.peer);
        return { ...NOTHING, meet: this.#here(this.pulls.end(given.peer)) };
      case "ticked":
        return this.#tick();
    }
  }

  // ── saying ─────────────────────────────────────────────────────────────────────────────────

  /** What somebody says here as events that still want their signatures. Throws NotGranted or another Refused. */
  draft({ drafts, timeMs, entropy, reason = "new" }: Said): Placed[] {
    if (entropy.length < SALT_BYTES + NONCES_BYTES * drafts.length) throw new Error("too little randomness");
    const allowed = drafts.map((draft) => granted(this.verdict, this.own.admission, draft, timeMs));
    const epoch = epochToWrite(this.verdict, this.keyring);
    const [end, begun] = [this.#end(), [] as Placed[]];
    const voice = end ? new Voice(this.own, this.voice!, end.head, end.lamport) : new Voice(this.own);
    if (!end) {
      const why = this.voice && this.chains.chains.has(this.voice) ? "restored" : reason;
      begun.push(voice.open(why, entropy.slice(0, SALT_BYTES), timeMs, this.heard));
    }
    allowed.forEach((draft, number) => {
      const nonces = entropy.slice(SALT_BYTES + number * NONCES_BYTES);
      begun.push(voice.say(draft, timeMs, this.heard, this.keyring, epoch, nonces));
    });
    return begun;
  }

  /** The end of the own chain, null where one must be opened: there is none, or another copy of us wrote there. */
  #end(): Tipped | null {
    const chain = this.voice && !this.doubled.has(this.voice) ? this.chains.chains.get(this.voice) : undefined;
    return chain?.tips.size === 1 ? [...chain.tips.values()][0]! : null;
  }

  #speak(commit: readonly Placed[]): Effects {
    const [first, end] = [commit[0], this.#end()];
    const follows = end ? first?.chain === this.voice && first?.parent === end.head.digest : first?.seq === 1;
    if (!first || !follows) throw new Misuse("the chain went on while this was signed; draft it again");
    this.voice = first.chain;
    const judged = this.#take(commit, this.own.signKey, NONE, [], []);
    return { ...NOTHING, append: commit, send: [[null, this.#announced(commit)]], judged };
  }

  /** News for everybody: the events themselves when small, otherwise that they are there. */
  #announced(commit: readonly Placed[]): Have | Push {
    if (bytesOf(commit) > LIVE_PUSH_BYTES_MAX) return this.have(EVERYBODY, false);
    return { message: "push", runs: joinedRuns(commit), bodies: [], answer: false };
  }

  // ── hearing ────────────────────────────────────────────────────────────────────────────────

  #compare(peer: Peer, have: Have, held: Held): Effects {
    const send = have.asks ? [[peer, this.have(peer, false)] as const] : [];
    if (peer === GUEST) return { ...NOTHING, send }; // nobody can be asked through the guests' door
    const control = lacking(this.chains.frontier(Lane.CONTROL), have.control, held);
    const outside = this.outside(peer);
    const data = outside ? [] : lacking(this.chains.frontier(Lane.DATA), have.data, held);
    const free = this.pulls.offered(peer, control, data);
    const bodies = outside || !free ? [] : this.missing.due(peer, WANT_BODIES_MAX);
    if (!free || free.control.length + free.data.length + bodies.length === 0) return { ...NOTHING, send };
    const pull = new Pull(free.control, free.data, bodies);
    this.pulls.underWay.set(peer, pull);
    const want = pull.want((chain) => this.chains.after(chain));
    return { ...NOTHING, ask: want ? [[peer, want]] : [], send };
  }

  /** What of a Want is served (outside control only), in the order in which it came to be held here. */
  #allowed(peer: Peer, want: Want): Want {
    const order = new Map([...this.chains.chains.keys()].map((name, place) => [name, place]));
    const outside = this.outside(peer);
    const control = this.chains.frontier(Lane.CONTROL);
    const spans = want.spans.filter(({ chain }) => (outside ? control : order).has(chain));
    spans.sort((one, other) => order.get(one.chain)! - order.get(other.chain)!);
    return { message: "want", spans, bodies: outside ? [] : want.bodies };
  }

  #receive({ peer, held, opened }: Heard, push: Push): Effects {
    const [taken, alarms, forks, ends] = [[] as Placed[], [] as string[], [] as Fork[], [] as Tip[]];
    const meet = new Set<Peer>();
    let [judged, refused] = [false, 0];
    const now = new Map(held); // with what earlier runs of this very message brought
    for (const run of push.runs) {
      const fitted = this.#fitting(peer, run, now);
      if (fitted instanceof Gap) {
        if (this.met.has(peer)) meet.add(peer);
        continue; // another chain may bring what this one stands on
      }
      if (fitted instanceof Refused) {
        alarms.push(`refused from ${peer}: ${fitted.message}`);
        refused += 1;
        continue; // one bad chain blocks no other
      }
      judged = this.#take(fitted.events, fitted.key, opened, alarms, forks) || judged;
      taken.push(...fitted.events);
      if (fitted.events.length > 0 && run.chain === this.voice) {
        this.doubled.add(run.chain);
        alarms.push(`another copy of this device wrote event ${fitted.end.seq} of the chain it speaks on`);
      }
      for (const { digest, seq, header } of fitted.events) now.set(digest, { seq, lamport: header.lamport });
      ends.push([run.chain, fitted.end]);
    }
    const bodies = this.missing.brought(peer, push.bodies);
    const want = push.answer ? this.pulls.onwards(peer, ends, (chain) => this.chains.after(chain)) : null;
    if (push.answer && !want) for (const other of this.#here(this.pulls.end(peer))) meet.add(other);
    const ask: Effects["ask"] = want ? [[peer, want]] : [];
    const send: Effects["send"] = taken.length > 0 ? [[null, this.have(EVERYBODY, false)]] : [];
    return { ask, append: taken, bodies, serve: [], send, meet, judged, alarms, forks, refused };
  }

  /** What a run brings, or why it is not taken. */
  #fitting(peer: Peer, run: Run, held: Held): Fitted | Gap | Refused {
    try {
      const fitted = this.chains.place(run, this.statements, held);
      const first = fitted.events[0];
      if (first?.lane === Lane.DATA && this.outside(peer)) {
        return new Refused(isGuest(peer) ? "a guest brought data" : "a device that was taken out brought data");
      }
      if (first?.lane === Lane.CONTROL && this.controlBytes > this.#controlRoom(first.admission)) {
        return new Refused("this mesh holds as many control events as fit");
      }
      return fitted;
    } catch (error) {
      if (error instanceof Gap || error instanceof Refused) return error;
      throw error;
    }
  }

  /** What is not live leaves room: whoever was taken out must not fill the memory that others speak into. */
  #controlRoom(admission: Digest): number {
    return this.verdict.isLive(admission) ? CONTROL_BYTES_MAX : CONTROL_BYTES_MAX / 2;
  }

  #here(peers: Iterable<Peer>): Set<Peer> {
    return new Set([...peers].filter((peer) => this.met.has(peer)));
  }

  // ── holding ────────────────────────────────────────────────────────────────────────────────

  /** Move chains, clock and statements on by events that fit. Returns whether what others amount to may change. */
  #take(placed: readonly Placed[], key: Uint8Array, opened: Opened, alarms: string[], forks: Fork[]): boolean {
    const control: Placed[] = [];
    for (const event of placed) {
      const after: Head = event.seq > 1 ? { seq: event.seq - 1, digest: event.parent } : START;
      if (this.chains.take(event, key)) forks.push([event.chain, after]);
      this.heard = Math.max(this.heard, event.header.lamport);
      if (event.lane === Lane.CONTROL) control.push(event);
      else if (!event.event.body) this.missing.set(event.digest, event.header.bodyDigest);
    }
    return this.#judge(control, opened, alarms);
  }

  /** Take control events into the verdict and the keyring. Returns whether either changed. */
  #judge(control: readonly Placed[], opened: Opened, alarms: string[]): boolean {
    this.controlBytes += bytesOf(control);
    const said = control.map((placed) => statement(placed, this.proven));
    for (const one of said) if (admitted(one)) this.devices.set(deviceText(one.digest), one.digest);
    const changed = this.judgement.add(said);
    const [learned, faults] = this.learner.learn(said, opened);
    alarms.push(...faults.map((fault) => faultText(fault, this.verdict.nameOf(fault.by))));
    if (changed) this.verdictDigest = this.verdict.digest();
    return changed || learned;
  }

  // ── time ───────────────────────────────────────────────────────────────────────────────────

  #tick(): Effects {
    this.pulls.tick();
    this.missing.tick();
    return { ...NOTHING, send: [...this.met].sort().map((peer) => [peer, this.have(peer, true)] as const) };
  }
}
