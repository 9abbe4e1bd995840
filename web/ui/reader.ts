// Reads QR codes where the browser cannot: loaded only when a camera looks for one, and from this origin alone.
import { prepareZXingModule, readBarcodes } from "zxing-wasm/reader";
import wasm from "zxing-wasm/reader/zxing_reader.wasm?url";

/** A reader of pictures. */
export function reader(): (picture: ImageData) => Promise<string | null> {
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  return async (picture) => {
    const found = await readBarcodes(picture, { formats: ["QRCode"], maxNumberOfSymbols: 1 });
    return found[0]?.text ?? null;
  };
}
