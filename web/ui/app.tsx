// The frame around every screen: where this phone stands, the screen, the bar of five. It asks for nothing but devices.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Standing } from "../engine/rows.js";
import { Icon, type IconName } from "./icons.js";
import { Button, Trouble, Waiting } from "./parts.js";
import { route, to, type Route } from "./route.js";
import { Elsewhere, Removed } from "./screens/ends.js";
import { Further } from "./screens/further.js";
import { Inbox } from "./screens/inbox.js";
import { Note } from "./screens/note.js";
import { Notes } from "./screens/notes.js";
import { ask, standing, stopped, toast, update, useAct, useRows } from "./state.js";
import { linkWords, statusLine, waitsFor } from "./words.js";

const BAR: readonly (readonly [screen: string, icon: IconName, words: string])[] = [
  ["inbox", "inbox", "Inbox"],
  ["brief", "brief", "Brief"],
  ["notes", "notes", "Notes"],
  ["tasks", "tasks", "Tasks"],
  ["more", "more", "More"],
];

/** Under which of the five a screen lies. */
const UNDER: Record<string, string> = { note: "notes", task: "tasks", drop: "inbox" };

function shown(now: Route) {
  const { screen, id } = now;
  switch (screen) {
    case "":
    case "inbox":
      return <Inbox />;
    case "notes":
      return <Notes />;
    case "note":
      return <Note key={id} id={id} />;
    default:
      return <Further now={now} />;
  }
}

/** The app. */
export function App() {
  const now = standing.value;
  const quiet = now === null || now.state !== "member";
  return (
    <>
      <Banners />
      {(now === null || !quiet) && <Status now={now} />}
      <main id="main" class={quiet ? "alone" : ""}>
        {now === null ? <Starting /> : <Body />}
      </main>
      {!quiet && <Bar />}
      <Toast />
    </>
  );
}

function Starting() {
  return (
    <div class="content">
      <Trouble fault={stopped.value} />
      {!stopped.value && <Waiting />}
    </div>
  );
}

function Body() {
  const now = route.value;
  useLayoutEffect(() => scrollTo(0, now.top), [now]);
  switch (standing.value!.state) {
    case "new":
    case "pairing":
      return <Further now={{ screen: "pairing", id: "", top: 0 }} />;
    case "removed":
      return <Removed />;
    case "elsewhere":
      return <Elsewhere />;
    default:
      return shown(now);
  }
}

/** Minutes pass, and "as of 14:02" becomes "yesterday" without anything else happening. */
function useNow(): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Its place is kept while nothing is known, so that nothing moves then. */
function Status({ now }: { now: Standing | null }) {
  const today = useNow();
  const { value } = useRows("devices", now && undefined, ["devices"]);
  const words = now && statusLine(now, today, waitsFor(now, value?.devices ?? []));
  return (
    <header class={`status ${now?.link ?? ""}`}>
      <a href={to("devices")}>
        <span class="dot" />
        <span role="status" aria-live="polite">
          {now && <b>{linkWords(now)}</b>} {words}
        </span>
      </a>
    </header>
  );
}

function Bar() {
  const { screen } = route.value;
  const under = UNDER[screen] ?? (BAR.some(([name]) => name === screen) ? screen : "more");
  return (
    <nav class="bar" aria-label="Main">
      {BAR.map(([name, icon, words]) => (
        <a key={name} href={to(name)} aria-current={name === under ? "page" : undefined}>
          <Icon name={icon} />
          {words}
        </a>
      ))}
    </nav>
  );
}

function Banners() {
  const now = standing.value;
  return (
    <section class="banners" aria-label="Notices">
      {now !== null && <Trouble fault={stopped.value} />}
      {update.value && (
        <div class="banner">
          <p>A new version is ready.</p>
          <Button kind="main" onClick={update.value}>
            Use it
          </Button>
        </div>
      )}
      {now?.link === "refused" && now.state === "member" && <Refused />}
    </section>
  );
}

function Refused() {
  const again = useAct(() => ask("sync"));
  return (
    <div class="banner bad">
      <p>
        The device that answers says that this phone is no member of its mesh. Nothing was deleted here; only a signed
        statement can do that.
      </p>
      <Button busy={again.busy} onClick={() => void again.run()}>
        Try again
      </Button>
    </div>
  );
}

function Toast() {
  const now = toast.value;
  const undo = async () => {
    toast.value = null;
    await now!.undo!().catch((error: Error) => (toast.value = { words: error.message }));
  };
  return (
    <div class="toasts" role="status" aria-live="polite">
      {now && (
        <div class="toast">
          <span>{now.words}</span>
          {now.undo && (
            <button type="button" onClick={undo}>
              Undo
            </button>
          )}
        </div>
      )}
    </div>
  );
}
