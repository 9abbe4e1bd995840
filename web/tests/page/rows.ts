// The rows behind the recorded port: a mesh of one person as it might be on a Friday afternoon, and the same with nothing
// in it. Texts of others are as bad as they may be: markup, long words, letters from right to left. Never shown to a user.
import type { CallName, Calls } from "../../engine/port.js";
import type * as rows from "../../engine/rows.js";
import { pieces } from "../../engine/state/rewording.js";

/** What is played. */
export type Scene =
  "member" | "offline" | "empty" | "new" | "removed" | "elsewhere" | "refused" | "broken" | "stale" | "fetching" | "meanwhile";

const NOW = Date.now();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
const RIGHT_TO_LEFT = "מה שנכתב בטלפון בלילה";

const author = (name: string, agent: string, ago: number): rows.Author => ({
  device: "k3q7x2abcdefghij",
  name,
  agent,
  at: NOW - ago,
  event: "e1",
});
const record = (document: string, title: string, state: string, ago: number): rows.RecordRow => ({
  document,
  type: "task",
  title,
  project: "home/project/p1",
  state,
  tags: [],
  conflicts: 0,
  created: author("Mac", "", ago + DAY),
  updated: author("Mac", "claude", ago),
});

/** Where the phone stands in a scene. */
export function standingOf(scene: Scene): rows.Standing {
  const state = scene === "new" || scene === "removed" || scene === "elsewhere" ? scene : "member";
  const away = scene === "offline" || scene === "broken";
  return {
    state,
    device: "vj4q2m7kcd3nxw5t",
    name: "Pocket",
    mesh: "3fa9c1d2e5b60718",
    link: scene === "refused" ? "refused" : away ? "none" : "live",
    node: away ? null : "Mac",
    as_of_ms: scene === "fetching" ? null : NOW - (away ? 19 * HOUR : MINUTE),
    waiting: away ? 3 : 0,
    waiting_files: away ? 1 : 0,
    bodies_missing: 12,
    catching_up: scene === "fetching" ? { done: 1200, total: 5000 } : null,
    problems: away
      ? [
          {
            what: "The certificate of this page ends in two days.",
            hint: "Come into reach of the Mac; it renews it by itself.",
          },
        ]
      : [],
    removed: state === "removed" ? { by: "Mac", time_ms: NOW - 2 * HOUR, reason: "Lost on the train." } : null,
  };
}

const TITLES = [
  "Water the tomatoes",
  "Review of the sync engine",
  "Ideas for the workshop",
  `${LONG}`,
  RIGHT_TO_LEFT,
  MARKUP,
  "",
  "Meeting with Ana 🌱",
];
const SNIPPETS = [
  "The two at the window need half as much as the others.",
  "Anti-entropy is fine; the outbox wants a bound, and the wake should say what it cost.",
  "Three tables, one projector, and somebody who knows where the fuse box is.",
  MARKUP,
  "",
];

function note(place: number): rows.NoteRow {
  return {
    document: `home/note/${place}`,
    title: place < TITLES.length ? TITLES[place]! : `Note ${place}: ${TITLES[place % 3]}`,
    snippet: SNIPPETS[place % SNIPPETS.length]!,
    tags: place % 3 ? [] : ["garden", "home"],
    path: place % 4 ? null : `Notes/${place}.md`,
    deleted: false,
    updated: { time_ms: NOW - place * 7 * HOUR - 3 * MINUTE, device: "d", name: place % 2 ? "Mac" : "Pocket" },
    conflicts: place === 1 ? 2 : 0,
    hidden: 0,
    waiting: place === 0,
  };
}

const NOTES = Array.from({ length: 5000 }, (_, place) => note(place));
const BODY = `# Review of the sync engine

Anti-entropy is fine; the outbox wants a bound, and the wake should say what it cost.

- have / want / push: read twice
- **the gate**: every refusal has a reason
- ${MARKUP}

What I do not understand yet: why the second answer is larger than the first.
`;

