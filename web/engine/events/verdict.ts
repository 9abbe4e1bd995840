// What counts, as values: which admissions, grants and epochs, what was closed, adopted and forgotten; as
// mesh/events/verdict.py has it.
//
// A verdict is what `judge` makes of the control events that are held. This module judges nothing, reads no clock and
// knows no order of arrival (PROTOCOL, "Authority").
import { sha256 } from "@noble/hashes/sha2.js";
import { byStamp, type Stamp } from "../clocks/lamport.js";
import { RANK_RECOVERY, RANK_RELAY } from "../limits.js";
import { ascending, type Digest, hex, joined, type Short, short, unhex, utf8, ZERO } from "../names.js";
import type { Inner } from "./event.js";
import { isBrowserKey } from "./keys.js";
import { ANY, type ControlBody, type Grant, type Located, type Mark, type Rekey, VERBS } from "./kinds.js";

const VERDICT = utf8("mesh/verdict/1");

/** What an event that is held counts for. WAITS: something that it names is not here yet. */
export const Standing = { HONOURED: 0, WAITS: 1, VOID: 2, OPAQUE: 3 } as const;
export type Standing = (typeof Standing)[keyof typeof Standing];

/** A control event as `judge` reads it. `body` is null when it is malformed or not for this version to read. */
export interface Statement {
  readonly digest: Digest;
  readonly admission: Digest;
  readonly stamp: Stamp;
  /** Empty when not even that could be read. */
  readonly kind: string;
  readonly body: ControlBody | null;
  readonly seq: number;
  readonly parent: Digest;
}

/** All statements that are held, by their digests. */
export type Statements = ReadonlyMap<Digest, Statement>;

/** A device that counts: what it was let in with. The recovery key's has no transport key and no name. */
export interface Admission {
  readonly digest: Digest;
  readonly rank: number;
  readonly name: string;
  readonly signKey: Uint8Array;
  readonly kemKey: Uint8Array;
  readonly transportKey: Uint8Array;
  readonly tlsKey: Uint8Array;
}

/** Whether it holds and serves what it cannot read: no epoch key is ever wrapped for it. */
export function isRelay(admission: Admission): boolean {
  return admission.rank >= RANK_RELAY;
}

/** Whether it lives in a browser, as a phone does: it dials, and nobody dials it. */
export function inBrowser(admission: Admission): boolean {
  return isBrowserKey(admission.kemKey);
}

/** An end that somebody of this rank set to a device or a grant: what is not under the marks does not count. */
export interface Cut {
  readonly rank: number;
  /** The statement that says so. */
  readonly by: Digest;
  readonly marks: readonly Mark[];
}

/** Ends of one thing, by who set them with which rank: a statement that is adopted may set one twice. */
export type Cuts = ReadonlyMap<string, Cut>;

/** The key of a cut among others. */
export function cutKey({ rank, by }: Cut): string {
  return `${rank} ${by}`;
}

/** Cuts in their order: the most senior first. */
export function sortedCuts(cuts: Cuts | undefined): Cut[] {
  return [...(cuts?.values() ?? [])].sort((one, other) => one.rank - other.rank || ascending(one.by, other.by));
}

/** The latest word about where a device is. */
export interface Word {
  readonly stamp: Stamp;
  readonly digest: Digest;
  readonly located: Located;
}

/** What counts. */
export class Verdict {
  readonly admissions = new Map<Digest, Admission>();
  /** Ends of admissions; the strictest of several counts. One may name an admission that itself does not count. */
  readonly closes = new Map<Digest, Map<string, Cut>>();
  readonly grants = new Map<Short, Grant>();
  readonly ungrants = new Map<Short, Map<string, Cut>>();
  /** Events that are no statements held here -> the most senior rank that adopted each. */
  readonly adopted = new Map<Digest, number>();
  /** Documents, as text. */
  readonly forgotten = new Set<string>();
  readonly rekeys = new Map<Digest, { readonly stamp: Stamp; readonly rekey: Rekey }>();
  readonly said = new Set<Digest>();
  /** It is no part of what was said: a hint changes nothing. */
  readonly located = new Map<Digest, Word>();
  /** Statements for a later version to read. */
  readonly unknown = new Set<Digest>();

  /** Add what another one says. Returns whether that is anything new. */
  join(more: Verdict): boolean {
    const before = this.said.size + this.unknown.size;
    for (const digest of more.said) this.said.add(digest);
    for (const digest of more.unknown) this.unknown.add(digest);
    for (const [digest, found] of more.admissions) this.admissions.set(digest, found);
    for (const [name, grant] of more.grants) this.grants.set(name, grant);
    for (const [digest, found] of more.rekeys) this.rekeys.set(digest, found);
    for (const document of more.forgotten) this.forgotten.add(document);
    for (const [name, cuts] of more.closes) for (const cut of cuts.values()) addCut(this.closes, name, cut);
    for (const [name, cuts] of more.ungrants) for (const cut of cuts.values()) addCut(this.ungrants, name, cut);
    for (const [digest, rank] of more.adopted) {
      this.adopted.set(digest, Math.min(rank, this.adopted.get(digest) ?? rank));
    }
    let changed = this.said.size + this.unknown.size > before;
    for (const word of more.located.values()) changed = this.locate(word) || changed;
    return changed;
  }

