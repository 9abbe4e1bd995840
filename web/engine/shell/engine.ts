// The engine: the one writer. Inputs go through the replica one at a time; effects are committed, then told; as
// mesh/node/engine.py has it, for a member.
//
// Jobs that arrive together share one commit. What could not be committed never happened: replica and shelf are read
// again from the store. It says in two steps: what is drafted is signed, then spoken, and nothing comes between. This
// module knows no network; what is to be asked, sent and met is handed to its owner. Clock, lots and keys are handed in.
import { DiskFull, MeshError, Unreachable } from "../errors.js";
import type { Held } from "../events/chains.js";
import type { Placed } from "../events/event.js";
import type { Keyring } from "../events/seal.js";
import { type Draft, NONCES_BYTES, type Sign, type Speaker, signed } from "../events/speaking.js";
import { COMMIT_INPUTS_MAX, INPUTS_QUEUED_MAX, SALT_BYTES } from "../limits.js";
import { type DocumentId, sameBytes } from "../names.js";
import { type Effects, type Input, NOTHING, type Peer } from "../sync/inputs.js";
import type { Message, Push, Want } from "../sync/messages.js";
import { Missing } from "../sync/missing.js";
import { Replica } from "../sync/replica.js";
import { Checked, type Open, openedBy, replicaOf, scaleOf } from "./booting.js";
import { isEmpty } from "./gathered.js";
import { asNews } from "./news.js";
import { Queue } from "./queue.js";
import { NOBODY } from "./scales.js";
import { brought, served } from "./serving.js";
import { Shelf } from "./shelf.js";
import type { Boot, Row, Store } from "./store_port.js";
import * as voices from "./voices.js";

/** The setting that says by what everything in the log was weighed. */
const [WEIGHED, UNWEIGHED] = ["weighed", new Uint8Array(0)];

/** What somebody wants to say, worked out when nothing else can come between; nothing: nothing is said. */
export type Make = (engine: Engine) => Promise<readonly Draft[]> | readonly Draft[];

/** Settings that are kept in one commit with what is said: so an act, and that it was done, are never apart. */
export type Beside = readonly (readonly [string, Uint8Array])[];

/** Who carries out what the engine does not. */
export interface Owner {
  /** Ask a peer; may be called before the commit. */
  ask(peer: Peer, want: Want): void;
  /** The effects are durable: send, meet again, sound the alarms. */
  happened(effects: Effects): void;
}

/** What the engine needs of the world: this device's clock, lots, and its two keys that scripts cannot read. */
export interface World {
  nowMs(): number;
  random(bytes: number): Uint8Array;
  readonly sign: Sign;
  readonly open: Open;
}

interface Job {
  readonly run: () => Promise<Effects>;
  readonly done: (effects: Effects) => void;
  readonly failed: (error: unknown) => void;
  effects: Effects;
  /** Its events were durable, and others learned of them, before all that follows from them. */
  told: boolean;
}

/** Replica, shelf and store of one device, moved by one writer. Use `start` before anything else. */
export class Engine {
  replica: Replica;
  readonly shelf: Shelf;
  readonly #jobs = new Queue<Job | null>(INPUTS_QUEUED_MAX);
  #ready: Job[] = [];
  readonly #settings = new Map<string, Uint8Array>();
  #voice: voices.Speaks = { chain: null, reason: "new" }; // as the store has it
  #weighedBy: Uint8Array = UNWEIGHED; // as the store has it
  #checked = new Checked(); // as the store has it
  #owed = false; // everything must be weighed anew, and there was no room for it

  constructor(
    readonly own: Speaker,
    readonly keyring: Keyring,
    readonly store: Store,
    readonly owner: Owner,
    readonly world: World,
  ) {
    this.replica = new Replica(own, keyring);
    this.shelf = new Shelf(store, keyring, this.replica.verdict, (bytes) => world.random(bytes));
  }

