// A loaded document as bytes for our own store: Automerge's bytes, and what Automerge does not keep; as
// mesh/state/snapshot.py has it.
//
// Never sent and never compared: Automerge's bytes depend on the order of arrival. This module does no I/O.
import { Malformed } from "../errors.js";
import { asHex, encode as encodeCbor, expectTypes, fields, type Plain } from "../events/cbor.js";
import type { Value } from "../events/kinds.js";
import { DIGEST_BYTES, SNAPSHOT_BYTES_MAX, TEXT_BYTES_MAX } from "../limits.js";
import { ascending, DocumentId, type Hex, unhex } from "../names.js";
import { decode as decodeChange } from "./changes.js";
import { hashOf } from "./encoding.js";
import type { Genesis } from "./genesis.js";
import { Intake } from "./intake.js";
import type { Change } from "./operations.js";

const VERSION = 3; // of the form that Python's snapshots have
const WHAT = "a document's snapshot";

/**
 * The fields of a snapshot: how the document was born, Automerge's bytes, and the changes that are not in them.
 *
 * `aside` are the void changes that are not in the document, `void` the hashes of all that are void. `linear`: no two
 * changes of the document are concurrent.
 */
export interface Snapshot {
  readonly document: DocumentId;
  readonly hasText: boolean;
  readonly letters: number;
  readonly registers: ReadonlyMap<string, Value>;
  readonly engine: Uint8Array;
  readonly waiting: readonly Uint8Array[];
  readonly refused: readonly (readonly [raw: Uint8Array, reason: string])[];
  readonly aside: readonly Uint8Array[];
  readonly void: readonly Hex[];
  readonly linear: boolean;
}

/** What is to be kept of a document: `engine` are Automerge's bytes. */
export function taken(document: DocumentId, genesis: Genesis, held: Intake, engine: Uint8Array): Snapshot {
  const raws = (part: ReadonlyMap<Hex, Change>) => inOrder(part).map(([, change]) => change.raw);
  return {
    document,
    hasText: genesis.body !== null,
    letters: genesis.letters,
    registers: genesis.registers,
    engine,
    waiting: raws(held.waiting),
    refused: inOrder(held.refused).map(([, [change, reason]]) => [change.raw, reason]),
    aside: raws(held.aside),
    void: [...held.void].sort(ascending),
    linear: held.history.parted.length === 0,
  };
}

function inOrder<T>(part: ReadonlyMap<Hex, T>): [Hex, T][] {
  return [...part].sort(([one], [other]) => ascending(one, other));
}

/** The history as it was when this was taken, and what was beside it. The changes are what Automerge holds. */
export function restored(saved: Snapshot, genesis: Genesis, first: Uint8Array, others: Iterable<Change>): Intake {
  const held = Intake.begun({ ...genesis, hash: hashOf(first) }, new Set(saved.void));
  for (const hash of saved.void) held.void.add(hash);
  for (const change of others) held.restore(change);
  for (const [raw, reason] of saved.refused) held.refuse(decodeChange(raw), reason);
  held.admit([...saved.waiting, ...saved.aside].map((raw) => decodeChange(raw)));
  return held;
}

/** Write a snapshot. */
export function encode(snapshot: Snapshot): Uint8Array {
  const { space, type, name } = snapshot.document;
  const born = [snapshot.hasText, snapshot.letters, snapshot.registers];
  const beside = [snapshot.waiting, snapshot.refused, snapshot.aside, snapshot.void.map(unhex), snapshot.linear];
  return encodeCbor([VERSION, [space, type, unhex(name)], born, snapshot.engine, beside]);
}

/** Read a snapshot. Throws Refused. */
export function decode(raw: Uint8Array): Snapshot {
  const types = ["int", "list", "list", "bytes", "list"] as const;
  const [version, name, born, engine, beside] = fields(raw, SNAPSHOT_BYTES_MAX, WHAT, types);
  if (version !== VERSION) throw new Malformed(`${WHAT} has version ${version}, not ${VERSION}`);
  const [hasText, letters, registers] = expectTypes(born, WHAT, ["bool", "int", "map"]);
  const parts = expectTypes(beside, WHAT, ["list", "list", "list", "list", "bool"]);
  const [waiting, refused, aside, voided, linear] = parts;
  const sound = [...registers].every(([key, value]) => typeof key === "string" && isValue(value));
  const raws = [...waiting, ...aside].every((one) => one instanceof Uint8Array);
  const sized = 0 <= letters && letters <= TEXT_BYTES_MAX;
  if (!sound || !raws || !sized) throw new Malformed(`${WHAT} says what no document has`);
  return {
    document: DocumentId.checked(...expectTypes(name, WHAT, ["text", "text", "bytes"])),
    hasText,
    letters,
    registers: registers as ReadonlyMap<string, Value>,
    engine,
    waiting: waiting as readonly Uint8Array[],
    refused: refused.map((pair) => expectTypes(pair, WHAT, ["bytes", "text"])),
    aside: aside as readonly Uint8Array[],
    void: voided.map((one) => asHex(one, DIGEST_BYTES, WHAT)),
    linear,
  };
}

function isValue(value: Plain): value is Value {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
