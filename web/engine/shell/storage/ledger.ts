// The log's half of a commit: events that are new, bodies that came, and what counts; what ledger.py is for SQLite.
//
// Everything that is looked up is looked up at once, before anything is written. Chains are changed in a copy, which the
// store takes over when all of it is kept. It shows nothing: that is written in showcase.ts.
import { decodeHeader, headOf as placeOfPlaced, Lane } from "../../events/event.js";
import { BODY_MISSING } from "../../events/reading.js";
import { Standing } from "../../events/verdict.js";
import { Damaged } from "../../errors.js";
import { type Digest, hex, type Hex, unhex } from "../../names.js";
import type { Batch, Kept, Weighed } from "../store_port.js";
import type { Chain, ChainMap, Spot } from "./chains.js";
import type { Writing } from "./connection.js";
import type { Documents } from "./documents.js";
import type { Rolls } from "./rolls.js";
import { changeKey, type Event, stand } from "./stored.js";

/** The events of one commit. */
export class Ledger {
  readonly #events = new Map<Digest, Event>(); // those that are concerned, as they are or will be
  readonly #dirty = new Set<Event>();
  readonly #chains = new Set<number>();
  readonly #branches = new Set<number>();

  /** `map` is a copy that may be changed; `last` the largest row id until now. */
  constructor(
    private readonly tx: Writing,
    private readonly map: ChainMap,
    private readonly documents: Documents,
    private readonly rolls: Rolls,
    public last: number,
  ) {}

  /** Look up all events that a batch speaks of. Returns the documents that these belong to. */
  async lookUp({ events = [], bodies = [], standings = [], changes = [] }: Batch): Promise<string[]> {
    const wanted = new Set<Digest>();
    for (const { placed } of events) wanted.add(placed.digest);
    for (const { placed } of events) if (placed.seq > 1) wanted.add(placed.parent); // others may stand there, too
    for (const [digest] of [...bodies, ...changes]) wanted.add(digest);
    for (const { event } of standings) wanted.add(event);
    const found = await Promise.all([...wanted].map((digest) => this.tx.by<Event>("events", "digest", unhex(digest))));
    for (const event of found) if (event) this.#events.set(hex(event.digest), event);
    return found.flatMap((event) => event?.document ?? []);
  }

  /** Keep an event, unless it is held. */
  keep({ placed, document, standing, reason }: Kept): void {
    if (this.#events.has(placed.digest)) return;
    const chain = this.#chainOf(placed);
    const spot = this.#spotOf(placed, chain);
    const { event, signature, lane } = placed;
    this.last += 1;
    const [digest, parent] = [unhex(placed.digest), unhex(placed.parent)];
    const { lamport } = placed.header;
    const names = { id: this.last, digest, parent, ...spot, lamport };
    const row: Event = { ...names, header: own(event.header), standing, ...(signature && { signature: own(signature) }) };
    stand(row, standing, reason, lane);
    this.#events.set(placed.digest, row);
    this.#dirty.add(row);
    if (event.body) this.tx.put("bodies", own(event.body), row.id);
    else row.lean = row.id;
    if (!document) return;
    row.document = document.text;
    this.documents.touch(document, lamport, event.body?.length ?? 0);
    if (counts(row, lane)) this.rolls.honour(document.text, chain.id, placed.seq, placed.digest);
  }

  #chainOf({ chain: digest, admission, lane }: Kept["placed"]): Chain {
    const found = this.map.named(digest);
    const named = found ?? { id: this.map.chains.size + 1, digest, admission, lane, events: 0 };
    const chain = { ...named, events: named.events + 1 };
    this.map.learn([chain], []);
    this.#chains.add(chain.id);
    return chain;
  }

  /** Where in which branch an event stands; a branch begins where it does not go on from a tip. */
  #spotOf(placed: Kept["placed"], chain: Chain): Spot {
    const { seq, parent, header } = placed;
    const end = { tip: placeOfPlaced(placed), lamport: header.lamport };
    const before = seq > 1 ? this.map.endingIn(parent) : undefined;
    const on = seq > 1 && !before ? this.#events.get(parent) : undefined;
    if (seq > 1 && !before && !on) throw new Damaged(`event ${seq} of a chain was to be kept without the one before it`);
    const branch = before
      ? { ...before, ...end }
      : {
          id: this.map.branches.size + 1,
          chain: chain.id,
          first: seq,
          parent: on ? { branch: on.branch, seq: on.seq } : null,
          ...end,
        };
    this.map.learn([], [branch]);
    this.#branches.add(branch.id);
    return { branch: branch.id, seq };
  }

  /** Take in a body that was not here. */
  fill(digest: Digest, body: Uint8Array): void {
    const event = this.#events.get(digest);
    if (!event || (event.lean === undefined && event.away === undefined)) return;
    delete event.lean;
    delete event.away;
    this.#dirty.add(event);
    this.tx.put("bodies", own(body), event.id);
    if (event.document) this.documents.grow(event.document, body.length);
  }

  /** Have an event count for something else. */
  weigh({ event: digest, standing, reason, document }: Weighed): void {
    const event = this.#events.get(digest);
    if (!event) throw new Damaged("an event was weighed that is not held");
    if (event.document && document && event.document !== document.text) {
      throw new Damaged("an event was to be moved to another document");
    }
    const { id: chain, lane } = this.map.chainOf(event.branch);
    const did = counts(event, lane);
    if (document && !event.document) this.documents.touch(document, event.lamport, bytesHere(event));
    if (document) event.document = document.text;
    if (event.document && event.standing === Standing.WAITS && standing !== Standing.WAITS) {
      this.documents.mayGo(event.document);
    }
    stand(event, standing, reason, lane);
    if (event.away !== undefined && standing === Standing.WAITS && reason === BODY_MISSING) {
      event.lean = event.id; // it is wanted again
      delete event.away;
    }
    this.#dirty.add(event);
    const does = counts(event, lane);
    if (!event.document || did === does) return;
    if (does) this.rolls.honour(event.document, chain, event.seq, digest);
    else this.rolls.recount(event.document, chain);
  }

  /** Say which change an event carries. */
  carries(digest: Digest, change: Hex): void {
    const event = this.#events.get(digest);
    if (!event?.document) return;
    event.change = changeKey(change);
    this.#dirty.add(event);
  }

  /** Write all of it. */
  write(): void {
    for (const event of this.#dirty) this.tx.put("events", event);
    for (const id of this.#chains) this.tx.put("chains", this.map.chains.get(id));
    for (const id of this.#branches) this.tx.put("branches", this.map.branches.get(id));
  }
}

/** Bytes in a buffer of their own: of a part of a message all of it would be kept. */
function own(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** How many bytes of its body are here. */
function bytesHere({ away, header, lean }: Event): number {
  return away === undefined && lean === undefined ? decodeHeader(header).bodyBytes : 0;
}

function counts({ standing, document }: Event, lane: Lane): boolean {
  return standing === Standing.HONOURED && lane === Lane.DATA && document !== undefined;
}
