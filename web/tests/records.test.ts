// Every document of tests/vectors/records shows and means in TypeScript what it says there; none is left out in silence.
// That its changes fold to that, and what the gate refuses, documents.test.ts sees to.
import { deepEqual, equal, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { decodeBody, encodeBody } from "../engine/events/bodies.js";
import { encode } from "../engine/events/cbor.js";
import { Lane } from "../engine/events/event.js";
import type { Born } from "../engine/events/kinds.js";
import { DocumentId, deviceText, hex, unhex } from "../engine/names.js";
import { Document } from "../engine/state/documents.js";
import * as records from "../engine/state/records.js";
import "./automerge.js";
import { carried } from "./documented.js";
import { MEANS } from "./recorded.js";

const FOLDER = resolve("../tests/vectors/records");
const CASES_MIN = 27; // fewer would mean that somebody lost some
const DEVICES = [1, 2, 3].map((number) => deviceText(number.toString(16).padStart(2, "0").repeat(32)));

const names = readdirSync(FOLDER).filter((name) => name.startsWith("valid_"));

for (const name of names) {
  test(`records/${name}`, () => {
    const given = JSON.parse(readFileSync(join(FOLDER, name), "utf-8"));
    const id = DocumentId.parse(given.document);
    const born = decodeBody(Lane.DATA, "born", unhex(given.born)) as Born;
    equal(hex(encodeBody(records.birth(id.type, Object.fromEntries(born.registers), born.text, born.salt))), given.born);
    const document = Document.fold(id, born, carried(given.changes));
    const record = records.viewOf(document, document.conflicts());
    const { registers, text, conflicts } = record;
    deepEqual({ registers: Object.fromEntries(registers), text, conflicts }, given.shown);
    equal(createHash("sha256").update(encode([registers, text])).digest("hex"), given.content);
    deepEqual(MEANS[id.type]!(record, given.now_ms, DEVICES), given.means);
  });
}

test("there are records of every type", () => {
  const kinds = new Set(names.map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf-8")).document.split("/")[1]));
  deepEqual([...kinds].sort(), records.TYPES);
  ok(names.length >= CASES_MIN, `${names.length} cases`);
});
