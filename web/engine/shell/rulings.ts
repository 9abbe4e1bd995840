// What a phone settles unasked: overlapping edits of which one can go without a letter being lost; as
// mesh/node/rulings.py has it.
//
// The device that wrote what goes says so, the others only if it does not; whoever waited looks again before it speaks.
// It chooses nothing: what a rule does not settle is left to people, and so is what a person took back.
import { MeshError, NotGranted } from "../errors.js";
import { type Draft, draftOf } from "../events/speaking.js";
import { LIST_MAX, RULINGS_AT_ONCE_MAX } from "../limits.js";
import type { DocumentId } from "../names.js";
import { conflictsOf } from "../state/conflicts.js";
import { type Ruling, ruling } from "../state/rules.js";
import { maySettleItself } from "./disputes.js";
import type { Engine } from "./engine.js";
import type { Log } from "./log.js";
import type { ConflictRow, DocumentText } from "./store_port.js";
import { RULES_FIRST_MS, RULES_PATIENCE_MS, RULES_SPREAD_MS } from "./timing.js";

/** Sees to it that what settles itself is settled. */
export class Rulings {
  /** When this phone says what another device should have said. */
  readonly #due = new Map<DocumentText, readonly [DocumentId, number]>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #begun = false;
  #ended = false;
  #looking: Promise<void> | null = null;

  constructor(
    private readonly engine: Engine,
    private readonly log: Log,
  ) {}

  /** Begin soon: others may have settled it meanwhile, and tell so at once. */
  start(): void {
    this.#after(RULES_FIRST_MS, async () => {
      this.#begun = true;
      await this.find();
      await this.look();
    });
  }

  /** Something was kept: perhaps there is something to settle by it. */
  lookSoon(): void {
    if (this.#begun && this.engine.shelf.disputed.size > 0) this.#run(() => this.look());
  }

  /** Begin nothing more. */
  end(): void {
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** All that may settle itself: nobody looked at what was kept while this phone was away. */
  async find(): Promise<void> {
    const { shelf, store } = this.engine;
    for (let after: ConflictRow | null = null; ; ) {
      const rows: ConflictRow[] = await store.conflicts({ kind: "text", after, limit: LIST_MAX });
      for (const row of rows) if (maySettleItself(row)) shelf.disputed.set(row.document.text, row.document);
      if (rows.length < LIST_MAX) return;
      after = rows.at(-1)!;
    }
  }

  /** Settle what is this phone's to settle, and what others left too long. */
  async look(): Promise<void> {
    const { shelf, world } = this.engine;
    const fresh = [...shelf.disputed.values()];
    shelf.disputed.clear();
    for (const [document, due] of [...this.#due.values()]) {
      if (due > world.nowMs()) continue;
      this.#due.delete(document.text);
      await this.#settle(document, false);
    }
    for (const document of fresh) {
      if (!(await this.#settle(document, true)) || this.#due.has(document.text)) continue;
      const early = (world.random(1)[0]! / 256) * RULES_SPREAD_MS;
      this.#due.set(document.text, [document, world.nowMs() + RULES_PATIENCE_MS + early]);
    }
    const next = Math.min(...[...this.#due.values()].map(([, due]) => due));
    if (Number.isFinite(next)) this.#after(Math.max(0, next - world.nowMs()), () => this.look());
  }

  /** Settle what rules settle in a document, or of that what is this phone's. Whether anything is left. */
  async #settle(document: DocumentId, mine: boolean): Promise<boolean> {
    for (let number = 0; number < RULINGS_AT_ONCE_MAX; number++) {
      const found: Ruling[] = [];
      try {
        const said = await this.engine.say((engine) => drafted(engine, document, mine, found));
        if (said.length === 0) return found.length > 0;
      } catch (error) {
        if (!(error instanceof NotGranted)) throw error;
        this.log("rule.refused", { why: error.message });
        return false;
      }
      this.log("rule.settled", { rule: found[0]!.rule });
    }
    return true;
  }

  #after(ms: number, work: () => Promise<void>): void {
    if (this.#ended) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(work), ms);
  }

  /** Do something once what is under way is done. What cannot be kept now is found again at the next start. */
  #run(work: () => Promise<void>): void {
    const before = this.#looking ?? Promise.resolve();
    this.#looking = before.then(async () => {
      if (!this.#ended) await work();
    }).catch((error: unknown) => {
      if (!(error instanceof MeshError)) throw error;
      this.log("rules.failed", { error: error.message });
    });
  }
}

/** The next settlement; nothing where there is none, with what others should say in `found`. */
async function drafted(engine: Engine, document: DocumentId, mine: boolean, found: Ruling[]): Promise<Draft[]> {
  const loaded = await engine.shelf.load(document);
  if (!loaded) return [];
  const rulings: Ruling[] = [];
  for (const conflict of conflictsOf(loaded.document, loaded.settlements)) {
    const one = ruling(conflict, loaded.settlements);
    if (one) rulings.push(one);
  }
  const authors = await engine.shelf.authors(loaded, new Set(rulings.flatMap((one) => [...one.losers])));
  const isOwn = (change: string) => authors.get(change)?.admission === engine.own.admission;
  const [owed] = rulings.filter((one) => !mine || [...one.losers].some(isOwn));
  found.push(...(owed ? [owed] : rulings));
  if (!owed) return [];
  const { name, prints } = owed.conflict;
  const { raw } = loaded.document.edit(engine.shelf.actor(loaded, engine.own.admission), owed.edits);
  return [draftOf({ kind: "settled", change: raw, conflict: name, prints, rule: owed.rule }, document)];
}
