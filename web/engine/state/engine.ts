// Automerge behind our own words, and the only module that imports it; as mesh/state/engine.py has it.
//
// Whatever Automerge answers, be it a trap of its machine code, becomes a Malformed, and after that nothing is asked of
// it again. Automerge counts in halves of UTF-16; here, and nowhere else, places become code points. This module
// decides nothing: what it is handed was decoded, passed the gate and fits (intake.ts).
import { getBackend, init, initializeWasm, load, wasmInitialized } from "@automerge/automerge/slim";
import { Damaged, Malformed, Misuse } from "../errors.js";
import { ascending, type Hex } from "../names.js";
import { BODY } from "./catalogue.js";
import type { Genesis } from "./genesis.js";
import { Intake } from "./intake.js";
import { ACTOR_BYTES, type Change, type OperationId, operationId } from "./operations.js";

type Backend = ReturnType<typeof getBackend>;

const ROOT = "_root";
const READER = "00".repeat(ACTOR_BYTES); // never writes
const HALVES = /[\ud800-\udfff]/;

/** Make Automerge ready, once, from its machine code, as bytes or compiled; before any other call. */
export async function ready(wasm: Uint8Array | WebAssembly.Module): Promise<void> {
  await initializeWasm(wasm as Uint8Array); // its types know bytes only
}

let bringing: () => Promise<void> = wasmInitialized;

/** Have Automerge made ready by this as soon as somebody needs a document, and not before. It may be called again. */
export function readyBy(bring: () => Promise<void>): void {
  bringing = bring;
}

/** Fulfilled once Automerge is ready. Throws what keeps it from that. */
export async function isReady(): Promise<void> {
  await bringing();
}

/** The Automerge document, behind one guard for every call. Each of them may throw Malformed. */
export class Engine {
  readonly #document: Backend;
  #text: string | null = null; // the name of the Text object
  #offsets: Uint32Array | null | undefined; // of letters in UTF-16; null where that is their place
  spoiled = false;
  #freed = false;

  /** Use `begun` or `load`. */
  private constructor(document: Backend) {
    this.#document = document;
  }

  /** A document with its first change. */
  static begun(genesis: Genesis): Engine {
    const engine = new Engine(guarded(() => getBackend(init({ actor: READER }))));
    engine.deliver([genesis.raw], [genesis.hash]);
    return engine;
  }

  /** A document out of what `save` wrote. */
  static load(raw: Uint8Array): Engine {
    return new Engine(guarded(() => getBackend(load(raw, { actor: READER }))));
  }

  /** Give the memory back now, and not when somebody notices. Nothing may be asked after it; a second time does nothing. */
  free(): void {
    this.spoiled = true;
    if (this.#freed) return;
    this.#freed = true;
    try {
      this.#document.free();
    } catch {
      // a trap left it in use: its memory goes with the page
    }
  }

  /** Call into Automerge. After a failure the document may be anything, so nothing is asked of it again. */
  #ask<T>(call: (document: Backend) => T): T {
    if (this.spoiled) throw new Misuse("this document was spoiled by a change and must be folded again");
    try {
      return guarded(() => call(this.#document));
    } catch (error) {
      this.spoiled = true;
      throw error;
    }
  }

  /** Hand over changes, after which these must be the heads. */
  deliver(changes: readonly Uint8Array[], heads: readonly Hex[]): void {
    this.#offsets = undefined;
    this.#ask((document) => document.applyChanges([...changes]));
    const found = this.#ask((document) => document.getHeads());
    if (found.sort(ascending).join() !== heads.join()) {
      this.spoiled = true;
      throw new Malformed("Automerge leaves a change out");
    }
  }

  /** All changes, as Automerge keeps them. */
  save(): Uint8Array {
    return this.#ask((document) => document.save());
  }

  /** All changes, each after what it stands on; so the document's first change is the first. */
  changes(): Uint8Array[] {
    return this.#ask((document) => document.getChanges([]));
  }

  /** The text of a document that has letters. */
  text(): string {
    const body = this.#body();
    return this.#ask((document) => document.text(body));
  }

  /** How many letters it has. */
  length(): number {
    const body = this.#body();
    return this.#places()?.length ?? this.#ask((document) => document.length(body));
  }

  /** The name of the letter at a place. */
  letter(position: number): OperationId {
    const [body, places] = [this.#body(), this.#places()];
    const place = places ? places[position]! : position;
    return named(this.#ask((document) => document.getAll(body, place)));
  }

  /** The registers that hold a value, each with the operation whose value Automerge shows. */
  shown(): Map<string, OperationId> {
    const found = this.#ask((document) => document.keys(ROOT).map((key) => [key, document.getAll(ROOT, key)] as const));
    const values = found.filter(([key, all]) => key !== BODY || all.at(-1)![0] !== "text");
    return new Map(values.map(([key, all]) => [key, named(all)]));
  }

  /** Where each letter begins, counted as Automerge does; null where every letter is one of its units. */
  #places(): Uint32Array | null {
    if (this.#offsets !== undefined) return this.#offsets;
    const text = this.text();
    if (!HALVES.test(text)) return (this.#offsets = null);
    let at = 0;
    const offsets = [...text].map((letter) => (at += letter.length) - letter.length);
    return (this.#offsets = Uint32Array.from(offsets));
  }

  #body(): string {
    return (this.#text ??= this.#ask((document) => {
      const found = document.getWithType(ROOT, BODY);
      if (found?.[0] !== "text") throw new Error("a document without a text");
      return found[1];
    }));
  }
}

/** The first change that Automerge cannot take, one by one in an order that is the same everywhere. */
export function culprit(genesis: Genesis, changes: readonly Change[], isVoid: ReadonlySet<Hex>): Change {
  const [trial, intake] = [Engine.begun(genesis), Intake.begun(genesis)];
  try {
    for (const change of Intake.begun(genesis).admit(changes, isVoid)) {
      intake.admit([change]);
      try {
        trial.deliver([change.raw], intake.history.heads);
      } catch (error) {
        if (error instanceof Malformed) return change;
        throw error;
      }
    }
  } finally {
    trial.free();
  }
  throw new Damaged("Automerge takes these changes one by one but not together");
}

/** Turn whatever Automerge throws, traps included, into Malformed. */
function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new Malformed(`Automerge does not take a change: ${error instanceof Error ? error.name : typeof error}`);
  }
}

/** The operation whose value is shown, which is the last: a counter and an actor, as Automerge writes them. */
function named(values: readonly (readonly unknown[])[]): OperationId {
  const [counter = "", actor = ""] = String(values.at(-1)![2]).split("@");
  return operationId(Number(counter), actor);
}
