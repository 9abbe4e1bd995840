// This phone: its name, syncing now, how things are sent here from other apps, which version runs. Nothing is set that
// the system sets better: light and dark, and the size of letters, are the system's.
import { Button, Card, Row, Screen, Section, Trouble } from "../parts.js";
import { look, standing, tell, useAct, ask } from "../state.js";
import { isApple } from "./install.js";
import { Woken } from "./woken.js";

async function newer(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!registration) return tell("This browser keeps no copy of the app.");
  await registration.update();
  if (!registration.installing && !registration.waiting) tell("This is the newest version.");
}

/** The screen. */
export function Settings() {
  const now = standing.value!;
  const sync = useAct(async () => {
    await ask("sync");
    await look();
    tell(standing.value!.link === "live" ? "In step." : "No device is in reach right now.");
  });
  const check = useAct(newer);
  return (
    <Screen title="Settings" up="more">
      <Trouble fault={sync.fault ?? check.fault} />
      <Section title="This phone">
        <Card>
          <Row title={now.name ?? "This phone"} text={`Device ${now.device ?? ""}`} icon="device" />
          <Row title="Mesh" text={now.mesh ?? ""} icon="shield" />
        </Card>
      </Section>
      <Section title="Sync" note="It also happens by itself whenever the app comes to the front.">
        <Button busy={sync.busy} onClick={() => void sync.run()}>
          Sync now
        </Button>
      </Section>
      <Woken />
      <Section title="From other apps">
        {isApple() ? (
          <p>
            iPhones let no web app take part in sharing. On the Mac, <code>mesh phone add</code> shows a shortcut “Send
            to Mesh” for the share sheet; it works while the Mac is in reach.
          </p>
        ) : (
          <p>
            Once it is on the home screen, Mesh stands in the share menu of other apps. What you share lands in the
            inbox, also offline.
          </p>
        )}
      </Section>
      <Section title="Version" note="Light or dark, and the size of letters, follow the settings of this phone.">
        <Card>
          <Row title="Mesh" text={__VERSION__} />
        </Card>
        <Button busy={check.busy} onClick={() => void check.run()}>
          Look for a newer one
        </Button>
      </Section>
    </Screen>
  );
}
