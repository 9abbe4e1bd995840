// Devices and trust: who is in the mesh, what waits where, whether this phone's data are kept, what its wakes cost. The
// two acts here, erasing this phone and sending diagnostics, ask first and say what they do; nothing else
// is changed here.
import { useState } from "preact/hooks";
import type { DeviceRow, StorageRow } from "../../engine/rows.js";
import { Button, Card, Chip, Field, Loaded, Notice, Row, Screen, Section, Trouble } from "../parts.js";
import { ask, forget, look, standing, tell, useAct, useRows } from "../state.js";
import { bytes, count, moment, span } from "../words.js";
import { handOver } from "./drop.js";
import { unsubscribe } from "./woken.js";

/** Hex digits as people compare them. */
export function inGroups(fingerprint: string): string {
  return /^[0-9a-f]+$/i.test(fingerprint) ? fingerprint.replace(/(.{4})(?=.)/g, "$1 ") : fingerprint;
}

function seen(device: DeviceRow): string {
  if (device.closed) return `removed by ${device.closed.name}, ${moment(device.closed.time_ms, Date.now())}`;
  if (device.self) return "this phone";
  return device.last_seen_ms === null
    ? "not seen by this phone yet"
    : `seen ${moment(device.last_seen_ms, Date.now())}`;
}

function Device({ device }: { device: DeviceRow }) {
  const waiting = device.self || device.closed ? null : device.waiting;
  return (
    <li class="device">
      <div class="head">
        <span class="name" dir="auto">
          {device.name}
        </span>
        {device.closed ? (
          <Chip tone="bad">removed</Chip>
        ) : waiting ? (
          <Chip tone="warn">{waiting} wait</Chip>
        ) : (
          waiting === 0 && <Chip tone="good">has all</Chip>
        )}
      </div>
      <p class="note">
        {device.role} · {seen(device)}
        {device.in_sync_ms !== null && ` · in step ${moment(device.in_sync_ms, Date.now())}`}
      </p>
      <details>
        <summary>Fingerprint</summary>
        <code>{inGroups(device.fingerprint)}</code>
        <p class="note">Compare it with what that device shows of itself.</p>
      </details>
    </li>
  );
}

function Kept({ storage, again }: { storage: StorageRow; again: () => void }) {
  const persist = useAct(async () => {
    const { persisted } = await ask("storage.persist");
    tell(
      persisted
        ? "The browser keeps this phone's data."
        : "The browser did not promise it. Add the app to the home screen.",
    );
    again();
  });
  const used = storage.used_bytes === null ? "" : `${bytes(storage.used_bytes)} used`;
  const quota = storage.quota_bytes === null ? "" : ` of ${bytes(storage.quota_bytes)}`;
  return (
    <Card>
      <Row
        title="Kept by the browser"
        text={
          storage.persisted
            ? "It promised not to clear this app's data by itself"
            : "It may clear this app's data when it needs room"
        }
        end={
          storage.persisted ? (
            <Chip tone="good">yes</Chip>
          ) : (
            <Button busy={persist.busy} onClick={() => void persist.run()}>
              Ask it
            </Button>
          )
        }
        wrap
      />
      <Row
        title="On the home screen"
        text={storage.installed ? "Installed as an app" : "Opened in the browser: data may go after a week without use"}
        end={<Chip tone={storage.installed ? "good" : "warn"}>{storage.installed ? "yes" : "no"}</Chip>}
        wrap
      />
      <Row title={`${count(storage.documents, "document")}, ${count(storage.events, "event")}`} text={used + quota} />
      {storage.bodies_missing > 0 && (
        <Row
          title={`${count(storage.bodies_missing, "text")} not on this phone`}
          text="Fetched when you open them, while a device is in reach"
          wrap
        />
      )}
    </Card>
  );
}

