// The scales: each data event read and weighed by the verdict of now, with what the log says of the marks in it; as
// mesh/node/scales.py has it.
//
// Whoever weighs several events lets them be looked up together first. It keeps nothing of an event and writes nothing.
import { headKey } from "../clocks/chain.js";
import { headOf, type Placed } from "../events/event.js";
import type { Mark } from "../events/kinds.js";
import { read, type Reading } from "../events/reading.js";
import type { Keyring } from "../events/seal.js";
import { type Cut, cutKey, type Cuts, type Verdict } from "../events/verdict.js";
import type { Lineage } from "../events/weigh.js";
import { ROWS_READ_MAX } from "../limits.js";
import { ascending, type Digest, type Short } from "../names.js";
import type { DocumentText, Kept, Store } from "./store_port.js";

/** Events that the store does not hold yet, each after its parent. */
export type Fresh = ReadonlyMap<Digest, Kept>;

/** Whose honoured work a change of the verdict may have made void. */
export interface Fallen {
  /** Devices, each with the marks beyond which its work may have fallen. */
  readonly ends: readonly (readonly [Digest, readonly Mark[]])[];
  readonly documents: ReadonlySet<DocumentText>;
  readonly events: ReadonlySet<Digest>;
}

/** Nobody's work fell. */
export const NOBODY: Fallen = { ends: [], documents: new Set(), events: new Set() };

/** What work was honoured by, when it was weighed last. */
interface Past {
  readonly admissions: ReadonlySet<Digest>;
  readonly closes: ReadonlyMap<Digest, Cuts>;
  readonly grants: ReadonlyMap<Short, Digest>;
  readonly ungrants: ReadonlyMap<Short, Cuts>;
  readonly forgotten: ReadonlySet<DocumentText>;
  readonly adopted: ReadonlyMap<Digest, number>;
}

const NONE: Fresh = new Map();

/** Weighs by the verdict that it was turned to last. It is the Lineage that weighing asks. */
export class Scales implements Lineage {
  verdict: Verdict;
  /** How often it was turned: what was read under another count may count for something else now. */
  turns = 0;
  /** The events that are a mark: others may wait for them. */
  marked: ReadonlySet<Digest>;
  #past: Past;
  #marks: ReadonlyMap<Digest, ReadonlyMap<string, Mark>>;
  readonly #under = new Map<string, boolean | null>();

