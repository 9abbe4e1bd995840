// Authority: what counts of the statements held, as a pure function of their set; as mesh/events/judge.py has it.
//
// One pass by ascending rank. A statement reaches only strictly higher numbers, so when the pass comes to a rank, all
// that can be said about it has been said: no cycles, no ties, one solution. Data events never influence it, and no
// clock and no order of arrival does (PROTOCOL, "Authority").
import { RANK_ADMIN_LAST, RANK_FORGET_LAST, RANK_RECOVERY } from "../limits.js";
import type { Digest } from "../names.js";
import { Lane } from "./event.js";
import { type ControlBody, known } from "./kinds.js";
import { addCut, type Admission, admitted, type Cuts, grantName, type Statement, under, Verdict } from "./verdict.js";

/** What counts of these statements, whatever order they come in. */
export function judge(control: Iterable<Statement>, mesh: Digest): Verdict {
  const judgement = new Judgement(mesh);
  judgement.add(control);
  return judgement.verdict;
}

/** What one admission says under the cuts that were made to it, whether or not it counts now. */
interface Speaker {
  readonly rank: number;
  readonly digest: Digest;
  readonly cuts: Cuts;
  /** What is under every cut; null while there is none. */
  inside: ReadonlySet<Digest> | null;
  readonly says: Verdict;
  readonly heard: Set<Digest>;
}

/** The statements held, and what counts of them now: at every moment the same as judging all of them anew. */
export class Judgement {
  readonly statements = new Map<Digest, Statement>();
  verdict = new Verdict();
  readonly #speeches = new Map<Digest, Statement[]>();
  readonly #speakers = new Map<Digest, Speaker>();
  /** Statements that are not held -> the speakers whose speech hangs on them. */
  readonly #awaited = new Map<Digest, Set<Digest>>();

  /** Start with no statement. */
  constructor(readonly mesh: Digest) {}

  /** Take statements in. Returns whether what counts has changed; `verdict` may be another object then. */
  add(control: Iterable<Statement>): boolean {
    const fresh: Statement[] = [];
    for (const statement of control) {
      if (this.statements.has(statement.digest)) continue;
      this.statements.set(statement.digest, statement);
      listed(this.#speeches, statement.admission).push(statement);
      fresh.push(statement);
    }
    const anew = fresh.map((statement) => this.#wasAwaited(statement.digest)).some(Boolean);
    const news = fresh.map((statement) => this.#goesOn(statement)).filter((one) => one !== null);
    if (anew || news.some((one) => this.#movesOthers(one))) return this.#anew();
    return news.map((one) => this.verdict.join(one)).some(Boolean);
  }

  // ── step by step ───────────────────────────────────────────────────────────────────────────

  /** Whether speeches hang on a statement that is new here. They have to be heard again then. */
  #wasAwaited(digest: Digest): boolean {
    const waiting = this.#awaited.get(digest) ?? new Set();
    this.#awaited.delete(digest);
    for (const name of waiting) this.#speakers.delete(name);
    return waiting.size > 0 || digest === this.mesh;
  }

  /** What a new statement adds to what counts if it changes nothing else. Null: nothing. */
  #goesOn(statement: Statement): Verdict | null {
    const found = this.verdict.admissions.get(statement.admission);
    const speaker = this.#speakers.get(statement.admission);
    if (!speaker) return found && found.rank <= RANK_ADMIN_LAST ? this.#speech(found).says : null;
    if (speaker.cuts.size > 0) return null; // it is under no mark, or it would have been awaited
    const one = new Verdict();
    this.#say(speaker, statement, one);
    speaker.says.join(one);
    return found ? one : null;
  }

  /** Whether it matters to others who speak: they begin to count, or their ends are new. */
  #movesOthers(one: Verdict): boolean {
    const fresh = [...one.admissions.keys()].filter((name) => !this.verdict.admissions.has(name));
    return [...one.closes.keys(), ...fresh].some((name) => this.#speeches.has(name));
  }

  // ── anew ───────────────────────────────────────────────────────────────────────────────────

  #anew(): boolean {
    const before = this.verdict.summary;
    this.verdict = new Verdict();
    const founder = admitted(this.statements.get(this.mesh));
    if (founder) this.verdict.admissions.set(this.mesh, founder);
    for (let rank = RANK_RECOVERY; rank <= RANK_ADMIN_LAST; rank++) {
      for (const name of this.#speeches.keys()) {
        const found = this.verdict.admissions.get(name);
        if (found?.rank === rank) this.verdict.join(this.#speech(found).says);
      }
    }
    return this.verdict.summary !== before;
  }

  /** What an admission says under the cuts of now; heard again only if they are others than before. */
  #speech({ digest, rank }: Admission): Speaker {
    const cuts: Cuts = new Map(this.verdict.closes.get(digest));
    const before = this.#speakers.get(digest);
    if (before && before.cuts.size === cuts.size && within(before.cuts, cuts)) return before;
    const speaker: Speaker = { rank, digest, cuts, inside: null, says: new Verdict(), heard: new Set() };
    if (cuts.size > 0) speaker.inside = this.#inside(speaker, before);
    for (const statement of this.#speeches.get(digest) ?? []) {
      if (!speaker.inside || speaker.inside.has(statement.digest)) this.#say(speaker, statement, speaker.says);
    }
    this.#speakers.set(digest, speaker);
    return speaker;
  }

  /** What is under every cut. More cuts only take more away, so they start from what is known. */
  #inside(speaker: Speaker, before: Speaker | undefined): ReadonlySet<Digest> {
    const grown = before && before.cuts.size < speaker.cuts.size && within(before.cuts, speaker.cuts);
    let inside = grown ? before.inside : null;
    for (const [key, cut] of speaker.cuts) {
      if (grown && before.cuts.has(key)) continue;
      if (inside?.size === 0) break;
      const [reached, missing] = under(cut.marks, this.statements);
      const known: ReadonlySet<Digest> | null = inside;
      inside = known ? new Set([...known].filter((digest) => reached.has(digest))) : reached;
      for (const digest of missing) this.#awaits(digest, speaker.digest);
    }
    return inside ?? new Set();
  }

  // ── what is said ───────────────────────────────────────────────────────────────────────────

  /** Let a statement be said by this speaker, with all that it adopts: a loop, as that may be as deep as one likes. */
  #say(speaker: Speaker, statement: Statement, into: Verdict): void {
    const todo = [statement];
    for (let one = todo.pop(); one; one = todo.pop()) {
      if (speaker.heard.has(one.digest)) continue;
      speaker.heard.add(one.digest);
      if (one.body?.kind !== "adopt") {
        this.#count(speaker, one, into);
        continue;
      }
      into.said.add(one.digest);
      for (const name of one.body.events) {
        const held = this.#held(speaker, name);
        if (held) todo.push(held);
        else into.adopted.set(name, speaker.rank);
      }
    }
  }

