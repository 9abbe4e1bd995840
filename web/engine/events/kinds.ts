// The catalogue of kinds: what each event's body says, as typed values; as mesh/events/kinds.py has it.
//
// A kind that is not in the catalogue is held, forwarded and shown raw; it is never an error. This module reads and
// writes no bytes (`bodies` does) and does not know whether a statement counts.
import type { Head } from "../clocks/chain.js";
import type { Digest, DocumentId, Hex, Short } from "../names.js";
import { Lane } from "./event.js";

/** Ed25519, X25519, SHA-256, AES-256-GCM, HKDF-SHA256, HPKE base mode, Automerge. */
export const SUITE = 1;

/** In a grant: every space, every type, or every verb. */
export const ANY = "*";

/** Why a chain was opened. */
export const REASONS = ["new", "restored", "moved"] as const;
export type Reason = (typeof REASONS)[number];

/** What a register of a document holds. */
export type Value = string | number | boolean | null;

/** Founds a mesh: the recovery key's public parts. Its digest is the mesh id and the admission of rank 0. */
export interface Genesis {
  readonly kind: "genesis";
  readonly signKey: Uint8Array;
  readonly kemKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly suite: number;
}

/** First event of a chain under an admission. The reason is for people only; the salt keeps two openings apart. */
export interface Opening {
  readonly kind: "opening";
  readonly admission: Digest;
  readonly lane: Lane;
  readonly reason: Reason;
  readonly salt: Uint8Array;
}

/** Lets a device in, with its public keys, name and rank fixed for ever; `proof` is by the device's own key. */
export interface Admit {
  readonly kind: "admit";
  readonly signKey: Uint8Array;
  readonly kemKey: Uint8Array;
  readonly transportKey: Uint8Array;
  readonly tlsKey: Uint8Array;
  readonly name: string;
  readonly proof: Uint8Array;
  readonly rank: number;
}

/** What a device, or one agent on it, may write: space, document types, verbs; `untilMs` when it should end. */
export interface Grant {
  readonly kind: "grant";
  readonly admission: Digest;
  readonly agent: string;
  readonly space: string;
  readonly types: readonly string[];
  readonly verbs: readonly string[];
  readonly untilMs: number | null;
}

/** A new epoch: the commitment to its key, the key wrapped for each recipient, earlier keys wrapped under it. */
export interface Rekey {
  readonly kind: "rekey";
  readonly commitment: Hex;
  readonly wraps: readonly (readonly [Digest, Uint8Array])[];
  readonly earlier: readonly (readonly [Short, Uint8Array])[];
}

/** Where a device can be reached, newest first. A hint where to dial; no right follows from it. */
export interface Located {
  readonly kind: "located";
  readonly admission: Digest;
  readonly addresses: readonly string[];
}

/** A place in a chain up to which something counts: the event there, and what it stands on in that chain. */
export interface Mark {
  readonly chain: Digest;
  readonly head: Head;
}

/** Takes a device out: of all that it said, in all its chains, only what is under these marks counts. */
export interface Close {
  readonly kind: "close";
  readonly admission: Digest;
  readonly marks: readonly Mark[];
  readonly reason: string;
}

/** Ends a grant: of what was said under it, only what is under these marks counts. */
export interface Ungrant {
  readonly kind: "ungrant";
  readonly grant: Digest;
  readonly marks: readonly Mark[];
}

/** Makes void events count after all, in their place and by their author. */
export interface Adopt {
  readonly kind: "adopt";
  readonly events: readonly Digest[];
}

/** Ends a document: none of its events counts, concurrent ones included, and its bytes may go. */
export interface Forget {
  readonly kind: "forget";
  readonly document: DocumentId;
}

/** A document's birth: its registers and its text, whole. The document's name commits to this body. */
export interface Born {
  readonly kind: "born";
  readonly registers: ReadonlyMap<string, Value>;
  readonly text: string;
  readonly salt: Uint8Array;
}

/** One Automerge change of a document. */
export interface Changed {
  readonly kind: "changed";
  readonly change: Uint8Array;
}

/** One Automerge change, which may do nothing, and the conflict that it settles. */
export interface Settled {
  readonly kind: "settled";
  readonly change: Uint8Array;
  readonly conflict: Hex;
  /** The overlapping edits of a text that somebody saw side by side; empty for other conflicts. */
  readonly prints: readonly Hex[];
  /** Which rule settled it; empty where somebody did. */
  readonly rule: string;
}

/** One Automerge change, which may do nothing, and the event of the same document that it takes back. */
export interface Undone {
  readonly kind: "undone";
  readonly change: Uint8Array;
  readonly event: Digest;
}

export type Carrier = Changed | Settled | Undone;
export type ControlBody = Genesis | Opening | Admit | Grant | Rekey | Located | Close | Ungrant | Adopt | Forget;
export type DataBody = Opening | Born | Carrier;
export type Body = ControlBody | DataBody;
export type Kind = Body["kind"];

const CONTROL: ReadonlySet<string> = new Set<ControlBody["kind"]>([
  "genesis",
  "opening",
  "admit",
  "grant",
  "rekey",
  "located",
  "close",
  "ungrant",
  "adopt",
  "forget",
]);
const DATA: ReadonlySet<string> = new Set<DataBody["kind"]>(["opening", "born", "changed", "settled", "undone"]);

/** Which verb a grant must allow for a kind in the data lane. */
export const VERBS: ReadonlyMap<string, string> = new Map([
  ["born", "create"],
  ["changed", "edit"],
  ["undone", "edit"],
  ["settled", "resolve"],
]);

/** Whether this version reads such events; others are held and shown raw. */
export function known(lane: Lane, kind: string): kind is Kind {
  return (lane === Lane.CONTROL ? CONTROL : DATA).has(kind);
}
