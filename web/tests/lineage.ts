// What a log knows of its chains, told the plain way: by walking from a mark down to the opening. It keeps no log.
import type { Placed } from "../engine/events/event.js";
import type { Mark } from "../engine/events/kinds.js";
import type { Lineage } from "../engine/events/weigh.js";
import type { Digest } from "../engine/names.js";

/** The lineage of the events of a log. */
export function lineageOf(log: ReadonlyMap<Digest, Placed>): Lineage {
  return {
    under(placed: Placed, mark: Mark): boolean | null {
      let step = log.get(mark.head.digest);
      if (step?.chain !== mark.chain || step.seq !== mark.head.seq) return null;
      while (step && step.digest !== placed.digest) step = log.get(step.parent);
      return step !== undefined;
    },
  };
}
