// The shelf: from events that are held to what they amount to: standings, documents, notes; as mesh/node/shelf.py has it.
//
// It reads and weighs each event, has changes folded into their documents, and gathers everything for one commit. Where
// the verdict changed it finds what counts otherwise than the log says. It writes nothing itself and decides nothing
// about chains.
import { Refused } from "../errors.js";
import { Lane, type Placed } from "../events/event.js";
import type { Born } from "../events/kinds.js";
import { BODY_MISSING, KEY_MISSING, type Reading } from "../events/reading.js";
import type { Keyring } from "../events/seal.js";
import { Standing, type Verdict } from "../events/verdict.js";
import { CLOSED, FORGOTTEN, NOT_ADMITTED, NOT_GRANTED, UNGRANTED, UNSURE } from "../events/weigh.js";
import { COMMIT_STANDINGS_MAX, DISPUTED_MAX } from "../limits.js";
import { ascending, type Digest, DocumentId, type Hex } from "../names.js";
import type { Body } from "../sync/messages.js";
import { maySettleItself } from "./disputes.js";
import { birthOf, isCarrier, stepOf } from "./fitting.js";
import { Folding, LATER } from "./folding.js";
import { Gathered, type Loaded, type Step } from "./gathered.js";
import { type Fallen, Scales } from "./scales.js";
import { asBorn } from "./showing.js";
import type { Author, Batch, DocumentText, Row, Store } from "./store_port.js";

const UNALLOWED = new Set([NOT_ADMITTED, NOT_GRANTED, CLOSED, UNGRANTED, UNSURE]);
const UNREAD = new Set([KEY_MISSING, BODY_MISSING]);
/** Why an event may not count that could count one day without another one of its document. */
const LIFTED = new Set([...UNALLOWED, ...UNREAD, FORGOTTEN, ""]);

type Commit = () => Promise<void>;

/** Documents by their text: each once. */
type Again = Map<DocumentText, DocumentId>;

/** What all events amount to, on this device. The owner turns the scales to each verdict and keeps `lastRow` up to date. */
export class Shelf {
  readonly scales: Scales;
  readonly gathered = new Gathered();
  readonly folding: Folding;
  lastRow = 0;
  /** Documents with a conflict that is new and may settle itself, for whoever sees to that. */
  readonly disputed: Again = new Map();
  #forgot = false; // whether anything is forgotten, as the store has it

  constructor(
    readonly store: Store,
    keyring: Keyring,
    verdict: Verdict,
    random: (bytes: number) => Uint8Array,
  ) {
    this.scales = new Scales(store, keyring, verdict);
    this.folding = new Folding(store, this.scales, this.gathered, random);
  }

  /** Learn which documents have events that wait or are void. */
  async open(): Promise<void> {
    for await (const rows of pages((after) => this.store.unsettled(null, after))) {
      for (const { document, standing, reason } of rows) {
        if (!document) continue;
        this.gathered.unsettled.add(document.text);
        if (standing === Standing.WAITS) this.gathered.waiting.add(document.text);
        if (reason === LATER) this.folding.lacking.set(document.text, document); // nobody may have asked before the end
      }
    }
  }

  // ── one commit ───────────────────────────────────────────────────────────────────────────────

  /** Whether so much was gathered that it is time to commit. */
  get full(): boolean {
    return this.folding.full || this.gathered.weighed.size > COMMIT_STANDINGS_MAX;
  }

  /** Everything gathered since the last commit, which is at that time. */
  async batch(settings: ReadonlyMap<string, Uint8Array>, timeMs = 0): Promise<Batch> {
    await this.folding.finish();
    return this.gathered.batch(this.folding.snapshots, settings, timeMs);
  }

  /** The batch is durable: begin the next one. */
  committed(lastRow: number): void {
    this.lastRow = lastRow;
    this.folding.committed(lastRow);
    for (const [name, [document, rows]] of this.gathered.conflicts) {
      if (rows.some(maySettleItself)) this.disputed.set(name, document);
    }
    for (const name of this.disputed.keys()) {
      if (this.disputed.size <= DISPUTED_MAX) break;
      this.disputed.delete(name);
    }
    this.gathered.begin();
  }

