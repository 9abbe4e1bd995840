// The page: starts the worker, draws the app, and tells when a newer version waits. It keeps nothing itself.
import { render } from "preact";
import worker from "../engine/shell/thread.ts?worker&url";
import { App } from "./app.js";
import { Port } from "./port.js";
import { begin, update } from "./state.js";
import { watchWakes } from "./waking.js";
import "./tokens.css";
import "./page.css";

const port = new Port(new Worker(worker, { type: "module", name: "mesh" }));
render(<App />, document.getElementById("app")!);
void begin(port).then(watchWakes);

async function watchForUpdates(): Promise<void> {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  let had = serviceWorker.controller !== null;
  const registration = await serviceWorker.register("/sw.js", { updateViaCache: "none" });
  const offer = () => {
    const { waiting } = registration;
    if (waiting && had) update.value = () => waiting.postMessage("take over");
  };
  let reloaded = false;
  serviceWorker.addEventListener("controllerchange", () => {
    if (had && !reloaded) {
      reloaded = true;
      location.reload();
    }
    had = true; // the first one takes the page over as it is
  });
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
  offer();
}

watchForUpdates().catch((error) => console.warn("no service worker:", error));
