// Conflicts: versions that live side by side, shown side by side, settled by one act, and taken back by another. It
// never settles anything by itself and never hides a version.
import { useState } from "preact/hooks";
import type { ConflictRow, ConflictWhole, SettledRow, SideRow } from "../../engine/rows.js";
import { List } from "../list.js";
import { usePages } from "../pages.js";
import {
  Area,
  Button,
  Card,
  Chip,
  Empty,
  Line,
  Loaded,
  Notice,
  Row,
  Screen,
  Section,
  Trouble,
  Waiting,
} from "../parts.js";
import { back, to } from "../route.js";
import { ask, tell, useAct, useRows } from "../state.js";
import { count, moment, when, who } from "../words.js";

const SETTLED_MAX = 20;

/** What a conflict is about, in words. */
export function nameOf(one: ConflictRow): string {
  if (one.kind === "text") return "Two edits of one place";
  if (one.kind === "deleted") return "Deleted here, edited there";
  if (one.kind === "path") return "Several notes at one path";
  if (one.kind === "renamed") return "Moved to two places";
  return one.field ? `Two values of “${one.field}”` : "Versions side by side";
}

function inWords(one: ConflictRow, side: SideRow): string {
  if (one.kind === "path") return side.title || String(side.value ?? "");
  if (one.kind === "deleted")
    return side.value === "deleted" ? "The note is deleted" : "The note is kept, with its edits";
  if (side.value === null) return "No value";
  return side.value === "" ? "Empty" : String(side.value);
}

function marked([piece, own]: readonly [string, boolean]) {
  return own ? <mark>{piece}</mark> : piece;
}

function take(one: ConflictRow): string {
  if (one.kind === "deleted" || one.kind === "text") return "Choose this";
  return one.kind === "path" ? "Leave this one here" : "Choose this";
}

function settled(id: string, words: string): void {
  tell(words, () => ask("conflicts.undo", { id }));
  back("conflicts");
}

function Side(props: { one: ConflictWhole; side: SideRow; place: number; busy: boolean; choose: () => void }) {
  const { one, side } = props;
  return (
    <article class="side" aria-label={`Version ${props.place + 1}, of ${who(side)}`}>
      <p class="note">
        {who(side)}
        {side.at !== undefined && <>, {moment(side.at, Date.now())}</>}
      </p>
      <div class="prose" dir="auto">
        {one.context && <span class="faint">{one.context.before}</span>}
        {side.value === "" || !side.pieces ? <span>{inWords(one, side)}</span> : side.pieces.map(marked)}
        {one.context && <span class="faint">{one.context.after}</span>}
      </div>
      {one.open && (
        <Button busy={props.busy} onClick={props.choose}>
          {take(one)}
        </Button>
      )}
    </article>
  );
}

function Settle({
  one,
  busy,
  run,
}: {
  one: ConflictWhole;
  busy: boolean;
  run: (how: { value: string } | { merge: true }) => void;
}) {
  const first = one.context?.merged ?? one.values[0]?.value;
  const [text, write] = useState<string | null>(null);
  if (one.kind === "deleted") return null;
  if (text !== null)
    return (
      <form class="editor" onSubmit={(event) => (event.preventDefault(), run({ value: text }))}>
        <Area label="Your own version" value={text} onInput={(event) => write(event.currentTarget.value)} />
        <div class="buttons">
          <Button onClick={() => write(null)}>Cancel</Button>
          <Button kind="main" type="submit" busy={busy} disabled={text === ""}>
            Use this
          </Button>
        </div>
      </form>
    );
  return (
    <div class="buttons">
      {one.kind !== "path" && <Button onClick={() => write(String(first ?? ""))}>Write another</Button>}
      {one.kind === "text" && one.context && (
        <Button kind="main" busy={busy} onClick={() => run({ merge: true })}>
          Keep both edits
        </Button>
      )}
    </div>
  );
}

function Over({ one }: { one: ConflictWhole }) {
  const undo = useAct(async () => {
    await ask("conflicts.undo", { id: one.id });
    tell("Taken back. The versions stand side by side again.");
  });
  const [last] = one.settled_by;
  return (
    <Notice tone="good" icon="check">
      <p class="strong">Settled{last && ` by ${who(last)}, ${moment(last.at, Date.now())}`}.</p>
      <Trouble fault={undo.fault} />
      <Button busy={undo.busy} onClick={() => void undo.run()}>
        Take it back
      </Button>
    </Notice>
  );
}

