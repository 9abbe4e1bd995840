// Reads vectors of tests/vectors/masks as JSON lines, and answers for each what web/engine/state/fold.ts makes of it.
// It decides nothing: tests/system/test_fold_typescript.py compares, and names the module as it was built.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { firstChange, MaskedDocument } = await import(pathToFileURL(process.argv[2]).href);

const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");

function answer({ birth, actor, changes, void: isVoid, edit }) {
  const first = firstChange(actor, birth);
  const carried = changes.map(([event, change]) => ({ event, change: bytes(change) }));
  const document = new MaskedDocument(first, carried, new Set(isVoid));
  const live = Object.fromEntries(
    document.keys.map((key) => [key, document.live(key).map(({ value, change }) => [value, change])]),
  );
  return {
    first: hex(first),
    text: document.text,
    live,
    heads: document.heads,
    hidden: document.hidden,
    aside: document.aside,
    next: edit && hex(document.edit(edit.actor, edit.edits)),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
