// Loads the script with the screens that a start does not show, from the cache, when the first of them is wanted. Until
// then it says nothing but that something comes.
import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import type { Fault } from "../../engine/port.js";
import { Trouble, Waiting } from "../parts.js";
import type { Route } from "../route.js";

/** What went wrong where it cannot be loaded: it is not in the cache, and nobody answers. */
const ABSENT: Fault = {
  family: "Unreachable",
  class: "Unreachable",
  message: "a part of this app is not here",
  hint: "Try it again where one of your computers is in reach.",
};

const others = signal<FunctionComponent<{ now: Route }> | null>(null);
const fault = signal<Fault | null>(null);

async function load(): Promise<void> {
  fault.value = null;
  try {
    others.value = (await import("./others.js")).Other;
  } catch {
    fault.value = ABSENT;
  }
}

/** One of these screens, as soon as it is there. */
export function Further({ now }: { now: Route }) {
  const Other = others.value;
  useEffect(() => void (Other ?? load()), [Other]);
  if (Other) return <Other now={now} />;
  return <div class="content">{fault.value ? <Trouble fault={fault.value} again={load} /> : <Waiting />}</div>;
}