function Folded({ title, text }: { title: string; text: string }) {
  return (
    <details class="before">
      <summary>{title}</summary>
      <div class="prose" dir="auto">
        {text}
      </div>
    </details>
  );
}

function Whole({ one }: { one: ConflictWhole }) {
  const act = useAct(async (how: { take: number } | { value: string } | { merge: true }) => {
    await ask("conflicts.resolve", { id: one.id, ...how });
    settled(one.id, "Settled, on every device.");
  });
  return (
    <>
      <h2 class="reading" dir="auto">
        {one.title ?? "Untitled"}
      </h2>
      <p class="note">
        {nameOf(one)}
        {one.since !== null && `, since ${moment(one.since, Date.now())}`}
        {one.values.some((side) => side.pieces) && ". What differs is marked."}
      </p>
      {!one.open && <Over one={one} />}
      <Trouble fault={act.fault} />
      <div class="sides">
        {one.values.map((side, place) => (
          <Side
            key={place}
            one={one}
            side={side}
            place={place}
            busy={act.busy}
            choose={() => void act.run({ take: place + 1 })}
          />
        ))}
      </div>
      {one.ancestor !== null && one.kind !== "deleted" && (
        <Folded title="What both began with" text={String(one.ancestor) || "Nothing"} />
      )}
      {one.context && one.open && <Folded title="Both edits together" text={one.context.merged} />}
      {one.open && <Settle one={one} busy={act.busy} run={(how) => void act.run(how)} />}
      <p class="note">
        <a href={to("note", one.document)}>Show the whole note</a>
      </p>
    </>
  );
}

/** One conflict whole. */
export function Conflict({ id }: { id: string }) {
  const rows = useRows("conflicts.show", { id }, ["conflicts"]);
  return (
    <Screen title="Conflict" up="conflicts">
      <Loaded rows={rows}>{(one) => <Whole one={one} />}</Loaded>
    </Screen>
  );
}

function Settled({ rows }: { rows: readonly SettledRow[] }) {
  if (!rows.length) return null;
  return (
    <Section title="Settled lately">
      <Card>
        {rows.map((one) => (
          <Row
            key={`${one.id} ${one.event}`}
            href={to("conflict", one.id)}
            icon="check"
            title={one.title ?? "Untitled"}
            text={`by ${who(one)}, ${moment(one.at, Date.now())}`}
            end={one.undone_by && <Chip>taken back</Chip>}
          />
        ))}
      </Card>
    </Section>
  );
}

/** The screen. */
export function Conflicts() {
  const pages = usePages<ConflictRow>(
    "conflicts",
    async (after) => {
      const { conflicts, next, total } = await ask("conflicts", after === undefined ? {} : { after });
      return { rows: conflicts, next, total };
    },
    ["conflicts"],
  );
  const settledRows = useRows("conflicts.settled", { limit: SETTLED_MAX }, ["conflicts"]);
  return (
    <Screen title="Conflicts" up="more">
      <Trouble fault={pages.fault} again={pages.again} />
      {pages.rows === null && !pages.fault && <Waiting />}
      {pages.rows?.length === 0 && (
        <Empty title="Everything agrees" icon="conflict">
          When two devices write the same place apart, both versions stand here until you choose.
        </Empty>
      )}
      {pages.rows !== null && pages.rows.length > 0 && (
        <List label="Conflicts" rows={pages.rows} total={pages.total} keyOf={(one) => one.id} want={pages.want}>
          {(one) => (
            <Line
              href={to("conflict", one.id)}
              icon="conflict"
              title={one.title ?? "Untitled"}
              text={`${nameOf(one)} · ${one.devices.join(", ")}`}
              end={
                <>
                  {one.since !== null && <time>{when(one.since, Date.now())}</time>}
                  <Chip tone="bad">{count(one.count, "version")}</Chip>
                </>
              }
            />
          )}
        </List>
      )}
      <Settled rows={settledRows.value?.settled ?? []} />
    </Screen>
  );
}
