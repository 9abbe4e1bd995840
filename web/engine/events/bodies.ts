// Bodies as bytes: each kind has one form, and bytes become values here and nowhere else; as mesh/events/bodies.py.
//
// What is not that form is refused. This module does not know whether a statement counts.
import { sha256 } from "@noble/hashes/sha2.js";
import { byHead } from "../clocks/chain.js";
import { Malformed } from "../errors.js";
import {
  ADDRESS_BYTES_MAX,
  ADDRESSES_PER_PEER_MAX,
  ADOPTED_MAX,
  AGENT_NAME_BYTES_MAX,
  BODY_PLAIN_BYTES_MAX,
  BROWSER_KEY_BYTES,
  CONFLICT_NAME_BYTES,
  DEVICE_NAME_BYTES_MAX,
  DIGEST_BYTES,
  DOCUMENT_NAME_BYTES,
  GRANT_WORDS_MAX,
  KEY_BYTES,
  MARKS_MAX,
  RANK_MAX,
  REASON_BYTES_MAX,
  REKEY_WRAPS_MAX,
  SALT_BYTES,
  SETTLED_PRINTS_MAX,
  SHORT_BYTES,
  SIGNATURE_BYTES,
} from "../limits.js";
import { ascending, type Digest, DocumentId, hex, type Hex, isWord, joined, unhex, utf8 } from "../names.js";
import { asHex, encode, expectTypes, type Fields, fields, isBytes, type Plain } from "./cbor.js";
import type { Lane } from "./event.js";
import { ANY, type Body, type Born, type Kind, known, type Mark, REASONS, SUITE, type Value } from "./kinds.js";

const BIRTH = utf8("mesh/birth/1");

type Reader = (raw: Uint8Array) => Body;

function require(fits: boolean, kind: Kind, what: string): asserts fits {
  if (!fits) throw new Malformed(`${kind}: ${what}`);
}

function parts<const T extends readonly (keyof Fields)[]>(raw: Uint8Array, kind: Kind, types: T) {
  return fields(raw, BODY_PLAIN_BYTES_MAX, kind, types);
}

function digest(kind: Kind, value: Plain): Digest {
  return asHex(value, DIGEST_BYTES, `${kind}: a digest`);
}

function keysFit(kind: Kind, ...keys: Uint8Array[]): void {
  require(keys.every((key) => key.length === KEY_BYTES), kind, "a key is not 32 bytes");
}

/** Whether these stand in their order, each once. */
function risesOnly<T>(items: readonly T[], order: (one: T, other: T) => number): boolean {
  return items.every((item, place) => place === 0 || order(items[place - 1]!, item) < 0);
}

function words(kind: Kind, value: readonly Plain[]): string[] {
  require(0 < value.length && value.length <= GRANT_WORDS_MAX, kind, "not a list of words");
  const found = value.filter((word) => typeof word === "string").filter((word) => word === ANY || isWord(word));
  require(found.length === value.length, kind, "not a list of words");
  require(risesOnly(found, ascending), kind, "its words are not sorted, each once");
  return found;
}

function marks(kind: Kind, value: readonly Plain[]): Mark[] {
  require(value.length <= MARKS_MAX, kind, "it has too many marks");
  const found = value.map((mark): Mark => {
    const [chain, seq, at] = expectTypes(mark, "a mark", ["bytes", "int", "bytes"]);
    require(0 < seq, kind, "a mark is not a place in a chain");
    return { chain: digest(kind, chain), head: { seq, digest: digest(kind, at) } };
  });
  require(risesOnly(found, byMark), kind, "its marks are not sorted, each once");
  return found;
}

function byMark(one: Mark, other: Mark): number {
  return ascending(one.chain, other.chain) || byHead(one.head, other.head);
}

function pairs(value: readonly Plain[], nameBytes: number): [Hex, Uint8Array][] {
  require(value.length <= REKEY_WRAPS_MAX, "rekey", "it wraps for too many");
  return value.map((pair) => {
    const [name, wrap] = expectTypes(pair, "a wrapped key", ["bytes", "bytes"]);
    return [asHex(name, nameBytes, "rekey: a name"), wrap];
  });
}

function hexes(kind: Kind, value: readonly Plain[], length: number): Hex[] {
  const found = value.map((one) => asHex(one, length, `${kind}: one of its names`));
  require(risesOnly(found, ascending), kind, "its names are not sorted, each once");
  return found;
}

