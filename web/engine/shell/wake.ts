// Wakes: why the app was brought to the front, how long it took until all was traded, and what that cost.
//
// A platform leaves little time to an app that comes to the front for a moment; what nobody else holds goes first then.
// Nothing here decides what is sent, and the last wakes are kept, no more.
import type { WakeRow } from "../rows.js";
import { type Home } from "./home.js";
import type { Link } from "./link.js";
import * as timing from "./timing.js";

const WAKES = "wakes";
const KEPT_MAX = 50;

/** What is counted at the beginning and at the end of a wake. */
interface Count {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sent: number;
  readonly received: number;
}

/** What a wake asks of the agent. */
export interface Waking {
  readonly link: Link | null;
  readonly talk: { readonly received: number; compareSoon(): void };
  /** When all was traded last; null: never. */
  readonly asOfMs: number | null;
}

/** The wakes of this phone. */
export class Wakes {
  /** Events that were sent and acknowledged since the start. */
  sent = 0;
  #rows: WakeRow[] | null = null;
  #over: (() => void) | null = null;
  #under: Promise<void> | null = null;

  constructor(private readonly home: Home) {}

  /** The last ones, the latest first. */
  async rows(): Promise<WakeRow[]> {
    this.#rows ??= ((await this.home.get(WAKES)) as WakeRow[] | undefined) ?? [];
    return this.#rows;
  }

  /** Sync now; fulfilled when all was traded, the node refused, or the window is over. Two at once are one. */
  wake(agent: Waking, why: string): Promise<void> {
    agent.link?.kick(); // also while one is under way: a person wants it now
    this.#under ??= this.#wake(agent, why).finally(() => (this.#under = null));
    return this.#under;
  }

  /** All was traded, or nothing will be: a wake that waits for it is over. */
  over(): void {
    this.#over?.();
  }

  async #wake(agent: Waking, why: string): Promise<void> {
    const [began, before] = [Date.now(), this.#count(agent)];
    agent.talk.compareSoon();
    await new Promise<void>((done) => {
      const timer = setTimeout(done, timing.WAKE_MS);
      this.#over = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.#over = null;
    const after = this.#count(agent);
    const row = {
      at_ms: began,
      why,
      ms: Date.now() - began,
      sent_bytes: after.sentBytes - before.sentBytes,
      received_bytes: after.receivedBytes - before.receivedBytes,
      sent: after.sent - before.sent,
      received: after.received - before.received,
    };
    this.#rows = [row, ...(await this.rows())].slice(0, KEPT_MAX);
    await this.home.put(WAKES, this.#rows);
  }

  #count({ link, talk }: Waking): Count {
    const { sent, received } = link?.bytes ?? { sent: 0, received: 0 };
    return { sentBytes: sent, receivedBytes: received, sent: this.sent, received: talk.received };
  }
}
