// Taking a change back: the edits that make a document what it would be if that change did not count; as
// mesh/state/undoing.py has it.
//
// A document comes to what its changes come to that stand. What an undo writes is the difference that its target makes,
// and is not counted for itself: so an undo can be taken back like anything else, and changes one after the other. Only
// what nothing later is built on is taken back. This module knows no events but by the changes that they carry.
import { Refused } from "../errors.js";
import { ascending, byText, type Hex } from "../names.js";
import { BODY } from "./catalogue.js";
import { DELETED, valueKey } from "./conflicts.js";
import type { Document } from "./documents.js";
import type { Edit } from "./edits.js";
import { encode } from "./encoding.js";
import type { Write } from "./fold.js";
import { Lines, type Reversal, type Took } from "./lines.js";
import { Action, type Change, operationId, type OperationId } from "./operations.js";

/** The edits by which a change does not count any more, or counts again. They may be none. Throws BuiltOn. */
export function inverse(document: Document, reversal: Reversal): Edit[] {
  const changes = [reversal.root, ...reversal.took.map((took) => took.change)];
  const written = changes.flatMap((one) => one.operations.filter((operation) => operation.object === null));
  const keys = [...new Set(written.map((operation) => operation.key!))].sort(byText);
  const registers = keys.map((key) => new Values(document, reversal, key).swap()).filter((swap) => swap !== null);
  return [...registers, ...new Letters(document, reversal).edits()];
}

/** The edits by which a document is as if it had not been born: it is deleted. Throws Refused. */
export function unborn(document: Document): Edit[] {
  const values = document.live(DELETED).map((one) => one.value);
  if (new Set(values).size > 1) {
    throw new Refused("whether it is deleted is in conflict", "Its conflicts show it; settle it first.");
  }
  if (values.length === 1 && values[0] === true) throw new Refused("it is deleted already");
  return [{ edit: "put", key: DELETED, value: true }];
}

/** A change that does nothing and stands on one that was just made by the same actor. */
export function beside(change: Change): Change {
  return encode([change.hash], change.actor, change.sequence + 1, change.start + change.operations.length, []);
}

/** The values of one register. */
class Values extends Lines {
  readonly #key: string;
  readonly #live: ReadonlyMap<OperationId, unknown>;
  readonly #writes: ReadonlyMap<OperationId, Write>;
  readonly #removers = new Map<OperationId, Hex[]>();
  readonly #copies = new Map<OperationId, OperationId[]>();

