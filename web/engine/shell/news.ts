// News: what was said in one commit is told at once, as mesh/node/engine.py has it. It sends nothing.
import { bytesOf, joinedRuns } from "../events/speaking.js";
import { LIVE_PUSH_BYTES_MAX } from "../limits.js";
import { type Effects, NOTHING, type Peer } from "../sync/inputs.js";
import type { Push } from "../sync/messages.js";
import type { Replica } from "../sync/replica.js";

const EVERYBODY: Peer = "*";

/** What the effects of one commit tell: in as few runs as fit, or as tips when it is much. */
export function asNews(effects: readonly Effects[], replica: Replica): Effects[] {
  const isSaid = (one: Effects) => one.send.some(([, message]) => message.message === "push");
  const [said, others] = [effects.filter(isSaid), effects.filter((one) => !isSaid(one))];
  if (said.length === 0) return others;
  const append = said.flatMap((one) => one.append);
  const small = bytesOf(append) <= LIVE_PUSH_BYTES_MAX;
  const push: Push = { message: "push", runs: small ? joinedRuns(append) : [], bodies: [], answer: false };
  const news = small ? push : replica.have(EVERYBODY, false);
  return [...others, { ...NOTHING, append, send: [[null, news]], judged: said.some((one) => one.judged) }];
}
