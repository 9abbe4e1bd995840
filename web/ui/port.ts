// The page's end of the port: asks the worker, hears its news. It knows no key, no document and no network.
import type { Asked, CallName, Calls, Fault, News, Told } from "../engine/port.js";

/** What a worker looks like from here. */
export interface Line {
  postMessage(message: Asked): void;
  onmessage: ((event: MessageEvent<Told>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

type Given<Name extends CallName> = Calls[Name][0] extends void ? [] : [args: Calls[Name][0]];

/** A call that failed: whose fault it is, in a sentence, and what the person may do. */
export class Failed extends Error {
  constructor(readonly fault: Fault) {
    super(fault.message);
  }
}

const STOPPED: Fault = {
  family: "Bug",
  class: "Stopped",
  message: "The part of this app that keeps your data has stopped.",
  hint: "Close the app and open it again. Everything that was saved is still here.",
};

/** A fault, whatever was thrown. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Failed) return error.fault;
  const message = error instanceof Error ? error.message : String(error);
  return { family: "Bug", class: "Unexpected", message, hint: "Try it again. Nothing that was saved is lost." };
}

/** Asks, and waits for the answer to that question. */
export class Port {
  readonly #line: Line;
  readonly #waiting = new Map<number, { done: (value: never) => void; failed: (error: Failed) => void }>();
  #next = 1;
  #heardOf = false;
  #stopped = false;
  /** Is told what changed. */
  onnews: (news: News) => void = () => undefined;
  /** Is told how many items wait, before the answer to a call is. */
  onwaiting: (waiting: number) => void = () => undefined;
  /** Is told that the worker ended. */
  onstop: (fault: Fault) => void = () => undefined;

  constructor(line: Line) {
    this.#line = line;
    line.onmessage = ({ data }) => this.#heard(data);
    line.onerror = () => this.#heardOf || this.#end(); // it did not even start; what fails later fails one call
  }

  /** Ask. Rejects with Failed. */
  call<Name extends CallName>(call: Name, ...given: Given<Name>): Promise<Calls[Name][1]> {
    if (this.#stopped) return Promise.reject(new Failed(STOPPED));
    return new Promise((done, failed) => {
      const id = this.#next++;
      this.#waiting.set(id, { done, failed });
      this.#line.postMessage({ id, call, args: given[0] } as Asked);
    });
  }

  #heard(told: Told): void {
    this.#heardOf = true;
    if ("news" in told) return this.onnews(told.news);
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if ("fault" in told) waiting?.failed(new Failed(told.fault));
    else {
      if (told.waiting !== undefined) this.onwaiting(told.waiting);
      waiting?.done(told.ok as never);
    }
  }

  #end(): void {
    this.#stopped = true;
    for (const { failed } of this.#waiting.values()) failed(new Failed(STOPPED));
    this.#waiting.clear();
    this.onstop(STOPPED);
  }
}
