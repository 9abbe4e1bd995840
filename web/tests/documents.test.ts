// Every vector of tests/vectors that is about documents behaves in TypeScript as it says. None is left out in silence:
// vectors.test.ts names these folders, and each file of one is run.
import { ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { RUNNERS } from "./documented.js";

const HERE = resolve("../tests/vectors");
const CASES_MIN = 173; // of all folders: fewer would mean that somebody lost some

let [ran, there] = [0, 0];

for (const [folder, runner] of Object.entries(RUNNERS)) {
  const names = readdirSync(join(HERE, folder)).sort();
  there += names.length;
  for (const name of names) {
    test(`${folder}/${name}`, () => {
      runner(JSON.parse(readFileSync(join(HERE, folder, name), "utf-8")), name.replace(/^note_/, ""));
      ran++;
    });
  }
}

test("no file of these folders was left out", () => {
  ok(ran === there && there >= CASES_MIN, `${ran} of ${there} cases`);
  console.log(`${ran} vectors of documents in ${Object.keys(RUNNERS).length} folders`);
});
