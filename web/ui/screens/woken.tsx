// Whether a computer may wake this phone when something waits for the person: switched on here, by nobody else, and off
// again. What a browser lacks of it is said, and nothing is asked for before a button is pressed.
import { useEffect, useState } from "preact/hooks";
import { Button, Section, Trouble } from "../parts.js";
import { ask, tell, useAct } from "../state.js";
import { isApple, isInstalled } from "./install.js";

type State = "none" | "install" | "denied" | "off" | "on";

const NOWHERE = { endpoint: "", key: "", auth: "" };
const WORDS: { readonly [Name in State]: string } = {
  none: "This browser has no push messages. What is new is here whenever the app comes to the front.",
  install: "iPhones wake apps of the home screen only: add Mesh to it, open it there, and switch this on.",
  denied: "Notifications of this page are blocked. Allow them in the settings of the browser, then come back here.",
  off: "A question, an approval or a hand-off that waits for you shows a notification without content: “Something new”.",
  on: "This phone is woken when something waits for you. The notification has no content.",
};

async function registered(): Promise<ServiceWorkerRegistration | undefined> {
  return navigator.serviceWorker?.getRegistration();
}

async function stateNow(): Promise<State> {
  const registration = await registered();
  if (!registration || !("PushManager" in window) || !("Notification" in window)) {
    return isApple() && !isInstalled() ? "install" : "none";
  }
  if (Notification.permission === "denied") return "denied";
  return (await registration.pushManager.getSubscription()) ? "on" : "off";
}

/** Ask the person, then the browser, then tell the computer; or none of it. */
async function subscribe(): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") return; // first: it counts as asked by the press
  const { key } = await ask("push.key");
  const made = await (await registered())!.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint = "", keys = {} } = made.toJSON();
  try {
    await ask("push.keep", { endpoint, key: keys["p256dh"] ?? "", auth: keys["auth"] ?? "" });
  } catch (error) {
    await made.unsubscribe(); // nobody would use it
    throw error;
  }
  tell("This phone is woken from now on.");
}

/** Be woken no more. That holds at once; a computer out of reach learns it when it next tries. */
export async function unsubscribe(): Promise<void> {
  const held = await (await registered())?.pushManager?.getSubscription();
  if (!held) return;
  await held.unsubscribe();
  await ask("push.keep", NOWHERE).catch(() => undefined);
}

/** The part of the settings. */
export function Woken() {
  const [state, be] = useState<State | null>(null);
  const look = () => stateNow().then(be);
  useEffect(() => void look(), []);
  const on = useAct(() => subscribe().finally(look));
  const off = useAct(() => unsubscribe().finally(look));
  return (
    <Section title="Wake this phone" note="It passes the push service of the browser's maker, which cannot read it.">
      <Trouble fault={on.fault ?? off.fault} />
      {state && <p>{WORDS[state]}</p>}
      {state === "off" && (
        <Button busy={on.busy} onClick={() => void on.run()}>
          Wake this phone
        </Button>
      )}
      {state === "on" && (
        <Button busy={off.busy} onClick={() => void off.run()}>
          Wake it no more
        </Button>
      )}
    </Section>
  );
}
