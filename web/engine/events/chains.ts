// The chains that a device holds: where each stands, under which key, and whether a run of events fits on one; as
// mesh/events/chains.py has it.
//
// Hold decides by the own chain, and for an opening by the admission, alone: no quota, no clock, no other device's chain
// refuses an event (PROTOCOL, "Hold"). The log itself is never kept here; what only the log can tell comes in as `held`.
import { sha256 } from "@noble/hashes/sha2.js";
import {
  byHead,
  eventDigest,
  genesisDigest,
  type Head,
  headKey,
  openingDigest,
  sameHead,
  signedBytes,
  START,
  Trail,
} from "../clocks/chain.js";
import type { Frontier } from "../clocks/frontier.js";
import { follows } from "../clocks/lamport.js";
import { Forged, Malformed, Stranger } from "../errors.js";
import { RANK_ADMIN_LAST } from "../limits.js";
import { type Digest, hex, shown } from "../names.js";
import { decodeBody } from "./bodies.js";
import {
  CLEAR,
  decodeHeader,
  decodeInner,
  type Event,
  type Header,
  headOf,
  Lane,
  type Placed,
  type Run,
  runFits,
  VERSION,
} from "./event.js";
import { verify } from "./keys.js";
import type { Genesis, Opening } from "./kinds.js";
import { type Admission, admitted, type Statements } from "./verdict.js";

/** A run stands on an event, a chain or an admission that is not held yet. The rest must be asked for first. */
export class Gap extends Error {
  override readonly name = "Gap";
}

/** A tip, and the Lamport number there. */
export interface Tipped {
  readonly head: Head;
  readonly lamport: number;
}

/** One chain: what it lives under, its tips with their Lamport numbers, and a trail of places. */
export interface Chain {
  readonly admission: Digest;
  readonly lane: Lane;
  readonly key: Uint8Array;
  /** By `headKey`. */
  readonly tips: Map<string, Tipped>;
  readonly trail: Trail;
}

/** Facts from the log: digest of an event that is held -> where it stands in its chain, and its Lamport number. */
export type Held = ReadonlyMap<Digest, { readonly seq: number; readonly lamport: number }>;

/** What a run brings: its events that are new here, where it ends, and the key of its chain. */
export interface Fitted {
  readonly events: readonly Placed[];
  readonly end: Head;
  readonly key: Uint8Array;
}

const WRONG_OPENING = "a chain's opening is not the one that it is named after";

/** All chains of a mesh that a device holds. */
export class Chains {
  /** In the order in which they came to be held. */
  readonly chains = new Map<Digest, Chain>();

  /** Start with none. */
  constructor(readonly mesh: Digest) {}

  /** The tips of all chains of one lane. */
  frontier(lane: Lane): Frontier {
    const found = [...this.chains].filter(([, chain]) => chain.lane === lane);
    return new Map(found.map(([name, chain]) => [name, heads(chain).sort(byHead)]));
  }

  /** Take over a chain as the log has it. */
  add(name: Digest, chain: Chain): void {
    this.chains.set(name, chain);
  }

  /** Move the tip of a chain under `key` to an event that fits. Returns whether that made a fork. */
  take(placed: Placed, key: Uint8Array): boolean {
    let chain = this.chains.get(placed.chain);
    if (!chain) {
      chain = { admission: placed.admission, lane: placed.lane, key, tips: new Map(), trail: new Trail() };
      this.chains.set(placed.chain, chain);
    }
    const parent = headKey({ seq: placed.seq - 1, digest: placed.parent });
    const forked = !chain.tips.delete(parent) && placed.seq > 1;
    const head = headOf(placed);
    chain.tips.set(headKey(head), { head, lamport: placed.header.lamport });
    chain.trail.extend(head);
    return forked;
  }

  /** Places of a chain that are held, best first, for a Want. */
  after(name: Digest): Head[] {
    const chain = this.chains.get(name);
    if (!chain) return [];
    const places = [...heads(chain).sort((one, other) => byHead(other, one)), ...chain.trail.heads];
    return [...new Map(places.map((head) => [headKey(head), head])).values()];
  }

  /** The digests that the log must be asked about before `place`: none when the run starts at a tip. */
  unsure(run: Run): Digest[] {
    const chain = this.chains.get(run.chain);
    if (!chain || chain.tips.has(headKey(run.after))) return [];
    return [run.after.digest, ...hashed(run, chain.key, this.mesh).map(([head]) => head.digest)];
  }

  /** Where a run of a chain that is held ends. */
  end(run: Run): Head {
    return hashed(run, this.chains.get(run.chain)!.key, this.mesh).at(-1)![0];
  }