  constructor(document: Document, reversal: Reversal, key: string) {
    super(document, reversal);
    this.#key = key;
    this.#live = document.liveOperations(key);
    this.#writes = new Map([...this.fold.writes(key)].map((write) => [write.id, write]));
    for (const write of this.#writes.values()) {
      for (const name of write.before) push(this.#removers, name, write.change);
      const older = this.copied(write.id);
      if (older !== null) push(this.#copies, older, write.id);
    }
  }

  maker(name: OperationId): Hex {
    return this.#writes.get(name)!.change;
  }

  removers(name: OperationId): readonly Hex[] {
    return this.#removers.get(name) ?? [];
  }

  copied(name: OperationId): OperationId | null {
    const write = this.#writes.get(name)!;
    if (!this.reversal.undos.has(write.change) || write.action !== Action.PUT) return null;
    const same = write.before.filter((before) => {
      return valueKey(this.#writes.get(before)!.value) === valueKey(write.value);
    });
    return [...same].sort(ascending)[0] ?? null; // what comes back is older than what had taken its place
  }

  copies(name: OperationId): readonly OperationId[] {
    return this.#copies.get(name) ?? [];
  }

  shown(name: OperationId): boolean {
    return this.#live.has(name);
  }

  /** The values that go and come. */
  swap(): Edit | null {
    this.mustNotBuild([...this.#writes.values()].map((write) => write.change));
    const [put, gone] = this.#of(this.reversal.root);
    const taken = this.reversal.took.map((took) => [took, ...this.#of(took.change)] as const);
    const [away, back] = this.reversal.stops ? [put, gone] : [gone, put];
    let replaced = this.going([...taken.flatMap(([, made]) => made), ...away]);
    let again = this.coming(removedBy(taken), back);
    if (this.#key === BODY && replaced.length > 0 && again.length === 0) {
      // a text is never removed: what stays is written once more
      const stays = [...this.#live.keys()].filter((name) => !replaced.includes(name)).sort(ascending).at(-1);
      again = stays === undefined ? [] : [stays];
      replaced = stays === undefined ? [] : [...replaced, stays];
    }
    if (replaced.length === 0 && again.length === 0) return null;
    return { edit: "swap", key: this.#key, replaced, values: again.map((name) => this.#writes.get(name)!.value), again };
  }

  /** The values that a change wrote, and those that it replaced or removed. */
  #of(change: Change): [put: OperationId[], gone: OperationId[]] {
    const own = [...this.#writes.values()].filter((write) => write.change === change.hash);
    const put = own.filter((write) => write.action === Action.PUT).map((write) => write.id);
    const kept = new Set([...put, ...put.map((name) => this.copied(name))]); // an undo names what it brings back
    const gone = new Set(own.flatMap((write) => write.before).filter((name) => !kept.has(name)));
    return [put, [...gone].sort(ascending)];
  }
}

/** The letters of the text. */
class Letters extends Lines {
  maker(name: OperationId): Hex {
    return this.fold.letter(name).change;
  }

  removers(name: OperationId): readonly Hex[] {
    return this.fold.deleters(name);
  }

  copied(name: OperationId): OperationId | null {
    const { value, change, left } = this.fold.letter(name);
    if (!this.reversal.undos.has(change) || left === null || this.fold.letter(left).value !== value) return null;
    return left;
  }

  copies(name: OperationId): readonly OperationId[] {
    return this.fold.behind(name).filter((other) => this.copied(other) === name);
  }

  shown(name: OperationId): boolean {
    return this.fold.shown(name, this.hidden);
  }

  /** The letters that go, and those that come back. */
  edits(): Edit[] {
    const [inserted, deleted] = touched(this.reversal.root);
    const taken = this.reversal.took.map((took) => [took, ...touched(took.change)] as const);
    const [own, back] = this.reversal.stops ? [inserted, deleted] : [deleted, inserted];
    const away = [...taken.flatMap(([, made]) => made), ...own];
    for (const name of new Set(away.map((one) => this.above(one).at(-1)!))) this.mustNotBuild(this.killers(name));
    const struck = this.going(away);
    this.#mustNotWriteInside(new Set(struck), new Set(away.flatMap((name) => this.line(name))));
    const revived = this.coming(removedBy(taken), back);
    const found: Edit[] = [];
    if (struck.length > 0) found.push({ edit: "strike", letters: struck });
    if (revived.length > 0) {
      found.push({ edit: "revive", letters: revived.map((name) => [name, this.fold.letter(name).value]) });
    }
    return found;
  }

  /** Throw BuiltOn where later work is between letters that go, and was not beside anything that stays. */
  #mustNotWriteInside(struck: ReadonlySet<OperationId>, lines: ReadonlySet<OperationId>): void {
    if (struck.size < 2) return;
    let between: Hex[] = [];
    let within = false;
    for (const [name] of this.fold.strokes()) {
      if (struck.has(name)) {
        this.mustNotBuild(between);
        [within, between] = [true, []];
      } else if (within && !lines.has(name)) {
        const by = this.maker(this.above(name).at(-1)!);
        if (!this.shown(name)) within = !this.reversal.took.some((took) => this.saw(took.change.hash, name));
        else if (this.later(by)) between.push(by);
        else within = false;
      }
      if (!within) between = [];
    }
  }
}

/** Of what some changes did: what each of them took away, with that change. */
function removedBy(taken: readonly (readonly [Took, OperationId[], OperationId[]])[]): [OperationId, Took][] {
  return taken.flatMap(([took, , gone]) => gone.map((name): [OperationId, Took] => [name, took]));
}

/** The letters that a change inserted, and those that it deleted and found there. */
function touched(change: Change): [inserted: OperationId[], deleted: OperationId[]] {
  const own = new Set<OperationId>();
  change.operations.forEach(({ object, insert }, place) => {
    if (object !== null && insert) own.add(operationId(change.start + place, change.actor));
  });
  const gone = change.operations.filter(({ action, element }) => action === Action.DELETE && element !== null);
  return [[...own], gone.map(({ element }) => element!).filter((name) => !own.has(name))];
}

function push<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const found = lists.get(key);
  if (found) found.push(item);
  else lists.set(key, [item]);
}
