// The script of what no start needs, from the cache when it is wanted first.
//
// It does no call.
import { Unreachable } from "../../errors.js";

/** All that is in it. Throws Unreachable where it is not here. */
export async function later(): Promise<typeof import("./later.js")> {
  try {
    return await import("./later.js");
  } catch {
    throw new Unreachable("a part of this app is not here", "Open it once where a computer is in reach.");
  }
}
