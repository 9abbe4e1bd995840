// The other screens, and how much waits in each. It reads counts and changes nothing.
import { Card, Chip, Row, Screen } from "../parts.js";
import { to } from "../route.js";
import { standing, useRows } from "../state.js";
import { count } from "../words.js";

/** The screen. */
export function More() {
  const asks = useRows("ask.list", { state: "waiting" }, ["asks"]).value?.asks.length ?? 0;
  const approvals = useRows("approvals", undefined, ["approvals"]).value?.approvals.length ?? 0;
  const conflicts = useRows("conflicts", { limit: 1 }, ["conflicts"]).value?.total ?? 0;
  const handoffs = useRows("handoff.list", {}, ["handoffs"]).value?.handoffs.length ?? 0;
  const waiting = standing.value!.waiting + standing.value!.waiting_files;
  const number = (of: number) => of > 0 && <Chip tone="warn">{of}</Chip>;
  return (
    <Screen title="More">
      <Card>
        <Row
          href={to("sessions")}
          icon="handoff"
          title="Sessions & hand-offs"
          text={handoffs ? `${count(handoffs, "hand-off")} to take over` : "Who works at what"}
          end={number(handoffs)}
        />
        <Row
          href={to("questions")}
          icon="question"
          title="Questions & approvals"
          text={asks + approvals ? "Somebody waits for your answer" : "Nobody waits for an answer"}
          end={number(asks + approvals)}
        />
        <Row
          href={to("conflicts")}
          icon="conflict"
          title="Conflicts"
          text={conflicts ? "Versions stand side by side" : "Everything agrees"}
          end={number(conflicts)}
        />
        <Row
          href={to("devices")}
          icon="device"
          title="Devices & trust"
          text={waiting ? `${count(waiting, "item")} still only here` : "Everything is held elsewhere too"}
        />
        <Row href={to("settings")} icon="settings" title="Settings" text="This phone, sync, sharing" />
      </Card>
    </Screen>
  );
}
