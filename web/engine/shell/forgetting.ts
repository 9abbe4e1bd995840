// What was forgotten leaves this phone: after a time of grace its bodies are deleted, and nobody is served them; as
// mesh/node/forgetting.py has it.
//
// The grace is for a forget that somebody senior takes back. It decides nothing about what is forgotten.
import type { Engine } from "./engine.js";
import type { Log } from "./log.js";
import { FORGET_FIRST_MS, FORGET_GRACE_MS, FORGET_LOOK_MS } from "./timing.js";

/** Sees to it that what was forgotten is deleted. */
export class Forgetting {
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly engine: Engine,
    private readonly log: Log,
  ) {}

  /** Look soon, and every now and then until `end`: a phone sleeps more than it wakes, so it looks at every start. */
  start(afterMs = FORGET_FIRST_MS): void {
    this.#timer = setTimeout(() => {
      this.start(FORGET_LOOK_MS);
      this.look().catch((error: Error) => this.log("forgotten.unerased", { error: error.message }));
    }, afterMs);
  }

  /** Look no more. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Delete what was forgotten before the grace. */
  async look(): Promise<void> {
    const bodies = await this.engine.erase(this.engine.world.nowMs() - FORGET_GRACE_MS);
    if (bodies > 0) this.log("forgotten.erased", { bodies });
  }
}
