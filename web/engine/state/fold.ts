// A document seen without its void changes: all operations, and what they come to when some changes do not count; as
// mesh/state/fold.py has it.
//
// Used only where void changes lie beneath honoured ones; everywhere else Automerge shows the document by itself. With
// nothing masked a fold shows exactly what Automerge shows, whatever somebody wrote. A view is a function of the
// changes and of what is void, never of an order of arrival. This module knows no Automerge, decides about no standing,
// and takes only changes that fit (intake.ts).
import type { Value } from "../events/kinds.js";
import { ascending, type Hex } from "../names.js";
import type { History, Live } from "./history.js";
import { Action, actorOf, type Change, type OperationId, operationId } from "./operations.js";

/** What is to be seen: the letters of the text in their order, and the live values of each register that has any. */
export interface View {
  readonly letters: readonly OperationId[];
  readonly text: string;
  readonly live: ReadonlyMap<string, ReadonlyMap<OperationId, Live>>;
}

/** A letter: its name and its value, the change that inserted it, and those that deleted it. */
export type Stroke = readonly [name: OperationId, value: string, change: Hex, gone: readonly Hex[]];

/** An inserted character, the change that inserted it, and the letter that it was inserted behind. */
export interface Letter {
  readonly value: string;
  readonly change: Hex;
  readonly left: OperationId | null;
}

/** A register set or removed: by which operation, of which of its actor's changes. */
export interface Write {
  readonly id: OperationId;
  readonly sequence: number;
  readonly change: Hex;
  readonly action: Action;
  readonly value: Value;
  readonly before: readonly OperationId[];
}

const NOBODY: readonly Hex[] = [];

/**
 * The operations of a document, arranged so that any set of void changes can be left out.
 *
 * Work and memory grow with the number of operations (times its logarithm, for sorting), whoever wrote them.
 */
export class Fold {
  readonly #history: History;
  readonly #letters = new Map<OperationId, Letter>();
  readonly #after = new Map<OperationId | null, OperationId[]>();
  readonly #gone = new Map<OperationId, Hex[]>();
  readonly #writes = new Map<string, Write[]>();

  /** Begin without an operation. `history` holds what will be added, and says what stands on what. */
  constructor(history: History) {
    this.#history = history;
  }

  /** Add changes that the history holds, the document's first one included; in any order. */
  take(changes: Iterable<Change>): void {
    for (const change of changes) this.#add(change);
  }

