// Says how large the built app is: what a browser fetches of it, compressed. `--json` for a test; it judges nothing.
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";

const [folder, form] = process.argv.slice(2);
const LOADED_WITH = /(?:\bfrom|\bimport)\s*"\.\/([^"]+\.js)"/g; // what a script cannot begin without

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
const scripts = Object.keys(sizes).filter((name) => name.endsWith(".js"));

/** Scripts that every start loads: those of the page, the worker, the service worker, and what these begin with. */
async function atStart() {
  const page = await readFile(path.join(folder, "index.html"), "utf8");
  const begun = scripts.filter((name) => page.includes(`src="/${name}"`) || /^sw\.js$|\/(thread|engine)-/.test(name));
  for (const name of begun) {
    const text = await readFile(path.join(folder, name), "utf8");
    for (const [, other] of text.matchAll(LOADED_WITH)) {
      const found = path.posix.join(path.posix.dirname(name), other);
      if (!begun.includes(found)) begun.push(found); // which this loop then comes to
    }
  }
  return begun.sort();
}

const together = (all) => all.reduce((sum, name) => sum + sizes[name], 0);
const start = await atStart();
if (form === "--json") {
  console.log(JSON.stringify({ sizes, start, start_bytes: together(start), scripts: together(scripts) }));
} else {
  const line = (size, words) => console.log(`${String(size).padStart(9)}  ${words}`);
  for (const [name, size] of Object.entries(sizes)) line(size, start.includes(name) ? `${name} *` : name);
  line(together(start), "JavaScript that every start loads (*), compressed");
  line(together(scripts), "all JavaScript, compressed");
}
