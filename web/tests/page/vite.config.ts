// The same page over a recorded port: rows of a test stand behind it, and no engine. Nobody but tests builds this.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { configured } from "../../vite.config.js";

const HERE = path.dirname(fileURLToPath(import.meta.url));

export default defineConfig(() =>
  configured(
    {
      out: process.env["MESH_STATIC"] ?? path.join(HERE, "../../build/page"),
      worker: path.join(HERE, "recorded.ts"),
      serviceWorker: path.join(HERE, "idle.ts"),
    },
    ["index.html"],
  ),
);
