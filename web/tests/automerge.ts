// Automerge made ready as a test has it: its machine code read from the package. It tests nothing.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ready } from "../engine/state/engine.js";

await ready(readFileSync(fileURLToPath(import.meta.resolve("@automerge/automerge/automerge.wasm"))));
