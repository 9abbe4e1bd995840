// The digest of what notes and records show: whether two devices that hold the same also show the same; as
// mesh/state/view_digest.py has it.
//
// A leaf for each document, in the tree of the state digest. This module knows no event and not who wrote what: two
// devices may show the same and know it from different authors, which the state digest tells.
import { sha256 } from "@noble/hashes/sha2.js";
import { encode, type Plain } from "../events/cbor.js";
import { ascending, type Digest, hex, type Hex, joined, unhex, utf8 } from "../names.js";
import type { Note } from "./notes.js";
import type { Record } from "./records.js";

const LEAF = utf8("mesh/view/leaf/1");

/** The digest of what a note or a record shows, its conflicts apart. */
export function contentOf(one: Note | Record): Digest {
  const record = "registers" in one;
  const shown: Plain[] = record ? [one.registers, one.text] : [one.title, one.body, one.tags, one.path, one.deleted];
  return hex(sha256(encode(shown)));
}

/** The leaf of a document from its key, its content, and the names of its open conflicts. */
export function viewLeaf(key: Digest, content: Digest, conflicts: Iterable<Hex>): Digest {
  const names = [...conflicts].sort(ascending);
  return hex(sha256(joined(LEAF, ...[key, content, ...names].map(unhex))));
}
