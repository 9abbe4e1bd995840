// A document seen without its void changes, as mesh/state has it: "Void work" in docs/PROTOCOL.md says the rules.
//
// It uses public calls of Automerge only, to read changes and to write one. What it is given has passed the gate and
// fits what it stands on; whether it does is not asked here. It keeps nothing, asks for no time and draws no lots.
// Positions count in code points.
import { decodeChange, encodeChange } from "@automerge/automerge";

export type Value = string | number | boolean | null;

/** What an event carries: its digest in hex, and its change. */
export interface Carried {
  event: string;
  change: Uint8Array;
}

/** How a document was born. `text` is null where it was born so long that it is one of the registers. */
export interface Birth {
  registers: Record<string, Value>;
  text: string | null;
}

export type Edit = ["put", string, Value] | ["delete", string] | ["splice", number, number, string];

/** A value of a register that no other has replaced, and the hash of the change that wrote it. */
export interface Live {
  value: Value;
  change: string;
}

interface Operation {
  action: string;
  obj: string;
  key?: string;
  elemId?: string;
  insert?: boolean;
  value?: Value;
  datatype?: string;
  pred: string[];
}

interface Change {
  hash: string;
  event: string;
  actor: string;
  seq: number;
  startOp: number;
  deps: string[];
  ops: Operation[];
}

interface Letter {
  value: string;
  change: string;
}

interface Write {
  id: string;
  change: Change;
  operation: Operation;
}

/** How many changes of each actor something stands on. */
type Clock = Map<string, number>;

const ROOT = "_root";
const HEAD = "_head";
const BODY = "body";

/** The first change of a document, which everybody derives alike from its birth. */
export function firstChange(actor: string, birth: Birth): Uint8Array {
  const ops: Operation[] = [];
  const keys = Object.keys(birth.registers).filter((key) => key !== BODY).sort(byCodePoint);
  for (const key of birth.text === null ? [...keys, BODY] : keys) ops.push(put(key, birth.registers[key] ?? null, []));
  if (birth.text !== null) {
    const body = `${ops.length + 1}@${actor}`;
    ops.push({ action: "makeText", obj: ROOT, key: BODY, pred: [] });
    let left = HEAD;
    for (const letter of birth.text) {
      ops.push({ action: "set", obj: body, elemId: left, insert: true, value: letter, pred: [] });
      left = `${ops.length}@${actor}`;
    }
  }
  return written(actor, 1, 1, [], ops);
}

/** A document out of its first change, the changes of its events in any order, and the hashes of those that are void. */
export class MaskedDocument {
  /** The changes that no other in the document stands on, ascending. */
  readonly heads: readonly string[];
  /** The void changes that are in the document, since some that count stand on them. */
  readonly hidden: readonly string[];
  /** The void changes that are not. */
  readonly aside: readonly string[];
  readonly text: string;

  readonly #changes: Map<string, Change>;
  readonly #clocks = new Map<string, Clock>();
  readonly #letters = new Map<string, Letter>();
  readonly #after = new Map<string, string[]>();
  readonly #gone = new Map<string, string[]>();
  readonly #writes = new Map<string, Write[]>();
  readonly #body: string | null;
  readonly #seen: string[];
  readonly #live = new Map<string, Map<string, Write>>();
  readonly #whole = new Map<string, Map<string, Write>>();

