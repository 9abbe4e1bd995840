// Plain rows, as the page shows them: keys and meaning as the command line's --json has them (docs/CLI.md).
// Types and nothing else; never a document, a key, or anything that could be changed by writing into it.

/** Who said something, and when, by that device's clock. `name` is of the device; `agent` is empty for the person. */
export interface Author {
  device: string;
  name: string;
  agent: string;
  at: number;
  event: string;
}

// ── where this phone stands ────────────────────

/**
 * How this device stands, always in sight. `state`: `new` (no keys yet), `pairing` (its request is under way), `member`,
 * `removed` (a verified statement took it out; its keys are wiped), `elsewhere` (another tab of this page is the writer).
 */
export interface Standing {
  state: "new" | "pairing" | "member" | "removed" | "elsewhere";
  device: string | null;
  name: string | null;
  mesh: string | null;
  /** The link: `none` (offline), `dialling`, `live`, `refused` (a node says this phone is no member; nothing is deleted). */
  link: "none" | "dialling" | "live" | "refused";
  /** Which device answers, while live. */
  node: string | null;
  /** When this phone last held all that a device told it, null: never. The "as of" of the status line. */
  as_of_ms: number | null;
  /** What was written here and no other device has said to hold: events, and files with bytes still here only. */
  waiting: number;
  waiting_files: number;
  /** Bodies whose headers are here and whose content is not (not in the working set, or not fetched yet). */
  bodies_missing: number;
  /** While much is fetched: how far. Null otherwise. */
  catching_up: { done: number; total: number } | null;
  problems: { what: string; hint: string }[];
  removed: { by: string; time_ms: number; reason: string } | null;
}

/** One device of the mesh. `waiting`: what this phone wrote and it has not said to hold; null where it never told. */
export interface DeviceRow {
  id: string;
  name: string;
  rank: number;
  role: string;
  self: boolean;
  in_browser: boolean;
  fingerprint: string;
  last_seen_ms: number | null;
  in_sync_ms: number | null;
  waiting: number | null;
  closed: { name: string; time_ms: number; reason: string } | null;
}

/** This phone's storage and what its wakes cost. */
export interface StorageRow {
  persisted: boolean | null;
  used_bytes: number | null;
  quota_bytes: number | null;
  events: number;
  documents: number;
  bodies_missing: number;
  installed: boolean;
  wakes: WakeRow[];
}

/** What one wake did: why it came, how long it took, bytes and events sent and received. */
export interface WakeRow {
  at_ms: number;
  why: string;
  ms: number;
  sent_bytes: number;
  received_bytes: number;
  sent: number;
  received: number;
}

// ── notes and the inbox ────────────────────

/** A note as lists show it. */
export interface NoteRow {
  document: string;
  title: string;
  /** The beginning of its text, for lists. */
  snippet: string;
  tags: string[];
  path: string | null;
  deleted: boolean;
  updated: { time_ms: number; device: string; name: string };
  conflicts: number;
  hidden: number;
  /** Whether every event of it written here is held by another device. */
  waiting: boolean;
}

/** A note whole, with everything that lives side by side in it. */
export interface NoteWhole extends Omit<NoteRow, "snippet" | "conflicts"> {
  body: string;
  conflicts: ConflictRow[];
}

/** Something captured: a note, or a file (photo, voice memo, any), the latest first. */
export interface InboxRow {
  document: string;
  kind: "note" | "drop";
  title: string;
  snippet: string;
  mime: string;
  size: number;
  at_ms: number;
  name: string;
  /** `waits` (only here), `going`, `there` (another device holds all of it), `away` (its bytes are not here). */
  state: "waits" | "going" | "there" | "away";
}

// ── records ────────────────────

/** What every record tells of itself. */
export interface RecordRow {
  document: string;
  type: string;
  title: string;
  project: string;
  state: string;
  tags: string[];
  conflicts: number;
  created: Author | null;
  updated: Author | null;
}

