// The chains and branches of the log, in memory: a path is a few stretches of branches, however long a chain is; as
// mesh/node/storage/ledger_spans.py has it in tables.
//
// A chain that was never forked has one branch. A branch stands on an event of one that began earlier, and ends in a tip.
// Nothing here reads or writes the database.
import type { Head } from "../../clocks/chain.js";
import type { Lane } from "../../events/event.js";
import { Damaged } from "../../errors.js";
import type { Digest } from "../../names.js";

/** A chain as it is kept. */
export interface Chain {
  readonly id: number;
  readonly digest: Digest;
  readonly admission: Digest;
  readonly lane: Lane;
  readonly events: number;
}

/** A place in a branch. */
export interface Spot {
  readonly branch: number;
  readonly seq: number;
}

/** A branch as it is kept. `parent`: the event it stands on, null at an opening; `tip`: the last of it. */
export interface Branch {
  readonly id: number;
  readonly chain: number;
  readonly first: number;
  readonly parent: Spot | null;
  readonly tip: Head;
  readonly lamport: number;
}

/** A stretch of one branch, both ends included. */
export interface Segment {
  readonly branch: number;
  readonly first: number;
  readonly last: number;
}

/** All chains and branches of a log. */
export class ChainMap {
  readonly chains = new Map<number, Chain>();
  readonly branches = new Map<number, Branch>();
  readonly #named = new Map<Digest, Chain>();
  readonly #of = new Map<number, Set<number>>();
  readonly #tips = new Map<Digest, number>();

  constructor(chains: Iterable<Chain> = [], branches: Iterable<Branch> = []) {
    this.learn(chains, branches);
  }

  /** Take in chains and branches as they are now. */
  learn(chains: Iterable<Chain>, branches: Iterable<Branch>): void {
    for (const chain of chains) {
      this.chains.set(chain.id, chain);
      this.#named.set(chain.digest, chain);
    }
    for (const branch of branches) {
      const before = this.branches.get(branch.id);
      if (before) this.#tips.delete(before.tip.digest);
      this.branches.set(branch.id, branch);
      this.#tips.set(branch.tip.digest, branch.id);
      this.#of.set(branch.chain, (this.#of.get(branch.chain) ?? new Set()).add(branch.id));
    }
  }

  /** A chain by its digest. */
  named(digest: Digest): Chain | undefined {
    return this.#named.get(digest);
  }

  /** The chain that a branch is of. */
  chainOf(branch: number): Chain {
    return this.chains.get(this.branches.get(branch)!.chain)!;
  }

  /** The branches of a chain, in the order in which they began. */
  branchesOf(chain: number): Branch[] {
    return [...(this.#of.get(chain) ?? [])].map((id) => this.branches.get(id)!);
  }

  /** The branch that ends in this event. */
  endingIn(tip: Digest): Branch | undefined {
    const id = this.#tips.get(tip);
    return id === undefined ? undefined : this.branches.get(id);
  }

  /** From the opening to a place, as segments in order. */
  pathTo(spot: Spot): Segment[] {
    const found: Segment[] = [];
    for (let at: Spot | null = spot; at; ) {
      if (found[0] && at.branch >= found[0].branch) throw new Damaged("a branch stands on one that began later");
      const { first, parent }: Branch = this.branches.get(at.branch)!;
      found.unshift({ branch: at.branch, first, last: at.seq });
      at = parent;
    }
    return found;
  }
}

/** Whether a place is on a path. */
export function isOn(path: readonly Segment[], { branch, seq }: Spot): boolean {
  return path.some((segment) => segment.branch === branch && segment.first <= seq && seq <= segment.last);
}