  constructor(first: Uint8Array, carried: Iterable<Carried>, isVoid: ReadonlySet<string>) {
    const birth = read({ event: "", change: first });
    const given = contest([...carried].map(read), isVoid);
    this.#changes = included(birth, given, isVoid);
    for (const change of this.#changes.values()) this.#take(change);
    const beneath = new Set([...this.#changes.values()].flatMap((change) => change.deps));
    this.heads = [...this.#changes.keys()].filter((hash) => !beneath.has(hash)).sort();
    this.hidden = [...this.#changes.keys()].filter((hash) => isVoid.has(hash)).sort();
    this.aside = [...given.keys()].filter((hash) => isVoid.has(hash) && !this.#changes.has(hash)).sort();
    const place = birth.ops.findIndex((operation) => operation.action === "makeText");
    this.#body = place < 0 ? null : `${place + 1}@${birth.actor}`;
    this.#seen = [...this.#inOrder()].filter((id) => this.#shown(id, isVoid));
    for (const [key, writes] of this.#writes) {
      this.#live.set(key, this.#living(writes, isVoid));
      this.#whole.set(key, this.#living(writes, new Set()));
    }
    const letters = this.#seen.map((id) => this.#letters.get(id)!.value).join("");
    this.text = this.#body === null ? String(this.live(BODY)[0]?.value ?? "") : letters;
  }

  /** The registers that hold a value. */
  get keys(): string[] {
    return [...this.#live].filter(([, values]) => values.size > 0).map(([key]) => key).sort(byCodePoint);
  }

  /** Every value of a register that no other has replaced, the shown one first. */
  live(key: string): Live[] {
    const values = [...(this.#live.get(key)?.values() ?? [])].sort((a, b) => byOrder(b.id, a.id));
    return values.map(({ operation, change }) => ({ value: operation.value ?? null, change: change.hash }));
  }

  /** The change that these edits are, one after the other, standing on everything in the document. */
  edit(actor: string, edits: Iterable<Edit>): Uint8Array {
    const start = 1 + Math.max(...this.heads.map((hash) => top(this.#changes.get(hash)!)));
    const own = [...this.#changes.values()].filter((change) => change.actor === actor).length;
    const ops: Operation[] = [];
    const named = new Map<string, string[]>();
    const seen = [...this.#seen];
    const next = () => `${start + ops.length}@${actor}`;
    for (const edit of edits) {
      if (edit[0] === "splice") {
        this.#splice(edit, seen, ops, next);
        continue;
      }
      const pred = named.get(edit[1]) ?? this.#replaced(edit);
      if (edit[0] === "put") {
        named.set(edit[1], [next()]);
        ops.push(put(edit[1], edit[2], pred));
      } else if (pred.length > 0) {
        named.set(edit[1], []);
        ops.push({ action: "del", obj: ROOT, key: edit[1], pred });
      }
    }
    if (ops.length === 0) throw new Error("nothing would change");
    return written(actor, own + 1, start, [...this.heads], ops);
  }

  #splice(edit: ["splice", number, number, string], seen: string[], ops: Operation[], next: () => string): void {
    const [, position, deleted, inserted] = edit;
    if (this.#body === null || position < 0 || deleted < 0 || position + deleted > seen.length) {
      throw new Error("the text has no such place");
    }
    for (const id of seen.slice(position, position + deleted)) {
      ops.push({ action: "del", obj: this.#body, elemId: id, pred: [id] });
    }
    let left = seen[position - 1] ?? HEAD;
    const made: string[] = [];
    for (const value of inserted) {
      made.push(next());
      ops.push({ action: "set", obj: this.#body, elemId: left, insert: true, value, pred: [] });
      left = made[made.length - 1]!;
    }
    seen.splice(position, deleted, ...made);
  }

  /** What an edit of a register replaces: all that is seen, and what would be without the masks. */
  #replaced(edit: Edit): string[] {
    const seen = [...(this.#live.get(edit[1] as string)?.keys() ?? [])];
    if (edit[0] === "delete" && seen.length === 0) return [];
    return [...new Set([...seen, ...(this.#whole.get(edit[1] as string)?.keys() ?? [])])].sort(byOrder);
  }

  #take(change: Change): void {
    const clock: Clock = new Map();
    for (const dep of change.deps) join(clock, this.#clocks.get(dep)!);
    this.#clocks.set(change.hash, clock.set(change.actor, change.seq));
    change.ops.forEach((operation, place) => {
      const id = `${change.startOp + place}@${change.actor}`;
      if (operation.obj === ROOT) {
        if (!operation.action.startsWith("make")) push(this.#writes, operation.key!, { id, change, operation });
      } else if (operation.insert) {
        this.#letters.set(id, { value: String(operation.value), change: change.hash });
        push(this.#after, operation.elemId!, id);
      } else {
        push(this.#gone, operation.elemId!, change.hash);
      }
    });
  }

  /** Every letter that was ever inserted: each behind the one it was inserted after, later ones first. */
  *#inOrder(): Iterable<string> {
    const following = [...this.#behind(HEAD)];
    for (let id = following.pop(); id !== undefined; id = following.pop()) {
      yield id;
      for (const one of this.#behind(id)) following.push(one);
    }
  }

  #behind(id: string): string[] {
    return (this.#after.get(id) ?? []).sort(byOrder);
  }

  #shown(id: string, isVoid: ReadonlySet<string>): boolean {
    return !isVoid.has(this.#letters.get(id)!.change) && (this.#gone.get(id) ?? []).every((hash) => isVoid.has(hash));
  }

  /** The values of one register that live, by the operation that wrote each. */
  #living(writes: Write[], isVoid: ReadonlySet<string>): Map<string, Write> {
    const counted = writes.filter((write) => !isVoid.has(write.change.hash));
    const later: Clock = new Map();
    for (const write of counted) join(later, this.#clocks.get(write.change.hash)!);
    const replaced = new Set<string>();
    for (const { change, operation } of writes) {
      const covered = (later.get(change.actor) ?? 0) >= change.seq;
      if (!isVoid.has(change.hash) || covered) for (const id of operation.pred) replaced.add(id);
    }
    const values = counted.filter((write) => write.operation.action === "set" && !replaced.has(write.id));
    return new Map(values.map((write) => [write.id, write]));
  }
}

function read({ event, change }: Carried): Change {
  return { ...(decodeChange(change) as unknown as Omit<Change, "event">), event };
}

function top(change: Change): number {
  return change.startOp + change.ops.length - 1;
}

/** Of changes with one actor and number the one that stays; each change once, by hash. */
function contest(changes: Change[], isVoid: ReadonlySet<string>): Map<string, Change> {
  const known = new Map<string, Change>();
  for (const change of changes) {
    const before = known.get(change.hash);
    if (!before || change.event < before.event) known.set(change.hash, change);
  }
  const under = new Set<string>();
  const open = [...known.values()].filter((change) => !isVoid.has(change.hash)).flatMap((change) => change.deps);
  for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
    if (under.has(hash) || !known.has(hash)) continue;
    under.add(hash);
    open.push(...known.get(hash)!.deps);
  }
  const rank = ({ hash }: Change) => (!isVoid.has(hash) ? 0 : under.has(hash) ? 1 : 2);
  const first = new Map<string, Change>();
  for (const change of known.values()) {
    const place = `${change.seq}@${change.actor}`;
    const other = first.get(place);
    const before = other && (rank(other) - rank(change) || (other.event < change.event ? -1 : 1)) < 0;
    if (!before) first.set(place, change);
  }
  return new Map([...first.values()].map((change) => [change.hash, change]));
}

/** The changes in the document: those that count and all that they stand on, each after what it stands on. */
function included(birth: Change, given: Map<string, Change>, isVoid: ReadonlySet<string>): Map<string, Change> {
  const fits = new Map([[birth.hash, birth]]);
  // What a change stands on begins to count before it does.
  for (const change of [...given.values()].sort((a, b) => a.startOp - b.startOp)) {
    if (change.deps.every((hash) => fits.has(hash))) fits.set(change.hash, change);
  }
  const inside = new Set([birth.hash]);
  for (const change of [...fits.values()].reverse()) {
    if (!isVoid.has(change.hash) || inside.has(change.hash)) for (const hash of [change.hash, ...change.deps]) inside.add(hash);
  }
  return new Map([...fits].filter(([hash]) => inside.has(hash)));
}

function written(actor: string, seq: number, startOp: number, deps: string[], ops: Operation[]): Uint8Array {
  const change = { actor, seq, startOp, time: 0, message: null, deps, ops };
  return encodeChange(change as unknown as Parameters<typeof encodeChange>[0]);
}

function put(key: string, value: Value, pred: string[]): Operation {
  const operation: Operation = { action: "set", obj: ROOT, key, value, pred };
  return typeof value === "number" ? { ...operation, datatype: "int" } : operation;
}

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const found = lists.get(key);
  if (found) found.push(value);
  else lists.set(key, [value]);
}

function join(clock: Clock, other: Clock): void {
  for (const [actor, seq] of other) if (seq > (clock.get(actor) ?? 0)) clock.set(actor, seq);
}

/** The order of operations: by counter, then by the bytes of the actor. */
function byOrder(a: string, b: string): number {
  const [at, other] = [a.indexOf("@"), b.indexOf("@")];
  const difference = Number(a.slice(0, at)) - Number(b.slice(0, other));
  if (difference !== 0) return difference;
  const [actor, rival] = [a.slice(at), b.slice(other)];
  return actor < rival ? -1 : actor > rival ? 1 : 0;
}

/** The order of UTF-8 bytes, which is that of code points. */
function byCodePoint(a: string, b: string): number {
  const [one, two] = [[...a], [...b]];
  const place = one.findIndex((letter, index) => letter !== two[index]);
  if (place < 0) return one.length - two.length;
  return place >= two.length ? 1 : one[place]!.codePointAt(0)! - two[place]!.codePointAt(0)!;
}
