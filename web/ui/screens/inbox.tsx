// The inbox: capture first, what was captured beneath. What is typed is kept at every letter, and what is chosen or
// recorded is given to the worker at once; nothing waits here for a "save".
import { useState } from "preact/hooks";
import type { InboxRow } from "../../engine/rows.js";
import { List } from "../list.js";
import { Button, Chip, Empty, Line, Screen, Trouble, Waiting } from "../parts.js";
import { usePages } from "../pages.js";
import { to } from "../route.js";
import { ask } from "../state.js";
import { bytes, when } from "../words.js";
import { Composer } from "./composer.js";
import type { IconName } from "../icons.js";

const STATES = {
  waits: ["only here", "warn"],
  going: ["going", ""],
  there: ["", ""],
  away: ["not here", ""],
} as const;

/** What sort of thing it is, as a picture. */
export function iconOf(mime: string): IconName {
  if (mime.startsWith("image/")) return "camera";
  return mime.startsWith("audio/") ? "voice" : "file";
}

function Captured({ row }: { row: InboxRow }) {
  const [words, tone] = STATES[row.state];
  const about = row.kind === "note" ? row.snippet : `${bytes(row.size)} · ${row.name}`;
  return (
    <Line
      href={row.kind === "note" ? to("note", row.document) : to("drop", row.document)}
      icon={row.kind === "note" ? "notes" : iconOf(row.mime)}
      title={row.title || row.snippet || "Untitled"}
      text={about || row.name}
      end={
        <>
          <time>{when(row.at_ms, Date.now())}</time>
          {words && <Chip tone={tone}>{words}</Chip>}
        </>
      }
    />
  );
}

/** The screen. */
export function Inbox() {
  const pages = usePages<InboxRow>(
    "inbox",
    async (after) => {
      const { items, next } = await ask("inbox.list", after === undefined ? {} : { after });
      return { rows: items, next, total: undefined };
    },
    ["inbox"],
  );
  return (
    <Screen title="Inbox" foot={<Composer />}>
      <Trouble fault={pages.fault} again={pages.again} />
      {pages.rows === null && !pages.fault && <Waiting />}
      {pages.rows?.length === 0 && (
        <Empty title="Nothing captured yet" icon="inbox">
          Write a thought, take a photo or record your voice below. It stays on this phone until another device has it.
        </Empty>
      )}
      {pages.rows !== null && pages.rows.length > 0 && (
        <List label="Captured" rows={pages.rows} total={pages.total} keyOf={(row) => row.document} want={pages.want}>
          {(row) => <Captured row={row} />}
        </List>
      )}
    </Screen>
  );
}

/** Files that could not be given to the worker, until they are or the person lets go of them. */
export function Unsaved(props: { files: readonly File[]; again: () => void; drop: () => void }) {
  const [sure, be] = useState(false);
  if (!props.files.length) return null;
  return (
    <div class="unsaved" role="alert">
      <p>{props.files.map((file) => file.name).join(", ")}: not saved yet.</p>
      <Button kind="main" onClick={props.again}>
        Try again
      </Button>
      <Button kind="danger" onClick={sure ? props.drop : () => be(true)}>
        {sure ? "Really let go of it" : "Let go of it"}
      </Button>
    </div>
  );
}