const side = (value: string, name: string, ago: number, other?: string): rows.SideRow => ({
  value,
  characters: value.length,
  ...(other !== undefined && { pieces: pieces(value, other) }),
  ...author(name, "", ago),
});
const [BOUND, NO_BOUND] = ["the outbox wants a bound of 512 KiB", "the outbox wants no bound, it has one"];
const IDEAS = "Ideas for the workshop";
const CONFLICTS: rows.ConflictRow[] = [
  {
    id: "3fa9c1d2",
    document: "home/note/1",
    title: TITLES[1]!,
    field: null,
    kind: "text",
    count: 2,
    since: NOW - 2 * HOUR,
    devices: ["Mac", "Pocket"],
    values: [
      side(BOUND, "Pocket", 3 * HOUR, NO_BOUND),
      side(NO_BOUND, "Mac", 2 * HOUR, BOUND),
    ],
    ancestor: "the outbox wants a bound",
  },
  {
    id: "77aa0102",
    document: "home/note/2",
    title: TITLES[2]!,
    field: "title",
    kind: "register",
    count: 3,
    since: NOW - DAY,
    devices: ["Mac", "Pocket", "Tower"],
    values: [side(IDEAS, "Mac", DAY, LONG), side(LONG, "Tower", DAY, IDEAS), side(MARKUP, "Pocket", DAY, IDEAS)],
    ancestor: "Ideas",
  },
  {
    id: "910cd004",
    document: "home/note/3",
    title: LONG,
    field: null,
    kind: "deleted",
    count: 2,
    since: NOW - 3 * DAY,
    devices: ["Mac", "Pocket"],
    values: [side("deleted", "Mac", DAY), side("edited", "Pocket", DAY)],
    ancestor: null,
  },
];
const whole = (one: rows.ConflictRow): rows.ConflictWhole => ({
  ...one,
  open: true,
  settled_by: [],
  offset: 0,
  context:
    one.kind === "text"
      ? {
          before: "Anti-entropy is fine; ",
          after: ", and the wake should say what it cost.",
          merged:
            "Anti-entropy is fine; the outbox wants a bound of 512 KiB, it has one, and the wake should say what it cost.",
        }
      : null,
});

const claim = (yours: boolean): rows.ClaimRow => ({
  name: yours ? "Pocket" : "claude",
  device: "d",
  device_name: yours ? "Pocket" : "Mac",
  agent: yours ? "" : "claude",
  until_ms: NOW + 42 * MINUTE,
  over: false,
  yours,
  words: "",
});
const task = (place: number, title: string, more: Partial<rows.TaskRow> = {}): rows.TaskRow => ({
  ...record(`home/task/${place}`, title, "open", place * HOUR),
  text: "",
  priority: 2,
  acceptance: [],
  waits: [],
  claim: null,
  ...more,
});
const TASKS = [
  task(0, "Renew the certificate before Sunday", { priority: 0, tags: ["door"] }),
  task(1, "Bound the outbox of the phone", {
    claim: claim(false),
    state: "in_progress",
    text: "512 KiB, as a Push may have.",
    acceptance: ["A full outbox says so", "Nothing is dropped"],
  }),
  task(2, MARKUP, { waits: [{ document: "home/task/1", title: "Bound the outbox of the phone", state: "open" }] }),
  task(3, "Buy screws, 4 × 30", { tags: ["home"] }),
  task(4, LONG, { conflicts: 1 }),
];

const handoff = (place: number, goal: string, more: Partial<rows.HandoffRow> = {}): rows.HandoffRow => ({
  ...record(`home/handoff/${place}`, goal, "open", place * HOUR),
  goal,
  to: "",
  reason: "context is full",
  context: "The gate is done and tested. What is left is the pump: it thins the INFO and holds the first message back.",
  done: ["Accept loop with its limits", "Host and Origin checks"],
  remaining: [
    "Thin the INFO line",
    "Close with 4403 when the phone was removed",
    "Measure the memory of 256 idle sockets",
  ],
  decisions: ["One listener, not two"],
  rejected: ["A second port for the socket"],
  blockers: [],
  files: [{ path: "mesh/node/gateway/pump.py" }, { path: "tests/system/test_gateway.py" }],
  verify: [{ command: "scripts/test system -- -k gateway" }],
  assumptions: [{ text: "nats-server stays at 2.15" }],
  from: author("Mac", "claude", HOUR),
  expires_ms: NOW + DAY,
  claim: null,
  tasks: [{ document: "home/task/1", title: "Bound the outbox of the phone", state: "open" }],
  superseded_by: [],
  ...more,
});
const HANDOFFS = [
  handoff(0, "The pump between the page's socket and nats-server"),
  handoff(1, MARKUP, { claim: claim(true), from: author("Tower", "codex", DAY) }),
];

