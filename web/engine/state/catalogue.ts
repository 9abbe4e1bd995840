// The types of documents that this version knows, and what each consists of; as mesh/state/catalogue.py has it.
//
// Every document is flat: registers and one text. What a record says once and for ever is fixed: only its birth writes
// it. What several devices may say at the same time has a register for each of them, under a prefix. Lists in a
// register are JSON. A test holds this to Python. This module knows no change and no history.
import {
  BODY_PLAIN_BYTES_MAX,
  LIST_REGISTER_BYTES_MAX,
  PATH_BYTES_MAX,
  REGISTER_KEY_BYTES_MAX,
  TAG_BYTES_MAX,
  TITLE_BYTES_MAX,
  WORD_REGISTER_BYTES_MAX,
} from "../limits.js";
import { utf8 } from "../names.js";

/** Where a document has its text: a Text that merges letter by letter, or a register when it was born too long. */
export const BODY = "body";

/** A tag is a register of its own, so that two devices can tag at once. */
export const TAG = "tag/";

/** How registers begin in which a device says by itself that it saw a claim, or has a file: nobody's edit. */
export const NOTICES = ["ack/", "got/"] as const;

/** What a value is. */
export type ValueType = "string" | "number" | "boolean" | "null";

/** What one register may hold. `fixed`: only the birth writes it. */
export interface Rule {
  readonly types: readonly ValueType[];
  readonly bytesMax: number;
  readonly fixed: boolean;
}

type Rules = Readonly<Record<string, Rule>>;

/** What the documents of one type consist of. `other` rules the registers without a rule of their own, if any. */
export class Shape {
  readonly registers: ReadonlyMap<string, Rule>;
  readonly prefixes: ReadonlyMap<string, Rule>;

  constructor(
    registers: Rules,
    prefixes: Rules,
    readonly other: Rule | null = null,
  ) {
    this.registers = new Map(Object.entries(registers));
    this.prefixes = new Map(Object.entries(prefixes));
  }

  /** The rule for a register, or null when there may be none of that name. */
  rule(key: string): Rule | null {
    const own = this.registers.get(key);
    if (own) return own;
    const bytes = utf8(key).length;
    for (const [prefix, rule] of this.prefixes) {
      if (key.startsWith(prefix)) return bytes <= prefix.length + TAG_BYTES_MAX && key !== prefix ? rule : null;
    }
    return 0 < bytes && bytes <= REGISTER_KEY_BYTES_MAX ? this.other : null;
  }
}

function ruled(types: readonly ValueType[], bytesMax = 0, fixed = false): Rule {
  return { types, bytesMax, fixed };
}

export const TEXT = ruled(["string"], BODY_PLAIN_BYTES_MAX);
export const LINE = ruled(["string"], TITLE_BYTES_MAX);
export const WORD = ruled(["string"], WORD_REGISTER_BYTES_MAX);
export const PLACE = ruled(["string", "null"], PATH_BYTES_MAX);
export const NUMBER = ruled(["number"]);
export const FLAG = ruled(["boolean"]);
/** JSON that somebody may write anew, each time whole. */
export const SAID = ruled(["string"], LIST_REGISTER_BYTES_MAX);
const FREE = ruled(["string", "number", "boolean", "null"], BODY_PLAIN_BYTES_MAX);

/** The same, written by the birth alone. */
export function fixed(rule: Rule): Rule {
  return { ...rule, fixed: true };
}

export const ONCE = fixed(SAID);
export const ONCE_WORD = fixed(WORD);
export const ONCE_LINE = fixed(LINE);
export const ONCE_NUMBER = fixed(NUMBER);

/** What most records have: what they are called, the project they belong to, whether they are put away, a text. */
const RECORD: Rules = { title: LINE, project: WORD, deleted: FLAG, [BODY]: TEXT };

/** Claims by lease (leases.ts): one register a claim, one for each device that saw it, one for its end. */
const CLAIMABLE: Rules = { "claim/": SAID, "ack/": NUMBER, "end/": SAID };

const TAGS: Rules = { [TAG]: FLAG };

const NOTE: Rules = {
  title: LINE,
  path: PLACE,
  deleted: FLAG,
  front: SAID, // a file's YAML front matter, byte for byte
  encoding: WORD, // a file's encoding and line ends, where they are not the usual ones
  captured: WORD, // how it came: text, voice, share, photo, file
  [BODY]: TEXT,
};

const PROJECT: Rules = { ...RECORD, root: ONCE_WORD, "first-remote": ONCE_LINE, same: WORD };

const SESSION: Rules = {
  ...RECORD,
  tool: ONCE_WORD,
  native: ONCE_LINE, // the tool's own id of it
  device: ONCE_WORD,
  agent: WORD,
  model: WORD,
  transcript: LINE,
  branch: LINE,
  cwd: LINE, // from the project's root
  state: WORD,
  "state-at": NUMBER,
  until: NUMBER, // of a rate limit
  goal: LINE,
  from: WORD, // the session that it goes on with
  receipt: WORD,
};