  /** Take a word about where a device is, if it is the latest. Returns whether it is. */
  locate(word: Word): boolean {
    const before = this.located.get(word.located.admission);
    if (before && (byStamp(before.stamp, word.stamp) || ascending(before.digest, word.digest)) >= 0) return false;
    this.located.set(word.located.admission, word);
    return true;
  }

  /** What devices compare: equal where the same was said. */
  digest(): Digest {
    return hex(sha256(joined(VERDICT, ...[...this.said].sort().map(unhex))));
  }

  /** Everything that is in it, as one text: two verdicts are the same if these are. */
  get summary(): string {
    const names = (listed: Iterable<string>) => [...listed].sort();
    const cuts = (listed: Map<string, Map<string, Cut>>) =>
      names([...listed].map(([name, found]) => `${name}:${names(found.keys()).join()}`));
    const adopted = [...this.adopted].map(([digest, rank]) => `${digest}:${rank}`);
    const words = [...this.located.values()].map((word) => word.digest);
    const keys = [this.admissions, this.grants, this.rekeys].map((listed) => names(listed.keys()));
    const sets = [this.forgotten, this.said, this.unknown, adopted, words].map(names);
    return JSON.stringify([keys, sets, cuts(this.closes), cuts(this.ungrants)]);
  }

  /** The admissions of devices, closed ones included: all but the recovery key's. */
  get devices(): Admission[] {
    return [...this.admissions.values()].filter((found) => found.rank > RANK_RECOVERY);
  }

  /** The devices that nobody closed. */
  get live(): Admission[] {
    return this.devices.filter((found) => !this.closes.has(found.digest));
  }

  /** Whether an admission counts and nobody closed it. */
  isLive(admission: Digest): boolean {
    return this.admissions.has(admission) && !this.closes.has(admission);
  }

  /** The epochs that may be written under, the latest first: their rekeys reach somebody, and nobody closed. */
  epochs(): Digest[] {
    const fit = [...this.rekeys].filter(([, { rekey }]) => {
      return rekey.wraps.length > 0 && rekey.wraps.every(([name]) => this.isLive(name));
    });
    fit.sort(([one, a], [other, b]) => byStamp(b.stamp, a.stamp) || ascending(other, one));
    return fit.map(([digest]) => digest);
  }

  /** Where statements say that a device was reached last, newest first. */
  addressesOf(admission: Digest): readonly string[] {
    return this.located.get(admission)?.located.addresses ?? [];
  }

  /** The name that a device was let in with; empty when its admission does not count. */
  nameOf(admission: Digest): string {
    return this.admissions.get(admission)?.name ?? "";
  }

  /** A grant that lets this admission say that now; the smallest name of several, null when there is none. */
  grantFor(admission: Digest, inner: Inner): Short | null {
    const fit = [...this.grants].filter(([name, grant]) => {
      const over = grant.untilMs !== null && inner.timeMs > grant.untilMs;
      return covers(grant, admission, inner) && !this.ungrants.has(name) && !over;
    });
    return fit.map(([name]) => name).sort()[0] ?? null;
  }
}

/** Put an end among those of one thing. */
export function addCut(cuts: Map<string, Map<string, Cut>>, name: string, cut: Cut): void {
  const found = cuts.get(name) ?? new Map<string, Cut>();
  cuts.set(name, found.set(cutKey(cut), cut));
}

/** Who an admission lets in; whether it counts is another question. Null when it is no admission. */
export function admitted(statement: Statement | undefined): Admission | null {
  const nothing = new Uint8Array(0);
  const body = statement?.body;
  if (!statement || (body?.kind !== "genesis" && body?.kind !== "admit")) return null;
  const { digest } = statement;
  const { signKey, kemKey } = body;
  if (body.kind === "genesis") {
    return { digest, rank: RANK_RECOVERY, name: "recovery key", signKey, kemKey, transportKey: nothing, tlsKey: nothing };
  }
  return { digest, rank: body.rank, name: body.name, signKey, kemKey, transportKey: body.transportKey, tlsKey: body.tlsKey };
}

/** Whether a grant allows this admission, for the agent and in the document that it names, to say that kind. */
export function covers(grant: Grant, admission: Digest, { document, agent, kind }: Inner): boolean {
  return (
    document !== null &&
    grant.admission === admission &&
    grant.agent === agent &&
    [ANY, document.space].includes(grant.space) &&
    (grant.types.includes(ANY) || grant.types.includes(document.type)) &&
    (grant.verbs.includes(ANY) || grant.verbs.includes(VERBS.get(kind) ?? ""))
  );
}

/** The statements that are one of the marks, or that one stands on in its own chain; and what is missing of them. */
export function under(marks: readonly Mark[], statements: Statements): [found: Set<Digest>, missing: Set<Digest>] {
  const [found, missing] = [new Set<Digest>(), new Set<Digest>()];
  for (const { chain, head } of marks) {
    let digest = head.digest;
    let step = statements.get(digest);
    if (step && (step.stamp.chain !== chain || step.seq !== head.seq)) continue; // it names no place
    while (step && !found.has(digest)) {
      found.add(digest);
      digest = step.parent;
      step = statements.get(digest);
    }
    if (!step && digest !== ZERO) missing.add(digest);
  }
  return [found, missing];
}

/** How events name a grant. */
export function grantName(digest: Digest): Short {
  return short(digest);
}
