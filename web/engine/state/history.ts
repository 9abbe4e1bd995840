// What a document's changes stand on, and which values of its registers live; as mesh/state/history.py has it.
//
// A change may only name what it stands on: its dependencies and what these stand on. Automerge does not ask for that;
// it applies such a change differently in another order of arrival, or cannot load what it saved. So every change is
// judged here by its ancestors alone, which gives the same answer on every device and in any order.
// This module knows no bytes and no Automerge, and forgets nothing.
import type { Value } from "../events/kinds.js";
import { ascending, byText, type Hex } from "../names.js";
import type { Genesis } from "./genesis.js";
import * as operations from "./operations.js";
import { Action, type Change, type Operation, type OperationId, operationId } from "./operations.js";
import { type Age, bisect, bisectLeft, bisectRight, byAge, goingOn, joinedReach, Line } from "./reaches.js";
import { type Reach, reached, sharedReach, type Turn } from "./reaches.js";

/** Stands for an inserted character where otherwise the name of a register stands, which is never empty. */
const LETTER = "";
const NOTHING: ReadonlyMap<Hex, number> = new Map();

/** A value that no other change has replaced or removed, and the hash of the change that wrote it. */
export interface Live {
  readonly value: Value;
  readonly change: Hex;
}

type Made = readonly (string | null)[];

/** The changes of one document in an order in which each stands on earlier ones. */
export class History {
  #hashes: Hex[] = [];
  #positions = new Map<Hex, number>();
  #reaches: Reach[] = [];
  #tops: number[] = [];
  #makers: Hex[] = [];
  #parted: (readonly [first: number, last: number])[] = [];
  #lines = new Map<Hex, Line>();
  #heads = new Set<Hex>();
  #live = new Map<string, Map<OperationId, Live>>();

  /** Whether a change of this hash is held. */
  has(hash: Hex): boolean {
    return this.#positions.has(hash);
  }

  /** How many changes are held. */
  get size(): number {
    return this.#hashes.length;
  }

