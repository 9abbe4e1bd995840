// Calls about coming in: asking by a code, and how far that is; as mesh/node/calls_pairing.py has the other side.
//
// A phone lets nobody in. Nothing is kept until the admission is here.
import type { Calls } from "../../port.js";
import type { PairRow } from "../../rows.js";
import type { Life } from "../life.js";
import { later } from "./loading.js";

/** Ask to be let in by the code that a computer shows. */
export async function begin(life: Life, args: Calls["pair.begin"][0]): Promise<PairRow> {
  return life.comeIn((await later()).begun, args);
}

/** How far that is. */
export async function state(life: Life): Promise<PairRow> {
  return life.coming?.row ?? { step: "over", digits: null, node: null, problem: null };
}