  /** The batch could not be written: forget it, and everything that was folded from it. */
  dropped(): void {
    this.folding.dropped();
    this.gathered.begin();
  }

  // ── documents ────────────────────────────────────────────────────────────────────────────────

  /** A document in memory, null when its birth is not here. */
  async load(document: DocumentId): Promise<Loaded | null> {
    return this.folding.load(document);
  }

  /** Who writes into a document in this run. */
  actor(loaded: Loaded, admission: Digest): Hex {
    return this.folding.actor(loaded, admission);
  }

  /** One who has written nothing yet. */
  newActor(admission: Digest): Hex {
    return this.folding.newActor(admission);
  }

  /** Who wrote these changes of a document, as far as it is known. */
  async authors(loaded: Loaded, changes: Iterable<Hex>): Promise<ReadonlyMap<Hex, Author>> {
    return this.folding.disputes.authors(loaded, changes);
  }

  /** How a document was born. Throws Misuse when there is none. */
  async birth(document: DocumentId): Promise<Born> {
    return this.folding.birth(document);
  }

  /** The events of a document that are not seen since nothing allows them; an adoption lifts that. */
  async hidden(document: DocumentId): Promise<Row[]> {
    if (!this.gathered.unsettled.has(document.text)) return [];
    const found: Row[] = [];
    for await (const rows of pages((after) => this.store.unsettled(document, after))) {
      found.push(...rows.filter(({ reason }) => UNALLOWED.has(reason)));
    }
    return found;
  }

  // ── events ───────────────────────────────────────────────────────────────────────────────────

  /** Events that are new here. */
  async take(placed: readonly Placed[]): Promise<void> {
    this.gathered.arrived(placed);
    await this.#settle(placed);
    const ended = placed.filter(({ digest }) => this.scales.marked.has(digest)).map(({ chain }) => chain);
    if (ended.length > 0) await this.#marksCame(new Set(ended));
  }

  /** Bodies that were missing came. */
  async takeBodies(rows: readonly Row[], bodies: readonly Body[]): Promise<void> {
    for (const [event, body] of bodies) this.gathered.bodies.set(event, body);
    await this.weighAgain(rows);
  }

  /** Rows that were not honoured, one by one, as if they had come just now. */
  async weighAgain(rows: readonly Row[]): Promise<void> {
    await this.#settle(this.gathered.read(rows));
  }