  constructor(
    readonly store: Store,
    readonly keyring: Keyring,
    verdict: Verdict,
  ) {
    this.verdict = verdict;
    this.#past = pastOf(verdict);
    this.#marks = marksOf(verdict);
    this.marked = markedOf(this.#marks);
  }

  /** Weigh by this verdict from now on, be it another object or the same that has grown. */
  turn(verdict: Verdict): Fallen {
    this.turns += 1;
    const before = this.#past;
    this.#past = pastOf(verdict);
    this.verdict = verdict;
    this.#marks = marksOf(verdict);
    this.marked = markedOf(this.#marks);
    return fallen(before, this.#past);
  }

  /** Read and weigh events. */
  async read(events: readonly Placed[], fresh: Fresh = NONE): Promise<Reading[]> {
    const readings: Reading[] = [];
    for (let start = 0; start < events.length; start += ROWS_READ_MAX) {
      const some = events.slice(start, start + ROWS_READ_MAX);
      await this.#lookUp(some, fresh);
      for (const event of some) readings.push(read(this.keyring, this.verdict, event, this));
    }
    return readings;
  }

  /** Whether a mark stands on an event, by what was looked up. */
  under(placed: Placed, mark: Mark): boolean | null {
    return this.#under.get(underKey(placed.digest, mark)) ?? null;
  }

  async #lookUp(events: readonly Placed[], fresh: Fresh): Promise<void> {
    this.#under.clear();
    const wanted = new Map<string, { mark: Mark; digests: Digest[] }>();
    for (const { chain, seq, digest } of events) {
      for (const [name, mark] of this.#marks.get(chain) ?? []) {
        if (mark.head.seq <= seq) continue;
        const found = wanted.get(name) ?? { mark, digests: [] };
        found.digests.push(digest);
        wanted.set(name, found);
      }
    }
    for (const { mark, digests } of wanted.values()) {
      const [known, path] = among(mark, fresh);
      const found = path ? await this.store.under(path, digests) : new Set<Digest>();
      for (const digest of digests) {
        // What is not held at all can be under it nevertheless, so only a mark that is held says no.
        const answer = found ? known.has(digest) || found.has(digest) : null;
        this.#under.set(underKey(digest, mark), answer);
      }
    }
  }
}

/** What of a mark's path is fresh, and the place below that the store must be asked about. */
function among(mark: Mark, fresh: Fresh): [Set<Digest>, Mark | null] {
  const known = new Set<Digest>();
  let kept = fresh.get(mark.head.digest);
  if (kept?.placed.chain !== mark.chain || headKey(headOf(kept.placed)) !== headKey(mark.head)) return [known, mark];
  let below = mark;
  while (kept) {
    const { digest, seq, parent } = kept.placed;
    known.add(digest);
    below = { chain: mark.chain, head: { seq: seq - 1, digest: parent } };
    kept = fresh.get(parent);
  }
  return [known, below.head.seq > 0 ? below : null];
}

function underKey(event: Digest, mark: Mark): string {
  return `${event} ${markKey(mark)}`;
}

function markKey({ chain, head }: Mark): string {
  return `${chain} ${headKey(head)}`;
}

function pastOf(verdict: Verdict): Past {
  const copied = (ends: ReadonlyMap<string, Cuts>) => new Map([...ends].map(([name, cuts]) => [name, new Map(cuts)]));
  return {
    admissions: new Set(verdict.admissions.keys()),
    closes: copied(verdict.closes),
    grants: new Map([...verdict.grants].map(([name, grant]) => [name, grant.admission])),
    ungrants: copied(verdict.ungrants),
    forgotten: new Set(verdict.forgotten),
    adopted: new Map(verdict.adopted),
  };
}

/** All marks that any end names, by chain. */
function marksOf(verdict: Verdict): Map<Digest, Map<string, Mark>> {
  const found = new Map<Digest, Map<string, Mark>>();
  for (const cuts of [...verdict.closes.values(), ...verdict.ungrants.values()]) {
    for (const mark of [...cuts.values()].flatMap((cut) => cut.marks)) {
      const marks = found.get(mark.chain) ?? new Map<string, Mark>();
      found.set(mark.chain, marks.set(markKey(mark), mark));
    }
  }
  return found;
}

function markedOf(marks: ReadonlyMap<Digest, ReadonlyMap<string, Mark>>): Set<Digest> {
  return new Set([...marks.values()].flatMap((some) => [...some.values()].map(({ head }) => head.digest)));
}

function fallen(before: Past, after: Past): Fallen {
  const ends = new Map<string, readonly [Digest, readonly Mark[]]>();
  const end = (name: Digest, marks: readonly Mark[]) => ends.set(`${name} ${marks.map(markKey).join()}`, [name, marks]);
  for (const [name, cuts] of after.closes) for (const cut of fresh(cuts, before.closes.get(name))) end(name, cut.marks);
  for (const name of before.admissions) if (!after.admissions.has(name)) end(name, []);
  for (const [name, holder] of before.grants) {
    const cuts = after.ungrants.get(name) ?? new Map<string, Cut>();
    for (const cut of fresh(cuts, before.ungrants.get(name))) end(holder, cut.marks);
    if (!after.grants.has(name)) end(holder, []);
  }
  const lifted = [...before.adopted].filter(([name, rank]) => (after.adopted.get(name) ?? rank + 1) > rank);
  const forgotten = [...after.forgotten].filter((document) => !before.forgotten.has(document));
  return {
    ends: [...ends].sort(([one], [other]) => ascending(one, other)).map(([, found]) => found),
    documents: new Set(forgotten),
    events: new Set(lifted.map(([name]) => name)),
  };
}

/** Ends that were not there before. */
function fresh(cuts: Cuts, before: Cuts | undefined): Cut[] {
  return [...cuts.values()].filter((cut) => !before?.has(cutKey(cut)));
}
