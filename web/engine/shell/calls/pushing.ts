// Calls about being woken: the key of the node that answers, and where the browser is to be woken; as
// mesh/node/gateway/waking.py takes it.
//
// What the browser gave goes to that node alone, signed by this phone. Whoever passes a wake on learns
// nothing by it. No permission is asked for here; the page does that.
import { sha256 } from "@noble/hashes/sha2.js";
import { Refused } from "../../errors.js";
import { deviceText, hex, joined, unhex, utf8 } from "../../names.js";
import type { Calls } from "../../port.js";
import type { Told } from "../asking.js";
import type { Life } from "../life.js";

const PATH = "/api/push";
const DOMAIN = utf8("mesh/push/1");

/** The key that a browser subscribes with. Throws Refused where nobody switched it on, Unreachable. */
export async function key(life: Life): Promise<Calls["push.key"][1]> {
  life.member();
  const { key: found } = await asked(life, null);
  if (typeof found !== "string") throw new Refused("what answers at this page wakes no phones");
  return { key: found };
}

/** Have this phone woken, or not any more. Throws Refused, Unreachable. */
export async function keep(life: Life, given: Calls["push.keep"][0]): Promise<Calls["push.keep"][1]> {
  const { held, keys } = life.member();
  const { auth, endpoint, key } = given;
  const said = JSON.stringify({ endpoint, key, auth, at_ms: Date.now() });
  const signature = hex(await keys.sign(joined(DOMAIN, sha256(joined(unhex(held.mesh), utf8(said))))));
  const { subscribed } = await asked(life, { device: deviceText(held.admission), said, signature });
  return { subscribed: subscribed === true };
}

async function asked(life: Life, posted: unknown): Promise<Told> {
  const { status, told } = await life.world.ask(PATH, posted, new AbortController().signal);
  const { hint, message } = told.error ?? {};
  if (status < 300) return told;
  if (typeof message === "string") throw new Refused(message, typeof hint === "string" ? hint : undefined);
  throw new Refused(`the device that answers refused: ${status}`);
}
