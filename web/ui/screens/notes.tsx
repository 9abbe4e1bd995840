// All notes, the latest first, and a search through them. Rows come a page at a time; nothing is filtered here.
import { useEffect, useState } from "preact/hooks";
import type { NoteRow } from "../../engine/rows.js";
import { Icon } from "../icons.js";
import { List } from "../list.js";
import { usePages } from "../pages.js";
import { Chip, Empty, Line, Screen, Tool, Trouble, Waiting } from "../parts.js";
import { go, to } from "../route.js";
import { ask } from "../state.js";
import { count, when } from "../words.js";

const TYPING_MS = 200; // after the last letter of a search

function Entry({ note }: { note: NoteRow }) {
  return (
    <Line
      href={to("note", note.document)}
      title={note.title || "Untitled"}
      text={note.snippet || note.path || note.tags.map((tag) => `#${tag}`).join(" ") || "No text"}
      end={
        <>
          <time>{when(note.updated.time_ms, Date.now())}</time>
          {note.conflicts > 0 ? (
            <Chip tone="bad">{count(note.conflicts, "conflict")}</Chip>
          ) : (
            note.waiting && <Chip tone="warn">only here</Chip>
          )}
        </>
      }
    />
  );
}

function useSettled(text: string): string {
  const [settled, set] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => set(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function Search({ text, change }: { text: string; change: (text: string) => void }) {
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label="Search notes"
        placeholder="Search"
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
        enterkeyhint="search"
      />
      {text && <Tool icon="close" label="Clear the search" onClick={() => change("")} />}
    </div>
  );
}

/** The screen. */
export function Notes() {
  const [text, change] = useState("");
  const search = useSettled(text.trim());
  const pages = usePages<NoteRow>(
    `notes ${search}`,
    async (after) => {
      const given = { ...(search && { search }), ...(after !== undefined && { after }) };
      const { notes, next, total } = await ask("note.list", given);
      return { rows: notes, next, total };
    },
    ["notes", "conflicts"],
  );
  return (
    <Screen title="Notes" action={<Tool icon="plus" label="New note" onClick={() => go("note", "new")} />}>
      <Search text={text} change={change} />
      <Trouble fault={pages.fault} again={pages.again} />
      {pages.rows === null && !pages.fault && <Waiting />}
      {pages.rows?.length === 0 &&
        (search ? (
          <Empty title="No note has these words" icon="search">
            Notes whose text is not on this phone yet are found by their titles only.
          </Empty>
        ) : (
          <Empty title="No notes yet" icon="notes">
            What you write here or on any of your devices stands here, also without a network.
          </Empty>
        ))}
      {pages.rows !== null && pages.rows.length > 0 && (
        <List label="Notes" rows={pages.rows} total={pages.total} keyOf={(note) => note.document} want={pages.want}>
          {(note) => <Entry note={note} />}
        </List>
      )}
    </Screen>
  );
}