  /** The changes that no other stands on, ascending. */
  get heads(): readonly Hex[] {
    return [...this.#heads].sort(ascending);
  }

  /** The document's first change, which its birth is. */
  get first(): Hex {
    return this.#hashes[0]!;
  }

  /** Where a change that stands on everything begins to count. */
  get nextCounter(): number {
    return 1 + this.#top(this.#heads);
  }

  /** The sequence number of an actor's next change. */
  nextSequence(actor: Hex): number {
    return 1 + (this.#lines.get(actor)?.positions.length ?? 0);
  }

  /** The same history, which goes on by itself. */
  copy(): History {
    const other = new History();
    [other.#hashes, other.#positions] = [[...this.#hashes], new Map(this.#positions)];
    [other.#reaches, other.#tops] = [[...this.#reaches], [...this.#tops]];
    [other.#makers, other.#parted] = [[...this.#makers], [...this.#parted]];
    other.#lines = new Map([...this.#lines].map(([actor, line]) => [actor, line.copy()]));
    other.#heads = new Set(this.#heads);
    other.#live = new Map([...this.#live].map(([key, values]) => [key, new Map(values)]));
    return other;
  }

  /** These changes, which are held, and all that they stand on. */
  reach(changes: Iterable<Hex>): Reach {
    return joinedReach(this.#lines, this.#reachesOf(changes));
  }

  /** What each of these changes, of which there is one, stands on. */
  shared(changes: Iterable<Hex>): Reach {
    return sharedReach(this.#lines, this.#reachesOf(changes));
  }

  /** The changes that are in one reach and not in another. */
  *difference(one: Reach, other: Reach): Iterable<Hex> {
    const differ = [...one.beyond].filter(([actor, sequence]) => other.beyond.get(actor) !== sequence);
    const actors = new Set(differ.map(([actor]) => actor));
    for (let place = other.first; place < one.first; place++) actors.add(this.#makers[place]!);
    for (const actor of [...actors].sort(ascending)) {
      const line = this.#lines.get(actor)!;
      const [from, end] = [reached(line, other, actor), reached(line, one, actor)];
      for (const place of line.positions.slice(from, end)) yield this.#hashes[place]!;
    }
  }

  // No two changes of different stretches are concurrent: what follows stands on all that was before. That there are
  // any depends on the set of changes only; where they are, on the order of arrival.
  /** Stretches of changes, each first and last, outside of which no change has a concurrent one. */
  get parted(): readonly (readonly [first: number, last: number])[] {
    return this.#parted;
  }

  /** The place of a change in the order in which it came here. */
  position(hash: Hex): number {
    return this.#positions.get(hash)!;
  }

  /** The changes from one place up to another. */
  placed(first: number, end: number): readonly Hex[] {
    return this.#hashes.slice(first, end);
  }

  /** Orders changes alike everywhere (`byAge`): each that does something behind all that it stands on. */
  age(hash: Hex): Age {
    return [this.#tops[this.position(hash)]!, hash];
  }

  /** Orders the changes of the stretches (`byTurn`) so that it is not far from each to the next. */
  turn(hash: Hex): Turn {
    const position = this.position(hash);
    return [bisect(this.#parted, ([first]) => first <= position), ...this.number(hash)];
  }

  /** Whose change it is, and the how manieth of that actor. */
  number(hash: Hex): readonly [actor: Hex, sequence: number] {
    const position = this.position(hash);
    const actor = this.#makers[position]!;
    return [actor, 1 + bisectLeft(this.#lines.get(actor)!.positions, position)];
  }

  /** How many changes of an actor, who has some, are in a reach. */
  reached(reach: Reach, actor: Hex): number {
    return reached(this.#lines.get(actor)!, reach, actor);
  }

  /** Of these changes those on which no other of them stands; the oldest first. */
  tips(changes: Iterable<Hex>): readonly Hex[] {
    const last = new Map<Hex, readonly [sequence: number, name: Hex]>();
    for (const name of changes) {
      const [actor, sequence] = this.number(name);
      if (sequence > (last.get(actor)?.[0] ?? 0)) last.set(actor, [sequence, name]);
    }
    const reaches = new Map([...last].map(([actor, [, name]]) => [actor, this.#reaches[this.position(name)]!]));
    const position = (actor: Hex) => this.position(last.get(actor)![1]);
    const further = (one: Hex, other: Hex) =>
      reaches.get(one)!.first - reaches.get(other)!.first || position(one) - position(other);
    const ahead = [...last.keys()].reduce((best, one) => (further(one, best) > 0 ? one : best));
    const shared = reaches.get(ahead)!.first;
    const under = new Set([...last.keys()].filter((actor) => actor !== ahead && position(actor) < shared));
    for (const [actor, reach] of reaches) {
      for (const [one, count] of reach.beyond) {
        if (one !== actor && (last.get(one)?.[0] ?? Infinity) <= count) under.add(one);
      }
    }
    const found = [...last].filter(([actor]) => !under.has(actor)).map(([, [, name]]) => name);
    return found.sort((one, other) => byAge(this.age(one), this.age(other)));
  }

  /** Whether a reach has an actor's change of this number, which is held. */
  covers(reach: Reach, actor: Hex, sequence: number): boolean {
    return sequence <= this.reached(reach, actor);
  }

  /** Whether a change is another one or stands on it; both are held. */
  standsOn(change: Hex, other: Hex): boolean {
    return this.covers(this.#reaches[this.position(change)]!, ...this.number(other));
  }

  /** The hash of an actor's change by its number. */
  at(actor: Hex, sequence: number): Hex | null {
    const position = this.#lines.get(actor)?.positions[sequence - 1];
    return position === undefined ? null : this.#hashes[position]!;
  }

  /** A dependency that is not held, if there is one. */
  missing(change: Change): Hex | null {
    return change.dependencies.find((name) => !this.has(name)) ?? null;
  }

  /** The registers that hold a value, in the order of their UTF-8 bytes. */
  keys(): readonly string[] {
    return [...this.#live].filter(([, values]) => values.size > 0).map(([key]) => key).sort(byText);
  }

  /** The values of a register that live, by the operation that wrote each. */
  live(key: string): ReadonlyMap<OperationId, Live> {
    return new Map(this.#live.get(key));
  }

  /** Why a change does not fit what it stands on, all of which is held; null when it does. */
  fault(change: Change): string | null {
    const reach = this.#stoodOn(change.dependencies);
    if (change.start !== 1 + this.#top(change.dependencies)) {
      return "it does not begin to count where what it stands on ends";
    }
    const line = this.#lines.get(change.actor);
    if (change.sequence !== 1 + (line ? reached(line, reach, change.actor) : 0)) {
      return "it does not stand on the change that its actor made before it";
    }
    const made: (string | null)[] = [];
    for (const operation of change.operations) {
      const { object, key, element } = operation;
      const asked = object === null ? operation.before : element === null ? [] : [element];
      const wanted = object === null ? key : LETTER;
      if (asked.some((name) => this.#made(name, reach, change, made) !== wanted)) {
        return "it names a value or a letter that it does not stand on";
      }
      made.push(madeBy(operation));
    }
    return null;
  }

  /** Take in a document's first change. */
  begin(genesis: Genesis): void {
    const { hash, actor, body, letters } = genesis;
    const roots = body === null ? [...genesis.registers.keys()] : [...genesis.registers.keys(), null];
    const made = [...roots, ...new Array<string>(letters).fill(LETTER)];
    this.#append({ hash, dependencies: [], actor, sequence: 1, start: 1 }, { first: 0, beyond: NOTHING }, made);
    [...genesis.registers].forEach(([key, value], place) => {
      this.#live.set(key, new Map([[operationId(1 + place, actor), { value, change: hash }]]));
    });
  }

  /** Take in a change that `fault` finds nothing in. */
  add(change: Change): void {
    this.#append(change, this.#stoodOn(change.dependencies), change.operations.map(madeBy));
    change.operations.forEach(({ object, key, before, action, value }, place) => {
      if (object !== null) return;
      const values = this.#live.get(key!) ?? new Map<OperationId, Live>();
      for (const name of before) values.delete(name);
      const own = operationId(change.start + place, change.actor);
      if (action === Action.PUT) values.set(own, { value, change: change.hash });
      this.#live.set(key!, values);
    });
  }

  #append(change: Omit<Change, "operations" | "raw">, reach: Reach, made: Made): void {
    const position = this.#hashes.length;
    const onAll = reach.first === position;
    for (const name of change.dependencies) this.#heads.delete(name);
    this.#heads.add(change.hash);
    this.#hashes.push(change.hash);
    this.#positions.set(change.hash, position);
    this.#tops.push(change.start + made.length - 1);
    this.#makers.push(change.actor);
    if (!onAll) this.#part(reach.first, position);
    const own = onAll ? { first: position + 1, beyond: NOTHING } : goingOn(reach, change.actor, change.sequence);
    this.#reaches.push(own);
    const line = this.#lines.get(change.actor) ?? new Line();
    this.#lines.set(change.actor, line);
    line.positions.push(position);
    line.starts.push(change.start);
    line.made.push(made);
  }

  /** Everything from one change to another has a concurrent one, and is one stretch with what it touches. */
  #part(first: number, last: number): void {
    while (this.#parted.length > 0 && this.#parted.at(-1)![1] >= first) first = Math.min(first, this.#parted.pop()![0]);
    this.#parted.push([first, last]);
  }

  /** The counter of the last operation of any of these changes. */
  #top(changes: Iterable<Hex>): number {
    return [...changes].reduce((top, name) => Math.max(top, this.#tops[this.position(name)]!), 0);
  }

  #reachesOf(names: Iterable<Hex>): Reach[] {
    return [...names].map((name) => this.#reaches[this.position(name)]!);
  }

  /** All that a change stands on. */
  #stoodOn(dependencies: readonly Hex[]): Reach {
    if ([...this.#heads].every((head) => dependencies.includes(head))) return { first: this.size, beyond: NOTHING };
    const reaches = this.#reachesOf(dependencies);
    return reaches.length === 1 ? reaches[0]! : joinedReach(this.#lines, reaches);
  }

  /** What an operation made, when the change stands on it or did it itself before: a register or a letter. */
  #made(name: OperationId, reach: Reach, change: Change, made: Made): string | null {
    const [counter, actor] = [operations.counterOf(name), operations.actorOf(name)];
    if (actor === change.actor && counter >= change.start) return made[counter - change.start] ?? null;
    const line = this.#lines.get(actor);
    if (!line) return null;
    const number = bisectRight(line.starts, counter);
    if (number === 0 || number > reached(line, reach, actor)) return null;
    return line.made[number - 1]![counter - line.starts[number - 1]!] ?? null;
  }
}

/** What an operation leaves behind for others to name. */
function madeBy({ action, object, key }: Operation): string | null {
  return action !== Action.PUT ? null : object === null ? key : LETTER;
}
