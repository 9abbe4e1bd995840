// Doorways: the authority that phones trust for the page of the mesh, and whom its key was wrapped for; as
// mesh/state/doorways.py has it.
//
// Which one counts follows from what is held alone. A phone opens no key and checks no certificate, its browser does; so
// this module only tells that the one that it trusts was given up, or that there is another one.
import { admitted, inBrowser, type Statements, type Verdict } from "../events/verdict.js";
import { DIGEST_BYTES, RANK_ADMIN_LAST } from "../limits.js";
import { byText, type Digest, type DocumentId, hex } from "../names.js";
import type { Record } from "./records.js";

export const KIND = "doorway";

/** Registers under this hold the key, wrapped for an admission. */
export const KEY = "key/";

const CERTIFICATE = "cert";
const SINCE = "since";
const ADMISSION = new RegExp(`^[0-9a-f]{${2 * DIGEST_BYTES}}$`);

/** An authority: its certificate (base64 of DER), whom its key was wrapped for, and when it was made. */
export interface Doorway {
  readonly document: DocumentId;
  readonly certificate: string;
  readonly sinceMs: number;
  readonly holders: readonly Digest[];
  /** Of its first birth. */
  readonly lamport: number;
}

/** A doorway out of what it was born with, of an admin; null where that says no certificate. */
export function read(record: Record, lamport: number): Doorway | null {
  const certificate = record.word(CERTIFICATE);
  if (!isBase64(certificate)) return null;
  const wraps = [...record.under(KEY)].filter(([name, wrap]) => ADMISSION.test(name) && isBase64(wrap));
  const holders = wraps.map(([name]) => name as Digest);
  return { document: record.document, certificate, sinceMs: record.number(SINCE), holders, lamport };
}

/** Whether a device counts as one that makes doorways: an admin, whatever became of it since. */
export function mayMake(verdict: Verdict, admission: Digest): boolean {
  return verdict.devices.some((found) => found.digest === admission && found.rank <= RANK_ADMIN_LAST);
}

/** Authorities, the first one first: births of one certificate are one, with the wraps of all. */
export function joined(doorways: readonly Doorway[]): Doorway[] {
  const found = new Map<string, Doorway>();
  for (const one of [...doorways].sort(inOrder)) {
    const first = found.get(one.certificate);
    found.set(one.certificate, first ? { ...first, holders: [...first.holders, ...one.holders] } : one);
  }
  return [...found.values()];
}

/** What those are called that had its key and are out of the mesh, or no admin any more. */
export function lost(doorway: Doorway, verdict: Verdict, statements: Statements): string[] {
  const admins = verdict.live.filter((found) => found.rank <= RANK_ADMIN_LAST && !inBrowser(found));
  const still = new Set(admins.map((found) => hex(found.signKey)));
  const had = doorway.holders.map((name) => admitted(statements.get(name)));
  return had.flatMap((one) => (one && !still.has(hex(one.signKey)) ? [one.name] : []));
}

/** The authority that counts: the first whose key was wrapped for somebody, and lost by nobody. */
export function current(doorways: readonly Doorway[], verdict: Verdict, statements: Statements): Doorway | null {
  const fit = joined(doorways).filter((one) => one.holders.length > 0 && !lost(one, verdict, statements).length);
  return fit[0] ?? null;
}

function inOrder(one: Doorway, other: Doorway): number {
  return one.lamport - other.lamport || byText(one.document.text, other.document.text);
}

/** Whether something is base64 in the one form that it has (RFC 4648, 3.5). */
function isBase64(value: unknown): boolean {
  if (typeof value !== "string" || value.length % 4 || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return false;
  return !/=$/.test(value) || /([AQgw]=|[AEIMQUYcgkosw048])=$/.test(value);
}