const genesis: Reader = (raw) => {
  const [suite, signKey, kemKey, salt] = parts(raw, "genesis", ["int", "bytes", "bytes", "bytes"]);
  require(suite === SUITE, "genesis", "this version does not know its suite");
  keysFit("genesis", signKey, kemKey);
  require(salt.length === SALT_BYTES, "genesis", "its salt is not 16 bytes");
  return { kind: "genesis", signKey, kemKey, salt, suite };
};

const opening: Reader = (raw) => {
  const [admission, lane, said, salt] = parts(raw, "opening", ["bytes", "int", "text", "bytes"]);
  const reason = REASONS.find((one) => one === said);
  require((lane === 0 || lane === 1) && reason !== undefined, "opening", "unknown lane or reason");
  require(salt.length === SALT_BYTES, "opening", "its salt is not 16 bytes");
  return { kind: "opening", admission: digest("opening", admission), lane: lane as Lane, reason, salt };
};

const admit: Reader = (raw) => {
  const types = ["bytes", "bytes", "bytes", "bytes", "text", "bytes", "int"] as const;
  const [signKey, kemKey, transportKey, tlsKey, name, proof, rank] = parts(raw, "admit", types);
  keysFit("admit", signKey, transportKey, tlsKey);
  const sizes = [KEY_BYTES, BROWSER_KEY_BYTES];
  require(sizes.includes(kemKey.length), "admit", "its wrapping key has neither 32 nor 65 bytes");
  const nameBytes = utf8(name).length;
  require(0 < nameBytes && nameBytes <= DEVICE_NAME_BYTES_MAX, "admit", "its name is empty or too long");
  require(proof.length === SIGNATURE_BYTES, "admit", "its proof is not a signature");
  require(0 < rank && rank <= RANK_MAX, "admit", "its rank is out of range");
  return { kind: "admit", signKey, kemKey, transportKey, tlsKey, name, proof, rank };
};

const grant: Reader = (raw) => {
  const types = ["bytes", "text", "text", "list", "list", "any"] as const;
  const [admission, agent, space, kinds, verbs, until] = parts(raw, "grant", types);
  require(utf8(agent).length <= AGENT_NAME_BYTES_MAX, "grant", "its agent's name is too long");
  require(space === ANY || isWord(space), "grant", "its space is not a word");
  require(until === null || (typeof until === "number" && 0 <= until), "grant", "its end is not a time");
  const allows = { types: words("grant", kinds), verbs: words("grant", verbs), untilMs: until };
  return { kind: "grant", admission: digest("grant", admission), agent, space, ...allows };
};

const rekey: Reader = (raw) => {
  const [commitment, wraps, earlier] = parts(raw, "rekey", ["bytes", "list", "list"]);
  const keys = { wraps: pairs(wraps, DIGEST_BYTES), earlier: pairs(earlier, SHORT_BYTES) };
  return { kind: "rekey", commitment: digest("rekey", commitment), ...keys };
};

const located: Reader = (raw) => {
  const [admission, addresses] = parts(raw, "located", ["bytes", "list"]);
  require(addresses.length <= ADDRESSES_PER_PEER_MAX, "located", "it has too many addresses");
  const found = addresses.filter((one) => typeof one === "string");
  const fits = found.every((one) => one !== "" && utf8(one).length <= ADDRESS_BYTES_MAX);
  require(fits && found.length === addresses.length, "located", "an address is not a text, empty or too long");
  return { kind: "located", admission: digest("located", admission), addresses: found };
};

const close: Reader = (raw) => {
  const [admission, listed, reason] = parts(raw, "close", ["bytes", "list", "text"]);
  require(utf8(reason).length <= REASON_BYTES_MAX, "close", "its reason is too long");
  return { kind: "close", admission: digest("close", admission), marks: marks("close", listed), reason };
};

const ungrant: Reader = (raw) => {
  const [name, listed] = parts(raw, "ungrant", ["bytes", "list"]);
  return { kind: "ungrant", grant: digest("ungrant", name), marks: marks("ungrant", listed) };
};

const adopt: Reader = (raw) => {
  const [events] = parts(raw, "adopt", ["list"]);
  require(0 < events.length && events.length <= ADOPTED_MAX, "adopt", "it adopts nothing, or too much");
  return { kind: "adopt", events: hexes("adopt", events, DIGEST_BYTES) };
};

