// Documents from their events: loaded on demand, folded again where standings changed, a bounded number in memory; as
// mesh/node/folding.py has it.
//
// A change that counts may stand on void ones; then these are in the document too, and nothing of them is seen. This
// module decides nothing about authority: whether an event counts is what the scales say.
import { Misuse, Refused } from "../errors.js";
import type { Placed } from "../events/event.js";
import type { Born } from "../events/kinds.js";
import { Standing } from "../events/verdict.js";
import { DOCUMENTS_CACHED_LETTERS_MAX, DOCUMENTS_CACHED_MAX, ROWS_READ_MAX, SNAPSHOT_CHANGES } from "../limits.js";
import { type Digest, type DocumentId, hex, type Hex } from "../names.js";
import { Document } from "../state/documents.js";
import { isReady } from "../state/engine.js";
import type { Taken } from "../state/intake.js";
import { ACTOR_BYTES } from "../state/operations.js";
import { Disputes } from "./disputes.js";
import { birthOf, faultOf, foldedOf, givenTo, isCarrier, stepOf } from "./fitting.js";
import { type Birth, type Gathered, Loaded, type Step } from "./gathered.js";
import type { Scales } from "./scales.js";
import { asBorn, asKept, conflictsIn, show } from "./showing.js";
import type { DocumentText, Row, Snapshot, Store } from "./store_port.js";

/** Why a change that counts may wait. */
export const LATER = "rests on something that is not here yet";
/** Why a change of a document may wait. */
export const NO_BIRTH = "its document's birth is not here yet";

/** The documents of a shelf. */
export class Folding {
  readonly disputes: Disputes;
  /** For the next commit: what they hold is committed by now. */
  snapshots: Snapshot[] = [];
  /** Documents that cannot be loaded, or in which something waits, until bodies come again that this phone let go. */
  readonly lacking = new Map<DocumentText, DocumentId>();
  readonly #loaded = new Map<DocumentText, Loaded>(); // the one used last stands last
  #touched = new Map<DocumentText, Loaded>(); // since the last commit

  /** `random` gives as many bytes of lots. */
  constructor(
    readonly store: Store,
    readonly scales: Scales,
    readonly gathered: Gathered,
    readonly random: (bytes: number) => Uint8Array,
  ) {
    this.disputes = new Disputes(store, scales, gathered);
  }

  // ── a bounded number ─────────────────────────────────────────────────────────────────────────

