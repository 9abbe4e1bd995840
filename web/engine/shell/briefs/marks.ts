// How far back a brief looks, and what came late: the briefs that the person saw here, each with its place in the log; as
// mesh/node/briefs/marks.py has it.
//
// So what was written long ago and came only now is told of too. The last few are kept as one setting; nothing is decided
// by it, and no other device learns it.
import { BRIEF_MARKS_MAX } from "../../limits.js";
import { utf8 } from "../../names.js";
import type { Engine } from "../engine.js";
import { BRIEF_AGAIN_MS, BRIEF_BACK_MS } from "../timing.js";

const KEPT = "brief/marks";
const TEXT = new TextDecoder();

/** When a brief was shown, and the newest row of the log by then. */
export type Mark = readonly [atMs: number, row: number];

/** The last briefs, the oldest first. */
export async function kept(engine: Engine): Promise<Mark[]> {
  const found = await engine.store.setting(KEPT);
  return found ? JSON.parse(TEXT.decode(found)) : [];
}

/** The person sees a brief now. One that is read again within minutes is the same one. */
export async function remember(engine: Engine, nowMs: number): Promise<void> {
  const before = (await kept(engine)).filter(([at]) => at < nowMs);
  const last = before.at(-1)?.[0] ?? 0;
  if (nowMs - last < BRIEF_AGAIN_MS) return;
  const marks: Mark[] = [...before, [nowMs, engine.shelf.lastRow]];
  await engine.remember(KEPT, utf8(JSON.stringify(marks.slice(-BRIEF_MARKS_MAX))));
}

/** From when on things are told: since the last brief, at least all of yesterday, at most a week. */
export function since(marks: readonly Mark[], nowMs: number): number {
  const day = new Date(nowMs);
  const yesterday = new Date(day.getFullYear(), day.getMonth(), day.getDate() - 1).getTime();
  const last = marks.at(-1)?.[0] ?? nowMs;
  return Math.max(nowMs - BRIEF_BACK_MS, Math.min(last, yesterday));
}

/**
 * The row after which things came late, for a brief since then: that of the last brief before, else the first.
 *
 * Null where no brief was shown yet: then nothing is late.
 */
export function rowAt(marks: readonly Mark[], sinceMs: number): number | null {
  const before = marks.filter(([at]) => at <= sinceMs);
  return (before.at(-1) ?? marks[0])?.[1] ?? null;
}
