// Every vector of conflicts and overlaps behaves in TypeScript as it says. None is left out in silence: vectors.test.ts
// names these folders, and each file of one is run.
import { deepEqual, notDeepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { DocumentId } from "../engine/names.js";
import { type Kind, nameOf } from "../engine/state/conflicts.js";
import { movedAside, namedTogether } from "../engine/state/settling.js";
import { Desk, overlapping } from "./desks.js";

const HERE = resolve("../tests/vectors");
const NAMES = "conflicts/names.json";
const CASES_MIN = 64; // of both folders: fewer would mean that somebody lost some

const files = ["conflicts", "overlaps"].flatMap((folder) => {
  return readdirSync(join(HERE, folder)).sort().map((name) => `${folder}/${name}`);
});

function read(name: string): any {
  return JSON.parse(readFileSync(join(HERE, name), "utf-8"));
}

for (const name of files.filter((one) => one !== NAMES)) {
  test(name, () => {
    const given = read(name);
    if (name.startsWith("conflicts/")) {
      deepEqual(JSON.parse(JSON.stringify(Desk.folded(given).facts(given.actor))), given.expect);
    } else {
      deepEqual({ ...given, ...overlapping(given) }, given);
    }
  });
}

test("an overlap that is not there would be noticed", () => {
  const given = read("overlaps/valid_both_replaced.json");
  notDeepEqual({ ...given, ...overlapping({ ...given, void: [given.regions[0].sides[0][0]] }) }, given);
});

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

test("no file of these folders was lost", () => {
  ok(files.length >= CASES_MIN, `${files.length} cases`);
});
