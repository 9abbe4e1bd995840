// The camera, looking for a code: by the browser's own reader where it has one, else by one that is fetched from this
// origin only then. Pictures never leave this page and are never kept.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Fault } from "../../engine/port.js";
import { Acts, Button, Notice, Stage, Trouble } from "../parts.js";

const SIDE = 640; // pixels of the square that is read
const PAUSE_MS = 150; // between two looks

type Reader = (picture: ImageData) => Promise<string | null>;
interface Detector {
  detect(picture: ImageData): Promise<{ rawValue: string }[]>;
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

async function browsersOwn(): Promise<Reader | null> {
  const found = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (!found || !(await found.getSupportedFormats().catch(() => [] as string[])).includes("qr_code")) return null;
  const detector = new found({ formats: ["qr_code"] });
  return async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null;
}

async function fetched(): Promise<Reader> {
  const { reader } = await import("../reader.js");
  return reader();
}

function square(video: HTMLVideoElement, canvas: HTMLCanvasElement): ImageData | null {
  const side = Math.min(video.videoWidth, video.videoHeight);
  if (!side) return null;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  context.drawImage(video, left, top, side, side, 0, 0, SIDE, SIDE);
  return context.getImageData(0, 0, SIDE, SIDE);
}

function refused(error: unknown): Fault {
  const name = error instanceof Error ? error.name : "";
  const message = name === "NotAllowedError" ? "This app may not use the camera." : "The camera could not be used.";
  return {
    family: "Unreachable",
    class: name,
    message,
    hint: "Type the code instead; it is shown beside the picture.",
  };
}

/** Look until something was read. `read` answers null where the code was good, else what is wrong with it. */
async function watch(video: HTMLVideoElement, until: AbortSignal, read: (text: string) => boolean): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const end = () => stream.getTracks().forEach((track) => track.stop());
  until.addEventListener("abort", end);
  if (until.aborted) return end();
  video.srcObject = stream;
  await video.play();
  const reader = (await browsersOwn()) ?? (await fetched());
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  while (!until.aborted) {
    const picture = square(video, canvas);
    const text = picture && (await reader(picture));
    if (text && !until.aborted && read(text)) break;
    await new Promise((go) => setTimeout(go, PAUSE_MS));
  }
  end();
}

/** The camera's picture. `found` answers what is wrong with a code that was read, or null. */
export function Scanner({ found, type }: { found: (text: string) => string | null; type: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [fault, fail] = useState<Fault | null>(null);
  const [wrong, say] = useState<string | null>(null);
  useEffect(() => {
    const ended = new AbortController();
    const read = (text: string) => {
      const problem = found(text);
      say(problem);
      return problem === null;
    };
    watch(video.current!, ended.signal, read).catch((error) => !ended.signal.aborted && fail(refused(error)));
    return () => ended.abort();
  }, []);
  return (
    <Stage title="Scan the code">
      <Trouble fault={fault} />
      {!fault && (
        <div class="viewer">
          <video ref={video} playsinline muted aria-label="What the camera sees" />
        </div>
      )}
      {wrong ? (
        <Notice tone="warn">
          <p>{wrong}</p>
        </Notice>
      ) : (
        <p class="note" role="status">
          Hold the camera over the code on the other screen.
        </p>
      )}
      <Acts>
        <Button kind="plain" onClick={type}>
          Type a code instead
        </Button>
      </Acts>
    </Stage>
  );
}
