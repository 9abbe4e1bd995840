// A bounded queue between those who ask and the one who works: whoever asks waits while it is full.
//
// It holds things in their order and drops none; it knows nothing about them.

/** Things that wait for one who works. */
export class Queue<T> {
  readonly #things: T[] = [];
  readonly #askers: (() => void)[] = [];
  #worker: (() => void) | null = null;
  #error: Error | null = null;

  constructor(readonly most: number) {}

  /** Put a thing at the end, once there is room. Throws what ended it. */
  async put(thing: T): Promise<void> {
    while (!this.#error && this.#things.length >= this.most) await new Promise<void>((go) => this.#askers.push(go));
    if (this.#error) throw this.#error;
    this.#things.push(thing);
    this.#worker?.();
    this.#worker = null;
  }

  /** The next things, at most so many; waits until there is one. For one worker only. */
  async take(most: number): Promise<T[]> {
    while (this.#things.length === 0) await new Promise<void>((go) => (this.#worker = go));
    const taken = this.#things.splice(0, most);
    for (const go of this.#askers.splice(0, taken.length)) go();
    return taken;
  }

  /** Everything that waits; nobody works any more, and whoever puts a thing gets this error. */
  ended(error: Error): T[] {
    this.#error = error;
    for (const go of this.#askers.splice(0)) go();
    return this.#things.splice(0);
  }
}
