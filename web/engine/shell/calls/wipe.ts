// Calls that end something on this phone: wiping it, and saving what nobody else held when it was taken out.
//
// No other device is told of a wipe: this phone may be alone. What was written here and is held elsewhere stays there.
import { Misuse } from "../../errors.js";
import type { Calls } from "../../port.js";
import type { Life } from "../life.js";

/** Erase everything of the mesh on this life. Throws Misuse unless its own name was typed. */
export async function wipe(life: Life, { confirm }: Calls["wipe"][0]): Promise<{ wiped: true }> {
  const name = life.agent?.held.name;
  if (name !== undefined && confirm.trim() !== name) {
    throw new Misuse("that is not the name of this phone", `To erase everything here, type its name: ${name}.`);
  }
  await life.wipe();
  return { wiped: true };
}

/** What nobody else held when this phone was taken out of the mesh, as the text of a file. */
export async function unsent(life: Life): Promise<Calls["unsent"][1]> {
  const text = await life.saved();
  return text === null ? null : { name: "mesh-unsent.md", text };
}
