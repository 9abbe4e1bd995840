// Letters and values through undos: what an undo brings back stands for what had gone, and the two are one line; as
// mesh/state/lines.py has it.
//
// Which of a line is seen follows from the changes that stand: those that count, are no undos and are not taken back.
// This module looks at a document and changes nothing.
import { Refused } from "../errors.js";
import type { Hex } from "../names.js";
import type { Document } from "./documents.js";
import type { Fold } from "./fold.js";
import type { History } from "./history.js";
import type { Change, OperationId } from "./operations.js";

/** Something later is built on what would be taken back. `change` is that later change. */
export class BuiltOn extends Refused {
  constructor(readonly change: Hex) {
    super("a later change is built on it");
  }
}

/** A change whose event is taken back, and the changes that were taken back when it was made. */
export interface Took {
  readonly change: Change;
  readonly back: ReadonlySet<Hex>;
}

/**
 * What is taken back, and what turns by that.
 *
 * `root` is no undo: it stands and shall not (`stops`), or the other way round. `took` is the root alone, or the undos
 * by whose end it turns. Of all other changes `undos` are undos, and `back` are taken back now.
 */
export interface Reversal {
  readonly took: readonly Took[];
  readonly root: Change;
  readonly stops: boolean;
  readonly undos: ReadonlySet<Hex>;
  readonly back: ReadonlySet<Hex>;
}

/** What a document has of one sort, letters or the values of a register, each by the operation that made it. */
export abstract class Lines {
  protected readonly fold: Fold;
  protected readonly history: History;
  protected readonly hidden: ReadonlySet<Hex>;

  /** Look at a document as it is before a reversal. */
  constructor(
    document: Document,
    readonly reversal: Reversal,
  ) {
    [this.fold, this.history, this.hidden] = [document.folded(), document.history, document.hidden];
  }

  /** The change that made it. */
  abstract maker(name: OperationId): Hex;

  /** The changes that took it away. */
  abstract removers(name: OperationId): readonly Hex[];

  /** What it stands for, if an undo made it. */
  abstract copied(name: OperationId): OperationId | null;

  /** What stands for it. */
  abstract copies(name: OperationId): readonly OperationId[];

  /** Whether it is to be seen now. */
  abstract shown(name: OperationId): boolean;

  /** It and all that stand for it. */
  line(name: OperationId): OperationId[] {
    const found = [name];
    for (const one of found) found.push(...this.copies(one));
    return found;
  }

  /** It and what it stands for through all undos, the first of all last. */
  above(name: OperationId): OperationId[] {
    const found = [name];
    for (let older = this.copied(name); older !== null; older = this.copied(older)) found.push(older);
    return found;
  }

  /** The changes after which nothing of its line was left; undos are not among them. */
  killers(name: OperationId): Hex[] {
    const line = this.line(name);
    const removers = new Set(line.flatMap((one) => [...this.removers(one)]).filter((by) => !this.reversal.undos.has(by)));
    const alone = line.length === 1; // as nearly always
    return [...removers].filter((by) => alone || !line.some((one) => this.saw(by, one)));
  }

  /** Whether it was to be seen when a change was made, with the change. */
  saw(change: Hex, name: OperationId): boolean {
    const gone = this.removers(name).some((by) => !this.hidden.has(by) && this.history.standsOn(change, by));
    return !gone && this.history.standsOn(change, this.maker(name));
  }

  // ── what stands ────────────────────

  /** Whether a change stands after the reversal. */
  stands(change: Hex): boolean {
    const { root, stops, undos, back } = this.reversal;
    if (change === root.hash) return !stops;
    return !undos.has(change) && !back.has(change) && !this.hidden.has(change);
  }

  /** Whether a change stands and was made on top of what is taken back. */
  later(change: Hex): boolean {
    if (change === this.reversal.root.hash || !this.stands(change)) return false;
    return this.reversal.took.some((took) => this.history.standsOn(change, took.change.hash));
  }

  /** Throw BuiltOn for later work. */
  mustNotBuild(changes: Iterable<Hex>): void {
    for (const change of changes) if (this.later(change)) throw new BuiltOn(change);
  }

  // ── what goes and comes ────────────────────

  /** What is to be seen of the lines of these. */
  going(names: Iterable<OperationId>): OperationId[] {
    const found = [...names].flatMap((name) => this.line(name).filter((one) => this.shown(one)));
    return [...new Set(found)];
  }

  /**
   * Of what was taken away, and of what the root says, that which is to be seen after the reversal and is not.
   *
   * Of each line one comes; several that stand for one thing come only if they were seen side by side.
   */
  coming(removed: readonly (readonly [OperationId, Took])[], said: readonly OperationId[]): OperationId[] {
    const found = new Set<OperationId>();
    const lines = new Set<OperationId>();
    const roots = new Map<OperationId, Took | null>();
    for (const [name, took] of [...removed, ...said.map((name) => [name, null] as const)]) {
      const root = this.above(name).at(-1)!;
      const other = roots.has(root) && roots.get(root) !== took;
      if (lines.has(name) || other || !this.#comes(name, took)) continue;
      found.add(name);
      roots.set(root, took);
      for (const one of [...this.line(name), ...this.above(name)]) lines.add(one);
    }
    return [...found];
  }

  /**
   * Whether a part is to be seen after the reversal, and is not there now.
   *
   * `took` had it before its eyes when it took it away: so only what is otherwise since then counts.
   */
  #comes(name: OperationId, took: Took | null): boolean {
    const { undos } = this.reversal;
    const above = this.above(name);
    const maker = this.maker(above.at(-1)!);
    const removers = new Set([...this.killers(name), ...above.flatMap((one) => [...this.removers(one)])]);
    const made = undos.has(maker) || this.stands(maker) || (took !== null && !this.#stood(maker, took));
    const gone = [...removers].some((by) => {
      return !undos.has(by) && this.stands(by) && !(took !== null && this.#stood(by, took));
    });
    return made && !gone && !this.line(name).some((one) => this.shown(one));
  }

  /** Whether a change stood for whoever made another one. */
  #stood(change: Hex, took: Took): boolean {
    const known = change !== took.change.hash && this.history.standsOn(took.change.hash, change);
    return known && !took.back.has(change);
  }
}
