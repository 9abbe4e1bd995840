// One document: its changes, and what they show; the text and registers that people see, and the edits they make; as
// mesh/state/documents.py has it.
//
// A Document takes changes that were decoded and passed the gate, in any order. Void ones that others stand on stay in
// it, and are not seen: then the view is a fold of the operations (fold.ts), else it is Automerge's (engine.ts). No
// foreign change makes a hole in an actor's sequence or names what it does not stand on. It stores nothing.
import { Damaged, Malformed, Misuse, Refused } from "../errors.js";
import type { Born, Value } from "../events/kinds.js";
import { ascending, byText, type DocumentId, type Hex } from "../names.js";
import { BODY } from "./catalogue.js";
import { decode } from "./changes.js";
import { type Delete, Draft, type Edit, Letters, type Put } from "./edits.js";
import { hashOf } from "./encoding.js";
import { culprit, Engine } from "./engine.js";
import { Fold, type View } from "./fold.js";
import { derive, FIRST_OPERATIONS_MAX, type Genesis, known } from "./genesis.js";
import type { History, Live } from "./history.js";
import { type Carried, contest, Intake, NONE, OUTDONE, type Taken } from "./intake.js";
import { ACTOR_BYTES, type Change, type OperationId } from "./operations.js";
import { Regions, type Settled } from "./regions.js";
import * as snapshot from "./snapshot.js";
import type { Region } from "./versions.js";

const UNFIT = "Automerge cannot take it";

/**
 * A document that somebody edited, with all its changes.
 *
 * Whoever learns that the standing of a change, or of the birth, is not what it was (`void` says what it is here)
 * throws this object away and folds the document again from its events: there is no other way, and none is needed.
 */
export class Document {
  #saved: snapshot.Snapshot | null = null; // what was loaded, until it is needed
  #fold: Fold | null = null; // of all that is in the document, once it was needed
  #view: View | null = null;
  #regions: Regions | null = null;
  #held: Intake | null;
  readonly #genesis: Genesis;
  readonly #engine: Engine;