function Wakes({ storage }: { storage: StorageRow }) {
  if (!storage.wakes.length) return null;
  return (
    <Section title="Wakes" note="Each time this app came to the front or was woken, and what that cost.">
      <Card>
        {storage.wakes.slice(0, 8).map((wake) => (
          <Row
            key={wake.at_ms}
            title={`${moment(wake.at_ms, Date.now())} · ${wake.why}`}
            text={`${span(wake.ms)} · ${count(wake.sent, "event")} sent, ${bytes(wake.sent_bytes)} · ${wake.received} received, ${bytes(wake.received_bytes)}`}
            wrap
          />
        ))}
      </Card>
    </Section>
  );
}

function Diagnostics() {
  const send = useAct(async () => {
    const { name, text } = await ask("diagnostics");
    await handOver(new Blob([text], { type: "text/plain" }), name);
  });
  return (
    <Section title="Diagnostics" note="Counts, times and versions of this phone. No titles, no texts, no keys.">
      <Trouble fault={send.fault} />
      <Button icon="share" busy={send.busy} onClick={() => void send.run()}>
        Send diagnostics
      </Button>
    </Section>
  );
}

function Wipe() {
  const name = standing.value?.name ?? "";
  const [open, show] = useState(false);
  const [typed, type] = useState("");
  const wipe = useAct(async () => {
    await forget(true); // first: of a page that goes meanwhile no draft is left to whoever pairs this phone next
    await ask("wipe", { confirm: typed });
    await unsubscribe().catch(() => undefined); // the browser's word; it may have no network
    await look();
  });
  const { waiting, waiting_files: files } = standing.value!;
  return (
    <Section title="Erase this phone">
      <p>
        Erases everything of the mesh on this phone: notes, files, and its keys. Your other devices keep what they have.
      </p>
      {waiting + files > 0 && (
        <Notice tone="bad">
          <p class="strong">
            {count(waiting + files, "item")} {waiting + files === 1 ? "is" : "are"} only on this phone and would be
            lost.
          </p>
        </Notice>
      )}
      {!open ? (
        <Button kind="danger" onClick={() => show(true)}>
          Erase…
        </Button>
      ) : (
        <form onSubmit={(event) => (event.preventDefault(), typed === name && void wipe.run())}>
          <Trouble fault={wipe.fault} />
          <Field
            label={`Type “${name}” to go on`}
            value={typed}
            autocomplete="off"
            autocapitalize="off"
            onInput={(event) => type(event.currentTarget.value)}
          />
          <div class="buttons">
            <Button onClick={() => show(false)}>Cancel</Button>
            <Button kind="danger" type="submit" busy={wipe.busy} disabled={typed !== name}>
              Erase this phone
            </Button>
          </div>
        </form>
      )}
    </Section>
  );
}

/** The screen. */
export function Devices() {
  const devices = useRows("devices", undefined, ["devices"]);
  const storage = useRows("storage", undefined, ["devices"]);
  const order = (a: DeviceRow, b: DeviceRow) =>
    Number(b.self) - Number(a.self) || Number(!!a.closed) - Number(!!b.closed) || a.name.localeCompare(b.name);
  return (
    <Screen title="Devices & trust" up="more">
      {standing.value!.problems.map((problem) => (
        <Notice key={problem.what} tone="warn">
          <p class="strong">{problem.what}</p>
          <p>{problem.hint}</p>
        </Notice>
      ))}
      <Section title="Devices">
        <Loaded rows={devices}>
          {({ devices: found }) => (
            <ul class="card">
              {[...found].sort(order).map((device) => (
                <Device key={device.id} device={device} />
              ))}
            </ul>
          )}
        </Loaded>
      </Section>
      <Section title="Storage">
        <Loaded rows={storage}>{(found) => <Kept storage={found} again={storage.again} />}</Loaded>
      </Section>
      {storage.value && <Wakes storage={storage.value} />}
      <Diagnostics />
      <Wipe />
    </Screen>
  );
}
