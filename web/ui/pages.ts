// Rows that come a page at a time: what is read so far, read again from the start when something changed. Only what is
// asked for is read; nothing is kept when the screen goes.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Fault, Topic } from "../engine/port.js";
import { faultOf } from "./port.js";
import { forgetters, useTurn } from "./state.js";

/** Rows of one page. */
export const PAGE = 100;

/** One page: its rows, where the next begins, and how many rows there are in all where that is known. */
export interface PageOf<Row> {
  rows: Row[];
  next: string | undefined;
  total: number | undefined;
}

/** What is read so far. `rows` is null until the first page came. */
export interface Pages<Row> {
  rows: readonly Row[] | null;
  total: number;
  fault: Fault | null;
  again: () => void;
  want: (count: number) => void;
}

const KEPT_MAX = 8; // lists that are shown again at once when a screen comes back

interface Kept {
  rows: unknown[];
  next: string | undefined;
  total: number;
}

const kept = new Map<string, Kept>();
forgetters.push(() => kept.clear());

function keep(name: string, found: Kept): void {
  kept.delete(name);
  kept.set(name, found);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
}

/** Read pages. `name` says what is read: another name begins anew; rows of the same one stay until newer ones are here. */
export function usePages<Row>(
  name: string,
  read: (after: string | undefined) => Promise<PageOf<Row>>,
  topics: readonly Topic[],
): Pages<Row> {
  const [held, hold] = useState<{ name: string; fault: Fault | null }>({ name, fault: null });
  const wanted = useRef(PAGE);
  const round = useRef<object | null>(null);
  const turn = useTurn(topics);
  const load = async (mine: object, from: Kept | null): Promise<void> => {
    let { rows, next, total }: Kept = from ?? { rows: [], next: undefined, total: 0 };
    do {
      const page = await read(next);
      if (round.current !== mine) return;
      next = page.rows.length ? page.next : undefined;
      rows = [...rows, ...page.rows];
      total = next === undefined ? rows.length : Math.max(page.total ?? rows.length + 1, rows.length);
    } while (next !== undefined && rows.length < wanted.current);
    round.current = null;
    keep(name, { rows, next, total });
    hold({ name, fault: null });
  };
  const start = (from: Kept | null) => {
    const mine = {};
    round.current = mine;
    load(mine, from).catch((error) => {
      if (round.current !== mine) return;
      round.current = null;
      hold({ name, fault: faultOf(error) });
    });
  };
  useEffect(() => {
    wanted.current = Math.max(PAGE, kept.get(name)?.rows.length ?? 0);
    start(null);
    return () => void (round.current = null);
  }, [name, turn]);
  const found = kept.get(name);
  const want = (count: number) => {
    wanted.current = Math.max(wanted.current, count + PAGE);
    if (!round.current && found?.next !== undefined) start(found);
  };
  const fault = held.name === name ? held.fault : null;
  return { rows: (found?.rows as Row[]) ?? null, total: found?.total ?? 0, fault, again: () => start(null), want };
}
