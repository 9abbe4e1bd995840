// What happened on this phone, for diagnostics: the last lines, in memory, never with secrets, titles or contents.
//
// Nothing is written to a disk, and nothing is sent anywhere by itself.

const LINES_MAX = 400;

/** `log("what.happened", {field: value})`. */
export type Log = (what: string, fields?: Readonly<Record<string, unknown>>) => void;

/** One line. */
export interface Line {
  readonly time: string;
  readonly what: string;
  readonly [field: string]: unknown;
}

/** The last lines. */
export class Lines {
  #lines: Line[] = [];

  /** Add one. */
  readonly log: Log = (what, fields = {}) => {
    this.#lines.push({ ...fields, time: new Date().toISOString(), what });
    if (this.#lines.length > LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX);
  };

  /** All that are kept. */
  get all(): readonly Line[] {
    return this.#lines;
  }
}
