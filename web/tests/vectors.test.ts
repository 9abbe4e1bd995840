// Every vector of tests/vectors that is about the layers of this engine behaves in TypeScript as it says. None is left
// out in silence: each folder is run here or named with who runs it, and each file of a folder is run.
import { deepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { ELSEWHERE, outcome, parsed, RUNNERS } from "./runners.js";

const HERE = resolve("../tests/vectors");
const CASES_MIN = 466; // of all folders: fewer would mean that somebody lost some

const folders = readdirSync(HERE).filter((name) => statSync(join(HERE, name)).isDirectory() && name !== "__pycache__");
const ran = new Map<string, string[]>();

test("each folder of vectors is run here, or named with who runs it", () => {
  deepEqual(folders.sort(), [...Object.keys(RUNNERS), ...Object.keys(ELSEWHERE)].sort());
});

for (const folder of Object.keys(RUNNERS)) {
  for (const name of readdirSync(join(HERE, folder)).sort()) {
    test(`${folder}/${name}`, async () => {
      const given = parsed(readFileSync(join(HERE, folder, name), "utf-8"));
      deepEqual(await outcome(folder, given), given.expect);
      ok(!name.startsWith("valid_") || given.expect.family === undefined);
      ran.set(folder, [...(ran.get(folder) ?? []), name]);
    });
  }
}

test("no file of these folders was left out", () => {
  let count = 0;
  for (const folder of Object.keys(RUNNERS)) {
    const there = readdirSync(join(HERE, folder)).sort();
    deepEqual((ran.get(folder) ?? []).sort(), there, folder);
    count += there.length;
  }
  ok(count >= CASES_MIN, `${count} cases`);
  console.log(`${count} vectors in ${Object.keys(RUNNERS).length} folders`);
});
