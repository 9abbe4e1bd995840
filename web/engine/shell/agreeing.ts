// Agreeing: receipts are traded with the node once per convergence; as mesh/node/agreeing.py has it, but for looking where
// two differ: a phone shows that they do, and a full device finds the place; the phone answers what that asks.
//
// Receipts are asked for when the tips that both told are the same, so an idle link costs nothing but the tips themselves.
// Whoever is outside gets none of this, and nothing is decided here.
import { Refused, Unreachable } from "../errors.js";
import { Lane } from "../events/event.js";
import { type Digest, deviceText } from "../names.js";
import type { Peer } from "../sync/inputs.js";
import * as comparing from "../sync/comparing.js";
import type { Have } from "../sync/messages.js";
import * as receipts from "../sync/receipts.js";
import { agree, alike, type Receipt, type Shown } from "../sync/receipts.js";
import { followed, seenFromHere } from "./comparing.js";
import type { Engine } from "./engine.js";
import type { Keys } from "./keys.js";
import type { Log } from "./log.js";
import type { Meetings } from "./meetings.js";
import * as timing from "./timing.js";

/** How a device of an older version refuses a receipt. */
const UNKNOWN = "does not know 'receipt'";
const NOTHING = new Uint8Array(0);

/** What is known of the node since its link came up. */
export interface Side {
  have: Have | null;
  receipt: Receipt | null;
  /** What this phone last said there that it shows. */
  told: Shown | null;
  /** What was wrong with its last receipt. */
  refused: string;
  /** It signs no receipts. */
  older: boolean;
  /** Both hold the same and do not show the same. */
  differs: boolean;
  /** When it was last answered where they differ, by the kind of its message. */
  readonly servedMs: Map<string, number>;
  asked: string;
  askedMs: number;
  trading: boolean;
  news: boolean;
}

/** What agreeing asks of others. */
export interface Asks {
  request(device: Peer, verb: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
}

/** What this phone holds and shows now. */
export async function shown({ replica, store }: Engine): Promise<Shown> {
  const frontiers = [replica.chains.frontier(Lane.CONTROL), replica.chains.frontier(Lane.DATA)] as const;
  replica.state = await store.digest();
  const view = await store.viewRoot();
  const verdict = replica.verdictDigest;
  return { frontier: receipts.frontierDigest(...frontiers), verdict, state: replica.state, view };
}

/** How many epochs' keys are not here, on a device that is meant to have them. */
export function keysMissing({ replica }: Engine): number {
  return replica.verdict.isLive(replica.own.admission) ? replica.learner.missing.length : 0;
}

/** Agreeing of this phone with the node. */
export class Agreeing {
  readonly sides = new Map<Peer, Side>();
  readonly #ownName: string;

  /** `spawn` begins work that ends with the talk; `agreed` is called when a device shows what this one shows. */
  constructor(
    private readonly engine: Engine,
    private readonly keys: Keys,
    private readonly link: Asks,
    private readonly log: Log,
    private readonly meetings: Meetings,
    private readonly spawn: (work: () => Promise<void>) => void,
    private readonly agreed: (device: Peer) => void,
  ) {
    this.#ownName = deviceText(engine.own.admission);
  }

  /** A link came up anew or went down: what was told over another one says nothing of now. */
  parted(peer: Peer): void {
    this.sides.delete(peer);
  }

  /** The node told its tips. */
  heard(peer: Peer, have: Have): void {
    if (this.engine.replica.outside(peer)) return;
    const side = this.#side(peer);
    [side.have, side.news] = [have, true];
    if (side.trading || side.older || !this.#alike(side)) return;
    side.trading = true;
    this.spawn(() => this.#trade(peer, side));
  }

  /** Answer a receipt with the own one. Throws Refused. */
  async answer(peer: Peer, body: Uint8Array): Promise<Uint8Array> {
    await this.#take(peer, receipts.decode(body));
    const mine = await this.#own();
    this.#side(peer).told = mine.shown;
    return receipts.encode(mine);
  }

  /** What this phone says to a message of somebody who looks where the two differ, if they do. Throws Refused. */
  async compared(peer: Peer, body: Uint8Array): Promise<Uint8Array> {
    const [message, side] = [comparing.decode(body), this.sides.get(peer)];
    if (!side?.differs) throw new Refused("nothing is known here that would have to be compared", "Trade receipts first.");
    if (message.message === "finding") {
      const seen = await seenFromHere(this.engine.store, message);
      const [document, event] = [seen?.document?.text ?? "", seen?.event ?? ""];
      if (seen) this.log("peer.differs", { device: peer, document, event, counts_here: seen.honoured });
      return NOTHING;
    }
    const [now, before] = [performance.now(), side.servedMs.get(message.message) ?? -Infinity];
    const inTurn = message.message === "nodes" || message.message === "leaves";
    if (!inTurn || now - before <= timing.COMPARE_SERVED_MS) {
      throw new Refused("a comparison out of turn, or too soon after the last one", "Try again in a while.");
    }
    side.servedMs.set(message.message, now);
    const found = await followed(this.engine.store, message);
    return found ? comparing.encode(found) : NOTHING;
  }

  #side(peer: Peer): Side {
    const found = this.sides.get(peer) ?? fresh();
    this.sides.set(peer, found);
    return found;
  }

  #alike(side: Side): boolean {
    const { replica } = this.engine;
    const tips = [replica.chains.frontier(Lane.CONTROL), replica.chains.frontier(Lane.DATA)] as const;
    return side.have !== null && side.have.verdict === replica.verdictDigest && alike(...tips, side.have);
  }

