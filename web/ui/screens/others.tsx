// Screens that a start does not show, in a script of their own: further.tsx loads it. It draws nothing itself.
import type { Route } from "../route.js";
import { Brief } from "./brief.js";
import { Conflict, Conflicts } from "./conflicts.js";
import { Devices } from "./devices.js";
import { Drop } from "./drop.js";
import { Handoff } from "./handoff.js";
import { Inbox } from "./inbox.js";
import { More } from "./more.js";
import { Pairing } from "./pairing.js";
import { Questions } from "./questions.js";
import { Session, Sessions } from "./sessions.js";
import { Settings } from "./settings.js";
import { Task, Tasks } from "./tasks.js";

/** One of them. */
export function Other({ now: { screen, id } }: { now: Route }) {
  switch (screen) {
    case "brief":
      return <Brief />;
    case "tasks":
      return <Tasks />;
    case "task":
      return <Task key={id} id={id} />;
    case "more":
      return <More />;
    case "sessions":
      return <Sessions />;
    case "session":
      return <Session key={id} id={id} />;
    case "handoff":
      return <Handoff key={id} id={id} />;
    case "questions":
      return <Questions />;
    case "conflicts":
      return <Conflicts />;
    case "conflict":
      return <Conflict key={id} id={id} />;
    case "devices":
      return <Devices />;
    case "settings":
      return <Settings />;
    case "drop":
      return <Drop key={id} id={id} />;
    case "pairing":
      return <Pairing />;
    default:
      return <Inbox />;
  }
}
