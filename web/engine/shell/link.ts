// The link of this phone to the node that serves its page: dialled, kept, and dialled again; as the dialler's half of
// mesh/node/transport/peer_link.py.
//
// A phone has one link, and nobody dials it. When a node says that the phone is no member, the link rests (`refused`):
// that is one node's word, and nothing is deleted for it. Nothing is stored or sent twice here.
import { MeshError, Unreachable } from "../errors.js";
import { INCOMING_QUEUED_PER_PEER_MAX } from "../limits.js";
import * as timing from "./timing.js";
import { type Arrived, type Login, Wire } from "./wire_nats.js";
import { answerBytes, BYE, checkedBody, HELLO, inbox, NotLetIn, readAnswer, refusalBytes, subject } from "./wires.js";

const TOKEN_BYTES = 8;
const REFUSALS_MAX = 2;

/** How the link is: `refused` until the person, or time, has it try again. */
export type LinkState = "none" | "dialling" | "live" | "refused";

/** What the link tells. */
export interface Handler {
  /** The node asks or tells. Throws Refused when it must hear so. */
  heard(sender: string, verb: string, body: Uint8Array): Promise<Uint8Array>;
  /** The link came up, or came up anew: what was told in between may be lost. */
  linked(device: string): void;
  /** The link went down. */
  parted(device: string): void;
  /** The node does not let this phone in. */
  shutOut(): void;
  /** Its state is another one. */
  changed(): void;
}

/** What of the world the link needs. */
export interface Surroundings extends Login {
  /** Ask the node for anything by an ordinary request: throws where nothing answers. */
  readonly probe: () => Promise<unknown>;
  /** Whether somebody looks at the page. */
  readonly visible: () => boolean;
}

/** The link. */
export class Link {
  state: LinkState = "none";
  /** Which device answers, while live. */
  node: string | null = null;
  problem: MeshError | null = null;
  #wire: Wire | null = null;
  #ended = false;
  #fails = 0;
  #refusals = 0;
  #kick: () => void = () => {};
  #doubt: () => void = () => {};
  #busy = 0;
  #distrusted: MeshError | null = null;
  readonly #bytes = { sent: 0, received: 0 };

  constructor(
    private readonly around: Surroundings,
    private readonly handler: Handler,
  ) {}

