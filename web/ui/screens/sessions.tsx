// Sessions of agents and the hand-offs they left: who, at what, what changed. Nothing is taken over
// here: that is handoff.tsx.
import type { SessionRow } from "../../engine/rows.js";
import { Card, Chip, Empty, Loaded, Points, Row, Screen, Section } from "../parts.js";
import { to } from "../route.js";
import { useRows } from "../state.js";
import { moment, stateWords, when } from "../words.js";
import { HandoffEntry } from "./handoff.js";

function doer(session: SessionRow): string {
  return `${session.agent || session.tool || "somebody"} on ${session.device_name}`;
}

/** One session in a card. */
export function SessionEntry({ session }: { session: SessionRow }) {
  return (
    <Row
      href={to("session", session.document)}
      icon="session"
      title={session.goal || session.topic || session.title || "A session"}
      text={`${doer(session)}${session.branch ? ` · ${session.branch}` : ""}`}
      end={
        <>
          <time>{when(session.state_at_ms, Date.now())}</time>
          {session.at_work ? <Chip tone="good">at work</Chip> : <Chip>{stateWords(session.state)}</Chip>}
        </>
      }
    />
  );
}

/** The screen. */
export function Sessions() {
  const handoffs = useRows("handoff.list", {}, ["handoffs"]);
  const sessions = useRows("session.list", {}, ["sessions"]);
  return (
    <Screen title="Sessions & hand-offs" up="more">
      <Section title="To take over">
        <Loaded rows={handoffs}>
          {({ handoffs: found }) =>
            found.length ? (
              <Card>
                {found.map((one) => (
                  <HandoffEntry key={one.document} handoff={one} />
                ))}
              </Card>
            ) : (
              <Empty title="Nothing was left for you" icon="handoff">
                A hand-off says what is done, what remains, and why.
              </Empty>
            )
          }
        </Loaded>
      </Section>
      <Section title="Sessions">
        <Loaded rows={sessions}>
          {({ sessions: found }) =>
            found.length ? (
              <Card>
                {found.map((one) => (
                  <SessionEntry key={one.document} session={one} />
                ))}
              </Card>
            ) : (
              <Empty title="No session lately" icon="session">
                Agents that work on your devices show up here.
              </Empty>
            )
          }
        </Loaded>
      </Section>
    </Screen>
  );
}

function Checkpoint({ point }: { point: SessionRow["checkpoints"][number] }) {
  return (
    <li class="point">
      <time>{moment(point.at_ms, Date.now())}</time>
      <p dir="auto">{point.summary}</p>
      {point.open.length > 0 && <p class="note">Open: {point.open.join("; ")}</p>}
      {point.files.length > 0 && <p class="note files">{point.files.join(", ")}</p>}
    </li>
  );
}

/** One session whole. */
export function Session({ id }: { id: string }) {
  const rows = useRows("session.show", { id }, ["sessions"]);
  return (
    <Screen title="Session" up="sessions">
      <Loaded rows={rows}>
        {(session) => (
          <>
            <h2 class="reading" dir="auto">
              {session.goal || session.topic || session.title || "A session"}
            </h2>
            <p class="note">
              {doer(session)}
              {session.model && ` · ${session.model}`}
            </p>
            <p class="chips">
              {session.at_work ? <Chip tone="good">at work</Chip> : <Chip>{stateWords(session.state)}</Chip>}
              {session.branch && <Chip>{session.branch}</Chip>}
              <Chip>{moment(session.state_at_ms, Date.now())}</Chip>
            </p>
            {session.checkpoints.length > 0 && (
              <Section title="What happened">
                <ul class="timeline">
                  {session.checkpoints.map((point) => (
                    <Checkpoint key={point.at_ms} point={point} />
                  ))}
                </ul>
              </Section>
            )}
            <Points title="Still open" items={session.checkpoints[0]?.open ?? []} />
          </>
        )}
      </Loaded>
    </Screen>
  );
}