  /** Whether more documents are in memory than should be. */
  get full(): boolean {
    if (this.#loaded.size > DOCUMENTS_CACHED_MAX) return true;
    let letters = 0;
    for (const loaded of this.#loaded.values()) letters += loaded.letters;
    return this.#loaded.size > 1 && letters > DOCUMENTS_CACHED_LETTERS_MAX;
  }

  /** Before a commit: find what the documents that it touches have in conflict now. */
  async finish(): Promise<void> {
    for (const loaded of this.#touched.values()) {
      await this.disputes.look(loaded);
      this.#shows(loaded);
    }
  }

  #shows({ document, row }: Loaded): void {
    this.gathered.rows.set(document.id.text, [document.id, row]);
  }

  /** What was gathered is durable up to that row: let go of documents that were not used lately. */
  committed(lastRow: number): void {
    const touched = this.#touched.values();
    this.#touched = new Map();
    this.snapshots = [...touched].filter(({ unsaved }) => unsaved >= SNAPSHOT_CHANGES).map((one) => saved(one, lastRow));
    while (this.full) {
      const [name, loaded] = this.#loaded.entries().next().value!;
      if (loaded.unsaved > 0) this.snapshots.push(saved(loaded, lastRow));
      this.#drop(name);
    }
  }

  /** What was gathered could not be written: forget everything that was folded from it. */
  dropped(): void {
    for (const name of [...this.#loaded.keys()]) this.#drop(name);
    this.#touched.clear();
    this.snapshots = [];
  }

  /** Let go of a document, and of what Automerge holds of it: a browser would collect that late, if ever. */
  #drop(name: DocumentText): void {
    this.#loaded.get(name)?.document.free();
    this.#loaded.delete(name);
  }

  // ── loading ──────────────────────────────────────────────────────────────────────────────────

  /** A document in memory, null when its birth is not here, or it is lacking. */
  async load(document: DocumentId): Promise<Loaded | null> {
    let loaded = this.#loaded.get(document.text) ?? null;
    if (!loaded) {
      this.lacking.delete(document.text);
      loaded = await this.#read(document);
    }
    if (loaded) {
      this.#loaded.delete(document.text);
      this.#loaded.set(document.text, loaded);
    }
    return loaded;
  }

  /** Who writes into this document: fresh for each document and run, so restored homes never collide. */
  actor(loaded: Loaded, admission: Digest): Hex {
    loaded.actor ||= this.newActor(admission);
    return loaded.actor;
  }

  /** One who has written nothing yet. */
  newActor(admission: Digest): Hex {
    return admission.slice(0, ACTOR_BYTES) + hex(this.random(ACTOR_BYTES / 2));
  }

  async #read(document: DocumentId): Promise<Loaded | null> {
    await isReady(); // lists are shown meanwhile
    const birth = this.gathered.births.get(document.text);
    if (birth && !this.gathered.unsettled.has(document.text) && (await this.fresh([document]))) {
      const loaded = new Loaded(Document.born(document, birth.born), asBorn(document, birth), birth.author);
      loaded.conflicts = [];
      return loaded;
    }
    const snapshot = this.gathered.stale.has(document.text) ? null : await this.store.snapshot(document);
    const row = snapshot && (await asKept(this.store, document));
    if (!row) return this.#fold(document); // not saved, or nothing of it was shown
    const events = this.gathered.read(await this.store.rows(document, snapshot.upto));
    if (this.#isLacking(events)) return this.#fold(document);
    const loaded = new Loaded(Document.load(snapshot.data), row);
    loaded.conflicts = conflictsIn(row).length > 0 ? null : [];
    await this.disputes.recall(loaded);
    const [, later] = await this.#evidence(events);
    const taken = givenTo(loaded, later.filter((step) => step.counts && faultOf(step, loaded) === null));
    if (!taken) {
      loaded.document.free();
      return this.#fold(document);
    }
    if (taken.waiting.length > 0) {
      const waiting = new Set(taken.waiting);
      const steps = (await this.#unsettled(loaded)).filter(({ change }) => waiting.has(change.hash));
      loaded.aside = new Map(steps.map((step) => [step.placed.digest, step]));
    }
    this.#caughtUp(loaded, this.#late(later), (late) => this.#standAs(taken, loaded, late));
    return loaded;
  }

  /** Those that count, and by the log wait: perhaps only since their document could not be loaded when they came. */
  #late(steps: readonly Step[]): Step[] {
    return steps.filter(({ counts, placed }) => counts && this.gathered.waited(placed));
  }

  /** What was late is in a document that could be loaded at last: the next commit says so, and shows it. */
  #caughtUp(loaded: Loaded, late: readonly Step[], standing: (late: readonly Step[]) => readonly Step[]): void {
    if (late.length === 0) return;
    this.disputes.said(loaded, standing(late));
    loaded.unsaved += late.length;
    this.#touched.set(loaded.document.id.text, loaded);
    this.#shows(loaded);
  }

  /** Whether all of these, of which this commit says a birth, are new: a birth may be said twice. */
  async fresh(documents: readonly DocumentId[]): Promise<boolean> {
    const { fresh } = this.gathered;
    const unknown = documents.filter(({ text }) => !fresh.has(text));
    if (unknown.length > 0) {
      const shown = await this.store.titles(unknown);
      for (const { text } of unknown) if (!shown.has(text)) fresh.add(text);
    }
    return documents.every(({ text }) => fresh.has(text));
  }

  /** The changes of a document that do not count, or wait, those of this commit included. */
  async #unsettled(loaded: Loaded): Promise<Step[]> {
    const [document, rows] = [loaded.document.id, [] as Row[]];
    for (;;) {
      const some = await this.store.unsettled(document, rows.at(-1)?.id ?? 0);
      if (some.length === 0) break;
      rows.push(...some);
    }
    const [, steps] = await this.#evidence(this.gathered.of(document, rows));
    return steps.filter((step) => faultOf(step, loaded) === null);
  }