  /** Bytes that were sent and received since the start. */
  get bytes(): { sent: number; received: number } {
    const { sent, received } = this.#wire?.bytes ?? { sent: 0, received: 0 };
    return { sent: this.#bytes.sent + sent, received: this.#bytes.received + received };
  }

  /** Keep the link until `end`. */
  async run(): Promise<void> {
    while (!this.#ended) {
      if (this.#refusals < REFUSALS_MAX) this.#become("dialling"); // else it is refused until it is not
      try {
        await this.#once();
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        this.problem = error;
        this.#fails += 1;
        this.#refusals = error instanceof NotLetIn ? this.#refusals + 1 : 0;
      }
      if (!this.#ended) await this.#rest();
    }
    this.#become("none");
  }

  /** The page was brought to the front, the person or the network wants it: dial at once, or see whether the link lives. */
  kick(): void {
    this.#fails = 0;
    this.#kick();
    this.#doubt();
  }

  /** Let go of it for good. */
  end(): void {
    this.#ended = true;
    this.#kick();
    try {
      if (this.#wire && this.node) this.tell(this.node, BYE, new Uint8Array(0));
    } catch (error) {
      unlessOurs(error); // the node notices it by itself
    }
    this.#wire?.close();
  }

  /** Whoever answers is not who it says: let go of it, and come again later. */
  distrust(problem: MeshError): void {
    this.#distrusted = problem;
    this.#doubt();
  }

  /** Ask the node. Throws Unreachable, Refused. */
  async request(device: string, verb: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const named = subject(device, this.around.device, verb);
    return readAnswer(await this.#live(device).ask(named, checkedBody(body), timeoutMs));
  }

  /** Tell the node. Throws Unreachable without a link. */
  tell(device: string, verb: string, body: Uint8Array): void {
    this.#live(device).tell(subject(device, this.around.device, verb), checkedBody(body));
  }

  #live(device: string): Wire {
    if (this.#wire && this.state === "live" && device === this.node) return this.#wire;
    throw new Unreachable("there is no link to that device", this.problem?.hint);
  }

  // ── one connection ───────────────────────────────────────────────────────────────────────────

  async #once(): Promise<void> {
    await this.around.probe();
    const wire = await Wire.connect(this.around);
    try {
      await this.#greeted(wire);
      [this.#wire, this.node, this.problem] = [wire, wire.node, null];
      this.#refusals = 0;
      this.#become("live");
      this.handler.linked(wire.node);
      await this.#while(wire);
      if (!this.#distrusted) this.#fails = 0;
    } finally {
      this.#parted(wire);
    }
    const distrusted = this.#distrusted;
    this.#distrusted = null;
    if (distrusted) throw distrusted;
    if (wire.removed) throw new NotLetIn();
  }

  /** Live means that the agent behind the server answered, not that a socket is open. */
  async #greeted(wire: Wire): Promise<void> {
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    if (!wire.node) throw new Unreachable("the server there does not say whose it is");
    await wire.listen(subject(this.around.device, wire.node, ">"), (message) => void this.#arrived(message));
    await this.#hello(wire, token);
  }

  async #hello(wire: Wire, token: Uint8Array): Promise<void> {
    readAnswer(await wire.ask(subject(wire.node, this.around.device, HELLO), token, timing.HELLO_TIMEOUT_MS));
  }

  /** Say hello until the connection ends, or nobody answers it any more. */
  async #while(wire: Wire): Promise<void> {
    let [missed, over] = [0, false];
    void wire.closed.then(() => {
      over = true;
      this.#doubt();
    });
    while (!over && missed < timing.HELLOS_MISSED_MAX && !this.#ended) {
      const doubted = await this.#pause(timing.HELLO_INTERVAL_MS, (wake) => (this.#doubt = wake));
      if (over || this.#ended || this.#distrusted) break;
      try {
        if (doubted) await wire.flush();
        await this.#hello(wire, new Uint8Array(0));
        missed = 0;
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        if (doubted) break;
        missed += 1;
      }
    }
  }

  #parted(wire: Wire): void {
    const { sent, received } = wire.bytes;
    this.#bytes.sent += sent;
    this.#bytes.received += received;
    wire.close();
    const node = this.#wire === wire ? this.node : null;
    [this.#wire, this.node] = [null, null];
    if (node !== null) this.handler.parted(node);
  }

  /** What the node says. Who sent it is told by the subject, which its server's allow-lists prove. */
  async #arrived({ subject: named, reply, body, answer: send }: Arrived): Promise<void> {
    const [, , sender = "", verb = ""] = named.split(".");
    const answer = async (raw: Uint8Array) => {
      if (!reply.startsWith(`${inbox(sender)}.`)) return; // elsewhere it would speak with this phone's rights
      await send(raw).catch(unlessOurs); // whoever asked notices it by itself
    };
    if (verb === HELLO || verb === BYE) return answer(answerBytes(new Uint8Array(0)));
    if (this.#busy >= INCOMING_QUEUED_PER_PEER_MAX) {
      return answer(refusalBytes(new Unreachable("too much waits for an answer already")));
    }
    this.#busy += 1;
    try {
      const found = checkedBody(await this.handler.heard(sender, verb, checkedBody(body)));
      await answer(answerBytes(found));
    } catch (error) {
      const told = error instanceof MeshError ? error : new Unreachable("something is wrong there");
      await answer(refusalBytes(told));
      if (told !== error) console.error(`a ${verb} could not be handled`, error);
    } finally {
      this.#busy -= 1;
    }
  }

  // ── between connections ──────────────────────────────────────────────────────────────────────

  async #rest(): Promise<void> {
    const refused = this.#refusals >= REFUSALS_MAX;
    this.#become(refused ? "refused" : "none");
    if (refused) this.handler.shutOut();
    const most = this.around.visible() ? timing.BACKOFF_SEEN_MS_MAX : timing.BACKOFF_HIDDEN_MS_MAX;
    const backoff = Math.min(most, timing.BACKOFF_FIRST_MS * 2 ** Math.max(0, this.#fails - 1));
    const spread = 1 + timing.BACKOFF_SPREAD * (2 * Math.random() - 1);
    await this.#pause(refused ? timing.REFUSED_AGAIN_MS : backoff * spread, (wake) => (this.#kick = wake));
  }

  /** Wait so long, or until somebody calls what `waker` is given. Returns whether somebody did. */
  #pause(ms: number, waker: (wake: () => void) => void): Promise<boolean> {
    return new Promise((done) => {
      const timer = setTimeout(() => done(false), ms);
      waker(() => {
        clearTimeout(timer);
        done(true);
      });
    });
  }

  #become(state: LinkState): void {
    if (state === this.state) return;
    this.state = state;
    this.handler.changed();
  }
}

function unlessOurs(error: unknown): void {
  if (!(error instanceof MeshError)) throw error;
}
