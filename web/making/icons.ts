// The icons that need to be pixels, drawn from the one SVG when the app is built. No picture of pixels is in the source.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import type { Plugin } from "vite";

const OUTER = /rx="116"/;
/** Name, side in pixels, and whether the system cuts the corners itself. */
const PICTURES: readonly (readonly [string, number, boolean])[] = [
  ["icon-192.png", 192, false],
  ["icon-512.png", 512, false],
  ["icon-maskable.png", 512, true],
  ["icon-apple.png", 180, true],
];

/** Draws them into the folder of what is built. */
export function icons(source: string): Plugin {
  return {
    name: "mesh-icons",
    apply: "build",
    async buildStart() {
      const svg = await readFile(source, "utf8");
      const wasm = createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm");
      await started(wasm);
      for (const [name, side, square] of PICTURES) {
        const drawn = new Resvg(square ? svg.replace(OUTER, "") : svg, {
          fitTo: { mode: "width", value: side },
        }).render();
        this.emitFile({ type: "asset", fileName: name, source: drawn.asPng() });
      }
    },
  };
}

let once: Promise<void> | null = null;

function started(wasm: string): Promise<void> {
  once ??= readFile(wasm).then((bytes) => initWasm(bytes));
  return once;
}
