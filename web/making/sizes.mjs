// Says how large the built app is: what a browser fetches of it, compressed. `--json` for a test; it judges nothing.
import { readdir, stat } from "node:fs/promises";
import path from "node:path";

const [folder, form] = process.argv.slice(2);

async function sizeOf(file) {
  return (await stat(`${file}.br`).catch(() => stat(file))).size;
}

const names = (await readdir(folder, { recursive: true })).filter(
  (name) => /\.[a-z]+$/.test(name) && !name.endsWith(".br"),
);
const sizes = Object.fromEntries(
  await Promise.all(
    names.sort().map(async (name) => [name.split(path.sep).join("/"), await sizeOf(path.join(folder, name))]),
  ),
);
const scripts = Object.entries(sizes).filter(([name]) => name.endsWith(".js"));
const total = scripts.reduce((sum, [, size]) => sum + size, 0);
if (form === "--json") {
  console.log(JSON.stringify({ sizes, scripts: total }));
} else {
  for (const [name, size] of Object.entries(sizes)) console.log(`${String(size).padStart(9)}  ${name}`);
  console.log(`${String(total).padStart(9)}  all JavaScript, compressed`);
}