  /** Places at which chains end are held now: what waits for them counts or does not. */
  async #marksCame(chains: ReadonlySet<Digest>): Promise<void> {
    const kept = [...this.gathered.events.values()].filter(({ reason }) => reason === UNSURE);
    const waiting = kept.map(({ placed }) => placed);
    for await (const rows of pages((after) => this.store.unsettled(null, after))) {
      waiting.push(...this.gathered.read(rows.filter(({ reason }) => reason === UNSURE)));
    }
    await this.#settle(waiting.filter(({ chain }) => chains.has(chain)));
  }

  async #settle(events: readonly Placed[]): Promise<void> {
    const data = events.filter(({ lane }) => lane === Lane.DATA);
    for (const event of events) if (event.lane === Lane.CONTROL) this.gathered.stand(event, null, Standing.HONOURED);
    const steps = new Map<DocumentText, readonly [DocumentId, Step[]]>();
    const again: Again = new Map();
    const readings = await this.scales.read(data, this.gathered.events);
    for (const [place, event] of data.entries()) {
      const reading = readings[place]!;
      const document = reading.inner?.document ?? null;
      this.gathered.stand(event, document, reading.standing, reading.reason);
      const content = document && this.#content(event, document, reading);
      if (document && typeof content === "object" && content) {
        const [, found] = steps.get(document.text) ?? [document, []];
        found.push(content);
        steps.set(document.text, [document, found]);
      } else if (document && content) {
        again.set(document.text, document);
      }
    }
    const begun = [...steps.values()].map(([document]) => document);
    await this.folding.fresh(begun.filter(({ text }) => this.gathered.births.has(text)));
    for (const document of again.values()) await this.folding.refold(document);
    for (const [document, found] of steps.values()) await this.folding.take(document, found);
  }

  /** A change; or whether a birth has its document folded again. What is neither is void, or could not be read. */
  #content(event: Placed, document: DocumentId, reading: Reading): Step | boolean {
    const counts = reading.standing === Standing.HONOURED;
    try {
      if (!isCarrier(reading.body) || !reading.inner) return this.#born(event, document, reading);
      const step = stepOf(event, reading.inner, reading.body, counts);
      this.gathered.steps.set(event.digest, [this.scales.turns, step, reading]);
      this.gathered.carries(step);
      return step;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (counts) this.gathered.stand(event, document, Standing.VOID, error.message);
      return false;
    }
  }

  /** Take a birth in. Returns whether its document must be folded again. Throws Refused. */
  #born(event: Placed, document: DocumentId, reading: Reading): boolean {
    const birth = birthOf(event, reading);
    if (!birth) return false;
    const { births, born, unsettled, waiting } = this.gathered;
    if (!birth.counts) return waiting.has(document.text); // what counts may stand on it
    if (births.has(document.text)) return false; // one birth said twice: two devices took in the same file
    births.set(document.text, birth);
    born.set(document.text, asBorn(document, birth));
    return unsettled.has(document.text);
  }

  // ── after the verdict or the keys changed ────────────────────────────────────────────────────

  /** Everything that is not honoured, and what may not be any more. */
  async weighAllAgain(fallen: Fallen, commit: Commit): Promise<void> {
    const again: Again = new Map([...fallen.documents].map((text) => [text, DocumentId.parse(text)]));
    for await (const rows of pages((after) => this.store.unsettled(null, after))) await this.#weigh(rows, again);
    for (const [admission, marks] of fallen.ends) {
      for await (const rows of pages((after) => this.store.beyond(admission, marks, after))) await this.#weigh(rows, again);
    }
    for (const event of fallen.events) await this.#weigh(await this.store.event(event), again);
    if (this.scales.verdict.forgotten.size > 0 || this.#forgot) this.#forget();
    await this.#foldAll(again, commit);
  }

  /** All data events, where it is not known what they were weighed by. */
  async weighEverything(commit: Commit): Promise<void> {
    const again: Again = new Map();
    for await (const rows of pages((after) => this.store.replay(after))) await this.#weigh(rows, again);
    this.#forget();
    await this.#foldAll(again, commit);
  }

  #forget(): void {
    const { forgotten } = this.scales.verdict;
    this.gathered.forgotten = [...forgotten].map((text) => DocumentId.parse(text));
    this.#forgot = forgotten.size > 0;
  }

  /** Find the documents of which an event counts otherwise than the log says; of other events say why. */
  async #weigh(rows: readonly Row[], again: Again): Promise<void> {
    const data = rows.filter(({ placed }) => placed.lane === Lane.DATA);
    const events = this.gathered.read(data);
    const readings = await this.scales.read(events);
    for (const [place, row] of data.entries()) {
      const [event, { standing, reason, inner }] = [events[place]!, readings[place]!];
      const document = row.document ?? inner?.document ?? null;
      const was = row.standing === Standing.HONOURED;
      const counts = standing === Standing.HONOURED || (was && reason === BODY_MISSING); // it counted when it was here
      if (!document || was === counts) {
        if (was && counts) continue;
        this.gathered.stand(event, document, standing, reason);
        if (document && UNREAD.has(row.reason) && this.gathered.waiting.has(document.text)) {
          again.set(document.text, document); // what counts may stand on it
        }
        continue;
      }
      if (counts && !LIFTED.has(row.reason) && row.standing !== Standing.OPAQUE) continue; // its document takes it not
      // What cannot be read belongs nowhere; now the log learns where this does.
      if (!row.document) this.gathered.stand(event, document, Standing.WAITS, KEY_MISSING);
      again.set(document.text, document);
    }
  }

  /** Fold documents again. Each is committed whole: until then the log says what it said before. */
  async #foldAll(again: Again, commit: Commit): Promise<void> {
    for (const name of [...again.keys()].sort(ascending)) {
      await this.folding.refold(again.get(name)!);
      if (this.full) await commit();
    }
  }
}

/** Rows page by page, each after the last row of the one before. */
async function* pages(read: (after: number) => Promise<Row[]>): AsyncGenerator<Row[]> {
  for (let after = 0; ; ) {
    const rows = await read(after);
    if (rows.length === 0) return;
    yield rows;
    after = rows.at(-1)!.id;
  }
}
