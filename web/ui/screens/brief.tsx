// The morning view: what waits for the person, then what happened. It shows what the worker gathered and decides nothing.
import type { BriefRow, DeviceRow, NoteRow, RecordRow } from "../../engine/rows.js";
import { Card, Chip, Empty, Loaded, Notice, Row, Screen, Section } from "../parts.js";
import { to } from "../route.js";
import { useRows } from "../state.js";
import { count, moment, stateWords, when, who } from "../words.js";
import { HandoffEntry } from "./handoff.js";
import { AskEntry } from "./questions.js";
import { SessionEntry } from "./sessions.js";

const TOPICS = ["notes", "tasks", "sessions", "handoffs", "asks", "memories", "conflicts", "devices"] as const;

function Waiting({ brief }: { brief: BriefRow }) {
  const { conflicts, memories_pending: memories, lost_claims: lost } = brief;
  if (!conflicts.count && !memories.length && !lost.length && !brief.questions.length && !brief.handoffs.length)
    return null;
  return (
    <Section title="Waits for you">
      <Card>
        {brief.questions.map((ask) => (
          <AskEntry key={ask.document} ask={ask} />
        ))}
        {brief.handoffs.map((handoff) => (
          <HandoffEntry key={handoff.document} handoff={handoff} />
        ))}
        {conflicts.count > 0 && (
          <Row
            href={to("conflicts")}
            icon="conflict"
            title={count(conflicts.count, "conflict")}
            text={conflicts.items
              .map((one) => one.title ?? "Untitled")
              .slice(0, 3)
              .join(", ")}
          />
        )}
        {memories.length > 0 && (
          <Row
            href={to("questions")}
            icon="shield"
            title={`${count(memories.length, "memory", "memories")} to approve`}
            text={memories[0]!.title}
          />
        )}
        {lost.map((record) => (
          <Row
            key={record.document}
            icon="warning"
            title={record.title}
            text="Somebody else took this meanwhile."
            wrap
          />
        ))}
      </Card>
    </Section>
  );
}

function changed(record: RecordRow): string {
  const at = record.updated;
  return at ? `${stateWords(record.state)} · ${who(at)}, ${moment(at.at, Date.now())}` : stateWords(record.state);
}

function Work({ brief }: { brief: BriefRow }) {
  return (
    <>
      {brief.sessions.length > 0 && (
        <Section title="Sessions">
          <Card>
            {brief.sessions.map((session) => (
              <SessionEntry key={session.document} session={session} />
            ))}
          </Card>
        </Section>
      )}
      {brief.tasks.length > 0 && (
        <Section title="Next tasks">
          <Card>
            {brief.tasks.map((task) => (
              <Row
                key={task.document}
                href={to("task", task.document)}
                icon="tasks"
                title={task.title}
                text={task.claim ? `${task.claim.name} is at it` : stateWords(task.state)}
              />
            ))}
          </Card>
        </Section>
      )}
    </>
  );
}

function Changed({ brief }: { brief: BriefRow }) {
  return (
    <Section title="Changed">
      <Card>
        {brief.tasks_changed.map((task) => (
          <Row
            key={task.document}
            href={to("task", task.document)}
            icon="check"
            title={task.title}
            text={changed(task)}
          />
        ))}
        {brief.receipts.map((receipt) => (
          <Row key={receipt.document} icon="shield" title={receipt.title} text={changed(receipt)} wrap />
        ))}
      </Card>
    </Section>
  );
}

function Notes({ notes }: { notes: readonly NoteRow[] }) {
  return (
    <Section title="Notes">
      <Card>
        {notes.map((note) => (
          <Row
            key={note.document}
            href={to("note", note.document)}
            icon="notes"
            title={note.title || "Untitled"}
            text={note.snippet}
            end={<time>{when(note.updated.time_ms, Date.now())}</time>}
          />
        ))}
      </Card>
    </Section>
  );
}

function seen(device: DeviceRow): string {
  if (device.self) return "this phone";
  return device.last_seen_ms === null ? "not seen yet" : `seen ${moment(device.last_seen_ms, Date.now())}`;
}

function Devices({ devices }: { devices: readonly DeviceRow[] }) {
  return (
    <Section title="Devices">
      <Card>
        {devices.map((device) => (
          <Row
            key={device.id}
            href={to("devices")}
            icon={device.in_browser ? "device" : "computer"}
            title={device.name}
            text={seen(device)}
            end={device.closed && <Chip tone="bad">removed</Chip>}
          />
        ))}
      </Card>
    </Section>
  );
}

function isEmpty(brief: BriefRow): boolean {
  const lists = [
    brief.lost_claims,
    brief.handoffs,
    brief.questions,
    brief.tasks,
    brief.tasks_changed,
    brief.memories_pending,
  ];
  return [...lists, brief.receipts, brief.sessions, brief.notes, brief.conflicts.items].every(
    (list) => list.length === 0,
  );
}

/** The screen. */
export function Brief() {
  const rows = useRows("brief", {}, TOPICS);
  return (
    <Screen title="Brief">
      <Loaded rows={rows}>
        {(brief) => (
          <>
            {brief.goal && (
              <p class="goal" dir="auto">
                {brief.goal}
              </p>
            )}
            {brief.problems.map((problem) => (
              <Notice key={problem.what} tone="warn">
                <p class="strong">{problem.what}</p>
                <p>{problem.hint}</p>
              </Notice>
            ))}
            {isEmpty(brief) && (
              <Empty title="A quiet morning" icon="brief">
                Nothing happened since {moment(brief.since_ms, Date.now())}, and nothing waits for you.
              </Empty>
            )}
            <Waiting brief={brief} />
            <Work brief={brief} />
            {brief.tasks_changed.length + brief.receipts.length > 0 && <Changed brief={brief} />}
            {brief.notes.length > 0 && <Notes notes={brief.notes} />}
            <Devices devices={brief.devices} />
          </>
        )}
      </Loaded>
    </Screen>
  );
}
