// Epochs: which keys there are by the statements held, and how one key leads on to earlier ones; as
// mesh/events/epochs.py has it, but for the next epoch: a member begins none.
//
// Held is not honoured: a rekey that counts for nothing still says which key others may have written under. What
// somebody wrapped wrongly is a fault with a name, never an error. What was wrapped for this device is opened by the
// shell, which has the key for it, and comes in with the statements. This module draws no randomness and stores nothing.
import { byStamp, type Stamp } from "../clocks/lamport.js";
import { Forged, Refused } from "../errors.js";
import { BROWSER_KEY_BYTES, KEY_BYTES, TAG_BYTES } from "../limits.js";
import {
  ascending,
  deviceText,
  type Digest,
  type Hex,
  hex,
  joined,
  type Short,
  short,
  shown,
  unhex,
  utf8,
} from "../names.js";
import { decodeBody } from "./bodies.js";
import { CLEAR, decodeHeader, decodeInner, type Event, Lane } from "./event.js";
import type { Rekey } from "./kinds.js";
import { KEY_MISSING } from "./reading.js";
import { commitment, type Keyring, takenOver } from "./seal.js";
import type { Statement } from "./verdict.js";

const REKEY = utf8("mesh/rekey/1");
const SHOWN_CHARACTERS = 8;
const WRAP_BYTES = [KEY_BYTES, BROWSER_KEY_BYTES].map((sent) => sent + KEY_BYTES + TAG_BYTES); // by either kind of key

/** A key, as the statement that introduced it has it. */
export interface Epoch {
  readonly stamp: Stamp;
  readonly digest: Digest;
  /** The admission that said so. */
  readonly by: Digest;
  readonly rekey: Rekey;
}

/** What was wrapped for this device, in hex -> what the shell opened of it; null where it does not open. */
export type Opened = ReadonlyMap<Hex, Uint8Array | null>;

/** A key that somebody did not give as he said. */
export interface Fault {
  readonly epoch: Digest;
  /** The admission that said so. */
  readonly by: Digest;
  readonly why: string;
}

/** What binds a wrapped epoch key to its mesh and its recipient. */
export function rekeyPurpose(mesh: Digest, recipient: Digest): Uint8Array {
  return joined(REKEY, unhex(mesh), unhex(recipient));
}

/** The alarm of a fault. `name`: of the device that said so, where it counts. */
export function faultText({ epoch, by, why }: Fault, name: string): string {
  return `${KEY_MISSING}: ${shown(name) || deviceText(by)} gave the key of epoch ${epochText(epoch)}, but ${why}`;
}

/** An epoch for the eye. */
export function epochText(digest: Digest): string {
  return digest.slice(0, SHOWN_CHARACTERS);
}

/** What a rekey wrapped for a device: the first wrap that names it. */
export function wrapFor(rekey: Rekey, admission: Digest): Uint8Array | null {
  return rekey.wraps.find(([name]) => name === admission)?.[1] ?? null;
}

/** What an event wrapped for a device, if it is a rekey that did, and of a length that can open; unchecked otherwise. */
export function wrapIn(event: Event, admission: Digest): Uint8Array | null {
  try {
    const header = decodeHeader(event.header);
    if (header.epoch !== CLEAR || !event.body || decodeInner(header.inner).kind !== "rekey") return null;
    const wrapped = wrapFor(decodeBody(Lane.CONTROL, "rekey", event.body) as Rekey, admission);
    return wrapped && WRAP_BYTES.includes(wrapped.length) ? wrapped : null;
  } catch (error) {
    if (error instanceof Refused) return null; // whoever holds the event says why
    throw error;
  }
}

/** Learns the keys of epochs as their statements come: from a wrap for this device, or handed on under a later key. */
export class Learner {
  readonly epochs = new Map<Short, Epoch>();
  readonly #handers = new Map<Short, Set<Short>>(); // epoch -> those that hand its key on

  /** `keyring` takes what is learned; what it holds already is checked when the statement comes. */
  constructor(
    readonly mesh: Digest,
    readonly admission: Digest,
    readonly keyring: Keyring,
  ) {}

  /** The epochs whose key is not here, the earliest first. */
  get missing(): Epoch[] {
    const found = [...this.epochs].filter(([name]) => !this.keyring.holds(name)).map(([, epoch]) => epoch);
    return found.sort((one, other) => byStamp(one.stamp, other.stamp) || ascending(one.digest, other.digest));
  }

