// A device in a browser for tests: the true replica with a log in memory, told everything by whoever drives it.
//
// Its keys are raw, so that a test can give them; it signs and opens as a browser would. It says nothing by itself.
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type Head, headKey } from "../engine/clocks/chain.js";
import type { Span } from "../engine/clocks/frontier.js";
import { documentOf } from "../engine/events/bodies.js";
import { Chains } from "../engine/events/chains.js";
import { type Opened, rekeyPurpose } from "../engine/events/epochs.js";
import { headOf, Lane, type Placed, type Run } from "../engine/events/event.js";
import { encapsulated, opened, P256 } from "../engine/events/hpke.js";
import type { Born } from "../engine/events/kinds.js";
import { read, statement } from "../engine/events/reading.js";
import { Keyring } from "../engine/events/seal.js";
import { draftOf, runs, signed, type Speaker } from "../engine/events/speaking.js";
import { admitted } from "../engine/events/verdict.js";
import { type Digest, hex, joined, unhex, utf8 } from "../engine/names.js";
import type { Effects, Input, Peer } from "../engine/sync/inputs.js";
import { type Message, type Push, type Want } from "../engine/sync/messages.js";
import { Missing } from "../engine/sync/missing.js";
import { frontierDigest } from "../engine/sync/receipts.js";
import { Replica } from "../engine/sync/replica.js";
import { lineageOf } from "./lineage.js";

const RUNS_PER_SPAN = 2; // of one page: so that pages follow each other
const RUNS_PER_ANSWER = 6;
const ENTROPY_BYTES = 16 + 24;

/** What a device is made of. */
export interface Secrets {
  readonly mesh: Digest;
  readonly admission: Digest;
  readonly signSeed: Uint8Array;
  /** A P-256 private key. */
  readonly kemKey: Uint8Array;
}

/** What is kept of a device at one moment. */
interface Home {
  readonly log: ReadonlyMap<Digest, Placed>;
  readonly voice: Digest | null;
}

/** A device and its log. */
export class Device {
  replica: Replica;
  readonly #own: Speaker;
  readonly #keyring = new Keyring();
  readonly #log = new Map<Digest, Placed>();
  #saved: Home = { log: new Map(), voice: null };

