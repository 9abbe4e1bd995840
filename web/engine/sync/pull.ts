// Pulls: what one device is fetching from others, span by span, until nothing is lacking or nothing comes; as
// mesh/sync/pull.py has it.
//
// Every Want is paid for by a Have or by a page that moved a cursor towards its target, so each pull ends by
// construction. This module never sees an event's content.
import { type Head, headKey, sameHead } from "../clocks/chain.js";
import type { Span, Tip } from "../clocks/frontier.js";
import { TRAIL_HEADS_MAX, WANT_SPANS_MAX } from "../limits.js";
import type { Digest } from "../names.js";
import type { Peer } from "./inputs.js";
import type { Want } from "./messages.js";

/** Which places of a chain are held, best first. */
export type After = (chain: Digest) => readonly Head[];

/** Targets by what names them, in their order. */
type Targets = Map<string, Tip>;

function targets(tips: Iterable<Tip>): Targets {
  return new Map([...tips].map((tip) => [nameOf(tip), tip]));
}

function nameOf([chain, head]: Tip): string {
  return `${chain} ${headKey(head)}`;
}

/** What is fetched from one peer: control first and in its order, then data in turns, then single bodies. */
export class Pull {
  readonly control: Targets;
  readonly data: Targets;
  bodies: readonly Digest[];
  /** Nothing came since the last tick. */
  idle = false;
  readonly #cursors = new Map<string, Head>();
  #asked = new Map<Digest, Tip>();
  #askedBodies: readonly Digest[] = [];
  readonly #fed = new Set<Digest>(); // chains that moved in this turn: a long one waits for the short ones

  /** Start with nothing asked. */
  constructor(control: Iterable<Tip>, data: Iterable<Tip> = [], bodies: readonly Digest[] = []) {
    this.control = targets(control);
    this.data = targets(data);
    this.bodies = bodies;
  }

  /** All that is still fetched. */
  get targets(): Tip[] {
    return [...this.control.values(), ...this.data.values()];
  }

  /** Whether this tip is still fetched. */
  fetches(tip: Tip): boolean {
    return this.control.has(nameOf(tip)) || this.data.has(nameOf(tip));
  }

  /** The next question; null when nothing is left. */
  want(after: After): Want | null {
    this.#asked = this.#next();
    this.#askedBodies = this.#asked.size > 0 ? [] : this.bodies;
    if (this.#asked.size === 0 && this.#askedBodies.length === 0) return null;
    const spans = [...this.#asked.values()].map((tip): Span => {
      const [chain, target] = tip;
      const cursor = this.#cursors.get(nameOf(tip));
      return { chain, target, after: cursor ? [cursor] : after(chain).slice(0, TRAIL_HEADS_MAX) };
    });
    return { message: "want", spans, bodies: this.#askedBodies };
  }

  /** Move the cursors by an answer's runs, each given by its chain and end. Returns whether anything moved. */
  advance(ends: Iterable<Tip>): boolean {
    let moved = this.#askedBodies.length > 0;
    if (moved) this.bodies = [];
    for (const [chain, end] of ends) {
      const target = this.#asked.get(chain);
      if (!target || !this.#beyond(target, end)) continue;
      [moved, this.idle] = [true, false];
      this.#cursors.set(nameOf(target), end);
      if (this.data.has(nameOf(target))) this.#fed.add(chain);
      if (sameHead(end, target[1])) {
        this.control.delete(nameOf(target));
        this.data.delete(nameOf(target));
      }
    }
    return moved;
  }

  /** The targets of the next question. Of a forked chain one branch, or nobody could say which a run is on. */
  #next(): Map<Digest, Tip> {
    const chosen = this.#hungry();
    if (chosen.size > 0) return chosen;
    this.#fed.clear();
    return this.#hungry();
  }

  #hungry(): Map<Digest, Tip> {
    const chosen = new Map<Digest, Tip>();
    const waiting = [...this.data.values()].filter(([chain]) => !this.#fed.has(chain));
    for (const target of [...this.control.values(), ...waiting]) {
      if (!chosen.has(target[0])) chosen.set(target[0], target);
      if (chosen.size === WANT_SPANS_MAX) break;
    }
    return chosen;
  }

  #beyond(target: Tip, end: Head): boolean {
    const cursor = this.#cursors.get(nameOf(target));
    return this.fetches(target) && (!cursor || end.seq > cursor.seq) && end.seq <= target[1].seq;
  }
}

/** All that is under way: one pull for each peer, and no chain from two peers at once. */
export class Pulls {
  readonly underWay = new Map<Peer, Pull>();
  #skipped = new Set<Peer>(); // peers that offered what was on its way already

  /** What of an offer may be fetched from this peer now; null while it is being asked for something. */
  offered(peer: Peer, control: readonly Tip[], data: readonly Tip[]): { control: Tip[]; data: Tip[] } | null {
    const others = [...this.underWay].filter(([other]) => other !== peer);
    const busy = new Set(others.flatMap(([, pull]) => pull.targets.map(([chain]) => chain)));
    const free = (tips: readonly Tip[]) => tips.filter(([chain]) => !busy.has(chain));
    const offer = { control: free(control), data: free(data) };
    const tips = [...offer.control, ...offer.data];
    const pull = this.underWay.get(peer);
    const late = pull !== undefined && tips.some((tip) => !pull.fetches(tip));
    if (late || tips.length < control.length + data.length) this.#skipped.add(peer);
    return pull ? null : offer;
  }

  /** After an answer to a Want: the next question. Null: there is no pull, or it is at its end. */
  onwards(peer: Peer, ends: Iterable<Tip>, after: After): Want | null {
    const pull = this.underWay.get(peer);
    return pull?.advance(ends) ? pull.want(after) : null;
  }

  /** Forget what was fetched from a peer; whoever offered the same, or more meanwhile, may now be asked. */
  end(peer: Peer): Set<Peer> {
    if (!this.underWay.delete(peer)) return new Set();
    const skipped = this.#skipped;
    this.#skipped = new Set();
    return skipped;
  }

  /** Some time went by: give up what did not move in all of it. */
  tick(): void {
    for (const [peer, pull] of [...this.underWay]) {
      if (pull.idle) this.end(peer);
      pull.idle = true;
    }
  }
}