  /**
   * The births and changes among events that can be read, whether they count or not. `document`: whose events they are,
   * to give each of them the standing that it has before the document is asked.
   */
  async #evidence(events: readonly Placed[], document: DocumentId | null = null): Promise<[Birth[], Step[]]> {
    const [births, steps] = [[] as Birth[], [] as Step[]];
    const read = events.filter((event) => !this.#known(event, document, steps));
    const readings = await this.scales.read(read, this.gathered.events);
    for (const [place, event] of read.entries()) {
      const reading = readings[place]!;
      const counts = reading.standing === Standing.HONOURED;
      let fault = "";
      try {
        if (isCarrier(reading.body) && reading.inner) {
          const step = stepOf(event, reading.inner, reading.body, counts);
          steps.push(step);
          this.gathered.carries(step);
        } else {
          const birth = birthOf(event, reading);
          if (birth) births.push(birth);
        }
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        fault = error.message;
      }
      if (document && counts && fault) this.gathered.stand(event, document, Standing.VOID, fault);
      else if (document) this.gathered.stand(event, document, reading.standing, reading.reason);
    }
    return [births, steps];
  }

  /** Take a change that was read for this very commit; whether it was. */
  #known(event: Placed, document: DocumentId | null, steps: Step[]): boolean {
    const [turns, step, reading] = this.gathered.steps.get(event.digest) ?? [];
    if (!step || !reading || turns !== this.scales.turns) return false;
    steps.push(step);
    if (document) this.gathered.stand(event, document, reading.standing, reading.reason);
    return true;
  }

  /** How a document was born. Throws Misuse when there is none. */
  async birth(document: DocumentId): Promise<Born> {
    for (let after = 0; ; ) {
      const rows = (await this.store.rows(document, after)).slice(0, ROWS_READ_MAX);
      if (rows.length === 0) throw new Misuse(`there is no document ${document.text}`);
      const [births] = await this.#evidence(this.gathered.read(rows));
      const found = births.find(({ counts }) => counts);
      if (found) return found.born;
      after = rows.at(-1)!.id;
    }
  }

  // ── changes ──────────────────────────────────────────────────────────────────────────────────

  /** Changes of a document that are new here, or count since just now. */
  async take(document: DocumentId, steps: readonly Step[]): Promise<void> {
    if (!steps.some(({ counts }) => counts) && !this.gathered.waiting.has(document.text)) {
      const loaded = this.#loaded.get(document.text);
      if (loaded) loaded.whole = false;
      return; // nothing that counts can stand on them
    }
    const loaded = await this.load(document);
    if (!loaded) {
      this.#orphans(document, steps, this.lacking.has(document.text) ? LATER : NO_BIRTH);
      return;
    }
    const fit = this.#fitting(loaded, steps);
    let taken = givenTo(loaded, fit.filter(({ counts }) => counts || loaded.whole));
    if (taken && taken.waiting.length > 0 && !loaded.whole) {
      loaded.whole = true;
      const beneath = (await this.#unsettled(loaded)).filter(({ counts }) => !counts);
      taken = beneath.length > 0 ? givenTo(loaded, beneath) : taken;
    }
    if (!taken) {
      await this.refold(document);
      return;
    }
    this.disputes.said(loaded, this.#standAs(taken, loaded, fit));
    loaded.unsaved += steps.length;
    this.#touched.set(document.text, loaded);
    this.#shows(loaded);
  }

  /** What stands on a document that is not here waits; what counted before bodies were let go counts on. */
  #orphans(document: DocumentId, steps: readonly Step[], why: string): void {
    for (const { counts, placed } of steps) {
      const counted = why === LATER && this.gathered.counted(placed);
      if (counts && !counted) this.gathered.stand(placed, document, Standing.WAITS, why);
    }
  }

  /** Those that the document's type may hold; the others are void. */
  #fitting(loaded: Loaded, steps: readonly Step[]): Step[] {
    return steps.filter((step) => {
      const fault = faultOf(step, loaded);
      if (fault !== null && step.counts) this.gathered.stand(step.placed, loaded.document.id, Standing.VOID, fault);
      return fault === null;
    });
  }

  /**
   * Give each of these that counts, and each that waited before, the standing that the document gives it. Returns those
   * that are in it now.
   */
  #standAs(taken: Taken, loaded: Loaded, steps: readonly Step[]): readonly Step[] {
    const [waiting, refused, document] = [new Set(taken.waiting), new Map(taken.refused), loaded.document.id];
    const entered: Step[] = [];
    const counting = new Map(loaded.aside);
    for (const step of steps) if (step.counts) counting.set(step.placed.digest, step);
    for (const [event, step] of counting) {
      const { hash } = step.change;
      if (waiting.has(hash)) {
        loaded.aside.set(event, step);
        this.gathered.stand(step.placed, document, Standing.WAITS, LATER);
        this.lacking.set(document.text, document); // what it rests on may be void, and let go
        continue;
      }
      loaded.aside.delete(event);
      const fault = refused.get(hash);
      if (fault === undefined) entered.push(step);
      if (fault === undefined) this.gathered.stand(step.placed, document, Standing.HONOURED);
      else this.gathered.stand(step.placed, document, Standing.VOID, fault);
    }
    show(loaded, entered);
    loaded.entered.push(...entered);
    for (const { placed, body, change } of entered) loaded.settlements.add(placed.digest, body, change.hash);
    return entered;
  }

  // ── folding ──────────────────────────────────────────────────────────────────────────────────

  /** Fold a document again from all its events: one counts or does not that did not or did before. */
  async refold(document: DocumentId): Promise<void> {
    await isReady();
    const name = document.text;
    this.#drop(name);
    this.#touched.delete(name);
    this.gathered.stale.set(name, document);
    this.gathered.rows.set(name, [document, null]);
    this.gathered.conflicts.set(name, [document, []]);
    this.gathered.settles(document, [], true);
    const events = this.gathered.of(document, await this.store.rows(document));
    const [births, steps] = await this.#weighed(document, events);
    const counting = births.find(({ counts }) => counts);
    if (!steps.some(({ counts }) => counts)) {
      // most are notes that were born, and no more
      this.gathered.rows.set(name, [document, counting ? asBorn(document, counting) : null]);
      return;
    }
    const loaded = this.#built(document, births, steps);
    if (!loaded) return;
    loaded.unsaved = loaded.document.changeCount - 1;
    loaded.conflicts = [];
    this.disputes.said(loaded, loaded.entered);
    this.#loaded.set(name, loaded);
    this.#touched.set(name, loaded);
    this.#shows(loaded);
  }

  async #fold(document: DocumentId): Promise<Loaded | null> {
    const events = this.gathered.of(document, await this.store.rows(document));
    if (this.#isLacking(events)) {
      this.lacking.set(document.text, document);
      return null;
    }
    const [births, steps] = await this.#weighed(document, events);
    const loaded = this.#built(document, births, steps);
    if (loaded) this.#caughtUp(loaded, this.#late(steps), () => loaded.entered);
    return loaded;
  }

  /** Whether some of these count whose bodies were let go. */
  #isLacking(events: readonly Placed[]): boolean {
    return events.some((placed) => !placed.event.body && this.gathered.counted(placed));
  }

  /** All that can be read of a document; each of its events has the standing that authority gives it. */
  async #weighed(document: DocumentId, events: readonly Placed[]): Promise<[Birth[], Step[]]> {
    this.gathered.waiting.delete(document.text); // who still waits says so now
    return this.#evidence(events, document);
  }

  #built(document: DocumentId, births: readonly Birth[], steps: readonly Step[]): Loaded | null {
    const birth = births.find(({ counts }) => counts) ?? births[0];
    if (!birth) {
      this.#orphans(document, steps, NO_BIRTH);
      return null;
    }
    const row = birth.counts ? asBorn(document, birth) : null;
    const begun = Document.born(document, birth.born);
    const loaded = new Loaded(begun, row, birth.author);
    const fit = this.#fitting(loaded, steps);
    [loaded.document, loaded.whole] = foldedOf(document, birth, fit);
    begun.free();
    this.#standAs(loaded.document.take([]), loaded, fit);
    return loaded;
  }
}

function saved(loaded: Loaded, upto: number): Snapshot {
  loaded.unsaved = 0;
  return { document: loaded.document.id, data: loaded.document.save(), upto };
}
