// What crosses between the page and its worker: names of calls, what they take and answer (rows.ts), and the news.
// Types and nothing else; names and keys are those of the Python agent where it has the same call.
import type {
  ApprovalRow,
  AskRow,
  BriefRow,
  ClaimRow,
  ConflictRow,
  ConflictWhole,
  DeviceRow,
  HandoffRow,
  InboxRow,
  NoteRow,
  NoteWhole,
  PairRow,
  RecordRow,
  SessionRow,
  SettledRow,
  Standing,
  StorageRow,
  TaskRow,
} from "./rows.js";

/** What went wrong, by fault, with what the person may do. `family`: whose fault it is. */
export interface Fault {
  family: "Misuse" | "Refused" | "Damaged" | "Unreachable" | "Bug";
  class: string;
  message: string;
  hint: string;
}

// ── the calls ────────────────────

/** One hit of a search. */
export interface FoundRow {
  document: string;
  type: string;
  title: string;
  snippet: string;
}

interface Said {
  document: string;
  event: string;
}

/** What was said about a conflict, and the conflicts that are open in its document now. */
interface SettledNow {
  id: string;
  document: string;
  events: string[];
  opened: string[];
}

interface Page {
  limit?: number;
  after?: string;
}

/** Every call: what it takes, and what it answers. Names and keys are those of the agent where it has the same. */
export interface Calls {
  status: [void, Standing];
  devices: [void, { devices: DeviceRow[] }];
  storage: [void, StorageRow];
  /** Ask the browser to keep this page's data (navigator.storage.persist), and to say what came of it. */
  "storage.persist": [void, { persisted: boolean }];
  /** Take over from another tab. */
  "writer.take": [void, Standing];
  /** Sync now, as at a wake; answers when a device told that both hold the same, or after the wake's window. */
  sync: [void, Standing];

  /** The page came to the front, or went from it: the worker cannot see it. */
  visible: [{ visible: boolean; installed?: boolean }, void];
  /** What nobody else held when this phone was taken out of the mesh, as the text of a file; null: nothing. */
  unsent: [void, { name: string; text: string } | null];

  "pair.begin": [{ token: string; device?: string; name: string }, PairRow];
  "pair.state": [void, PairRow];

  "note.add": [{ title?: string; body?: string; tags?: string[]; path?: string }, Said];
  "note.list": [
    Page & { tag?: string; search?: string; deleted?: boolean },
    { notes: NoteRow[]; next?: string; total: number },
  ];
  "note.show": [{ document: string }, NoteWhole];
  /** A note as it is now, for whoever begins to edit it. `version` names it, for `note.edit`; empty: as it was born. */
  "note.begin": [{ document: string }, { title: string; body: string; version: string[] }];
  "note.edit": [
    {
      document: string;
      title?: string;
      body?: string;
      base_body?: string;
      base_version?: string[];
      add_tags?: string[];
      remove_tags?: string[];
      path?: string;
    },
    Said & { version: string[] },
  ];
  "note.rm": [{ document: string }, Said];
  "inbox.list": [Page, { items: InboxRow[]; next?: string }];

  "drop.add": [{ file: Blob; name: string; mime: string; to?: string }, { document: string; size: number }];
  /** What a drop is. `url`: where it plays from the node, while its bytes are not here; good for minutes. */
  "drop.show": [{ document: string }, { name: string; mime: string; size: number; here: boolean; url: string | null }];
  /** The bytes of a drop: from here, or fetched; null while no device in reach has them. */
  "drop.get": [{ document: string }, { file: Blob | null; name: string; mime: string }];

  "task.add": [{ title: string; text?: string; tags?: string[]; project?: string }, Said];
  "task.list": [Page & { filter?: "open" | "ready" | "done" | "all" }, { tasks: TaskRow[]; more: number }];
  "task.show": [{ id: string }, TaskRow];
  "task.done": [{ id: string; words?: string }, Said];
  "task.state": [{ id: string; state: string; reason?: string }, Said];

  "session.list": [Page & { all?: boolean }, { sessions: SessionRow[] }];
  "session.show": [{ id: string }, SessionRow];
  "handoff.list": [Page & { all?: boolean }, { handoffs: HandoffRow[] }];
  "handoff.show": [{ id: string }, HandoffRow];
  "handoff.new": [
    { goal: string; remaining?: string[]; context?: string; to?: string; reason?: string },
    Said & { warnings: string[] },
  ];
  pickup: [{ id: string }, { handoff: HandoffRow; claim: ClaimRow | null; warnings: string[] }];
  "handoff.decline": [{ id: string; words?: string }, Said];
  "handoff.done": [{ id: string }, Said];

  "ask.list": [Page & { state?: string }, { asks: AskRow[] }];
  "ask.answer": [{ id: string; option?: string; text?: string }, AskRow & { event: string }];
  approvals: [void, { approvals: ApprovalRow[] }];
  approve: [{ id: string; yes: boolean }, { approved: boolean }];

  "memory.list": [Page & { pending?: boolean }, { memories: RecordRow[] }];
  "memory.approve": [{ id: string }, Said];
  "memory.reject": [{ id: string }, Said];

  conflicts: [Page & { document?: string }, { conflicts: ConflictRow[]; next?: string; total: number }];
  "conflicts.show": [{ id: string; offset?: number; limit?: number }, ConflictWhole];
  "conflicts.settled": [Page, { settled: SettledRow[] }];
  "conflicts.resolve": [{ id: string; take?: number; value?: string; merge?: boolean }, SettledNow];
  "conflicts.undo": [{ id: string }, SettledNow];

  brief: [{ since_ms?: number }, BriefRow];
  search: [{ words: string; limit?: number }, { found: FoundRow[] }];

  /** The key with which the browser asks to be woken by the node that answers; refused where nobody switched that on. */
  "push.key": [void, { key: string }];
  /** Where the node may wake this phone, as the browser gave it; all empty: nowhere any more. */
  "push.keep": [{ endpoint: string; key: string; auth: string }, { subscribed: boolean }];
  /** A redacted account of this phone, as the text of a file: no titles, no contents, no keys. */
  diagnostics: [void, { name: string; text: string }];
  /** Erase everything of the mesh on this phone. `confirm` is the phone's own name, typed. */
  wipe: [{ confirm: string }, { wiped: true }];
}

/** The name of a call. */
export type CallName = keyof Calls;

/** What the page sends. */
export interface Asked<Name extends CallName = CallName> {
  id: number;
  call: Name;
  args: Calls[Name][0];
}

/**
 * What comes back, once for each call; news come whenever they are. `waiting`, of a member: how many items wait for another
 * device by then. News come a moment later, and whoever sees that something is saved is to see no older count beside it.
 */
export type Told = { id: number; ok: unknown; waiting?: number } | { id: number; fault: Fault } | { news: News };

/** What the page may read again. */
export type Topic =
  | "notes" | "tasks" | "sessions" | "handoffs" | "asks" | "approvals" | "memories" | "conflicts" | "devices" | "inbox"
  | "pairing";

/** What changed since the last news: which kinds of rows to read again. `standing` is told whole, it is small. */
export interface News {
  changed: Topic[];
  standing?: Standing;
}