const HANDOFF: Rules = {
  ...RECORD,
  title: ONCE_LINE, // the goal
  "from-session": ONCE_WORD,
  "from-agent": ONCE_WORD,
  "from-device": ONCE_WORD,
  to: ONCE_WORD, // anyone, human, agent:NAME or device:ID
  reason: ONCE_WORD,
  at: ONCE_NUMBER,
  expires: ONCE_NUMBER, // until when it is to be picked up; shown, and decides nothing
  done: ONCE,
  remaining: ONCE, // documents of tasks
  decisions: ONCE,
  rejected: ONCE,
  assumptions: ONCE,
  files: ONCE,
  verify: ONCE,
  blockers: ONCE,
  supersedes: ONCE_WORD,
  context: fixed(TEXT),
};

const TASK: Rules = {
  ...RECORD,
  state: WORD,
  priority: NUMBER,
  kind: WORD,
  acceptance: SAID,
  due: NUMBER,
  handoff: ONCE_WORD,
  reason: LINE, // of the state that it is in
  receipt: WORD,
  external: LINE,
};

const RECEIPT: Rules = {
  ...RECORD,
  title: ONCE_LINE,
  state: ONCE_WORD, // filed, or unreported: drafted by the machine
  session: ONCE_WORD,
  task: ONCE_WORD,
  handoff: ONCE_WORD,
  agent: ONCE_WORD,
  device: ONCE_WORD,
  at: ONCE_NUMBER,
  why: fixed(TEXT),
  changed: ONCE,
  claims: ONCE,
  "not-done": ONCE,
  undo: ONCE,
  section: ONCE_LINE,
  replaces: ONCE_WORD, // the draft that it stands for
};

const MEMORY: Rules = {
  ...RECORD,
  words: ONCE_LINE,
  kind: ONCE_WORD,
  scope: ONCE_WORD,
  by: ONCE_WORD, // human, or the agent's name
  session: ONCE_WORD,
  at: ONCE_NUMBER,
  evidence: ONCE,
  confidence: ONCE_NUMBER, // hundredths
  supersedes: ONCE_WORD,
  expires: NUMBER,
  recheck: ONCE,
  state: WORD,
  "superseded-by": WORD,
  used: NUMBER, // when it was last asked for
};

const ASK: Rules = {
  ...RECORD,
  title: ONCE_LINE, // the question
  options: ONCE,
  detail: ONCE,
  session: ONCE_WORD,
  agent: ONCE_WORD,
  device: ONCE_WORD,
  at: ONCE_NUMBER,
  expires: ONCE_NUMBER,
  default: ONCE_LINE,
  taken: SAID, // what came of it, written by the device that asked, once
};

const DROP: Rules = {
  ...RECORD,
  title: ONCE_LINE, // the file's name
  from: ONCE_WORD,
  to: ONCE_WORD,
  at: ONCE_NUMBER,
  size: ONCE_NUMBER,
  mime: ONCE_WORD,
  digest: ONCE_WORD, // SHA-256 of the whole, in hexadecimal digits
  chunks: fixed(TEXT),
  state: WORD,
};

/** The authority that phones trust, for the mesh's page; its key, wrapped for each admin, has a register for each. */
const DOORWAY: Rules = { ...RECORD, cert: ONCE_LINE, since: ONCE_NUMBER };

const SESSION_PARTS: Rules = {
  ...TAGS,
  "checkpoint/": SAID,
  "archive/": WORD, // drops: what its tool wrote of it
};

/** The types that this version knows. Documents of others are held, shown raw, and may have any registers. */
export const SHAPES: ReadonlyMap<string, Shape> = new Map([
  ["note", new Shape(NOTE, TAGS)],
  ["project", new Shape(PROJECT, { ...TAGS, "remote/": LINE, "path/": LINE })],
  ["session", new Shape(SESSION, SESSION_PARTS)],
  ["handoff", new Shape(HANDOFF, { ...TAGS, ...CLAIMABLE })],
  ["task", new Shape(TASK, { ...TAGS, "needs/": WORD, ...CLAIMABLE })],
  ["receipt", new Shape(RECEIPT, { ...TAGS, "dispute/": SAID })],
  ["memory", new Shape(MEMORY, TAGS)],
  ["ask", new Shape(ASK, { ...TAGS, "answer/": SAID })],
  ["drop", new Shape(DROP, { ...TAGS, "got/": NUMBER })],
  ["doorway", new Shape(DOORWAY, { ...TAGS, "key/": ONCE_WORD })],
  ["decision", new Shape(MEMORY, TAGS)],
]);

const GENERIC = new Shape({ [BODY]: TEXT }, {}, FREE);

/** What the documents of a type consist of. */
export function shapeOf(kind: string): Shape {
  return SHAPES.get(kind) ?? GENERIC;
}
