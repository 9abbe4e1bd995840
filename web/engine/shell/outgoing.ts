// Which files of this phone no other device has said to have: laid ready by name, so that the service worker brings their
// bytes while no page is open.
//
// It sends nothing, and nothing can be lost by it: the records say the same, and a page that is open serves those chunks.
import { DocumentId } from "../names.js";
import type { Drop } from "../state/drops.js";
import { OUTGOING, type Outgoing as File } from "./bringing.js";
import type { Home } from "./home.js";

/** Of one phone. */
export class Outgoing {
  #settling: Promise<void> = Promise.resolve(); // the last one, however it ends

  constructor(
    private readonly home: Home,
    private readonly device: string,
    private readonly of: (document: DocumentId) => Promise<Drop | null>,
  ) {}

  /** Lay a file ready, before its record says that there is one. */
  lay(document: DocumentId, { pieces }: Pick<Drop, "pieces">): Promise<void> {
    const file: File = { document: document.text, pieces };
    return this.home.put(OUTGOING + document.text, pieces.length > 0 ? file : null);
  }

  /** Let go of what others have, or nobody wants; at the start also of what never got a record. */
  settle(start = false): Promise<void> {
    const mine = this.#settling.catch(() => undefined).then(() => this.#settle(start));
    this.#settling = mine;
    return mine;
  }

  async #settle(start: boolean): Promise<void> {
    for (const [name] of await this.home.all(OUTGOING)) {
      const drop = await this.of(DocumentId.parse(name.slice(OUTGOING.length)));
      const waits = drop ? !drop.deleted && [...drop.got.keys()].every((device) => device === this.device) : !start;
      if (!waits) await this.home.put(name, null);
    }
  }
}
