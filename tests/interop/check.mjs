// Reads document vectors as JSON lines, and answers for each what Automerge in JavaScript makes of it.
// It decides nothing: tests/system/test_automerge_javascript.py compares.
import * as A from "@automerge/automerge";
import { createInterface } from "node:readline";

const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const plain = (value) => (A.isImmutableString(value) ? value.toString() : value);
const register = (value) => (typeof value === "string" ? new A.ImmutableString(value) : value);
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

// The first change, written with public calls only.
function genesis(birth, actor) {
  return A.change(A.init({ actor }), { time: 0 }, (doc) => {
    for (const key of Object.keys(birth.registers).sort(byBytes)) doc[key] = register(birth.registers[key]);
    doc.body = "";
    A.splice(doc, ["body"], 0, 0, birth.text);
  });
}

function answer(vector) {
  const first = genesis(vector.birth, vector.body[1]);
  const [doc] = A.applyChanges(first, vector.events.map(([, raw]) => hex(raw)));
  const values = {};
  for (const key of Object.keys(doc)) {
    if (key === "body") continue;
    values[key] = Object.values(A.getConflicts(doc, key) ?? { only: doc[key] }).map(plain);
  }
  const again = A.load(A.save(doc));
  return {
    genesis_hash: A.getHeads(first)[0],
    heads: A.getHeads(doc).sort(),
    text: doc.body,
    shown: Object.fromEntries(Object.keys(values).map((key) => [key, plain(doc[key])])),
    values,
    loads: A.getHeads(again).sort().join() === A.getHeads(doc).sort().join(),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
