// How the phone's app is built: `vite build` in this folder writes mesh/node/gateway/static, which no commit holds. Another
// worker or service worker can stand in its place for tests; nothing else differs then.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";
import { finish, versionOf } from "./making/finish.js";
import { icons } from "./making/icons.js";

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const WORKER = path.join(ROOT, "engine/shell/thread.ts");
const FOLDERS = ["engine", "ui", "making", "public"];
const FILES = ["index.html", "package-lock.json", "sw.ts", "vite.config.ts", "tsconfig.json"];

/** What makes scripts smaller and no different: numbers stand where they are read, and who only reads changes nothing. */
const SMALLER = {
  checks: { pluginTimings: false },
  optimization: { inlineConst: { mode: "all", pass: 3 } },
  treeshake: { propertyReadSideEffects: false },
} as const;

/** The worker and all that it stands on are a script beside the one that the page starts; see engine/shell/thread.ts. */
const APART = { ...SMALLER, output: { codeSplitting: { groups: [{ name: "engine", test: /engine\/shell\/worker\.ts$/ }] } } };

/** Where to, and from which two entries beside the page. */
export interface Entries {
  out: string;
  worker: string;
  serviceWorker: string;
}

const OURS: Entries = {
  out: process.env["MESH_STATIC"] ?? path.join(ROOT, "../mesh/node/gateway/static"),
  worker: WORKER,
  serviceWorker: path.join(ROOT, "sw.ts"),
};

/** The configuration. */
export async function configured({ out, worker, serviceWorker }: Entries, files = FILES): Promise<UserConfig> {
  const version = await versionOf(ROOT, FOLDERS, files);
  return {
    root: ROOT,
    logLevel: "warn",
    resolve: {
      alias: worker === WORKER ? [] : [{ find: /^.*\/engine\/shell\/thread\.ts(?=\?worker)/, replacement: worker }],
    },
    define: { __VERSION__: JSON.stringify(version) },
    worker: { format: "es", rolldownOptions: APART },
    plugins: [
      icons(path.join(ROOT, "public/icon.svg")),
      finish(out, serviceWorker, version, path.join(ROOT, "build/compressed")),
    ],
    build: {
      target: "es2022",
      outDir: out,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: false,
      rolldownOptions: SMALLER,
    },
  };
}

export default defineConfig(() => configured(OURS));
