// When this page is looked at: the worker cannot see it, and is told; the badge, and what is sent when no page is open.
//
// What a browser lacks of this is left out: then the next look at the page does it. Nothing is kept here.
import { effect } from "@preact/signals";
import { isInstalled } from "./screens/install.js";
import { ask, standing } from "./state.js";

/** What some browsers have beside what TypeScript knows. */
interface Syncing extends ServiceWorkerRegistration {
  readonly sync?: { register(tag: string): Promise<void> };
}

type Badges = Navigator & { setAppBadge?(count: number): Promise<void>; clearAppBadge?(): Promise<void> };

const SYNC = "mesh"; // as the service worker knows it

/** Tell the worker from now on, and have the service worker send what waits once there is a network. */
export function watchWakes(): void {
  const seen = () =>
    void ask("visible", { visible: !document.hidden, installed: isInstalled() }).catch(() => undefined);
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("pageshow", seen);
  window.addEventListener("online", seen);
  seen();
  let known = 0;
  effect(() => {
    const { waiting = 0, waiting_files: files = 0 } = standing.value ?? {};
    if (waiting + files > known) void askForSync(); // also for one more: the last sync may be over by now
    known = waiting + files;
  });
  effect(() => void badge(standing.value?.waiting ?? 0).catch(() => undefined));
}

async function askForSync(): Promise<void> {
  const registration: Syncing | undefined = await navigator.serviceWorker?.getRegistration();
  await registration?.sync?.register(SYNC).catch(() => undefined); // not in every browser, nor always allowed
}

async function badge(count: number): Promise<void> {
  const badges: Badges = navigator;
  if (count > 0) await badges.setAppBadge?.(count);
  else await badges.clearAppBadge?.();
}