  #count(speaker: Speaker, statement: Statement, into: Verdict): void {
    const { body, digest, stamp, kind } = statement;
    if (!body && kind && !known(Lane.CONTROL, kind)) into.unknown.add(digest); // what is malformed says nothing
    if (!body || !this.#may(speaker, body)) return;
    if (body.kind === "located") {
      into.locate({ stamp, digest, located: body }); // a hint, no part of what was said
      return;
    }
    into.said.add(digest);
    const by = { rank: speaker.rank, by: digest };
    if (body.kind === "admit") into.admissions.set(digest, admitted(statement)!);
    else if (body.kind === "close") addCut(into.closes, body.admission, { ...by, marks: body.marks });
    else if (body.kind === "grant") into.grants.set(grantName(digest), body);
    else if (body.kind === "ungrant") addCut(into.ungrants, grantName(body.grant), { ...by, marks: body.marks });
    else if (body.kind === "forget") into.forgotten.add(body.document.text);
    else if (body.kind === "rekey") into.rekeys.set(digest, { stamp, rekey: body });
  }

  /** Whether what a body says is in reach of who says it. */
  #may(speaker: Speaker, body: ControlBody): boolean {
    switch (body.kind) {
      case "genesis":
      case "opening":
      case "rekey":
        return true;
      case "admit":
        return body.rank > speaker.rank;
      case "close":
        return this.#junior(speaker, body.admission);
      case "grant":
      case "located":
        return body.admission === speaker.digest || this.#junior(speaker, body.admission);
      case "ungrant": {
        const given = this.#held(speaker, body.grant)?.body;
        return given?.kind === "grant" && this.#may(speaker, given);
      }
      case "forget":
        return speaker.rank <= RANK_FORGET_LAST;
      case "adopt":
        return false;
    }
  }

  #junior(speaker: Speaker, subject: Digest): boolean {
    const found = admitted(this.#held(speaker, subject));
    return found !== null && found.rank > speaker.rank;
  }

  /** A statement that is spoken of. While it is not held, what the speaker says hangs on it. */
  #held(speaker: Speaker, name: Digest): Statement | undefined {
    const found = this.statements.get(name);
    if (!found) this.#awaits(name, speaker.digest);
    return found;
  }

  #awaits(name: Digest, speaker: Digest): void {
    this.#awaited.set(name, (this.#awaited.get(name) ?? new Set()).add(speaker));
  }
}

function listed<T>(lists: Map<string, T[]>, name: string): T[] {
  const found = lists.get(name) ?? [];
  lists.set(name, found);
  return found;
}

function within(some: Cuts, all: Cuts): boolean {
  return [...some.keys()].every((key) => all.has(key));
}