  constructor(readonly secrets: Secrets) {
    const { mesh, admission, signSeed } = secrets;
    this.#own = { mesh, admission, signKey: ed25519.getPublicKey(signSeed) };
    this.replica = new Replica(this.#own, this.#keyring);
  }

  /** Take a message from a peer: first what the log and the wrapping key know about it. */
  hear(peer: Peer, message: Message): Effects {
    const known = this.replica.unsure(message, peer).flatMap((digest) => this.#log.get(digest) ?? []);
    const held = new Map(known.map(({ digest, seq, header }) => [digest, { seq, lamport: header.lamport }]));
    return this.handle({ input: "heard", peer, message, held, opened: this.#opened(this.replica.wraps(message)) });
  }

  /** Give the replica an input, and append what comes out. */
  handle(given: Input): Effects {
    const effects = this.replica.handle(given);
    for (const placed of effects.append) {
      if (this.#log.has(placed.digest)) throw new Error(`appended twice: ${placed.seq}`);
      this.#log.set(placed.digest, placed);
    }
    for (const [digest, body] of effects.bodies) {
      const placed = this.#log.get(digest)!;
      this.#log.set(digest, { ...placed, event: { header: placed.event.header, body } });
    }
    return effects;
  }

  /** Say births in one commit. Throws Refused. */
  async say(titles: readonly string[], text: string): Promise<Effects> {
    const drafts = titles.map((title) => {
      const salt = sha256(utf8(title)).slice(0, 16);
      const birth: Born = { kind: "born", registers: new Map([["title", title]]), text, salt };
      return draftOf(birth, documentOf("home", "note", birth));
    });
    const blocks = titles.map((title, number) => sha256(utf8(`entropy ${title} ${number}`)));
    const entropy = joined(...blocks, ...blocks, new Uint8Array(ENTROPY_BYTES));
    const begun = this.replica.draft({ drafts, timeMs: 1_700_000_000_000, entropy });
    const commit = await signed(begun, async (message) => ed25519.sign(message, this.secrets.signSeed));
    return this.handle({ input: "spoken", commit });
  }

  /** The answer to a Want that may be served. */
  answer(want: Want): Push {
    const found = want.spans.flatMap((span) => this.#runs(span).slice(0, RUNS_PER_SPAN)).slice(0, RUNS_PER_ANSWER);
    const bodies = want.bodies.flatMap((digest) => {
      const body = this.#log.get(digest)?.event.body;
      return body ? [[digest, body] as const] : [];
    });
    return { message: "push", runs: found, bodies, answer: true };
  }

  /** The signed runs from the first known place that is an ancestor of the target, or from the opening. */
  #runs({ target, after }: Span): Run[] {
    const path: Placed[] = [];
    for (let step = this.#log.get(target.digest); step; step = this.#log.get(step.parent)) path.unshift(step);
    const places = new Map(path.map((placed, number) => [headKey(headOf(placed)), number + 1]));
    const start = after.map((head: Head) => places.get(headKey(head))).find((place) => place !== undefined) ?? 0;
    const tail = path.slice(start);
    return runs(tail.slice(0, tail.findLastIndex((placed) => placed.signature) + 1));
  }

  /** Keep what is here now, as a backup. */
  save(): void {
    this.#saved = { log: new Map(this.#log), voice: this.replica.voice };
  }

  /** Go back to what was kept, without noticing; the keys stay. */
  restore(): void {
    this.#log.clear();
    for (const [digest, placed] of this.#saved.log) this.#log.set(digest, placed);
    this.#begin(this.#saved.voice);
  }

  /** Start again from the log. */
  restart(): void {
    this.#begin(this.replica.voice);
  }

  #begin(voice: Digest | null): void {
    const chains = new Chains(this.secrets.mesh);
    const keys = new Map<Digest, Uint8Array>();
    const control: Placed[] = [];
    for (const placed of this.#log.values()) {
      if (placed.lane === Lane.CONTROL) control.push(placed);
      const found = placed.lane === Lane.CONTROL ? admitted(statement(placed)) : null;
      if (found) keys.set(found.digest, found.signKey);
      chains.take(placed, keys.get(placed.admission)!);
    }
    this.replica = new Replica(this.#own, this.#keyring, chains, control);
    this.replica.voice = voice;
    const lean = [...this.#log.values()].filter(({ event }) => !event.body);
    this.replica.missing = new Missing(lean.map(({ digest, header }) => [digest, header.bodyDigest]));
  }

  /** What it holds and makes of it. */
  look(): Record<string, unknown> {
    const [control, data] = [this.replica.chains.frontier(Lane.CONTROL), this.replica.chains.frontier(Lane.DATA)];
    const tips = [...data.values()].map((heads) => heads.length);
    return {
      control: frontierDigest(control, new Map()),
      frontier: frontierDigest(control, data),
      verdict: this.replica.verdictDigest,
      events: this.#log.size,
      forked: tips.filter((count) => count > 1).length,
      keys: [...this.#keyring.keys].map(([name, key]) => `${name} ${hex(key)}`).sort(),
      readings: this.#readings(),
    };
  }

  /** How each data event stands, by whom, and what it says. */
  #readings(): string[] {
    const lineage = lineageOf(this.#log);
    const data = [...this.#log.values()].filter(({ lane }) => lane === Lane.DATA);
    const told = data.map((placed) => {
      const { standing, by, plain } = read(this.#keyring, this.replica.verdict, placed, lineage);
      return `${placed.digest} ${standing} ${by} ${hex(sha256(plain))}`;
    });
    return told.sort();
  }

  #opened(wraps: readonly Uint8Array[]): Opened {
    const { mesh, admission, kemKey } = this.secrets;
    const open = (wrapped: Uint8Array): Uint8Array | null => {
      try {
        const shared = p256.getSharedSecret(kemKey, encapsulated(P256, wrapped)).slice(1, 33);
        return opened(P256, shared, p256.getPublicKey(kemKey, false), wrapped, rekeyPurpose(mesh, admission));
      } catch {
        return null; // no point of the curve, or not sealed for this device
      }
    };
    return new Map(wraps.map((wrapped) => [hex(wrapped), open(wrapped)]));
  }
}

/** Secrets as they are written in JSON. */
export function secretsOf(given: Record<"mesh" | "admission" | "sign_seed" | "kem_key", string>): Secrets {
  const { mesh, admission, sign_seed, kem_key } = given;
  return { mesh, admission, signSeed: unhex(sign_seed), kemKey: unhex(kem_key) };
}