const session = (place: number, goal: string, more: Partial<rows.SessionRow> = {}): rows.SessionRow => ({
  ...record(`home/session/${place}`, goal, "working", place * HOUR),
  tool: "claude-code",
  device: "d",
  device_name: "Mac",
  agent: "claude",
  model: "a model",
  state_at_ms: NOW - place * HOUR - 4 * MINUTE,
  goal,
  topic: "",
  branch: "gateway",
  at_work: place === 0,
  checkpoints: [
    {
      at_ms: NOW - 4 * MINUTE,
      summary: "The guard refuses a 65th connection of one address; eleven tests.",
      open: ["IPv6 by /64"],
      files: ["mesh/node/gateway/guard.py", "tests/system/test_gateway.py"],
    },
    { at_ms: NOW - 50 * MINUTE, summary: "Read the research on doors, wrote down the limits.", open: [], files: [] },
  ],
  ...more,
});
const SESSIONS = [
  session(0, "Gateway: guard and pump"),
  session(1, "Vectors for the doorway", { state: "waiting_input" }),
  session(2, "", { topic: "Clean up", state: "ended", agent: "", branch: "" }),
];

const asked = (place: number, question: string, more: Partial<rows.AskRow> = {}): rows.AskRow => ({
  ...record(`home/ask/${place}`, question, "waiting", place * HOUR),
  question,
  options: ["allow", "deny"],
  default: "deny",
  detail: {},
  agent: "claude",
  device: "d",
  device_name: "Mac",
  asked_ms: NOW - 6 * MINUTE,
  expires_ms: NOW + 9 * MINUTE,
  answer: null,
  outcome: "",
  ...more,
});
const ASKS = [
  asked(0, "May I run this command?", { detail: { tool: "Bash", command: "git push origin gateway", why: MARKUP } }),
  asked(1, "Which port shall the door take?", {
    options: [],
    default: "",
    expires_ms: null,
    agent: "codex",
    device_name: "Tower",
  }),
  asked(2, "Delete the old branch?", {
    state: "answered",
    outcome: "deny",
    answer: { option: "deny", text: "", device: "d", name: "Pocket", at_ms: NOW - DAY },
  }),
];
const APPROVALS: rows.ApprovalRow[] = [
  {
    id: "a1",
    device: "d",
    name: "Tower",
    act: "give",
    target: "claude@Tower",
    says: ["claude may edit notes in home", "until Sunday 18:00"],
    until_ms: NOW + 4 * MINUTE,
  },
];

const device = (name: string, more: Partial<rows.DeviceRow>): rows.DeviceRow => ({
  id: `${name}0000000000000000`.toLowerCase().slice(0, 16),
  name,
  rank: 10,
  role: "member",
  self: false,
  in_browser: false,
  fingerprint: "9f2c4a7be01d88356a0f1c2b3d4e5f60",
  last_seen_ms: NOW - 3 * MINUTE,
  in_sync_ms: NOW - 3 * MINUTE,
  waiting: 0,
  closed: null,
  ...more,
});
const DEVICES = [
  device("Mac", { role: "admin", rank: 1 }),
  device("Pocket", { self: true, in_browser: true, last_seen_ms: null, in_sync_ms: null, waiting: null }),
  device("Tower", { role: "admin", rank: 2, last_seen_ms: NOW - 3 * DAY, in_sync_ms: NOW - 3 * DAY, waiting: 3 }),
  device("Old phone", {
    in_browser: true,
    last_seen_ms: NOW - 20 * DAY,
    waiting: null,
    closed: { name: "Mac", time_ms: NOW - 12 * DAY, reason: "replaced" },
  }),
];
const WAKES: rows.WakeRow[] = [
  {
    at_ms: NOW - MINUTE,
    why: "came to the front",
    ms: 420,
    sent_bytes: 1830,
    received_bytes: 20412,
    sent: 2,
    received: 14,
  },
  {
    at_ms: NOW - 5 * HOUR,
    why: "network came back",
    ms: 25000,
    sent_bytes: 480312,
    received_bytes: 912,
    sent: 61,
    received: 1,
  },
];