  /** Take statements in, each once. Returns whether the keys that are here changed, and what did not hold. */
  learn(statements: Iterable<Statement>, opened: Opened): [changed: boolean, faults: Fault[]] {
    const fresh = this.#fresh(statements);
    const before = keysText(this.keyring);
    const faults: Fault[] = [];
    for (const [name, epoch] of fresh) {
      if (this.keyring.holds(name) && !fits(epoch, this.keyring.key(name))) {
        this.keyring.drop(name);
        faults.push({ epoch: epoch.digest, by: epoch.by, why: "the key of it that was here is another one" });
      }
      if (this.keyring.holds(name) || this.#unwrapped(epoch, opened, faults) || this.#handed(name)) {
        this.#follow(name, faults);
      }
    }
    const once = new Map(faults.map((fault) => [`${fault.epoch} ${fault.by} ${fault.why}`, fault]));
    return [keysText(this.keyring) !== before, [...once.values()]];
  }

  #fresh(statements: Iterable<Statement>): Map<Short, Epoch> {
    const fresh = new Map<Short, Epoch>();
    for (const { digest, stamp, admission, body } of statements) {
      if (body?.kind !== "rekey" || this.epochs.has(short(digest))) continue;
      fresh.set(short(digest), { stamp, digest, by: admission, rekey: body });
    }
    for (const [name, epoch] of fresh) {
      this.epochs.set(name, epoch);
      for (const [earlier] of epoch.rekey.earlier) {
        this.#handers.set(earlier, (this.#handers.get(earlier) ?? new Set()).add(name));
      }
    }
    return fresh;
  }

  /** Take a key from the wrap for this device. */
  #unwrapped(epoch: Epoch, opened: Opened, faults: Fault[]): boolean {
    const wrapped = wrapFor(epoch.rekey, this.admission);
    if (!wrapped) return false;
    const key = opened.get(hex(wrapped));
    if (key) return this.#kept(epoch, key, epoch, faults);
    faults.push({ epoch: epoch.digest, by: epoch.by, why: "what was wrapped for this device does not open" });
    return false;
  }

  /** Take a key from a later one that was here before its own statement; a fault of it is told when followed. */
  #handed(name: Short): boolean {
    return [...(this.#handers.get(name) ?? [])].some((hander) => {
      const handed = this.epochs.get(hander)!.rekey.earlier.filter(([earlier]) => earlier === name);
      return this.keyring.holds(hander) && handed.some(([, sealed]) => this.#take(hander, name, sealed, []));
    });
  }

  /** Take all keys that one leads on to. */
  #follow(start: Short, faults: Fault[]): void {
    const todo = [start];
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      for (const [earlier, sealed] of this.epochs.get(name)!.rekey.earlier) {
        if (!this.epochs.has(earlier) || this.keyring.holds(earlier)) continue;
        if (this.#take(name, earlier, sealed, faults)) todo.push(earlier);
      }
    }
  }

  #take(hander: Short, earlier: Short, sealed: Uint8Array, faults: Fault[]): boolean {
    const [by, epoch] = [this.epochs.get(hander)!, this.epochs.get(earlier)!];
    let key: Uint8Array;
    try {
      key = takenOver(this.keyring.key(hander), this.mesh, earlier, sealed);
    } catch (error) {
      if (!(error instanceof Forged)) throw error;
      faults.push({ epoch: epoch.digest, by: by.by, why: "what was handed on under a later key does not open" });
      return false;
    }
    return this.#kept(epoch, key, by, faults);
  }

  /** Keep a key if it is the one that its epoch commits to. `given`: the statement that it was found in. */
  #kept(epoch: Epoch, key: Uint8Array, given: Epoch, faults: Fault[]): boolean {
    if (!fits(epoch, key)) {
      faults.push({ epoch: epoch.digest, by: given.by, why: "it is not the key that was committed to" });
      return false;
    }
    this.keyring.add(epoch.digest, key);
    return true;
  }
}

function fits(epoch: Epoch, key: Uint8Array): boolean {
  return commitment(key) === epoch.rekey.commitment;
}

function keysText(keyring: Keyring): string {
  return [...keyring.keys].map(([name, key]) => `${name} ${hex(key)}`).sort().join();
}
