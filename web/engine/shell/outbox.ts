// The outbox: what this phone wrote and no other device has said to hold; and the same as bytes that lie ready for the
// service worker, which may send them while no page is open.
//
// It is worked out from the log and from what others told, so nothing can be lost from it. Titles and texts of what waits
// lie beside it, sealed, for the one case in which nobody will ever take them: this phone was taken out of the mesh.
import { type Head, START } from "../clocks/chain.js";
import type { Span } from "../clocks/frontier.js";
import { Lane, type Run } from "../events/event.js";
import { eventBytes } from "../events/speaking.js";
import { OUTBOX_BYTES_MAX, PAGE_BYTES_MAX, WAITING_READ_MAX } from "../limits.js";
import { type Digest, type DocumentId, utf8 } from "../names.js";
import { encode, type Push } from "../sync/messages.js";
import type { Engine } from "./engine.js";
import type { Home } from "./home.js";
import type { Keys } from "./keys.js";
import { holds, type Meeting, type Meetings } from "./meetings.js";

/** How the names begin under which the service worker finds what it may send: encoded messages. */
export const OUTBOX = "outbox/";
/** How the names begin under which titles and texts lie, sealed. */
export const UNSENT = "unsent/";

const DIGITS = 12; // so that names stand in the order of what they name

/** Something that waits: an own chain, its tip, and up to where another device holds it. */
interface Waits {
  readonly chain: Digest;
  readonly tip: Head;
  readonly held: Head;
}

/** What lies ready: up to where of which chain. */
interface Ready {
  readonly name: string;
  readonly chain: Digest;
  readonly upTo: Head;
  readonly bytes: number;
}

/** Of one phone. */
export class Outbox {
  readonly #delivered = new Map<Digest, Head>();
  readonly #texts = new Set<string>();
  #ready: Ready[] = [];
  #count = 0;
  #begun = false;
  #dirty = false;
  #keeping: Promise<void> | null = null;

  constructor(
    private readonly engine: Engine,
    private readonly meetings: Meetings,
    private readonly home: Home,
    private readonly keys: Keys,
  ) {}

  /** How many events wait: openings, which say nothing, do not count. */
  get waiting(): number {
    return this.#waits().reduce((sum, { tip, held }) => sum + tip.seq - Math.max(held.seq, 1), 0);
  }

  /** How many events one device has not said to hold. */
  waitingFor(meeting: Meeting): number {
    const own = [...this.engine.replica.chains.chains].filter(([, { admission, lane }]) => {
      return admission === this.#own && lane === Lane.DATA;
    });
    return own.reduce((sum, [chain, { tips }]) => {
      const last = Math.max(...[...tips.values()].map(({ head }) => head.seq));
      return sum + Math.max(0, last - Math.max(holds(meeting, chain), 1));
    }, 0);
  }

  /** Whether another device holds an event of this phone. */
  isHeld(chain: Digest, seq: number): boolean {
    return this.#held(chain).seq >= seq;
  }

  /** Hand all of it to a device, which says for each page that it is kept there. Throws Unreachable, Refused. */
  async bring(push: (body: Uint8Array) => Promise<unknown>): Promise<number> {
    let count = 0;
    for (const { chain, tip, held } of this.#waits()) {
      for await (const [run, upTo] of this.#runs(chain, tip, held)) {
        await push(encode(pushOf(run)));
        this.#delivered.set(chain, upTo);
        count += run.events.length;
      }
    }
    return count;
  }

  /** Something waits, or waits no longer: have it lie ready. */
  keepSoon(): Promise<void> {
    this.#dirty = true;
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = null;
      return this.#dirty ? this.keepSoon() : undefined; // said after the last look, before anybody knew that it was over
    });
    return this.#keeping;
  }

  /** The documents that something waits of, the latest first. */
  async documents(): Promise<DocumentId[]> {
    const found = new Map<string, DocumentId>();
    const limit = Math.min(this.waiting + 1, WAITING_READ_MAX);
    if (this.waiting === 0) return [];
    for (const { placed, document } of await this.engine.store.newest({ admission: this.#own, limit })) {
      if (document && !this.isHeld(placed.chain, placed.seq)) found.set(document.text, document);
    }
    return [...found.values()];
  }

  get #own(): Digest {
    return this.engine.own.admission;
  }

  async #keep(): Promise<void> {
    if (!this.#begun) await this.home.forget(OUTBOX, UNSENT); // of before: it is worked out anew
    this.#begun = true;
    while (this.#dirty) {
      this.#dirty = false;
      await this.#keepMessages();
      await this.#keepTexts();
    }
  }

  async #keepMessages(): Promise<void> {
    const gone = this.#ready.filter(({ chain, upTo }) => this.isHeld(chain, upTo.seq));
    for (const { name } of gone) await this.home.put(name, null);
    this.#ready = this.#ready.filter((one) => !gone.includes(one));
    let room = OUTBOX_BYTES_MAX - this.#ready.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { chain, tip, held } of this.#waits()) {
      const after = this.#ready.findLast((one) => one.chain === chain)?.upTo ?? held;
      for await (const [run, upTo] of this.#runs(chain, tip, after)) {
        const bytes = run.events.reduce((sum, event) => sum + eventBytes(event), 0);
        if (bytes > room) return;
        room -= bytes;
        const name = OUTBOX + String((this.#count += 1)).padStart(DIGITS, "0");
        await this.home.put(name, encode(pushOf(run)));
        this.#ready.push({ name, chain, upTo, bytes });
      }
    }
  }

  /** Titles and texts of the documents that something waits of, as a person reads them. */
  async #keepTexts(): Promise<void> {
    const { store } = this.engine;
    const waiting = new Set<string>();
    for (const document of await this.documents()) {
      const [note, record] = [await store.note(document), await store.record(document)];
      const title = note?.note.title ?? String(record?.record.registers.get("title") ?? "");
      const text = `# ${title || document.text}\n\n${note?.note.body ?? record?.record.text ?? ""}\n`;
      const name = UNSENT + document.text;
      await this.home.put(name, await this.keys.seal(name, utf8(text)));
      waiting.add(name);
    }
    for (const name of this.#texts) if (!waiting.has(name)) await this.home.put(name, null);
    this.#texts.clear();
    for (const name of waiting) this.#texts.add(name);
  }

  /** An own chain in signed runs, each with where it ends. */
  async *#runs(chain: Digest, target: Head, held: Head): AsyncGenerator<[Run, Head]> {
    let after = held;
    for (;;) {
      const span: Span = { chain, target, after: after.seq > 0 ? [after] : [] };
      const run = await this.engine.store.serve(span, PAGE_BYTES_MAX);
      if (!run || run.events.length === 0) return;
      after = this.engine.replica.chains.end(run);
      yield [run, after];
    }
  }

  #waits(): Waits[] {
    return [...this.engine.replica.chains.chains].flatMap(([chain, { admission, lane, tips }]) => {
      if (admission !== this.#own || lane !== Lane.DATA) return [];
      const held = this.#held(chain);
      return [...tips.values()].filter(({ head }) => head.seq > held.seq).map(({ head: tip }) => ({ chain, tip, held }));
    });
  }

  /** Up to where any other device said to hold a chain. */
  #held(chain: Digest): Head {
    let best = this.#delivered.get(chain) ?? START;
    for (const { have } of this.meetings.all.values()) {
      for (const head of have.data.get(chain) ?? []) if (head.seq > best.seq) best = head;
    }
    return best;
  }
}

function pushOf(run: Run): Push {
  return { message: "push", runs: [run], bodies: [], answer: false };
}
