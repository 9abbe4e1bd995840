// What is done once the app is built: the service worker is made with the list of all files in it, and what compresses
// is compressed. The same sources give the same bytes: no time, no path and no chance goes into it.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build, type Plugin } from "vite";

const COMPRESSED = /\.(js|css|html|wasm|webmanifest|svg)$/;
/** Fetched when a camera looks for a code, which needs the network anyway. */
const NOT_KEPT = /(^sw\.js|zxing|reader-|\.br)/;

/** A file that the service worker keeps: its address, and the SHA-256 of its bytes. */
export interface Kept {
  url: string;
  sha256: string;
}

/** All files beneath a folder, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return files.map((file) => path.relative(folder, file).split(path.sep).join("/")).sort();
}

/** The beginning of a digest over all files that the app is made from. */
export async function versionOf(root: string, folders: readonly string[], files: readonly string[]): Promise<string> {
  const named = await Promise.all(
    folders.map(async (folder) => (await filesIn(path.join(root, folder))).map((file) => `${folder}/${file}`)),
  );
  const digest = createHash("sha256");
  for (const file of [...named.flat(), ...files].sort()) {
    const sum = createHash("sha256").update(await readFile(path.join(root, file)));
    digest.update(`${file} ${sum.digest("hex")}\n`);
  }
  return digest.digest("hex").slice(0, 12);
}

async function kept(folder: string): Promise<Kept[]> {
  const files = (await filesIn(folder)).filter((file) => !NOT_KEPT.test(path.posix.basename(file)));
  return Promise.all(
    files.map(async (file) => {
      const sum = createHash("sha256")
        .update(await readFile(path.join(folder, file)))
        .digest("hex");
      return { url: file === "index.html" ? "/" : `/${file}`, sha256: sum };
    }),
  );
}

function compressed(bytes: Buffer): Buffer {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return brotliCompressSync(bytes, { params });
}

/** The same, looked up by content where it takes seconds: WebAssembly of others is the same in every build. */
async function remembered(bytes: Buffer, folder: string): Promise<Buffer> {
  const place = path.join(folder, `${createHash("sha256").update(bytes).digest("hex")}.br`);
  try {
    return await readFile(place);
  } catch {
    const made = compressed(bytes);
    await mkdir(folder, { recursive: true });
    await writeFile(`${place}.${process.pid}`, made);
    await rename(`${place}.${process.pid}`, place);
    return made;
  }
}

async function compress(folder: string, kept: string): Promise<void> {
  for (const file of (await filesIn(folder)).filter((name) => COMPRESSED.test(name))) {
    const bytes = await readFile(path.join(folder, file));
    const made = file.endsWith(".wasm") ? await remembered(bytes, kept) : compressed(bytes);
    await writeFile(path.join(folder, `${file}.br`), made);
  }
}

/** Makes the service worker out of its source, and compresses everything. `memory`: where slow results are kept. */
export function finish(folder: string, source: string, version: string, memory: string): Plugin {
  return {
    name: "mesh-finish",
    apply: "build",
    async closeBundle() {
      await build({
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        define: { __VERSION__: JSON.stringify(version), __PRECACHE__: JSON.stringify(await kept(folder)) },
        build: {
          target: "es2022",
          outDir: folder,
          emptyOutDir: false,
          lib: { entry: source, formats: ["iife"], name: "mesh", fileName: () => "sw.js" },
        },
      });
      await compress(folder, memory);
    },
  };
}