const forget: Reader = (raw) => {
  return { kind: "forget", document: DocumentId.checked(...parts(raw, "forget", ["text", "text", "bytes"])) };
};

const born: Reader = (raw) => {
  const [registers, text, salt] = parts(raw, "born", ["map", "text", "bytes"]);
  const fits = [...registers].every(([key, value]) => typeof key === "string" && isValue(value));
  require(fits, "born", "a register is neither text, whole number, yes or no, nor null, or its number is out of range");
  require(salt.length === 0 || salt.length === SALT_BYTES, "born", "its salt is not 16 bytes");
  return { kind: "born", registers: registers as Born["registers"], text, salt };
};

function isValue(value: Plain): value is Value {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

const changed: Reader = (raw) => {
  const [change] = parts(raw, "changed", ["bytes"]);
  return { kind: "changed", change };
};

const settled: Reader = (raw) => {
  const [change, conflict, prints, rule] = parts(raw, "settled", ["bytes", "bytes", "list", "text"]);
  require(prints.length <= SETTLED_PRINTS_MAX, "settled", "it names too many edits");
  require(isBytes(conflict, CONFLICT_NAME_BYTES), "settled", "its conflict is not 16 bytes");
  require(utf8(rule).length <= REASON_BYTES_MAX, "settled", "its rule is too long");
  const named = { conflict: hex(conflict), prints: hexes("settled", prints, CONFLICT_NAME_BYTES) };
  return { kind: "settled", change, ...named, rule };
};

const undone: Reader = (raw) => {
  const [change, event] = parts(raw, "undone", ["bytes", "bytes"]);
  return { kind: "undone", change, event: digest("undone", event) };
};

const CONTROL = { genesis, opening, admit, grant, rekey, located, close, ungrant, adopt, forget };
const READERS: Record<Kind, Reader> = { ...CONTROL, born, changed, settled, undone };

/** The body of a known kind. Throws Refused; ask `known` first. */
export function decodeBody(lane: Lane, kind: Kind, raw: Uint8Array): Body {
  if (!known(lane, kind)) throw new Malformed("it is of no kind of its lane");
  return READERS[kind](raw);
}

/** The canonical bytes of a body. */
export function encodeBody(body: Body): Uint8Array {
  return encode(written(body));
}

function written(body: Body): Plain[] {
  switch (body.kind) {
    case "genesis":
      return [body.suite, body.signKey, body.kemKey, body.salt];
    case "opening":
      return [unhex(body.admission), body.lane, body.reason, body.salt];
    case "admit":
      return [body.signKey, body.kemKey, body.transportKey, body.tlsKey, body.name, body.proof, body.rank];
    case "grant":
      return [unhex(body.admission), body.agent, body.space, body.types, body.verbs, body.untilMs];
    case "rekey":
      return [unhex(body.commitment), body.wraps.map(named), body.earlier.map(named)];
    case "located":
      return [unhex(body.admission), body.addresses];
    case "close":
      return [unhex(body.admission), body.marks.map(place), body.reason];
    case "ungrant":
      return [unhex(body.grant), body.marks.map(place)];
    case "adopt":
      return [body.events.map(unhex)];
    case "forget":
      return [body.document.space, body.document.type, unhex(body.document.name)];
    case "born":
      return [body.registers, body.text, body.salt];
    case "changed":
      return [body.change];
    case "settled":
      return [body.change, unhex(body.conflict), body.prints.map(unhex), body.rule];
    case "undone":
      return [body.change, unhex(body.event)];
  }
}

function named([name, bytes]: readonly [Hex, Uint8Array]): Plain {
  return [unhex(name), bytes];
}

function place({ chain, head }: Mark): Plain {
  return [unhex(chain), head.seq, unhex(head.digest)];
}

/** The document that a birth brings into being: its name commits to space, type and the whole body. */
export function documentOf(space: string, type: string, birth: Born): DocumentId {
  return documentNamedAfter(space, type, encodeBody(birth));
}

/** The document that a birth with these canonical bytes brings into being. */
export function documentNamedAfter(space: string, type: string, birth: Uint8Array): DocumentId {
  const content = encode([space, type, birth]);
  return DocumentId.checked(space, type, sha256(joined(BIRTH, content)).slice(0, DOCUMENT_NAME_BYTES));
}