const INBOX: rows.InboxRow[] = [
  {
    document: "home/note/0",
    kind: "note",
    title: "Water the tomatoes",
    snippet: "The two at the window need half as much.",
    mime: "text/markdown",
    size: 80,
    at_ms: NOW - 4 * MINUTE,
    name: "Pocket",
    state: "waits",
  },
  {
    document: "home/drop/1",
    kind: "drop",
    title: "IMG_2041.jpg",
    snippet: "",
    mime: "image/jpeg",
    size: 2_340_112,
    at_ms: NOW - 20 * MINUTE,
    name: "Pocket",
    state: "going",
  },
  {
    document: "home/drop/2",
    kind: "drop",
    title: "Voice 2026-11-26 18.40.m4a",
    snippet: "",
    mime: "audio/mp4",
    size: 412_000,
    at_ms: NOW - 20 * HOUR,
    name: "Pocket",
    state: "there",
  },
  {
    document: "home/drop/3",
    kind: "drop",
    title: "Plan of the garden, third try, with the pond where the shed was.pdf",
    snippet: "",
    mime: "application/pdf",
    size: 88_000_000,
    at_ms: NOW - 2 * DAY,
    name: "Tower",
    state: "away",
  },
  {
    document: "home/note/5",
    kind: "note",
    title: MARKUP,
    snippet: MARKUP,
    mime: "text/markdown",
    size: 80,
    at_ms: NOW - 4 * DAY,
    name: "Mac",
    state: "there",
  },
];

const MEMORIES = [record("home/memory/1", "The tests of the gateway want port 8443 free", "pending", HOUR)];

function brief(full: boolean): rows.BriefRow {
  const none = {
    lost_claims: [],
    handoffs: [],
    questions: [],
    tasks: [],
    tasks_changed: [],
    memories_pending: [],
    receipts: [],
    sessions: [],
    notes: [],
  };
  const some = {
    ...none,
    handoffs: HANDOFFS.slice(0, 1),
    questions: ASKS.slice(0, 1),
    tasks: TASKS.slice(0, 3),
    tasks_changed: [record("home/task/9", "Name the door", "done", 3 * HOUR)],
    memories_pending: MEMORIES,
    receipts: [record("home/receipt/1", "Shipped: guard of the door", "verified", 2 * HOUR)],
    sessions: SESSIONS,
    notes: NOTES.slice(0, 3),
  };
  return {
    as_of_ms: NOW,
    since_ms: NOW - DAY,
    goal: full ? "A phone that is a device of the mesh in its own right" : "",
    ...(full ? some : none),
    devices: DEVICES.slice(0, full ? 3 : 2),
    conflicts: { count: full ? CONFLICTS.length : 0, items: full ? CONFLICTS : [] },
    problems: [],
  };
}

const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><rect width="40" height="30" fill="#7a9"/><circle cx="28" cy="9" r="4" fill="#fd6"/></svg>';
const SAID = { document: "home/note/1", event: "e9" };

function page<Row>(
  all: readonly Row[],
  args: { limit?: number; after?: string },
  nameOf: (row: Row) => string,
): { rows: Row[]; next?: string } {
  const from = args.after === undefined ? 0 : all.findIndex((row) => nameOf(row) === args.after) + 1;
  const found = all.slice(from, from + (args.limit ?? 100));
  return from + found.length < all.length ? { rows: found, next: nameOf(found.at(-1)!) } : { rows: found };
}

type Answers = { [Name in CallName]?: (args: Calls[Name][0]) => Calls[Name][1] };

