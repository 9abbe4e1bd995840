// One note: read, and written. A save is one edit that says what it began from; if the note changed meanwhile both are
// shown and both are kept. It never writes over anything, and never throws away what was typed.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Calls } from "../../engine/port.js";
import type { NoteWhole } from "../../engine/rows.js";
import * as drafts from "../drafts.js";
import { Area, Button, Card, Chip, Empty, Loaded, Notice, Prose, Row, Screen, Section, Trouble } from "../parts.js";
import { back, go, to } from "../route.js";
import { ask, tell, useAct, useRows } from "../state.js";
import { count, moment } from "../words.js";
import { nameOf } from "./conflicts.js";

interface Draft {
  title: string;
  body: string;
  /** What the note had when the writing began, and the name of that version; null of a new note. */
  base: { title: string; body: string; version?: string[] } | null;
}

type Edit = Omit<Calls["note.edit"][0], "document">;

/** What is to be said to turn the base into the draft; null where nothing is different. */
export function editOf(draft: Draft): Edit | null {
  const { base } = draft;
  if (!base) return draft.title.trim() || draft.body.trim() ? { title: draft.title.trim(), body: draft.body } : null;
  const title = draft.title !== base.title ? { title: draft.title } : {};
  const body = draft.body !== base.body ? { body: draft.body } : {};
  const edit = { ...title, ...body };
  const version = base.version ? { base_version: base.version } : {}; // drafts of older pages have none
  return Object.keys(edit).length ? { ...edit, base_body: base.body, ...version } : null;
}

/** A draft, how it becomes another one, and what it is by now: somebody may type on while it is being saved. */
function useDraft(name: string): [Draft | null | undefined, (draft: Draft | null) => void, () => Draft | null] {
  const [draft, set] = useState<Draft | null>();
  const latest = useRef<Draft | null>(null);
  latest.current = draft ?? null;
  useEffect(() => {
    void drafts.read<Draft>(name).then(
      (kept) => set((now) => now ?? kept),
      () => set((now) => now ?? null),
    );
  }, []);
  return [
    draft,
    (now) => {
      set(now);
      latest.current = now;
      void drafts.keep(name, now);
    },
    () => latest.current,
  ];
}

function Meanwhile({ base, note }: { base: { body: string; title: string }; note: NoteWhole }) {
  if (base.body === note.body && base.title === note.title) return null;
  return (
    <Notice tone="warn" icon="conflict">
      <p class="strong">This note changed on {note.updated.name || "another device"} while you were writing.</p>
      <p>Nothing is written over: saving puts both together, and what does not go together stands side by side.</p>
      <details>
        <summary>What it is there now</summary>
        {base.title !== note.title && <p class="strong">{note.title}</p>}
        <Prose text={note.body} />
      </details>
    </Notice>
  );
}

function Editor(props: {
  draft: Draft;
  note: NoteWhole | null;
  change: (draft: Draft) => void;
  save: () => void;
  busy: boolean;
  cancel: () => void;
}) {
  const { draft, change } = props;
  const area = useRef<HTMLFormElement>(null);
  useEffect(() => area.current?.querySelector("textarea")?.focus(), []);
  return (
    <form ref={area} class="editor" onSubmit={(event) => (event.preventDefault(), props.save())}>
      {draft.base && props.note && <Meanwhile base={draft.base} note={props.note} />}
      <input
        class="heading"
        aria-label="Title"
        placeholder="Title"
        dir="auto"
        value={draft.title}
        onInput={(event) => change({ ...draft, title: event.currentTarget.value })}
      />
      <Area
        label="Text, in Markdown"
        placeholder="Write…"
        value={draft.body}
        onInput={(event) => change({ ...draft, body: event.currentTarget.value })}
      />
      <div class="buttons sticky">
        <Button onClick={props.cancel}>{editOf(draft) ? "Discard" : "Cancel"}</Button>
        <Button kind="main" type="submit" busy={props.busy} disabled={!editOf(draft)}>
          Save
        </Button>
      </div>
    </form>
  );
}