  async #trade(peer: Peer, side: Side): Promise<void> {
    const turn = this.#ownName > peer ? timing.RECEIPT_TURN_MS : 0; // of each two one is asked, mostly
    try {
      while (side.news && this.sides.get(peer) === side) {
        side.news = false;
        await new Promise((done) => setTimeout(done, timing.RECEIPT_CALM_MS + turn));
        if (!this.#alike(side)) continue;
        const done = (await this.#weighed(peer, side)) && same(side.told, await shown(this.engine));
        if (!done) await this.#ask(peer, side);
      }
    } finally {
      side.trading = false;
    }
  }

  /** Trade receipts, unless nothing has moved since the last time. */
  async #ask(peer: Peer, side: Side): Promise<void> {
    const mine = await this.#own();
    const [moved, now] = [JSON.stringify([mine.shown, side.have?.state]), performance.now()];
    if (side.older || (moved === side.asked && now - side.askedMs < timing.RECEIPT_AGAIN_MS)) return;
    [side.asked, side.askedMs, side.told] = [moved, now, mine.shown];
    try {
      const sent = receipts.encode(mine);
      const raw = await this.link.request(peer, receipts.VERB, sent, timing.ASK_TIMEOUT_MS);
      await this.#take(peer, receipts.decode(raw));
    } catch (error) {
      if (error instanceof Unreachable) [side.asked, side.told] = ["", null];
      if (!(error instanceof Refused)) throw error;
      [side.older, side.refused] = [error.message.includes(UNKNOWN), error.message];
      this.log(side.older ? "peer.older" : "receipt.refused", { device: peer, error: error.message });
    }
  }

  /** Keep what the node signed. Throws Refused. */
  async #take(peer: Peer, receipt: Receipt): Promise<void> {
    const { replica } = this.engine;
    receipts.check(receipt, replica.own.mesh, replica.verdict, replica.devices.get(peer) ?? ("" as Digest));
    this.meetings.signed(peer, receipt);
    const side = this.#side(peer);
    [side.receipt, side.refused] = [receipt, ""];
    await this.#weighed(peer, side);
  }

  /** This phone's receipt, of what is durable: nothing is written while it is made. */
  async #own(): Promise<Receipt> {
    const made: Receipt[] = [];
    const { replica } = this.engine;
    await this.engine.look(async (engine) => {
      await engine.settled();
      const claim = {
        admission: replica.own.admission,
        shown: await shown(engine),
        bodies: replica.missing.size,
        keys: keysMissing(engine),
      };
      made.push(await receipts.signed(claim, replica.own.mesh, this.keys.sign));
      return [];
    });
    return made[0]!;
  }

  /** Whether the node shows what this phone shows. */
  async #weighed(peer: Peer, side: Side): Promise<boolean> {
    const theirs = side.receipt;
    if (!theirs) return false;
    const [mine, { replica }] = [await shown(this.engine), this.engine];
    const lacks = replica.missing.size > 0 || keysMissing(this.engine) > 0 || !receipts.isWhole(theirs);
    const sameLog = mine.frontier === theirs.shown.frontier && mine.verdict === theirs.shown.verdict;
    const both = agree(mine, theirs.shown, true);
    side.differs = sameLog && !both && !lacks;
    if (!both) return false;
    this.meetings.inSync(peer);
    this.agreed(peer);
    return true;
  }
}

function same(one: Shown | null, other: Shown): boolean {
  return one !== null && JSON.stringify(one) === JSON.stringify(other);
}

/** What is known of a node of which nothing was heard yet. */
export function fresh(): Side {
  const nothing = { have: null, receipt: null, told: null, refused: "", asked: "" };
  const numbers = { askedMs: -Infinity, servedMs: new Map<string, number>() };
  return { ...nothing, ...numbers, older: false, differs: false, trading: false, news: false };
}
