// Every vector of tests/vectors/conflicts behaves in TypeScript as it says; none is left out in silence.
import { deepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { DocumentId } from "../engine/names.js";
import { type Kind, nameOf } from "../engine/state/conflicts.js";
import { movedAside, namedTogether } from "../engine/state/settling.js";
import { Desk } from "./desks.js";

const FOLDER = resolve("../tests/vectors/conflicts");
const NAMES = "names.json";
const CASES_MIN = 34; // fewer would mean that somebody lost some

const files = readdirSync(FOLDER).sort();

function read(name: string): any {
  return JSON.parse(readFileSync(join(FOLDER, name), "utf-8"));
}

for (const name of files.filter((one) => one !== NAMES)) {
  test(`conflicts/${name}`, () => {
    const given = read(name);
    deepEqual(JSON.parse(JSON.stringify(Desk.folded(given).facts(given.actor))), given.expect);
  });
}

test("names of conflicts, and what gives way", () => {
  const { names, moved, together } = read(NAMES);
  for (const { document, kind, field, members, name } of names) {
    deepEqual(nameOf(DocumentId.parse(document), kind as Kind, field, members), name);
  }
  for (const [path, device, first, second] of moved) {
    deepEqual(movedAside(path, device, () => false), first);
    deepEqual(movedAside(path, device, (one) => one === first), second);
  }
  for (const [prints, most, blocks] of together) deepEqual(namedTogether(prints, most), blocks);
});

test("there are conflicts", () => {
  ok(files.length >= CASES_MIN, `${files.length} cases`);
});