  /** The events of a run that are new, in place, all checked. Throws Refused, or Gap; changes nothing. */
  place(run: Run, statements: Statements, held: Held): Fitted {
    runFits(run);
    const chain = this.chains.get(run.chain) ?? this.#opened(run, statements);
    const placed = checked(run, chain, lamportAt(chain, run.after, held), this.mesh);
    const end = headOf(placed.at(-1)!);
    verify(chain.key, signedBytes(run.chain, end), run.signature);
    const fresh = placed.filter((event) => !held.has(event.digest) && !chain.tips.has(headKey(headOf(event))));
    return { events: fresh, end, key: chain.key };
  }

  /** A chain that is not held yet, from the opening that its first run starts with. */
  #opened(run: Run, statements: Statements): Chain {
    if (!sameHead(run.after, START)) throw new Gap("its chain is not held");
    const body = openingOf(run.events[0]!);
    if (body.kind === "genesis") {
      if (run.chain !== this.mesh) throw new Stranger("it belongs to another mesh");
      return begun(this.mesh, Lane.CONTROL, body.signKey);
    }
    const found = admitted(statements.get(body.admission));
    if (!found) throw new Gap("its admission is not held");
    return chainUnder(found, body, run, this.mesh);
  }
}

function begun(admission: Digest, lane: Lane, key: Uint8Array): Chain {
  return { admission, lane, key, tips: new Map(), trail: new Trail() };
}

function heads(chain: Chain): Head[] {
  return [...chain.tips.values()].map(({ head }) => head);
}

/** What the first event of a chain says. Throws Refused. */
function openingOf(first: Event): Genesis | Opening {
  const header = decodeHeader(first.header);
  const kind = header.epoch === CLEAR ? decodeInner(header.inner).kind : "";
  if ((kind !== "opening" && kind !== "genesis") || !first.body) {
    throw new Malformed("a chain does not start with an opening");
  }
  return decodeBody(Lane.CONTROL, kind, first.body) as Genesis | Opening;
}

function lamportAt(chain: Chain, after: Head, held: Held): number {
  const tip = chain.tips.get(headKey(after));
  if (tip) return tip.lamport;
  if (sameHead(after, START)) return 0;
  const known = held.get(after.digest);
  if (known?.seq !== after.seq) throw new Gap("what it stands on is not held");
  return known.lamport;
}

function chainUnder(found: Admission, opening: Opening, run: Run, mesh: Digest): Chain {
  if (opening.lane === Lane.CONTROL && found.rank > RANK_ADMIN_LAST) {
    throw new Malformed(`${shown(found.name)} is a member and writes no control events`);
  }
  if (openingDigest(mesh, found.signKey, run.events[0]!.header) !== run.chain) throw new Forged(WRONG_OPENING);
  return begun(opening.admission, opening.lane, found.signKey);
}

function hashed(run: Run, key: Uint8Array, mesh: Digest): [Head, Event][] {
  let head = run.after;
  return run.events.map((event) => {
    let digest: Digest;
    if (!sameHead(head, START)) digest = eventDigest(run.chain, head, event.header);
    else if (run.chain === mesh) digest = genesisDigest(key, event.header);
    else digest = openingDigest(mesh, key, event.header);
    head = { seq: head.seq + 1, digest };
    return [head, event];
  });
}

function checked(run: Run, chain: Chain, before: number, mesh: Digest): Placed[] {
  let [parent, lamport] = [run.after.digest, before];
  const last = run.after.seq + run.events.length;
  return hashed(run, chain.key, mesh).map(([{ seq, digest }, event]) => {
    if (seq === 1 && digest !== run.chain) throw new Forged(WRONG_OPENING);
    const header = decodeHeader(event.header);
    if (!follows(header.lamport, lamport)) {
      throw new Malformed(`Lamport number ${header.lamport} cannot follow ${lamport}`);
    }
    checkParts(event, header, chain.lane, seq);
    const signature = seq === last ? run.signature : null;
    const { admission, lane } = chain;
    const placed = { chain: run.chain, admission, lane, seq, parent, digest, header, event, signature };
    [parent, lamport] = [digest, header.lamport];
    return placed;
  });
}

function checkParts(event: Event, header: Header, lane: Lane, seq: number): void {
  const clear = lane === Lane.CONTROL || seq === 1;
  if (header.version === VERSION && clear !== (header.epoch === CLEAR)) {
    throw new Malformed("an event is sealed in the control lane, or clear in the data lane");
  }
  if (event.body) checkBody(header, event.body);
  else if (clear) throw new Malformed("an event of the control lane, or an opening, came without its body");
}

/** Refuse a body that is not the one that the header names. */
export function checkBody(header: Header, body: Uint8Array): void {
  if (body.length !== header.bodyBytes || hex(sha256(body)) !== header.bodyDigest) {
    throw new Forged("a body is not the one that its header names");
  }
}