  /** Read everything that is kept in memory from the store. */
  async start(): Promise<Boot> {
    const boot = await this.store.boot();
    const { met } = this.replica;
    this.replica = await replicaOf(this.own, this.keyring, boot, this.world.open);
    for (const peer of met) this.replica.met.add(peer);
    this.#checked = new Checked(boot);
    this.#voice = voices.read(boot.settings);
    const { chain, reason } = this.#voice;
    if (chain && boot.openings.get(chain)?.[0] !== this.own.admission) this.#voice = { chain: null, reason };
    this.replica.voice = this.#voice.chain;
    this.shelf.scales.turn(this.replica.verdict);
    await this.shelf.open();
    if (!this.shelf.lastRow) this.shelf.lastRow = await this.store.commit({}); // nothing is written by an empty batch
    this.#weighedBy = boot.settings.get(WEIGHED) ?? UNWEIGHED;
    if (!sameBytes(this.#weighedBy, scaleOf(this.replica))) await this.#catchUp();
    this.#keep(this.#checked.fresh(this.replica));
    this.replica.state = await this.store.digest();
    return boot;
  }

  /** Weigh everything anew: whoever ended this engine last did so before it had. */
  async #catchUp(): Promise<void> {
    try {
      await this.shelf.weighEverything(() => this.#commit());
      await this.#weighed();
      this.#owed = false;
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.shelf.dropped(); // what counted before is shown meanwhile, and tried again with the next commit
      this.#settings.clear();
      this.#owed = true;
    }
  }

  /** Everything in the log counts for what the verdict says: commit that with the last of it. */
  async #weighed(): Promise<void> {
    const scale = scaleOf(this.replica);
    if (!sameBytes(this.#weighedBy, scale)) {
      this.#weighedBy = scale;
      this.#settings.set(WEIGHED, scale);
    }
    this.#keep(this.#checked.fresh(this.replica));
    await this.#commit();
    this.replica.missing = new Missing(await this.store.missingBodies()); // of what is forgotten none, of others more
  }

  // ── what others ask for ──────────────────────────────────────────────────────────────────────

  /** Say what `make` comes up with, or nothing. When it returns it is kept: it survives the end of the browser. */
  async say(make: Make, beside: Beside = []): Promise<readonly Placed[]> {
    const effects = await this.#submit(async () => {
      const drafts = await make(this);
      if (drafts.length === 0) return NOTHING; // nothing is to be said any more
      const entropy = this.world.random(SALT_BYTES + NONCES_BYTES * drafts.length);
      const { reason } = this.#voice;
      const begun = this.replica.draft({ drafts, timeMs: this.world.nowMs(), entropy, reason });
      const commit = await signed(begun, this.world.sign);
      const said = this.replica.handle({ input: "spoken", commit });
      const chain = this.replica.voice!;
      if (chain !== this.#voice.chain) {
        this.#voice = { chain, reason: "new" };
        this.#keep([voices.settings(chain)]); // in one commit with its opening
      }
      this.#keep(beside);
      return said;
    });
    return effects.append;
  }