  /** Use `born`, `load` or `fold`. */
  private constructor(
    readonly id: DocumentId,
    genesis: Genesis,
    engine: Engine,
    held: Intake | null,
  ) {
    [this.#genesis, this.#engine, this.#held] = [genesis, engine, held];
  }

  /** A document as it is at its birth, ready to be edited. The birth has passed `checkBirth`. */
  static born(document: DocumentId, birth: Born): Document {
    const genesis = derive(document, birth);
    return new Document(document, genesis, Engine.begun(genesis), Intake.begun(genesis));
  }

  /**
   * Build a document from the digests and changes of its events, in whatever order they come.
   *
   * `isVoid` are the hashes of the changes that do not count: of which no event is honoured. The hash of the first
   * change (`derive`) among them says that the birth is void. Of two changes with one actor and number `contest`
   * says which stays. A change that Automerge cannot take is set aside, as if it did not fit.
   */
  static fold(document: DocumentId, birth: Born, changes: Iterable<Carried>, isVoid = NONE): Document {
    const genesis = derive(document, birth);
    const [winners, outdone] = contest(changes, isVoid);
    const unfit: Change[] = [];
    for (;;) {
      const fit = winners.filter((change) => !unfit.includes(change));
      const intake = Intake.begun(genesis, isVoid);
      for (const change of outdone) intake.refuse(change, OUTDONE, isVoid);
      for (const change of unfit) intake.refuse(change, UNFIT, isVoid);
      const made = new Document(document, genesis, Engine.begun(genesis), intake);
      try {
        made.#admit(fit, isVoid);
        return made;
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        unfit.push(culprit(genesis, fit, isVoid));
      }
    }
  }

  /** Read what `save` wrote. Throws Damaged. */
  static load(raw: Uint8Array): Document {
    try {
      const found = snapshot.decode(raw);
      const genesis = known(found.document, found.registers, found.letters, found.hasText);
      const made = new Document(found.document, genesis, Engine.load(found.engine), null);
      made.#saved = found;
      return made;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new Damaged(`the snapshot of a document cannot be read: ${error.message}`);
    }
  }

  /** Everything of this document, what waits, was refused or is void included, for our own store only. */
  save(): Uint8Array {
    const engine = this.#engine.save();
    if (this.#saved) return snapshot.encode({ ...this.#saved, engine });
    return snapshot.encode(snapshot.taken(this.id, this.#genesis, this.#intake, engine));
  }

  /** Give back the memory that Automerge has; after this the document may not be used. */
  free(): void {
    this.#engine.free();
  }

  /**
   * Take in changes that passed the gate; those whose hashes are in `isVoid` do not count.
   *
   * Where `doubled` is set nothing was taken, and the document must be folded again. Throws Malformed, and is
   * spoiled, only if Automerge itself fails.
   */
  take(changes: readonly Change[], isVoid: ReadonlySet<Hex> = NONE): Taken {
    const intake = this.#intake;
    const fresh = new Map(changes.filter(({ hash }) => !intake.knows(hash)).map((change) => [change.hash, change]));
    if (intake.unsettled(changes, isVoid) || intake.doubled(fresh.values())) return intake.report([], true);
    return this.#admit(fresh.values(), isVoid);
  }

  #admit(changes: Iterable<Change>, isVoid: ReadonlySet<Hex>): Taken {
    const intake = this.#intake;
    const applied = intake.admit(changes, isVoid);
    if (applied.length > 0) {
      this.#engine.deliver(applied.map((change) => change.raw), intake.history.heads);
      this.#view = null;
      this.#fold?.take(applied);
    }
    return intake.report(applied, false);
  }

  /**
   * The change that these edits are, standing on everything held. The document stays as it is: `take` it.
   *
   * `actor` is the first half of the writer's admission and a random half, fresh for this document and run of the
   * writer. `bare`: it may do nothing, and only say what its writer had seen. Throws Misuse or TooLarge.
   */
  edit(actor: Hex, edits: readonly Edit[], bare = false): Change {
    const history = this.history;
    const [sequence, start] = [history.nextSequence(actor), history.nextCounter];
    if (actor.length !== 2 * ACTOR_BYTES || this.#intake.claimed(actor, sequence) !== null) {
      throw new Misuse("this actor cannot go on here", "Take a new random actor.");
    }
    const draft = new Draft(start, actor, this.body, this.#letters());
    for (const edit of edits) draft.apply(edit, (register) => this.#replaced(register));
    if (draft.operations.length === 0 && !bare) throw new Misuse("nothing would change");
    return draft.change(history, history.heads, sequence);
  }

  /** The value of a register that is shown, the one by the greatest operation; null without any. */
  register(key: string): Value {
    return this.live(key)[0]?.value ?? null;
  }

  /** All registers that hold a value, each with the one that `register` shows. A long text is among them. */
  registers(): Map<string, Value> {
    return new Map(this.#keys().map((key) => [key, this.register(key)]));
  }

  /** Every value of a register that no other has replaced, the shown one first. */
  live(key: string): readonly Live[] {
    const values = [...this.liveOperations(key)].sort(([one], [other]) => ascending(other, one));
    return values.map(([, live]) => live);
  }

  /** The registers in which different values live side by side. */
  conflicts(): readonly string[] {
    return this.#keys().filter((key) => new Set(this.live(key).map(({ value }) => value)).size > 1);
  }

  /** Whether two changes were made without knowing of each other; without that, nothing can overlap. */
  get concurrent(): boolean {
    return !this.#saved?.linear && this.history.parted.length > 0;
  }

  /** Where concurrent edits overlap, in the order of the text; `settled` tells what was settled (regions.ts). */
  regions(settled: Settled): readonly Region[] {
    if (this.body === null || !this.concurrent) return [];
    return (this.#regions ??= new Regions(this.id, this.history)).open(() => this.folded(), this.hidden, settled);
  }

  /** The text, whether it is letters or one value; empty where that value is void. */
  text(): string {
    if (this.body === null) return String(this.register(BODY) ?? "");
    return this.hidden.size > 0 ? this.#masked.text : this.#engine.text();
  }

  /** Every change known here that was said to be void, the derived first one included. */
  get void(): ReadonlySet<Hex> {
    return new Set(this.#held?.void ?? this.#saved?.void);
  }

  /** The void changes that are in the document, unseen: honoured ones stand on them, or it is the birth's. */
  get hidden(): ReadonlySet<Hex> {
    return this.#held || this.#saved?.void.length ? this.#intake.hidden : NONE;
  }

  /** The void changes that are not in the document, since nothing honoured stands on them. */
  get aside(): readonly Hex[] {
    return [...this.#intake.aside.keys()].sort(ascending);
  }

  /** The registers, or `body`, of which our fold with nothing masked shows what Automerge does not: a fault. */
  disagreements(): readonly string[] {
    const [whole, shown, history] = [this.folded().view(NONE), this.#engine.shown(), this.history];
    const wrong = new Set(this.body !== null && whole.text !== this.#engine.text() ? [BODY] : []);
    for (const key of new Set([...whole.live.keys(), ...history.keys(), ...shown.keys()])) {
      const live = [...history.live(key)].sort(([one], [other]) => ascending(one, other));
      const folded = [...(whole.live.get(key) ?? [])].sort(([one], [other]) => ascending(one, other));
      if (JSON.stringify(folded) !== JSON.stringify(live) || live.at(-1)?.[0] !== shown.get(key)) wrong.add(key);
    }
    return [...wrong].sort(byText);
  }

  /** The Text object, as the gate asks for it. */
  get body(): OperationId | null {
    return this.#genesis.body;
  }

  /** The changes that no other stands on, ascending. */
  get heads(): readonly Hex[] {
    return this.history.heads;
  }

  /** How many changes are applied, the derived first one included. */
  get changeCount(): number {
    return this.history.size;
  }

  /** Whether a change of this hash is applied. */
  contains(hash: Hex): boolean {
    return this.history.has(hash);
  }

  /** What stands on what in the document. */
  get history(): History {
    return this.#intake.history;
  }

  /** The history beside Automerge, read back from it the first time that a loaded document needs it. */
  get #intake(): Intake {
    if (this.#held) return this.#held;
    const [first, ...others] = this.#engine.changes();
    const changes = others.map((raw) => decode(raw));
    const held = snapshot.restored(this.#saved!, this.#genesis, first!, changes);
    // Where changes are concurrent the fold will be asked for, and to read them takes longest.
    if (held.history.parted.length > 0) held.read = new Map(changes.map((change) => [change.hash, change]));
    [this.#held, this.#saved] = [held, null];
    return held;
  }

  /** All operations of what is in the document. */
  folded(): Fold {
    if (this.#fold) return this.#fold;
    const fold = new Fold(this.history);
    const read = this.#intake.read;
    this.#intake.read = null;
    fold.take(this.#engine.changes().map((raw) => read?.get(hashOf(raw)) ?? decode(raw, FIRST_OPERATIONS_MAX)));
    return (this.#fold = fold);
  }

  /** What is seen where something is hidden. */
  get #masked(): View {
    return (this.#view ??= this.folded().view(this.hidden));
  }

  #keys(): readonly string[] {
    return this.hidden.size > 0 ? [...this.#masked.live.keys()].sort(byText) : this.history.keys();
  }

  /** The same as `live` by the operation that wrote each. */
  liveOperations(key: string): ReadonlyMap<OperationId, Live> {
    return this.hidden.size > 0 ? (this.#masked.live.get(key) ?? new Map()) : this.history.live(key);
  }

  #letters(): Letters {
    if (this.body === null) return new Letters(0, (place) => this.#engine.letter(place));
    if (this.hidden.size === 0) return new Letters(this.#engine.length(), (place) => this.#engine.letter(place));
    const { letters } = this.#masked;
    return new Letters(letters.length, (place) => letters[place]!);
  }

  /** What an edit of a register replaces: all that is seen, and what a lifted mask would bring back beside it. */
  #replaced({ edit, key }: Put | Delete): Iterable<OperationId> {
    const seen = [...this.liveOperations(key).keys()];
    return edit === "delete" && seen.length === 0 ? [] : new Set([...seen, ...this.history.live(key).keys()]);
  }
}
