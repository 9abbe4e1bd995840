// Questions to the page's node by ordinary requests, as JSON.
//
// What comes back is whatever somebody answered: nothing is checked here, and nothing is tried again.
import { Unreachable } from "../errors.js";
import * as timing from "./timing.js";

/** Asks the page's node: a path, and what is posted there, if anything. */
export type Ask = (path: string, posted: unknown, signal: AbortSignal) => Promise<{ status: number; told: Told }>;

/** What it answers, unchecked. */
export interface Told {
  readonly admitter?: unknown;
  readonly proof?: unknown;
  readonly admission?: unknown;
  readonly key?: unknown;
  readonly subscribed?: unknown;
  readonly error?: { readonly message?: unknown; readonly hint?: unknown };
}

/** Asks over https, from the page's own origin. */
export function askedOf(fetched: typeof fetch): Ask {
  return async (path, posted, signal) => {
    const init = posted === null ? {} : { method: "POST", body: JSON.stringify(posted) };
    const headers = { "content-type": "application/json" };
    let answer: Response;
    try {
      const timeout = AbortSignal.timeout(timing.LETTING_IN_ASK_MS);
      answer = await fetched(path, { ...init, headers, cache: "no-store", signal: AbortSignal.any([signal, timeout]) });
    } catch (error) {
      throw new Unreachable(`the computer does not answer: ${(error as Error).message}`);
    }
    return { status: answer.status, told: (await answer.json().catch(() => ({}))) as Told };
  };
}
