// Our own small set of line icons, drawn on 24 x 24. They never speak: whoever uses one names what it does.
const PATHS = {
  inbox:
    "M4 13.5V17a2.5 2.5 0 0 0 2.5 2.5h11A2.5 2.5 0 0 0 20 17v-3.5l-2.6-7A2.5 2.5 0 0 0 15 4.5H9a2.5 2.5 0 0 0-2.4 2zM4 13.5h4l1.5 2.5h5l1.5-2.5h4",
  brief:
    "M12 3.5v2M12 18.5v2M3.5 12h2M18.5 12h2M6 6l1.4 1.4M16.6 16.6 18 18M18 6l-1.4 1.4M7.4 16.6 6 18M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
  notes:
    "M7 3.5h7l4.5 4.5v10a2.5 2.5 0 0 1-2.5 2.5H7A2.5 2.5 0 0 1 4.5 18V6A2.5 2.5 0 0 1 7 3.5zM14 3.5V8h4.5M8 12.5h7M8 16h5",
  tasks: "M4.5 6.5 6 8l2.5-3M4.5 16.5 6 18l2.5-3M12 7h7.5M12 17h7.5",
  more: "M5 11.5h1v1H5zM11.5 11.5h1v1h-1zM18 11.5h1v1h-1z",
  send: "M12 19.5v-15M5.5 11 12 4.5 18.5 11",
  camera:
    "M4 8.5A2 2 0 0 1 6 6.5h1.5L9 4.5h6l1.5 2H18a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2zM12 9.5a3.25 3.25 0 1 0 0 6.5 3.25 3.25 0 0 0 0-6.5z",
  file: "M19 11.5 12 18.5a4.25 4.25 0 0 1-6-6l7.5-7.5a2.8 2.8 0 0 1 4 4L10 16.5a1.4 1.4 0 0 1-2-2l6.5-6.5",
  voice:
    "M12 3.5A2.75 2.75 0 0 0 9.25 6.25v5a2.75 2.75 0 0 0 5.5 0v-5A2.75 2.75 0 0 0 12 3.5zM6 11.5a6 6 0 0 0 12 0M12 17.5v3",
  stop: "M7.5 7.5h9v9h-9z",
  paste:
    "M9 5H7a2 2 0 0 0-2 2v11.5a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V7a2 2 0 0 0-2-2h-2M9 5a1.5 1.5 0 0 1 1.5-1.5h3A1.5 1.5 0 0 1 15 5v.5a1.5 1.5 0 0 1-1.5 1.5h-3A1.5 1.5 0 0 1 9 5.5z",
  search: "M11 4.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM16 16l4 4",
  back: "M14.5 5.5 8 12l6.5 6.5",
  next: "m9.5 5.5 6.5 6.5-6.5 6.5",
  plus: "M12 5v14M5 12h14",
  close: "m6.5 6.5 11 11M17.5 6.5l-11 11",
  check: "m5 12.5 4.5 4.5L19 7.5",
  conflict: "M7 4.5v15M17 4.5v15M7 12h3M14 12h3M10 9.5 12.5 12 10 14.5",
  session: "m5 8 4 4-4 4M12 16.5h7",
  handoff: "M4 8.5h13M13.5 5 17 8.5 13.5 12M20 15.5H7M10.5 12 7 15.5l3.5 3.5",
  question: "M9 9a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.3-1.6 2.5M12 17.5h.01M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z",
  device:
    "M8 3.5h8a1.5 1.5 0 0 1 1.5 1.5v14a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 19V5A1.5 1.5 0 0 1 8 3.5zM11 17.5h2",
  computer:
    "M5 5.5h14A1.5 1.5 0 0 1 20.5 7v8.5A1.5 1.5 0 0 1 19 17H5a1.5 1.5 0 0 1-1.5-1.5V7A1.5 1.5 0 0 1 5 5.5zM9 20h6M12 17v3",
  settings:
    "M4.5 7.5h9M17.5 7.5h2M4.5 16.5h2M10.5 16.5h9M15.5 5.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM8.5 14.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  warning: "M12 4.5 3.5 19h17zM12 10.5v3.5M12 16.5h.01",
  cloud: "M4.5 4.5l15 15M9 6a6 6 0 0 1 9 4.5 4 4 0 0 1 1.5 7M6.5 9.5a4.5 4.5 0 0 0 .5 9h9",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
  shield: "M12 3.5 5 6v5.5c0 4.5 3 7.5 7 9 4-1.5 7-4.5 7-9V6zM9 12l2 2 4-4",
  share: "M12 14V4M8.5 7 12 3.5 15.5 7M6 11v7a2 2 0 0 0 2 2h8a2 2 0 0 0 2-2v-7",
  empty: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM8.5 12.5l2.5 2.5 4.5-5",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon, as large as the text beside it. */
export function Icon({ name, class: extra = "" }: { name: IconName; class?: string }) {
  return (
    <svg class={`icon ${extra}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of the app: three devices, joined each with each. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
      <path d="M32 15 15.5 45h33z" />
      <circle cx="32" cy="15" r="7.5" />
      <circle cx="15.5" cy="45" r="7.5" />
      <circle cx="48.5" cy="45" r="7.5" />
    </svg>
  );
}