  /** Take a message in; returns when what it brought is kept. */
  async hear(peer: Peer, message: Message): Promise<Effects> {
    return this.#submit(async () => {
      let held: Held = new Map();
      const unsure = this.replica.unsure(message, peer);
      if (unsure.length > 0) {
        await this.#commit();
        held = await this.store.places(unsure);
      }
      const opened = await openedBy(this.world.open, this.replica.wraps(message));
      return this.replica.handle({ input: "heard", peer, message, held, opened });
    });
  }

  /** Look at documents when nothing else can come between; nothing is said. */
  async look<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    let found: T;
    await this.#submit(async () => {
      found = await work(this);
      return NOTHING;
    });
    return found!;
  }

  /** For what is made to be said: keep what came before it in the same commit, so that the store tells all. */
  settled(): Promise<void> {
    return this.#commit();
  }

  /** Any other input. */
  feed(given: Input): Promise<Effects> {
    return this.#submit(async () => this.replica.handle(given));
  }

  /** Keep a setting with the next commit, and wait for it. */
  async remember(key: string, value: Uint8Array): Promise<void> {
    await this.#submit(async () => {
      this.#keep([[key, value]]);
      return NOTHING;
    });
  }

  /** Have the bodies of a document that were let go be asked for again. Returns how many there are. */
  async bring(document: DocumentId): Promise<number> {
    let count = 0;
    await this.#submit(async () => {
      await this.#commit();
      count = await brought(this.store, [document], this.replica.missing);
      return { ...NOTHING, meet: new Set(count > 0 ? this.replica.met : []) };
    });
    return count;
  }

  /** Throw away everything that follows from the log, and build it again, event by event. */
  async rebuild(): Promise<void> {
    await this.alone(async () => {
      await this.store.commit({ settings: [[WEIGHED, UNWEIGHED]] });
      await this.store.forgetState();
      this.shelf.dropped();
      for (let after = 0; ; ) {
        const rows = await this.store.replay(after);
        if (rows.length === 0) break;
        await this.shelf.weighAgain(rows);
        this.shelf.committed(await this.store.commit(await this.shelf.batch(new Map())));
        after = rows.at(-1)!.id;
      }
      await this.store.commit({ settings: [[WEIGHED, scaleOf(this.replica)]] });
    });
  }

  /** Delete the bodies of what was forgotten before that time. Returns how many went. */
  async erase(beforeMs: number): Promise<number> {
    let count = 0;
    await this.#submit(async () => {
      await this.#commit();
      count = await this.store.erase(beforeMs);
      return NOTHING;
    });
    return count;
  }

  /** Do something with the store while nothing else is written, and read everything anew afterwards. */
  async alone(work: () => Promise<void>): Promise<void> {
    await this.#submit(async () => {
      await this.#commit();
      await work();
      this.shelf.dropped();
      await this.start();
      return { ...NOTHING, judged: true };
    });
  }

  /** The answer to a Want: as much as fits a page. */
  serve(peer: Peer, want: Want): Promise<Push> {
    return served(this.store, this.replica, peer, want);
  }

  // ── the writer ───────────────────────────────────────────────────────────────────────────────

  async #submit(run: () => Promise<Effects>): Promise<Effects> {
    return new Promise((done, failed) => {
      this.#jobs.put({ run, done, failed, effects: NOTHING, told: false }).catch(failed);
    });
  }

  /** Do jobs until `stop`; those that were there before are done first. Whoever waits or comes later gets what ended it. */
  async work(): Promise<void> {
    let given: (Job | null)[] = [];
    try {
      for (let stopped = false; !stopped; ) {
        given = await this.#jobs.take(COMMIT_INPUTS_MAX);
        stopped = given.includes(null);
        await this.#together(given.filter((job) => job !== null));
      }
      const ended = new Unreachable("this phone does nothing more until the app is opened again");
      for (const job of this.#jobs.ended(ended)) job?.failed(ended);
    } catch (error) {
      // not even what is kept can be read any more
      for (const job of [...given, ...this.#jobs.ended(error as Error)]) job?.failed(error);
      throw error;
    }
  }

  /** Let `work` return when everything that was asked for until now is done. */
  async stop(): Promise<void> {
    await this.#jobs.put(null);
  }

  async #together(jobs: readonly Job[]): Promise<void> {
    if (this.#owed) await this.#catchUp();
    for (const job of jobs) {
      try {
        job.effects = await job.run();
      } catch (error) {
        job.failed(error); // whoever asked is told; the replica has not moved
        continue;
      }
      await this.#absorb(job);
    }
    await this.#commitOrFail();
    await this.#mindBodies();
  }

  /** Ask for bodies that were let go and are needed, and keep to the working set; what fails now is tried again. */
  async #mindBodies(): Promise<void> {
    try {
      const { lacking } = this.shelf.folding;
      const wanted = await brought(this.store, lacking.values(), this.replica.missing);
      lacking.clear();
      if (wanted > 0) this.owner.happened({ ...NOTHING, meet: new Set(this.replica.met) });
      if (this.store.overfull) await this.store.trim(this.own.admission);
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
    }
  }

  /** Work out what a job's effects amount to, for the commit that is being collected. */
  async #absorb(job: Job): Promise<void> {
    const { effects } = job;
    for (const [peer, want] of effects.ask) this.owner.ask(peer, want);
    try {
      const fallen = effects.judged ? this.shelf.scales.turn(this.replica.verdict) : NOBODY;
      await this.shelf.take(effects.append);
      this.#unwanted(effects.append);
      if (effects.bodies.length > 0) await this.#takeBodies(effects);
      if (effects.judged) {
        await this.#commit();
        this.#tell(job); // whom a statement shuts out must not wait until all his work was weighed
        await this.shelf.weighAllAgain(fallen, () => this.#commit());
        await this.#weighed();
      }
    } catch (error) {
      job.failed(error); // whatever it is, what was collected did not happen
      await this.#undo(error);
      return;
    }
    this.#ready.push(job); // not before: a commit in between must not tell that it is done
    if (this.shelf.full) await this.#commitOrFail();
  }

  #tell(job: Job): void {
    job.told = true;
    for (const effects of asNews([job.effects], this.replica)) this.owner.happened(effects);
  }

  /** Ask nobody for bodies of what is forgotten. */
  #unwanted(events: readonly Placed[]): void {
    const { forgotten } = this.replica.verdict;
    for (const { digest } of forgotten.size > 0 ? events : []) {
      const document = this.shelf.gathered.events.get(digest)?.document;
      if (document && forgotten.has(document.text)) this.replica.missing.delete(digest);
    }
  }

  async #takeBodies(effects: Effects): Promise<void> {
    await this.#commit();
    const rows: Row[] = [];
    for (const [event, body] of effects.bodies) {
      for (const row of await this.store.event(event)) {
        const { placed } = row;
        rows.push({ ...row, placed: { ...placed, event: { header: placed.event.header, body } } });
      }
    }
    await this.shelf.takeBodies(rows, effects.bodies);
  }

  #keep(settings: Beside): void {
    for (const [key, value] of settings) this.#settings.set(key, value);
  }

  /** Make everything collected durable, then tell those who wait for it. */
  async #commit(): Promise<void> {
    const batch = await this.shelf.batch(this.#settings, this.world.nowMs());
    if (!isEmpty(batch)) {
      this.shelf.committed(await this.store.commit(batch));
      this.#settings.clear();
    } else if (this.shelf.full) {
      this.shelf.committed(this.shelf.lastRow); // documents that were only looked at
    }
    const ready = this.#ready;
    this.#ready = [];
    for (const job of ready) job.done(job.effects);
    const news = asNews(ready.filter(({ told }) => !told).map(({ effects }) => effects), this.replica);
    for (const effects of news) this.owner.happened(effects);
  }

  async #commitOrFail(): Promise<void> {
    try {
      await this.#commit();
    } catch (error) {
      await this.#undo(error); // as above
    }
  }

  /** Forget what could not be kept, and go on from what the store holds. */
  async #undo(error: unknown): Promise<void> {
    const ready = this.#ready;
    this.#ready = [];
    this.shelf.dropped();
    this.#settings.clear();
    for (const job of ready) job.failed(error);
    await this.start();
  }
}
