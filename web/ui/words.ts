// Times, sizes, counts and states in plain words. Pure: the time comes in, nothing is looked up.
import type { DeviceRow, Standing } from "../engine/rows.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1024;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "short" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** `3 notes`, `1 note`. */
export function count(number: number, word: string, many = `${word}s`): string {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? word : many}`;
}

/** The time of day. */
export function clock(ms: number): string {
  return CLOCK.format(ms);
}

function daysBefore(ms: number, now: number): number {
  return Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(ms).setHours(0, 0, 0, 0)) / DAY);
}

/** When, as short as is still clear: `14:02`, `yesterday`, `Mon`, `12 Nov`, `12 Nov 2025`. */
export function when(ms: number, now: number): string {
  const days = daysBefore(ms, now);
  if (days === 0) return clock(ms);
  if (days === 1) return "yesterday";
  if (days === -1) return "tomorrow";
  if (days > 1 && days < 7) return WEEKDAY.format(ms);
  return (Math.abs(days) < 300 ? DATE : YEAR).format(ms);
}

/** When, with the time of day. */
export function moment(ms: number, now: number): string {
  const day = when(ms, now);
  return daysBefore(ms, now) === 0 ? day : `${day} ${clock(ms)}`;
}

/** How long: `40 s`, `12 min`, `3 h`, `2 days`. */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.max(1, Math.round(ms / SECOND))} s`;
  if (ms < 90 * MINUTE) return `${Math.round(ms / MINUTE)} min`;
  return ms < 36 * HOUR ? `${Math.round(ms / HOUR)} h` : count(Math.round(ms / DAY), "day");
}

/** How many bytes: `312 KB`, `1.4 MB`. */
export function bytes(size: number): string {
  if (size < KIB) return count(size, "byte");
  const units = ["KB", "MB", "GB", "TB"];
  let shown = size / KIB;
  let unit = 0;
  for (; shown >= 1000 && unit < units.length - 1; unit++) shown /= KIB;
  return `${shown < 10 ? shown.toFixed(1) : Math.round(shown)} ${units[unit]}`;
}

/** A minute and seconds of a recording. */
export function recorded(ms: number): string {
  const seconds = Math.floor(ms / SECOND);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Who: the agent where one spoke, on its device. */
export function who(author: { name?: string; agent?: string } | null | undefined): string {
  if (!author?.name) return "somebody";
  return author.agent ? `${author.agent} on ${author.name}` : author.name;
}

/** Whom what is written here waits for: the only full device, or all of them. */
export function waitsFor(standing: Standing, devices: readonly DeviceRow[]): string {
  if (standing.node) return standing.node;
  const full = devices.filter((device) => !device.self && !device.in_browser && !device.closed);
  return full.length === 1 ? full[0]!.name : "your other devices";
}

/** The line that is always in sight: what this is as of, and what waits. */
export function statusLine(now: Standing, today: number, waitsFor: string): string {
  const { catching_up: fetching, as_of_ms: asOf, waiting, waiting_files: files } = now;
  if (fetching) return `Fetching ${fetching.done.toLocaleString("en-GB")} of ${count(fetching.total, "item")}`;
  const known = asOf === null ? "not synced yet" : `as of ${moment(asOf, today)}`;
  const items = [waiting > 0 && count(waiting, "item"), files > 0 && count(files, "file")]
    .filter(Boolean)
    .join(" and ");
  if (!items) return asOf === null ? known : `${known}; nothing waits`;
  return `${known}; ${items} ${waiting + files === 1 ? "waits" : "wait"} for ${waitsFor}`;
}

/** How the link stands, in a word or two. */
export function linkWords(now: Standing): string {
  if (now.link === "live") return "Connected";
  if (now.link === "dialling") return "Connecting";
  return now.link === "refused" ? "Not accepted" : "Offline";
}

/** A state as a person reads it: `needs_human` is `needs human`. */
export function stateWords(state: string): string {
  return state.replaceAll("_", " ");
}