/** Who is at something, until when. */
export interface ClaimRow {
  name: string;
  device: string;
  device_name: string;
  agent: string;
  until_ms: number;
  over: boolean;
  yours: boolean;
  words: string;
}

/** A task. `waits`: what has to be done first. */
export interface TaskRow extends RecordRow {
  text: string;
  priority: number | null;
  acceptance: string[];
  waits: { document: string; title: string; state: string }[];
  claim: ClaimRow | null;
}

/** Work that somebody left for whoever comes next. */
export interface HandoffRow extends RecordRow {
  goal: string;
  to: string;
  reason: string;
  context: string;
  done: string[];
  remaining: string[];
  decisions: string[];
  rejected: string[];
  blockers: string[];
  files: Record<string, unknown>[];
  verify: Record<string, unknown>[];
  assumptions: Record<string, unknown>[];
  from: Author | null;
  expires_ms: number | null;
  claim: ClaimRow | null;
  tasks: { document: string; title: string; state: string }[];
  superseded_by: string[];
}

/** A session of an agent; `checkpoints` has the last eight, the latest first (of a list: the latest). */
export interface SessionRow extends RecordRow {
  tool: string;
  device: string;
  device_name: string;
  agent: string;
  model: string;
  state_at_ms: number;
  goal: string;
  topic: string;
  branch: string;
  at_work: boolean;
  checkpoints: { at_ms: number; summary: string; open: string[]; files: string[] }[];
}

/** A question of an agent, or of a tool that wants a permission. `default`: what holds when nobody answers. */
export interface AskRow extends RecordRow {
  question: string;
  options: string[];
  default: string;
  detail: Record<string, unknown>;
  agent: string;
  device: string;
  device_name: string;
  asked_ms: number;
  expires_ms: number | null;
  answer: { option: string; text: string; device: string; name: string; at_ms: number } | null;
  outcome: string;
}

/** What another device wants this one to approve: an act of a person there, with every statement it would say. */
export interface ApprovalRow {
  id: string;
  device: string;
  name: string;
  act: string;
  target: string;
  says: string[];
  until_ms: number;
}

/** The morning view, as `mesh brief --json` has it. */
export interface BriefRow {
  as_of_ms: number;
  since_ms: number;
  goal: string;
  lost_claims: RecordRow[];
  handoffs: HandoffRow[];
  questions: AskRow[];
  tasks: TaskRow[];
  tasks_changed: RecordRow[];
  memories_pending: RecordRow[];
  receipts: RecordRow[];
  sessions: SessionRow[];
  notes: NoteRow[];
  devices: DeviceRow[];
  conflicts: { count: number; items: ConflictRow[] };
  problems: { what: string; hint: string }[];
}

// ── conflicts ────────────────────

/** One side of a conflict. */
export interface SideRow extends Partial<Author> {
  value: string | number | boolean | null;
  /** A text in pieces, where the whole conflict is shown: with true what another version has not. */
  pieces?: readonly (readonly [piece: string, own: boolean])[];
  characters: number;
  document?: string;
  title?: string;
}

/** A conflict as lists show it. */
export interface ConflictRow {
  id: string;
  document: string;
  title: string | null;
  field: string | null;
  kind: string | null;
  count: number;
  since: number | null;
  devices: string[];
  values: SideRow[];
  ancestor: string | number | boolean | null;
}

/** A conflict whole, its values from `offset` on. `path`: where the notes of a conflict over one path are. */
export interface ConflictWhole extends ConflictRow {
  offset: number;
  path?: string | null;
  open: boolean;
  context: { before: string; after: string; merged: string } | null;
  settled_by: (Author & { rule: string; undone_by: string | null })[];
}

/** What was settled, by whom, and whether that was taken back. */
export interface SettledRow extends Author {
  id: string;
  document: string;
  title: string | null;
  rule: string;
  undone_by: string | null;
}

/** What the page may show after a pairing step. `digits`: the six that both screens must show. */
export interface PairRow {
  step: "asked" | "compare" | "in" | "over";
  digits: string | null;
  node: string | null;
  problem: string | null;
}
