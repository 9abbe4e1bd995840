// Which documents there are, and how much of their bodies is here: what one commit changes of that.
//
// Of a document whose bodies may go it is kept when it was touched last, so that those touched longest ago go first. It
// writes what it was told at the end, once; it lets nothing go itself.
import type { DocumentId } from "../../names.js";
import { bucket, key } from "../../state/digest.js";
import type { DocumentText } from "../store_port.js";
import type { Writing } from "./connection.js";

/** A document as it is kept. */
export interface Held {
  readonly text: DocumentText;
  /** The last part of its name, as people type it. */
  readonly letters: string;
  /** Of bodies that are here. */
  bytes: number;
  /** The largest Lamport number of its events. */
  lamport: number;
  /** The same, while bodies are here of which nobody knows yet that they must stay. */
  touched?: number;
}

/** Of all documents: the bytes of bodies that are here, and of how many documents some may go. */
export interface Tally {
  bytes: number;
  documents: number;
}

/** Which bucket of the trees a document lies in. */
export function bucketOf(document: { readonly text: DocumentText } | DocumentId): number {
  return bucket(key(document as DocumentId));
}

/** The documents of one commit. */
export class Documents {
  readonly #held = new Map<DocumentText, Held>();
  readonly #fresh = new Set<DocumentText>();
  readonly #dirty = new Set<Held>();
  readonly #buckets = new Map<DocumentText, number>();

  /** `tally` is changed by what happens. */
  constructor(
    private readonly tx: Writing,
    readonly tally: Tally,
  ) {}

  /** Look up documents, all at once. */
  async lookUp(texts: Iterable<DocumentText>): Promise<void> {
    const wanted = [...new Set(texts)].filter((text) => !this.#held.has(text));
    const found = await Promise.all(wanted.map((text) => this.tx.get<Held>("documents", text)));
    for (const held of found) if (held) this.#held.set(held.text, held);
  }

  /** Whether there was nothing of a document before this commit. */
  isNew(text: DocumentText): boolean {
    return this.#fresh.has(text) || !this.#held.has(text);
  }

  /** The bucket of a document. */
  bucket(text: DocumentText): number {
    let found = this.#buckets.get(text);
    if (found === undefined) this.#buckets.set(text, (found = bucketOf({ text })));
    return found;
  }

  /** There is such a document. */
  own({ text }: DocumentId): Held {
    let held = this.#held.get(text);
    if (!held) {
      held = { text, letters: text.slice(text.lastIndexOf("/") + 1), bytes: 0, lamport: 0 };
      this.#held.set(text, held);
      this.#fresh.add(text);
      this.#dirty.add(held);
    }
    return held;
  }

  /** A document was touched by an event whose body has so many bytes here. */
  touch(document: DocumentId, lamport: number, bytes: number): void {
    const held = this.own(document);
    held.lamport = Math.max(held.lamport, lamport);
    this.#grown(held, bytes);
  }

  /** So many bytes came to a document. */
  grow(text: DocumentText, bytes: number): void {
    const held = this.#held.get(text);
    if (held) this.#grown(held, bytes);
  }

  /** Something in a document waits no more: what was kept for that may go, unless more of it waits. */
  mayGo(text: DocumentText): void {
    const held = this.#held.get(text);
    if (held && held.touched === undefined && held.bytes > 0) this.#grown(held, 0, true);
  }

  #grown(held: Held, bytes: number, again = bytes > 0): void {
    this.#dirty.add(held);
    held.bytes += bytes;
    this.tally.bytes += bytes;
    if (held.touched === undefined && again) this.tally.documents += 1;
    if (held.touched !== undefined || again) held.touched = held.lamport;
  }

  /** Write all of it. */
  write(): void {
    for (const held of this.#dirty) this.tx.put("documents", held);
    this.tx.put("kv", this.tally, "tally");
  }
}
