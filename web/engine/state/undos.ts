// Who takes back whom: the undos among a document's events, undos of undos included; as mesh/state/undos.py has it.
//
// It knows events by their names alone, and no documents.
import { ascending, type Digest } from "../names.js";

/**
 * What it takes to take an event back. `names`: what the undos must name, the event first; more than one where others
 * took back the same and it shall stand again. `root`: the event that is no undo of a change, in the end. `turns`:
 * whether that one turns by it.
 */
export interface Plan {
  readonly names: readonly Digest[];
  readonly root: Digest;
  readonly turns: boolean;
}

/**
 * Which of a document's events are taken back, by its undos that count: each of them, and what it takes back.
 *
 * An undo stands unless a standing one takes it back. An event names only what was before it, so this comes to an end.
 * `births` are no changes: who takes one back deletes the document, which is a change like any other.
 */
export class Undos {
  readonly #target = new Map<Digest, Digest>();
  readonly #births: ReadonlySet<Digest>;
  readonly #of = new Map<Digest, Set<Digest>>();
  readonly #stand = new Map<Digest, boolean>();

  constructor(pairs: Iterable<readonly [Digest, Digest]> = [], births: ReadonlySet<Digest> = new Set()) {
    this.#births = births;
    for (const [undo, target] of pairs) this.add(undo, target);
  }

  /** Take in one more, in whatever order they come. */
  add(undo: Digest, target: Digest): void {
    this.#target.set(undo, target);
    this.#of.set(target, (this.#of.get(target) ?? new Set()).add(undo));
    this.#stand.clear();
  }

  /** Whether an event is not taken back. */
  stands(event: Digest): boolean {
    const open = [event];
    while (open.length > 0) {
      const last = open.at(-1)!;
      const undos = [...(this.#of.get(last) ?? [])];
      const unknown = undos.filter((undo) => !this.#stand.has(undo));
      if (unknown.length > 0) {
        open.push(...unknown);
        continue;
      }
      this.#stand.set(last, !undos.some((undo) => this.#stand.get(undo)));
      open.pop();
    }
    return this.#stand.get(event)!;
  }

  /** The standing undos of an event: more than one if people took it back without knowing of each other. */
  of(event: Digest): Digest[] {
    return [...(this.#of.get(event) ?? [])].filter((undo) => this.stands(undo)).sort(ascending);
  }

  /** What it takes to take back an event that stands. */
  plan(event: Digest): Plan {
    const undos = this.undos;
    let names = [event];
    let root = event;
    if (undos.has(event)) names = [event, ...this.of(this.#target.get(event)!).filter((undo) => undo !== event)];
    while (undos.has(root)) root = this.#target.get(root)!;
    const later = new Undos([...this.#target, ...names.map((name) => [`undo of ${name}`, name] as const)]);
    return { names, root, turns: this.stands(root) !== later.stands(root) };
  }

  /** The same, of those undos alone that somebody knew of. */
  known(knows: (undo: Digest) => boolean): Undos {
    return new Undos([...this.#target].filter(([undo]) => knows(undo)), this.#births);
  }

  /** The undos of changes. */
  get undos(): ReadonlySet<Digest> {
    const found = [...this.#target].filter(([, target]) => !this.#births.has(target));
    return new Set(found.map(([undo]) => undo));
  }

  /** The changes that are taken back, undos among them. */
  get back(): ReadonlySet<Digest> {
    return new Set([...this.#of.keys()].filter((target) => !this.#births.has(target) && !this.stands(target)));
  }
}
