// Voice memos: recorded in pieces, each kept as a draft when it comes, so that a page which is killed has all but the
// last moments. It never gives anything to the worker itself, and never records without a sign of it on the screen.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Fault } from "../../engine/port.js";
import * as drafts from "../drafts.js";

const DRAFT = "voice";
const PIECE_MS = 1000;
const TYPES = ["audio/mp4", "audio/webm;codecs=opus", "audio/ogg;codecs=opus"];

/** A recording that is whole. */
export interface Memo {
  file: Blob;
  name: string;
  ms: number;
}

interface Kept {
  pieces: Blob[];
  type: string;
  began_ms: number;
}

function memoOf({ pieces, type, began_ms }: Kept): Memo {
  const plain = type.split(";")[0] || "audio/webm";
  const ending = plain === "audio/mp4" ? "m4a" : plain.slice("audio/".length);
  const day = new Date(began_ms - new Date(began_ms).getTimezoneOffset() * 60_000).toISOString();
  const name = `Voice ${day.slice(0, 10)} ${day.slice(11, 16).replace(":", ".")}.${ending}`;
  return { file: new Blob(pieces, { type: plain }), name, ms: pieces.length * PIECE_MS };
}

function refused(error: unknown): Fault {
  const name = error instanceof Error ? error.name : "";
  const denied = name === "NotAllowedError";
  return {
    family: denied ? "Misuse" : "Unreachable",
    class: name || "Unexpected",
    message: denied ? "This app may not use the microphone." : "The microphone could not be used.",
    hint: denied
      ? "Allow it for this page in the settings of the browser."
      : "Another app may be using it. Try it again.",
  };
}

/** Recording, for a screen: what runs, what is left of an earlier one, and what went wrong. */
export function useVoice() {
  const recorder = useRef<MediaRecorder | null>(null);
  const kept = useRef<Kept | null>(null);
  const [state, set] = useState<{ recording: boolean; ms: number; left: Memo | null; fault: Fault | null }>({
    recording: false,
    ms: 0,
    left: null,
    fault: null,
  });
  const change = (some: Partial<typeof state>) => set((now) => ({ ...now, ...some }));
  useEffect(() => {
    void drafts.read<Kept>(DRAFT).then((found) => {
      if (!found?.pieces.length || kept.current) return;
      kept.current = found;
      change({ left: memoOf(found) });
    });
    return () => {
      if (recorder.current?.state === "recording") recorder.current.stop();
    };
  }, []);
  const start = async () => {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one)) ?? "";
      const made = new MediaRecorder(stream, type ? { mimeType: type } : {});
      const now: Kept = { pieces: [], type: made.mimeType, began_ms: Date.now() };
      kept.current = now;
      made.ondataavailable = ({ data }) => {
        if (!data.size) return;
        now.pieces.push(data);
        void drafts.keep(DRAFT, now);
        change({ ms: Date.now() - now.began_ms });
      };
      made.addEventListener("stop", () => stream.getTracks().forEach((track) => track.stop()));
      recorder.current = made;
      made.start(PIECE_MS);
      change({ recording: true, ms: 0, left: null, fault: null });
    } catch (error) {
      change({ recording: false, fault: refused(error) });
    }
  };
  const stop = (): Promise<Memo | null> =>
    new Promise((done) => {
      const made = recorder.current;
      if (!made || made.state === "inactive") return done(null);
      made.addEventListener("stop", () => {
        const memo = kept.current?.pieces.length ? memoOf(kept.current) : null;
        change({ recording: false, left: memo });
        done(memo);
      });
      made.stop();
    });
  const settle = async () => {
    kept.current = null;
    change({ left: null });
    await drafts.keep(DRAFT, null);
  };
  return { ...state, start, stop, settle };
}