/** What each call is answered in a scene. */
export function answersOf(scene: Scene): (call: CallName, args: never) => unknown {
  const full = scene !== "empty";
  const some = <Row>(all: Row[]): Row[] => (full ? all : []);
  const answers: Answers = {
    devices: () => ({ devices: DEVICES.slice(0, full ? 4 : 2) }),
    storage: () => ({
      persisted: full,
      used_bytes: 48_200_000,
      quota_bytes: 10_700_000_000,
      events: 18_204,
      documents: 5_212,
      bodies_missing: 12,
      installed: full,
      wakes: some(WAKES),
    }),
    "storage.persist": () => ({ persisted: true }),
    "note.list": ({ search, ...args }) => {
      const found = some(NOTES).filter((one) => !search || one.title.toLowerCase().includes(search.toLowerCase()));
      const { rows: notes, next } = page(found, args, (one) => one.document);
      return { notes, total: found.length, ...(next !== undefined && { next }) };
    },
    "note.show": ({ document }) => {
      const { snippet: _, ...one } = NOTES.find((row) => row.document === document) ?? NOTES[1]!;
      const body = scene === "meanwhile" ? BODY.replace("read twice", "read thrice") : BODY;
      return { ...one, body, conflicts: one.conflicts ? CONFLICTS.slice(0, 2) : [] };
    },
    "note.add": () => SAID,
    "note.begin": ({ document }) => {
      const { title } = NOTES.find((row) => row.document === document) ?? NOTES[1]!;
      return { title, body: BODY, version: ["a1"] };
    },
    "note.edit": () => ({ ...SAID, version: ["a2"] }),
    "note.rm": () => SAID,
    "inbox.list": (args) => {
      const { rows: items, next } = page(some(INBOX), args, (one) => one.document);
      return { items, ...(next !== undefined && { next }) };
    },
    "drop.add": ({ file }) => ({ document: "home/drop/9", size: file.size }),
    "drop.show": ({ document }) =>
      document.endsWith("/3")
        ? { name: "Plan.pdf", mime: "application/pdf", size: 48_000, here: false, url: null }
        : { name: "IMG_2041.svg", mime: "image/svg+xml", size: 900, here: true, url: null },
    "push.key": () => ({ key: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4" }),
    "push.keep": ({ endpoint }) => ({ subscribed: endpoint !== "" }),
    "drop.get": ({ document }) =>
      document.endsWith("/3")
        ? { file: null, name: "Plan.pdf", mime: "application/pdf" }
        : { file: new Blob([PICTURE], { type: "image/svg+xml" }), name: "IMG_2041.svg", mime: "image/svg+xml" },
    "task.add": () => SAID,
    "task.list": ({ filter }) => ({
      tasks: filter === "done" ? some([task(9, "Name the door", { state: "done" })]) : some(TASKS),
      more: 0,
    }),
    "task.show": ({ id }) => TASKS.find((one) => one.document === id) ?? TASKS[1]!,
    "task.done": () => SAID,
    "task.state": () => SAID,
    "session.list": () => ({ sessions: some(SESSIONS) }),
    "session.show": ({ id }) => SESSIONS.find((one) => one.document === id) ?? SESSIONS[0]!,
    "handoff.list": () => ({ handoffs: some(HANDOFFS) }),
    "handoff.show": ({ id }) => HANDOFFS.find((one) => one.document === id) ?? HANDOFFS[0]!,
    pickup: () => ({ handoff: HANDOFFS[0]!, claim: claim(true), warnings: [] }),
    "handoff.decline": () => SAID,
    "handoff.done": () => SAID,
    "ask.list": ({ state }) => ({ asks: some(ASKS).filter((one) => state === "all" || one.state === state) }),
    "ask.answer": () => ({ ...ASKS[2]!, event: "e9" }),
    approvals: () => ({ approvals: some(APPROVALS) }),
    approve: ({ yes }) => ({ approved: yes }),
    "memory.list": () => ({ memories: some(MEMORIES) }),
    "memory.approve": () => SAID,
    "memory.reject": () => SAID,
    conflicts: (args) => {
      const { rows: conflicts, next } = page(some(CONFLICTS), args, (one) => one.id);
      return { conflicts, total: some(CONFLICTS).length, ...(next !== undefined && { next }) };
    },
    "conflicts.show": ({ id }) => whole(CONFLICTS.find((one) => one.id === id) ?? CONFLICTS[0]!),
    "conflicts.settled": () => ({
      settled: some([
        {
          id: "5511aa00",
          document: "home/note/2",
          title: "Shopping",
          rule: "",
          undone_by: null,
          ...author("Pocket", "", DAY),
        },
      ]),
    }),
    "conflicts.resolve": ({ id }) => ({ id, document: "home/note/1", events: ["e9"], opened: [] }),
    "conflicts.undo": ({ id }) => ({ id, document: "home/note/1", events: ["e10"], opened: [] }),
    brief: () => brief(full),
    search: () => ({ found: [] }),
    diagnostics: () => ({ name: "mesh-diagnostics.txt", text: "events 18204\n" }),
  };
  return (call, args) => (answers[call] as ((args: never) => unknown) | undefined)?.(args);
}
