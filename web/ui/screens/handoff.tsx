// One hand-off whole, and taking it over: shown first, claimed in one act. It never claims anything by being looked at.
import type { HandoffRow } from "../../engine/rows.js";
import { Button, Card, Chip, Loaded, Notice, Points, Prose, Row, Screen, Section, Trouble } from "../parts.js";
import { to } from "../route.js";
import { ask, tell, useAct, useRows } from "../state.js";
import { moment, span, stateWords, when, who } from "../words.js";

/** One hand-off in a card. */
export function HandoffEntry({ handoff }: { handoff: HandoffRow }) {
  const { claim, from } = handoff;
  return (
    <Row
      href={to("handoff", handoff.document)}
      icon="handoff"
      title={handoff.goal || handoff.title}
      text={`From ${who(from)}${handoff.remaining.length ? ` · ${handoff.remaining.length} left to do` : ""}`}
      end={
        <>
          {from && <time>{when(from.at, Date.now())}</time>}
          {claim && !claim.over && <Chip tone={claim.yours ? "good" : ""}>{claim.yours ? "yours" : claim.name}</Chip>}
        </>
      }
    />
  );
}

function named(item: Record<string, unknown>): string {
  const known = ["path", "command", "what", "text", "title", "name"]
    .map((key) => item[key])
    .find((value) => typeof value === "string");
  return (known as string | undefined) ?? JSON.stringify(item);
}

function Whole({ handoff }: { handoff: HandoffRow }) {
  const { from, claim, expires_ms: expires } = handoff;
  return (
    <>
      <h2 class="reading" dir="auto">
        {handoff.goal || handoff.title}
      </h2>
      <p class="note">
        From {who(from)}
        {from && `, ${moment(from.at, Date.now())}`}
        {handoff.to && ` · for ${handoff.to}`}
      </p>
      <p class="chips">
        <Chip tone={handoff.state === "open" ? "good" : ""}>{stateWords(handoff.state)}</Chip>
        {handoff.reason && <Chip>{handoff.reason}</Chip>}
        {expires !== null && (
          <Chip tone="warn">{expires > Date.now() ? `until ${moment(expires, Date.now())}` : "expired"}</Chip>
        )}
      </p>
      {claim && !claim.over && (
        <Notice tone={claim.yours ? "good" : "warn"} icon="clock">
          <p>
            {claim.yours ? "You have it" : `${claim.name} on ${claim.device_name} has it`}, for{" "}
            {span(claim.until_ms - Date.now())} more.
          </p>
        </Notice>
      )}
      {handoff.context && <Prose text={handoff.context} />}
      <Points title="Left to do" items={handoff.remaining} />
      <Points title="Done" items={handoff.done} />
      <Points title="In the way" items={handoff.blockers} />
      <Points title="Decided" items={handoff.decisions} />
      <Points title="Tried and dropped" items={handoff.rejected} />
      <Points title="Files that changed" items={handoff.files.map(named)} />
      <Points title="How to check it" items={handoff.verify.map(named)} />
      <Points title="Assumed" items={handoff.assumptions.map(named)} />
      {handoff.tasks.length > 0 && (
        <Section title="Tasks">
          <Card>
            {handoff.tasks.map((task) => (
              <Row key={task.document} href={to("task", task.document)} title={task.title} text={task.state} />
            ))}
          </Card>
        </Section>
      )}
    </>
  );
}

/** The screen. */
export function Handoff({ id }: { id: string }) {
  const rows = useRows("handoff.show", { id }, ["handoffs", "tasks"]);
  const act = useAct(async (how: "take" | "decline" | "done") => {
    if (how === "take") {
      const { warnings } = await ask("pickup", { id });
      tell(warnings[0] ?? "It is yours now. Other devices learn it when they are in reach.");
    } else if (how === "done") {
      await ask("handoff.done", { id });
      tell("Completed.");
    } else {
      await ask("handoff.decline", { id });
      tell("Declined.");
    }
    rows.again();
  });
  const open = (state: string) => ["open", "waiting", "claimed", "expired"].includes(state);
  return (
    <Screen title="Hand-off" up="sessions">
      <Trouble fault={act.fault} />
      <Loaded rows={rows}>
        {(handoff) => (
          <>
            <Whole handoff={handoff} />
            {open(handoff.state) && (
              <div class="buttons sticky">
                <Button busy={act.busy} onClick={() => void act.run("decline")}>
                  Decline
                </Button>
                {handoff.claim?.yours && !handoff.claim.over ? (
                  <Button kind="main" icon="check" busy={act.busy} onClick={() => void act.run("done")}>
                    Completed
                  </Button>
                ) : (
                  <Button kind="main" icon="handoff" busy={act.busy} onClick={() => void act.run("take")}>
                    Take over
                  </Button>
                )}
              </div>
            )}
          </>
        )}
      </Loaded>
    </Screen>
  );
}
