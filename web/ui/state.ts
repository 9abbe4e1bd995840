// What the whole page knows: where this phone stands, what changed, what is shown in passing. No rows are kept for good.
import { batch, signal } from "@preact/signals";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { CallName, Calls, Fault, News, Topic } from "../engine/port.js";
import type { Standing } from "../engine/rows.js";
import * as drafts from "./drafts.js";
import { faultOf, Port } from "./port.js";

const KEPT_MAX = 40; // answers that are shown again at once when a screen comes back
const TOAST_MS = 6000;

/** Where this phone stands; null until the worker said so. */
export const standing = signal<Standing | null>(null);
/** Why the worker does not answer. */
export const stopped = signal<Fault | null>(null);
/** A newer version waits; calling this takes it. */
export const update = signal<(() => void) | null>(null);
/** What was just done, and how it is taken back. */
export const toast = signal<{ words: string; undo?: () => Promise<unknown> } | null>(null);

const turns = new Map<Topic, ReturnType<typeof signal<number>>>();
const kept = new Map<string, unknown>();
let line: Port | null = null;

/** What else forgets rows, when this phone is a member no more. */
export const forgetters: (() => void)[] = [() => kept.clear()];

function turn(topic: Topic) {
  let found = turns.get(topic);
  if (!found) turns.set(topic, (found = signal(0)));
  return found;
}

function hear({ changed, standing: now }: News): void {
  batch(() => {
    for (const topic of changed) turn(topic).value!++;
    if (now) stands(now);
  });
}

function stands(now: Standing): void {
  if (now.state === "removed" || now.state === "new") void forget(now.state === "removed");
  standing.value = now;
}

/** Forget what was shown, and what was written and not saved if that has to go as well: fulfilled when it is gone. */
export async function forget(written: boolean): Promise<void> {
  for (const each of forgetters) each();
  if (written) await drafts.erase();
}

/** Begin to talk to the worker. */
export async function begin(port: Port): Promise<void> {
  line = port;
  port.onnews = hear;
  port.onwaiting = (waiting) => {
    const now = standing.value;
    if (now && now.waiting !== waiting) standing.value = { ...now, waiting };
  };
  port.onstop = (fault) => (stopped.value = fault);
  try {
    stands(await port.call("status"));
  } catch (error) {
    stopped.value = faultOf(error);
  }
}

/** Ask the worker. */
export const ask: Port["call"] = (call, ...given) => line!.call(call, ...given);

/** Say in passing what was done. */
export function tell(words: string, undo?: () => Promise<unknown>): void {
  const shown = undo ? { words, undo } : { words };
  toast.value = shown;
  setTimeout(() => toast.value === shown && (toast.value = null), TOAST_MS);
}

/** Ask for `standing` anew, after an act that moves it. */
export async function look(): Promise<void> {
  stands(await ask("status"));
}

/** Rows and how they came: `value` null while nothing is known, `fault` beside an older value where reading failed. */
export interface Rows<Value> {
  value: Value | null;
  fault: Fault | null;
  again: () => void;
}

function keep(key: string, value: unknown): void {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
}

/** A word that is another one once one of these topics changed. */
export function useTurn(topics: readonly Topic[]): string {
  return topics.map((topic) => turn(topic).value).join(" ");
}

/** The answer to a call, read again whenever one of these topics changed. Args null: nothing is asked. */
export function useRows<Name extends CallName>(
  call: Name,
  args: Calls[Name][0] | null,
  topics: readonly Topic[],
): Rows<Calls[Name][1]> {
  const key = `${call} ${JSON.stringify(args)}`;
  const [held, hold] = useState<{ key: string; value: unknown; fault: Fault | null }>({
    key,
    value: null,
    fault: null,
  });
  const [asked, reask] = useState(0);
  const now = useTurn(topics);
  useEffect(() => {
    if (args === null) return undefined;
    let here = true;
    (ask as (call: CallName, args: unknown) => Promise<unknown>)(call, args).then(
      (value) => {
        keep(key, value);
        if (here) hold({ key, value, fault: null });
      },
      (error) => here && hold({ key, value: kept.get(key) ?? null, fault: faultOf(error) }),
    );
    return () => void (here = false);
  }, [key, now, asked]);
  const again = useCallback(() => reask((count) => count + 1), []);
  const value = (held.key === key ? held.value : null) ?? kept.get(key) ?? null;
  return { value: value as Calls[Name][1] | null, fault: held.key === key ? held.fault : null, again };
}

/** An act of the person: whether it is under way, what went wrong, and the function that does it. */
export function useAct<Given extends unknown[]>(
  act: (...given: Given) => Promise<unknown>,
): { busy: boolean; fault: Fault | null; run: (...given: Given) => Promise<boolean>; clear: () => void } {
  const [state, set] = useState<{ busy: boolean; fault: Fault | null }>({ busy: false, fault: null });
  const run = async (...given: Given): Promise<boolean> => {
    if (state.busy) return false;
    set({ busy: true, fault: null });
    try {
      await act(...given);
      set({ busy: false, fault: null });
      return true;
    } catch (error) {
      set({ busy: false, fault: faultOf(error) });
      return false;
    }
  };
  return { ...state, run, clear: () => set({ busy: false, fault: null }) };
}