  #add({ hash, actor, start, sequence, operations }: Change): void {
    operations.forEach(({ action, object, key, element, insert, value, before }, place) => {
      const id = operationId(start + place, actor);
      if (object === null) {
        if (action !== Action.MAKE_TEXT) push(this.#writes, key!, { id, sequence, change: hash, action, value, before });
      } else if (insert) {
        this.#letters.set(id, { value: String(value), change: hash, left: element });
        push(this.#after, element, id);
      } else if (element !== null) {
        push(this.#gone, element, hash);
      }
    });
  }

  /** What is to be seen when the changes of these hashes do not count. */
  view(isVoid: ReadonlySet<Hex>): View {
    const letters = [...this.#inOrder()].filter((name) => this.shown(name, isVoid));
    const text = letters.map((name) => this.#letters.get(name)!.value).join("");
    const live = [...this.#writes].map(([key, writes]) => [key, this.#live(writes, isVoid)] as const);
    return { letters, text, live: new Map(live.filter(([, values]) => values.size > 0)) };
  }

  /**
   * The different values of a register that the writers of these live ones all stand on, and that these replaced.
   *
   * Empty when a single change wrote all of them.
   */
  parted(key: string, live: Iterable<OperationId>, isVoid: ReadonlySet<Hex>): readonly Value[] {
    const writes = new Map(this.writes(key).map((write) => [write.id, write]));
    const open = [...live].map((name) => writes.get(name)!);
    const changes = new Set(open.map((write) => write.change));
    if (changes.size < 2) return [];
    const common = this.#history.shared(changes);
    const shared = new Map<OperationId, Write>();
    const seen = new Set<OperationId>();
    for (let above = open.pop(); above; above = open.pop()) {
      for (const name of above.before) {
        const below = writes.get(name);
        if (!below || seen.has(name)) continue;
        seen.add(name);
        if (this.#history.covers(common, actorOf(name), below.sequence)) shared.set(name, below);
        else open.push(below);
      }
    }
    const replaced = new Set([...shared.values()].flatMap((write) => write.before));
    const left = [...shared.values()].filter((write) => !replaced.has(write.id) && !isVoid.has(write.change));
    return [...new Set(left.sort((one, other) => ascending(one.id, other.id)).map((write) => write.value))];
  }

  /** Those of these changes that do something else than write one register, or some whose names begin so. */
  beside(key: string, changes: ReadonlySet<Hex>, notices: readonly string[]): ReadonlySet<Hex> {
    const found = new Set<Hex>();
    for (const letter of this.#letters.values()) found.add(letter.change);
    for (const gone of this.#gone.values()) for (const by of gone) found.add(by);
    for (const [other, writes] of this.#writes) {
      if (other === key || notices.some((notice) => other.startsWith(notice))) continue;
      for (const write of writes) found.add(write.change);
    }
    return new Set([...found].filter((change) => changes.has(change)));
  }

  /** A letter that was ever inserted. */
  letter(name: OperationId): Letter {
    return this.#letters.get(name)!;
  }

  /** The changes that deleted a letter. */
  deleters(name: OperationId): readonly Hex[] {
    return this.#gone.get(name) ?? NOBODY;
  }

  /** Every write of a register. */
  writes(key: string): readonly Write[] {
    return this.#writes.get(key) ?? [];
  }

  /** Every letter that was ever inserted, in the order of the text. */
  *strokes(): Iterable<Stroke> {
    for (const name of this.#inOrder()) {
      const { value, change } = this.#letters.get(name)!;
      yield [name, value, change, this.deleters(name)];
    }
  }

  /**
   * Every letter that was ever inserted: each behind the one it was inserted after, later ones first.
   *
   * This is the order in which Automerge has them: to go right from there while what stands there is greater.
   */
  *#inOrder(): Iterable<OperationId> {
    const following = [...this.behind(null)];
    for (let name = following.pop(); name !== undefined; name = following.pop()) {
      yield name;
      for (const one of this.behind(name)) following.push(one);
    }
  }

  /** What was inserted after a letter, ascending. */
  behind(name: OperationId | null): readonly OperationId[] {
    const found = this.#after.get(name);
    return found ? found.sort(ascending) : NOBODY;
  }

  /** Whether a letter was inserted by a change that counts, and deleted by none that counts. */
  shown(name: OperationId, isVoid: ReadonlySet<Hex>): boolean {
    return !isVoid.has(this.#letters.get(name)!.change) && this.deleters(name).every((by) => isVoid.has(by));
  }

  /**
   * The values of one register that live.
   *
   * A write replaces what it names. A void one does not; but whoever wrote later, standing on it, saw nothing of
   * what it had replaced, and that stays replaced. So a value does not rise beside the one that took its place.
   */
  #live(writes: readonly Write[], isVoid: ReadonlySet<Hex>): ReadonlyMap<OperationId, Live> {
    const counted = writes.filter((write) => !isVoid.has(write.change));
    const later = this.#history.reach(counted.map((write) => write.change));
    const replaced = new Set<OperationId>();
    for (const { id, sequence, change, before } of writes) {
      if (!isVoid.has(change) || this.#history.covers(later, actorOf(id), sequence)) {
        for (const name of before) replaced.add(name);
      }
    }
    const values = counted.filter((write) => write.action === Action.PUT && !replaced.has(write.id));
    return new Map(values.map(({ id, value, change }) => [id, { value, change }]));
  }
}

function push<K, T>(lists: Map<K, T[]>, key: K, value: T): void {
  const found = lists.get(key);
  if (found) found.push(value);
  else lists.set(key, [value]);
}
