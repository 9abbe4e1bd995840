// Questions of agents, acts that want a person's approval, and memories to approve. Nothing is answered by looking, by
// waiting or by leaving: what holds when nobody answers is always said, and for a permission that is "no".
import { useState } from "preact/hooks";
import type { ApprovalRow, AskRow, RecordRow } from "../../engine/rows.js";
import { Button, Card, Chip, Empty, Loaded, Row, Screen, Section, Trouble } from "../parts.js";
import { to } from "../route.js";
import { ask, tell, useAct, useRows } from "../state.js";
import { moment, span, stateWords, who } from "../words.js";

const LIST_MAX = 50;

/** One question in a card of another screen. */
export function AskEntry({ ask: one }: { ask: AskRow }) {
  return (
    <Row
      href={to("questions")}
      icon="question"
      title={one.question}
      text={`${one.agent || "somebody"} on ${one.device_name}`}
      end={<Expiry at={one.expires_ms} />}
    />
  );
}

function Expiry({ at }: { at: number | null }) {
  if (at === null) return null;
  const left = at - Date.now();
  return <Chip tone={left < 5 * 60_000 ? "bad" : "warn"}>{left > 0 ? `${span(left)} left` : "over"}</Chip>;
}

function Detail({ detail }: { detail: Record<string, unknown> }) {
  const shown = Object.entries(detail).map(
    ([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)] as const,
  );
  if (!shown.length) return null;
  return (
    <dl class="detail">
      {shown.map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd dir="auto">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Default({ one }: { one: AskRow }) {
  const until =
    one.expires_ms === null ? "If nobody answers" : `If nobody answers by ${moment(one.expires_ms, Date.now())}`;
  return (
    <p class="default">
      {until}: <b>{one.default || "no answer; the agent goes on without one"}</b>
    </p>
  );
}

function Question({ one, again }: { one: AskRow; again: () => void }) {
  const [text, write] = useState("");
  const answer = useAct(async (given: { option: string } | { text: string }) => {
    await ask("ask.answer", { id: one.document, ...given });
    tell("Answered. The agent gets it once its device is in reach.");
    again();
  });
  const over = one.expires_ms !== null && one.expires_ms <= Date.now();
  return (
    <article class="ask" aria-label={one.question}>
      <p class="note">
        {one.agent || "Somebody"} on {one.device_name}, {moment(one.asked_ms, Date.now())}{" "}
        <Expiry at={one.expires_ms} />
      </p>
      <h2 dir="auto">{one.question}</h2>
      <Detail detail={one.detail} />
      <Trouble fault={answer.fault} />
      {!over && one.options.length > 0 && (
        <div class="options">
          {one.options.map((option) => (
            <Button
              key={option}
              kind={option === one.default ? "main" : "soft"}
              busy={answer.busy}
              onClick={() => void answer.run({ option })}
            >
              {option}
            </Button>
          ))}
        </div>
      )}
      {!over && one.options.length === 0 && (
        <form
          class="write"
          onSubmit={(event) => (event.preventDefault(), text.trim() && void answer.run({ text: text.trim() }))}
        >
          <input
            dir="auto"
            aria-label="Your answer"
            placeholder="Your answer…"
            value={text}
            onInput={(event) => write(event.currentTarget.value)}
          />
          <Button kind="main" type="submit" busy={answer.busy} disabled={!text.trim()}>
            Answer
          </Button>
        </form>
      )}
      <Default one={one} />
    </article>
  );
}

function Approval({ one, again }: { one: ApprovalRow; again: () => void }) {
  const decide = useAct(async (yes: boolean) => {
    const { approved } = await ask("approve", { id: one.id, yes });
    tell(approved ? "Approved, and signed by this phone." : "Denied. Nothing is done.");
    again();
  });
  return (
    <article class="ask" aria-label={`${one.act} ${one.target}`}>
      <p class="note">
        {one.name} wants to do this <Expiry at={one.until_ms} />
      </p>
      <h2 dir="auto">
        {one.act} {one.target}
      </h2>
      <ul class="points">
        {one.says.map((line, place) => (
          <li key={place} dir="auto">
            {line}
          </li>
        ))}
      </ul>
      <Trouble fault={decide.fault} />
      <div class="options">
        <Button kind="main" busy={decide.busy} onClick={() => void decide.run(false)}>
          Deny
        </Button>
        <Button kind="danger" busy={decide.busy} onClick={() => void decide.run(true)}>
          Approve
        </Button>
      </div>
      <p class="default">
        Without an answer by {moment(one.until_ms, Date.now())}: <b>denied</b>
      </p>
    </article>
  );
}

function Memory({ one, again }: { one: RecordRow; again: () => void }) {
  const decide = useAct(async (yes: boolean) => {
    await ask(yes ? "memory.approve" : "memory.reject", { id: one.document });
    tell(yes ? "Approved." : "Rejected.");
    again();
  });
  return (
    <article class="ask" aria-label={one.title}>
      <p class="note">{who(one.created)} wants to remember</p>
      <h2 dir="auto">{one.title}</h2>
      <Trouble fault={decide.fault} />
      <div class="options">
        <Button busy={decide.busy} onClick={() => void decide.run(false)}>
          Reject
        </Button>
        <Button kind="main" busy={decide.busy} onClick={() => void decide.run(true)}>
          Approve
        </Button>
      </div>
    </article>
  );
}

function Answered({ asks }: { asks: readonly AskRow[] }) {
  const over = asks.filter((one) => one.state !== "waiting");
  if (!over.length) return null;
  return (
    <Section title="Answered lately">
      <Card>
        {over.map((one) => (
          <Row
            key={one.document}
            icon="question"
            title={one.question}
            text={
              one.answer
                ? `${one.answer.option || one.answer.text}, by ${one.answer.name}`
                : `nobody answered: ${one.default || "no answer"}`
            }
            end={<Chip>{stateWords(one.state)}</Chip>}
            wrap
          />
        ))}
      </Card>
    </Section>
  );
}

/** The screen. */
export function Questions() {
  const approvals = useRows("approvals", undefined, ["approvals"]);
  const asks = useRows("ask.list", { state: "all", limit: LIST_MAX }, ["asks"]);
  const memories = useRows("memory.list", { pending: true, limit: LIST_MAX }, ["memories"]);
  const waiting = asks.value?.asks.filter((one) => one.state === "waiting") ?? [];
  const nothing = !waiting.length && approvals.value?.approvals.length === 0 && memories.value?.memories.length === 0;
  return (
    <Screen title="Questions & approvals" up="more">
      <Trouble fault={approvals.fault ?? memories.fault} again={approvals.again} />
      {approvals.value?.approvals.map((one) => (
        <Approval key={one.id} one={one} again={approvals.again} />
      ))}
      <Loaded rows={asks}>
        {() => waiting.map((one) => <Question key={one.document} one={one} again={asks.again} />)}
      </Loaded>
      {memories.value?.memories.map((one) => (
        <Memory key={one.document} one={one} again={memories.again} />
      ))}
      {nothing && asks.value && (
        <Empty title="Nobody waits for an answer" icon="question">
          Agents ask here before they do what only you may decide. Without your word the answer is no.
        </Empty>
      )}
      {asks.value && <Answered asks={asks.value.asks} />}
    </Screen>
  );
}
