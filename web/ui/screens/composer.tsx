// The box for capturing at thumb reach: text, photo, file, voice, paste. It saves through the worker and keeps drafts;
// it never holds the only copy of anything longer than it takes to write it down.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Fault } from "../../engine/port.js";
import * as drafts from "../drafts.js";
import { Icon } from "../icons.js";
import { Area, Button, Tool, Trouble } from "../parts.js";
import { faultOf } from "../port.js";
import { ask, tell, useAct } from "../state.js";
import { recorded } from "../words.js";
import { Unsaved } from "./inbox.js";
import { useVoice, type Memo } from "./voice.js";

const DRAFT = "inbox";
const TITLE_CHARACTERS = 120;
const IDLE = { busy: false, fault: null, left: [] };

/** A note out of what was typed: the first line is its title, if it is a line and not a paragraph. */
export function noteOf(text: string): { title?: string; body?: string } {
  const plain = text.trim();
  const [first = "", ...rest] = plain.split("\n");
  if ([...first].length > TITLE_CHARACTERS) return { body: plain };
  const body = rest.join("\n").trim();
  return body ? { title: first.trim(), body } : { title: first.trim() };
}

/** What is being typed, how it becomes another text, and how what was saved of it goes: somebody may type on meanwhile. */
function useDraft(): [string, (text: string) => void, (saved: string) => void] {
  const [text, set] = useState("");
  const latest = useRef(text);
  latest.current = text;
  useEffect(() => {
    void drafts.read<string>(DRAFT).then((kept) => kept && set((now) => now || kept));
  }, []);
  const write = (now: string) => {
    latest.current = now;
    set(now);
    void drafts.keep(DRAFT, now || null);
  };
  const saved = (before: string) => {
    const now = latest.current;
    write(now.startsWith(before) ? now.slice(before.length).trimStart() : now);
  };
  return [text, write, saved];
}

/** Files that the worker is given one after the other; those that come meanwhile wait for their turn. */
function useFiles() {
  const queue = useRef<File[]>([]);
  const running = useRef(false);
  const [{ busy, fault, left }, show] = useState<{ busy: boolean; fault: Fault | null; left: readonly File[] }>(IDLE);
  const now = (wrong: Fault | null) => show({ busy: running.current, fault: wrong, left: [...queue.current] });
  const run = async () => {
    if (running.current) return; // that run takes these as well
    running.current = true;
    let count = 0;
    let wrong: Fault | null = null;
    try {
      for (let file = queue.current[0]; file; file = queue.current[0], count++) {
        now(null);
        await ask("drop.add", { file, name: file.name, mime: file.type || "application/octet-stream" });
        queue.current.shift();
      }
      tell(count === 1 ? "Saved." : `${count} files saved.`);
    } catch (error) {
      wrong = faultOf(error);
    }
    running.current = false;
    now(wrong);
  };
  const add = (files: Iterable<File> | null) => {
    queue.current.push(...(files ?? []));
    if (queue.current.length) void run();
  };
  const forget = () => {
    queue.current = [];
    now(null);
  };
  return { busy, fault, failed: busy ? [] : left, add, forget };
}

/** Let the person choose files. The field stands in the page meanwhile: Safari forgets one that does not. */
function pick(accept: string, done: (files: FileList | null) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.hidden = true;
  if (accept) input.accept = accept;
  input.onchange = () => {
    done(input.files);
    input.remove();
  };
  input.oncancel = () => input.remove();
  document.body.append(input);
  input.click();
}

async function pasted(add: (files: File[]) => void, write: (text: string) => void): Promise<void> {
  for (const item of await navigator.clipboard.read()) {
    const image = item.types.find((type) => type.startsWith("image/"));
    if (image) add([new File([await item.getType(image)], `Pasted.${image.slice(6)}`, { type: image })]);
    else if (item.types.includes("text/plain")) write(await (await item.getType("text/plain")).text());
  }
}

function Recording({ ms, stop }: { ms: number; stop: () => void }) {
  return (
    <div class="recording">
      <span class="dot" />
      <span class="grow" role="status">
        Recording {recorded(ms)}
      </span>
      <Button kind="main" icon="stop" onClick={stop}>
        Stop and save
      </Button>
    </div>
  );
}

function Leftover(props: { memo: Memo; busy: boolean; keep: (memo: Memo) => void; drop: () => void }) {
  return (
    <div class="unsaved" role="status">
      <p>A voice memo of {recorded(props.memo.ms)} is not saved yet.</p>
      <Button kind="main" busy={props.busy} onClick={() => props.keep(props.memo)}>
        Save it
      </Button>
      <Button kind="danger" onClick={props.drop}>
        Discard
      </Button>
    </div>
  );
}

function useMemos() {
  const voice = useVoice();
  const keep = useAct(async (memo: Memo) => {
    await ask("drop.add", { file: memo.file, name: memo.name, mime: memo.file.type });
    await voice.settle();
    tell("Voice memo saved.");
  });
  const stop = async () => {
    const memo = await voice.stop();
    if (memo) await keep.run(memo);
  };
  return { ...voice, stop, keep, fault: keep.fault ?? voice.fault };
}

/** The box. */
export function Composer() {
  const [text, write, saved] = useDraft();
  const files = useFiles();
  const voice = useMemos();
  const save = useAct(async () => {
    await ask("note.add", noteOf(text));
    saved(text);
    tell("Saved.");
  });
  const paste = useAct(() => pasted(files.add, (more) => write(text ? `${text}\n${more}` : more)));
  return (
    <div class="composer" role="group" aria-label="Capture">
      <Trouble fault={save.fault ?? files.fault ?? paste.fault ?? voice.fault} />
      <Unsaved files={files.failed} again={() => files.add(null)} drop={files.forget} />
      {voice.left && !voice.recording && (
        <Leftover memo={voice.left} busy={voice.keep.busy} keep={voice.keep.run} drop={voice.settle} />
      )}
      {voice.recording ? (
        <Recording ms={voice.ms} stop={voice.stop} />
      ) : (
        <>
          <Writing text={text} write={write} busy={save.busy} save={() => void save.run()} files={files.add} />
          <div class="tools">
            <Tool icon="camera" label="Photo" onClick={() => pick("image/*", files.add)} />
            <Tool icon="file" label="File" onClick={() => pick("", files.add)} />
            <Tool icon="voice" label="Voice memo" onClick={() => void voice.start()} />
            {typeof navigator.clipboard?.read === "function" && (
              <Tool icon="paste" label="Paste" onClick={() => void paste.run()} />
            )}
            {files.busy && <span class="note">Saving…</span>}
          </div>
        </>
      )}
    </div>
  );
}

function Writing(props: {
  text: string;
  write: (text: string) => void;
  busy: boolean;
  save: () => void;
  files: (files: File[]) => void;
}) {
  const onPaste = (event: ClipboardEvent) => {
    const given = [...(event.clipboardData?.files ?? [])];
    if (!given.length) return;
    event.preventDefault();
    props.files(given);
  };
  return (
    <div class="write">
      <Area
        label="Capture a thought"
        placeholder="Capture a thought…"
        value={props.text}
        enterkeyhint="enter"
        onInput={(event) => props.write(event.currentTarget.value)}
        onPaste={onPaste}
      />
      <button
        class="button main round"
        type="button"
        aria-label="Save"
        disabled={!props.text.trim() || props.busy}
        onClick={props.save}
      >
        <Icon name="send" />
      </button>
    </div>
  );
}
