// Letting this phone in: what will happen, the home screen first where it matters, the code, six digits, done. The code
// is taken out of the address at once; it is never stored here.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { PairRow } from "../../engine/rows.js";
import { grouped, inHash, scanned, typed, type Invitation } from "../code.js";
import { Mark } from "../icons.js";
import { Acts, Button, Field, Notice, Stage, Trouble } from "../parts.js";
import { ask, look, useAct, useRows } from "../state.js";
import { AddToHomeScreen, isApple, isInstalled } from "./install.js";
import { Scanner } from "./scanner.js";

type Step = "welcome" | "install" | "name" | "scan" | "type";

function guessedName(): string {
  if (/iPad/.test(navigator.userAgent)) return "iPad";
  if (isApple()) return "iPhone";
  return /Android/.test(navigator.userAgent) ? "Android phone" : "Phone";
}

/** The invitation that the address had, once. */
function taken(): Invitation | null {
  const found = inHash(location.hash);
  if (found) history.replaceState(null, "", location.pathname);
  return found;
}

/** The screen. */
export function Pairing() {
  const state = useRows("pair.state", undefined, ["pairing"]);
  const [begun, begin] = useState<PairRow | null>(null);
  const now = state.value ?? begun;
  useEffect(() => {
    if (now?.step === "in") void look();
  }, [now?.step]);
  if (now && (now.step === "asked" || now.step === "compare" || now.step === "in")) return <Compare row={now} />;
  return <Begin problem={now?.problem ?? null} begun={(row) => (begin(row), state.again())} />;
}

function Compare({ row }: { row: PairRow }) {
  return (
    <Stage title={row.step === "in" ? "This phone is in" : "Compare six digits"}>
      {row.digits ? (
        <p class="digits" aria-label={`The digits ${[...row.digits].join(" ")}`}>
          <span>{row.digits.slice(0, 3)}</span> <span>{row.digits.slice(3)}</span>
        </p>
      ) : (
        <p class="digits pending" role="status">
          {row.step === "in" ? "Fetching what is yours…" : `Asking ${row.node ?? "your Mac"}…`}
        </p>
      )}
      {row.step === "compare" && (
        <>
          <p>
            {row.node ?? "The other device"} shows six digits as well. If they are the same, confirm <b>there</b>. If
            not, decline: somebody is between the two.
          </p>
          <p class="note" role="status">
            Waiting for {row.node ?? "the other device"}…
          </p>
        </>
      )}
    </Stage>
  );
}

function useBegin(problem: string | null, begun: (row: PairRow) => void) {
  const [invitation, keep] = useState<Invitation | null>(taken);
  const [name, rename] = useState(guessedName);
  const act = useAct(async (with_: Invitation) => begun(await ask("pair.begin", { ...with_, name: name.trim() })));
  useEffect(() => {
    if (problem) keep(null); // a code is good for once
  }, [problem]);
  return { invitation, keep, name, rename, act };
}

function Begin({ problem, begun }: { problem: string | null; begun: (row: PairRow) => void }) {
  const beginning = useBegin(problem, begun);
  const { keep, act } = beginning;
  const [step, go] = useState<Step>("welcome");
  const use = (found: Invitation) => {
    keep(found);
    go("name");
    void act.run(found);
  };
  const wrong = problem && !act.busy && (
    <Notice tone="bad">
      <p class="strong">{problem}</p>
      <p>Make a new code with mesh phone add on the Mac.</p>
    </Notice>
  );
  if (step === "install")
    return (
      <Stage title="First, the home screen">
        <AddToHomeScreen />
      </Stage>
    );
  if (step === "scan") return <Scanner found={(text) => readCode(text, use)} type={() => go("type")} />;
  if (step === "type")
    return <Typed use={use} scan={() => go("scan")} busy={act.busy} fault={<Trouble fault={act.fault} />} />;
  if (step === "name") return <Naming beginning={beginning} wrong={wrong} go={go} />;
  return <Welcome wrong={wrong} begin={() => go(isApple() && !isInstalled() ? "install" : "name")} />;
}

function Welcome({ wrong, begin }: { wrong: ComponentChildren; begin: () => void }) {
  return (
    <Stage title="Mesh on this phone" above={<Mark />}>
      {wrong}
      <p>
        Your notes, tasks and hand-offs in your pocket. Everything works without a network, and nothing leaves your own
        devices.
      </p>
      <ol class="steps">
        <li>
          On the Mac, run <code>mesh phone add</code>.
        </li>
        <li>Scan the code it shows.</li>
        <li>Compare six digits on both screens.</li>
      </ol>
      <Acts>
        <Button kind="main" onClick={begin}>
          Begin
        </Button>
      </Acts>
    </Stage>
  );
}

function Naming(props: { beginning: ReturnType<typeof useBegin>; wrong: ComponentChildren; go: (step: Step) => void }) {
  const { invitation, name, rename, act } = props.beginning;
  return (
    <Stage title="Name this phone">
      {props.wrong}
      <Trouble fault={act.fault} />
      <Field
        label="Its name in your mesh"
        value={name}
        maxLength={64}
        onInput={(event) => rename(event.currentTarget.value)}
      />
      <Acts>
        {invitation ? (
          <Button kind="main" busy={act.busy} disabled={!name.trim()} onClick={() => void act.run(invitation)}>
            Ask to be let in
          </Button>
        ) : (
          <Button kind="main" disabled={!name.trim()} onClick={() => props.go("scan")}>
            Scan the code
          </Button>
        )}
        <Button kind="plain" onClick={() => props.go("type")}>
          Type a code instead
        </Button>
      </Acts>
    </Stage>
  );
}

function readCode(text: string, use: (found: Invitation) => void): string | null {
  const found = scanned(text, location.origin);
  if (found === "elsewhere") return "This code is of another mesh. Open the page that this code names.";
  if (found === null) return "This is no code of mesh phone add.";
  use(found);
  return null;
}

function Typed(props: { use: (found: Invitation) => void; scan: () => void; busy: boolean; fault: ComponentChildren }) {
  const [text, write] = useState("");
  const found = typed(text);
  return (
    <form class="whole" onSubmit={(event) => (event.preventDefault(), found && props.use(found))}>
      <Stage title="Type the code">
        {props.fault}
        <Field
          label="The letters that mesh phone add shows"
          hint="Groups of four. Capital or small is the same."
          value={text}
          autocapitalize="characters"
          autocomplete="off"
          spellcheck={false}
          class="code"
          onInput={(event) => write(grouped(event.currentTarget.value))}
        />
        <Acts>
          <Button kind="main" type="submit" busy={props.busy} disabled={!found}>
            Ask to be let in
          </Button>
          <Button kind="plain" onClick={props.scan}>
            Scan instead
          </Button>
        </Acts>
      </Stage>
    </form>
  );
}