function Reading({ note, edit, busy }: { note: NoteWhole; edit: () => void; busy: boolean }) {
  const remove = useAct(async () => {
    await ask("note.rm", { document: note.document });
    tell("The note is deleted. It can be brought back on the Mac.");
    back("notes");
  });
  const [sure, ask_] = useState(false);
  return (
    <>
      <h2 class="reading" dir="auto">
        {note.title || "Untitled"}
      </h2>
      <p class="note">
        {note.updated.name}, {moment(note.updated.time_ms, Date.now())}
        {note.path && <> · {note.path}</>}
      </p>
      <p class="chips">
        {note.tags.map((tag) => (
          <Chip key={tag}>#{tag}</Chip>
        ))}
        {note.waiting && <Chip tone="warn">only here</Chip>}
        {note.deleted && <Chip tone="bad">deleted</Chip>}
        {note.hidden > 0 && <Chip>{count(note.hidden, "edit")} hidden</Chip>}
      </p>
      {note.conflicts.length > 0 && (
        <Section
          title={count(note.conflicts.length, "conflict")}
          note="Several versions stand side by side here. Nothing is lost."
        >
          <Card>
            {note.conflicts.map((one) => (
              <Row
                key={one.id}
                href={to("conflict", one.id)}
                icon="conflict"
                title={nameOf(one)}
                text={one.devices.join(", ")}
              />
            ))}
          </Card>
        </Section>
      )}
      {note.body ? <Prose text={note.body} /> : <p class="note">No text.</p>}
      <Trouble fault={remove.fault} />
      <div class="buttons sticky">
        <Button kind="danger" busy={remove.busy} onClick={() => (sure ? void remove.run() : ask_(true))}>
          {sure ? "Really delete" : "Delete"}
        </Button>
        <Button kind="main" busy={busy} onClick={edit}>
          Edit
        </Button>
      </div>
    </>
  );
}

/** Throw a draft away; for a moment it can be had back. */
function discard(draft: Draft, change: (draft: Draft | null) => void, latest: () => Draft | null): void {
  change(null);
  if (editOf(draft)) tell("Thrown away.", async () => latest() ?? change(draft));
}

/** A new note out of what was written. */
async function added(draft: Draft): Promise<string> {
  return (await ask("note.add", { title: draft.title.trim(), body: draft.body })).document;
}

function NewNote() {
  const [draft, change, latest] = useDraft("note new");
  const now: Draft = draft ?? { title: "", body: "", base: null };
  const save = useAct(async () => {
    const document = await added(now);
    const later = latest();
    if (later && later !== now) {
      const base = { title: now.title, body: now.body, version: [] };
      await drafts.keep(`note ${document}`, { ...later, base });
    }
    change(null);
    tell("Saved.");
    location.replace(to("note", document));
  });
  if (draft === undefined) return null;
  return (
    <Screen title="New note" up="notes">
      <Trouble fault={save.fault} />
      <Editor
        draft={now}
        note={null}
        change={change}
        save={() => void save.run()}
        busy={save.busy}
        cancel={() => (discard(now, change, latest), go("notes"))}
      />
    </Screen>
  );
}

/** The screen. */
export function Note({ id }: { id: string }) {
  return id === "new" ? <NewNote /> : <Existing id={id} />;
}

function Existing({ id }: { id: string }) {
  const rows = useRows("note.show", { document: id }, ["notes", "conflicts"]);
  const [draft, change, latest] = useDraft(`note ${id}`);
  const edit = useAct(async () => {
    const { version, ...note } = await ask("note.begin", { document: id }); // rows may be from before the last save
    change({ ...note, base: { ...note, version } });
  });
  const save = useAct(async () => {
    const sent = draft!;
    const { version } = await ask("note.edit", { document: id, ...editOf(sent)! });
    const later = latest();
    change(later && later !== sent ? { ...later, base: { title: sent.title, body: sent.body, version } } : null);
    rows.again();
    tell("Saved.");
  });
  const apart = useAct(async () => {
    const document = await added(latest()!);
    change(null);
    tell("Saved as a note of its own.");
    location.replace(to("note", document));
  });
  if (draft === undefined) return null;
  if (draft)
    return (
      <Screen title="Edit note" up="notes">
        <Trouble fault={apart.fault ?? save.fault} />
        {save.fault && (
          <Button busy={apart.busy} onClick={() => void apart.run()}>
            Save it as a new note
          </Button>
        )}
        <Editor
          draft={draft}
          note={rows.value}
          change={change}
          save={() => void save.run()}
          busy={save.busy || apart.busy}
          cancel={() => (save.clear(), discard(draft, change, latest))}
        />
      </Screen>
    );
  return (
    <Screen title="Note" up="notes">
      <Trouble fault={edit.fault} />
      <Loaded rows={rows}>
        {(note) => <Reading note={note} edit={() => void edit.run()} busy={edit.busy} />}
      </Loaded>
      {rows.fault && rows.value === null && (
        <Empty title="This note could not be read" icon="notes">
          It is still where it was.
        </Empty>
      )}
    </Screen>
  );
}
