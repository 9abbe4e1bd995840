// Which screen is shown: the part of the address behind #, so that going back is the browser's own. It keeps how far
// each screen on the way back was scrolled, and no other state.
import { signal } from "@preact/signals";

/** A screen, what it shows, and how far down it was when the person left it. */
export interface Route {
  screen: string;
  id: string;
  top: number;
}

const WAY_MAX = 50;
const way: { hash: string; top: number }[] = [];
let last = location.hash;
history.scrollRestoration = "manual";

function read(top: number): Route {
  const [screen = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  let id = rest.join("/");
  try {
    id = decodeURIComponent(id);
  } catch {
    id = "";
  }
  return { screen: /^[a-z]+$/.test(screen) ? screen : "inbox", id, top };
}

/** Where the person is. */
export const route = signal(read(0));

addEventListener("hashchange", () => {
  const before = way.at(-1);
  if (before?.hash === location.hash) {
    route.value = read(way.pop()!.top);
  } else {
    way.push({ hash: last, top: scrollY });
    if (way.length > WAY_MAX) way.shift();
    route.value = read(0);
  }
  last = location.hash;
});

/** The address of a screen. */
export function to(screen: string, id = ""): string {
  return id ? `#/${screen}/${encodeURIComponent(id)}` : `#/${screen}`;
}

/** Go there. */
export function go(screen: string, id = ""): void {
  location.hash = to(screen, id);
}

/** Go back, or to this screen where there is nothing to go back to. */
export function back(screen: string): void {
  if (way.length) history.back();
  else location.replace(to(screen));
}
