// Tasks: what is open, ready or done, a new one at thumb reach, and one task whole. It decides nothing about order.
import { useState } from "preact/hooks";
import type { TaskRow } from "../../engine/rows.js";
import { Icon } from "../icons.js";
import { List } from "../list.js";
import { usePages } from "../pages.js";
import {
  Button,
  Card,
  Chip,
  Choice,
  Empty,
  Loaded,
  Points,
  Prose,
  Row,
  Screen,
  Section,
  Trouble,
  Waiting,
} from "../parts.js";
import { to } from "../route.js";
import { ask, tell, useAct, useRows } from "../state.js";
import { count, moment, span, stateWords, who } from "../words.js";

const LIST_MAX = 1000; // as a call answers at most

type Filter = "open" | "ready" | "done";
const FILTERS: readonly (readonly [Filter, string])[] = [
  ["open", "Open"],
  ["ready", "Ready"],
  ["done", "Done"],
];
const EMPTY: Record<Filter, [string, string]> = {
  open: ["Nothing to do", "Tasks of yours and of your agents stand here, from all devices."],
  ready: ["Nothing is ready", "Every open task waits for another one, or somebody is at it."],
  done: ["Nothing is done yet", "What is done stays here, with who did it."],
};

const STATES: Record<string, string> = { open: "", in_progress: "somebody is at it", needs_human: "needs you" };

/** Whether nothing is left to do about it. */
function isOver(task: TaskRow): boolean {
  return task.state === "done" || task.state === "dropped";
}

function about(task: TaskRow): string {
  if (task.claim && !task.claim.over)
    return `${task.claim.name} is at it, for ${span(task.claim.until_ms - Date.now())} more`;
  const open = task.waits.filter((one) => one.state !== "done").length;
  if (open) return `waits for ${count(open, "task")}`;
  return [STATES[task.state] ?? stateWords(task.state), ...task.tags.map((tag) => `#${tag}`)]
    .filter(Boolean)
    .join(" · ");
}

function Entry({ task }: { task: TaskRow }) {
  const over = isOver(task);
  const finish = useAct(async () => {
    await ask("task.done", { id: task.document });
    tell(`Done: ${task.title}`, () => ask("task.state", { id: task.document, state: "open" }));
  });
  return (
    <div class={`task ${over ? "over" : ""}`}>
      <button
        class="plain square"
        type="button"
        aria-label={over ? "Done" : `Mark “${task.title}” done`}
        aria-pressed={over}
        disabled={over || finish.busy}
        onClick={() => void finish.run()}
      >
        <span class="box">
          <Icon name="check" />
        </span>
      </button>
      <a class="row" href={to("task", task.document)}>
        <span class="words">
          <span class="name" dir="auto">
            {task.title}
          </span>
          <span class="text">{finish.fault?.message ?? about(task)}</span>
        </span>
        {task.conflicts > 0 && <Chip tone="bad">conflict</Chip>}
        {task.priority !== null && task.priority === 0 && <Chip tone="warn">urgent</Chip>}
      </a>
    </div>
  );
}

function Adding() {
  const [title, set] = useState("");
  const add = useAct(async () => {
    await ask("task.add", { title: title.trim() });
    set((now) => (now === title ? "" : now)); // somebody may type on meanwhile
    tell("Task added.");
  });
  return (
    <form class="composer" onSubmit={(event) => (event.preventDefault(), title.trim() && void add.run())}>
      <Trouble fault={add.fault} />
      <div class="write">
        <input
          dir="auto"
          aria-label="New task"
          placeholder="New task…"
          value={title}
          onInput={(event) => set(event.currentTarget.value)}
          enterkeyhint="done"
        />
        <button class="button main round" type="submit" aria-label="Add" disabled={!title.trim() || add.busy}>
          <Icon name="plus" />
        </button>
      </div>
    </form>
  );
}

/** The screen. */
export function Tasks() {
  const [filter, choose] = useState<Filter>("open");
  const [more, leftOut] = useState(0);
  const pages = usePages<TaskRow>(
    `tasks ${filter}`,
    async () => {
      const { tasks, more } = await ask("task.list", { filter, limit: LIST_MAX });
      leftOut(more);
      return { rows: tasks, next: undefined, total: undefined };
    },
    ["tasks"],
  );
  return (
    <Screen title="Tasks" foot={<Adding />}>
      <Choice label="Which tasks" value={filter} options={FILTERS} onChange={choose} />
      <Trouble fault={pages.fault} again={pages.again} />
      {pages.rows === null && !pages.fault && <Waiting />}
      {pages.rows?.length === 0 && (
        <Empty title={EMPTY[filter][0]} icon="tasks">
          {EMPTY[filter][1]}
        </Empty>
      )}
      {pages.rows !== null && pages.rows.length > 0 && (
        <List label="Tasks" rows={pages.rows} total={pages.total} keyOf={(task) => task.document} want={pages.want}>
          {(task) => <Entry task={task} />}
        </List>
      )}
      {more > 0 && <p class="note">{count(more, "more task")} of less weight.</p>}
    </Screen>
  );
}

/** One task whole. */
export function Task({ id }: { id: string }) {
  const rows = useRows("task.show", { id }, ["tasks"]);
  const set = useAct(async (state: string) => {
    if (state === "done") await ask("task.done", { id });
    else await ask("task.state", { id, state });
    rows.again();
    tell(state === "done" ? "Done." : "Changed.");
  });
  return (
    <Screen title="Task" up="tasks">
      <Trouble fault={set.fault} />
      <Loaded rows={rows}>
        {(task) => (
          <>
            <h2 class="reading" dir="auto">
              {task.title}
            </h2>
            <p class="note">{about(task)}</p>
            {task.created && (
              <p class="note">
                From {who(task.created)}, {moment(task.created.at, Date.now())}
              </p>
            )}
            {task.text && <Prose text={task.text} />}
            <Points title="Done when" items={task.acceptance} />
            {task.waits.length > 0 && (
              <Section title="Waits for">
                <Card>
                  {task.waits.map((one) => (
                    <Row key={one.document} href={to("task", one.document)} title={one.title} text={one.state} />
                  ))}
                </Card>
              </Section>
            )}
            <div class="buttons sticky">
              {isOver(task) ? (
                <Button busy={set.busy} onClick={() => void set.run("open")}>
                  Open again
                </Button>
              ) : (
                <Button kind="main" icon="check" busy={set.busy} onClick={() => void set.run("done")}>
                  Done
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Screen>
  );
}
