// Coming in: what this phone asks the page's node with, by the token that its camera saw, until it holds its admission; as
// the phone's side of mesh/node/gateway/pairing.py.
//
// Nothing is kept before the admission is here and read; then all of it in one go. The token never leaves this phone.
import { MeshError, Misuse, Refused, Stranger, Unreachable } from "../errors.js";
import * as founding from "../events/founding.js";
import { type Packet } from "../events/founding.js";
import { RANK_MEMBER, ADMISSION_BYTES_MAX, DEVICE_NAME_BYTES_MAX } from "../limits.js";
import { utf8 } from "../names.js";
import type { PairRow } from "../rows.js";
import * as offer from "../sync/offer.js";
import type { Ask, Told } from "./asking.js";
import type { Keys } from "./keys.js";
import * as timing from "./timing.js";

const GONE = 410;
const IN = 200;
const WAIT = 202;

/** What whoever came in holds then. */
export interface LetIn {
  readonly name: string;
  readonly packet: Packet;
}

/** One try to come in. */
export class LettingIn {
  row: PairRow = { step: "asked", digits: null, node: null, problem: null };
  readonly #ended = new AbortController();

  private constructor(
    private readonly keys: Keys,
    private readonly ask: Ask,
    private readonly token: Uint8Array,
    private readonly name: string,
    private readonly changed: () => void,
  ) {}

  /** Begin: `told` is called at each step, `joined` when the admission is here and read. Throws Misuse, Malformed. */
  static begun(
    keys: Keys,
    ask: Ask,
    given: { token: string; name: string },
    changed: () => void,
    joined: (one: LetIn) => Promise<void>,
  ): LettingIn {
    const name = given.name.trim();
    if (!name || utf8(name).length > DEVICE_NAME_BYTES_MAX) {
      throw new Misuse(`a device's name has 1 to ${DEVICE_NAME_BYTES_MAX} bytes`, "A few letters do: phone.");
    }
    const one = new LettingIn(keys, ask, offer.readToken(given.token), name, changed);
    void one.#run(joined);
    return one;
  }

  /** End it; nothing was kept. */
  end(): void {
    this.#ended.abort();
  }

  async #run(joined: (one: LetIn) => Promise<void>): Promise<void> {
    try {
      const request = await this.#request();
      await this.#introduced(request);
      const packet = await this.#admitted();
      await joined({ name: this.name, packet });
      this.#become({ ...this.row, step: "in" });
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      const problem = error instanceof MeshError ? `${error.message}. ${error.hint}` : String(error);
      this.#become({ ...this.row, step: "over", problem });
      if (!(error instanceof MeshError)) console.error(error);
    }
  }

  async #request(): Promise<string> {
    const { kemKey, sign, signKey, transportKey } = this.keys;
    const asked = { name: this.name, rank: RANK_MEMBER, signKey, kemKey, transportKey, tlsKey: transportKey };
    return founding.requestText(await founding.asked(asked, sign));
  }

  /** Ask, and see that whoever answers knows the token as well. */
  async #introduced(request: string): Promise<void> {
    const posted = { token_id: offer.nameOf(this.token), request, proof: offer.phonesProof(this.token, request) };
    const told = await this.#patiently("/api/pair", posted);
    if (told.status !== WAIT) throw refusal(told.told);
    const { admitter, proof } = told.told;
    if (typeof admitter !== "string" || typeof proof !== "string") throw refusal(told.told);
    offer.checkAdmitter(this.token, request, admitter, proof);
    const device = founding.readRequest(admitter);
    const digits = offer.digitsOf(this.token, this.keys.signKey, device.signKey);
    this.#become({ step: "compare", digits, node: device.name, problem: null });
  }

  async #admitted(): Promise<Packet> {
    for (;;) {
      const { status, told } = await this.#patiently(`/api/pair/${offer.nameOf(this.token)}`, null);
      if (status === GONE) throw refusal(told);
      if (status === WAIT) continue;
      if (status !== IN || typeof told.admission !== "string") throw refusal(told);
      if (told.admission.length > 2 * ADMISSION_BYTES_MAX) throw refusal({});
      const sealed = founding.sealedAdmission(told.admission);
      return founding.readAdmission(await this.keys.unwrap(sealed, founding.ADMISSION_PURPOSE));
    }
  }

  /** Ask again while nobody answers, as long as a code is good for: the line of a phone drops easily. */
  async #patiently(path: string, posted: unknown): Promise<{ status: number; told: Told }> {
    for (const until = performance.now() + timing.LETTING_IN_MS_MAX; ; ) {
      try {
        return await this.ask(path, posted, this.#ended.signal);
      } catch (error) {
        if (!(error instanceof Unreachable) || performance.now() > until || this.#ended.signal.aborted) throw error;
        this.#become({ ...this.row, problem: error.message });
        await new Promise((done) => setTimeout(done, timing.LETTING_IN_AGAIN_MS));
      }
    }
  }

  #become(row: PairRow): void {
    this.row = row;
    this.changed();
  }
}

const AGAIN = "On the computer, begin anew: mesh phone add.";

/** What the node said instead, if it is a sentence. */
function refusal({ error }: Told): MeshError {
  const { hint, message } = error ?? {};
  if (typeof message === "string") return new Refused(message, typeof hint === "string" ? hint : AGAIN);
  return new Stranger("what answers at this page does not let phones in", AGAIN);
}
