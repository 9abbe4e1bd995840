// A connection to a nats-server over a WebSocket: the one file that imports nats; as the wire in mesh/node/transport/bus.py.
//
// It connects and frames. It never reconnects by itself, and decides nothing about when to dial or whom to trust.
import { type Msg, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { Unreachable } from "../errors.js";
import { utf8 } from "../names.js";
import * as timing from "./timing.js";
import { inbox, LineDown, NobodyThere, NotLetIn, nkeyPublic } from "./wires.js";

/** How a browser's socket ends when the node says that this device is no member: the gateway's own code. */
const REMOVED = 4403;
const INFO = /^INFO\s+(\{.*\})/;

/** Where to connect, as whom. */
export interface Login {
  readonly url: string;
  readonly device: string;
  /** The public transport key, and what signs with it. */
  readonly transportKey: Uint8Array;
  readonly sign: (nonce: Uint8Array) => Promise<Uint8Array>;
  /** Makes the socket. */
  readonly socket: (url: string) => WebSocket;
}

/** A message as it came. */
export interface Arrived {
  readonly subject: string;
  readonly reply: string;
  readonly body: Uint8Array;
  /** Put an answer where the sender waits for it; nothing happens where it waits for none. */
  answer(raw: Uint8Array): void;
}

/** One connection, from its login to its end. */
export class Wire {
  /** Fulfilled when it is over, with what went wrong. */
  readonly closed: Promise<string>;
  #over = false;

  private constructor(
    private readonly nats: NatsConnection,
    private readonly held: Held,
  ) {
    const ended = nats.closed().then((error) => error?.message ?? "");
    this.closed = Promise.race([ended, this.#stale()]).then((problem) => {
      this.#over = true;
      return problem;
    });
  }

  /** Log in. Throws NotLetIn, Unreachable. */
  static async connect(login: Login): Promise<Wire> {
    const held = new Held(login);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => fail(new LineDown("it did not answer in time")), timing.DIAL_TIMEOUT_MS);
    });
    try {
      const connecting = held.opened().then(() => connected(login, held));
      return new Wire(await Promise.race([connecting, held.ended, late]), held);
    } catch (error) {
      held.abandon();
      throw held.refused || /authorization/i.test(String(error)) ? new NotLetIn() : unreachable(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whose server it is. It says so itself; who is there must prove it. */
  get node(): string {
    return this.nats.info?.server_name ?? "";
  }

  /** Whether the server ended it because this device is no member. */
  get removed(): boolean {
    return this.held.refused;
  }

  /** Bytes that were sent and received so far. */
  get bytes(): { sent: number; received: number } {
    const { outBytes, inBytes } = this.nats.stats();
    return { sent: outBytes, received: inBytes };
  }

  /** Ask and return the raw answer. Throws LineDown, NobodyThere, Unreachable. */
  async ask(subject: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#over) throw new LineDown();
    const answer = this.nats.request(subject, body, { timeout: timeoutMs }).catch((error: unknown) => {
      const name = (error as Error).name;
      if (name === "NoRespondersError" || isNobody(error)) throw new NobodyThere();
      if (name === "TimeoutError") throw new Unreachable(`no answer within ${timeoutMs / 1000} s`);
      throw new LineDown((error as Error).message);
    });
    return (await answer).data;
  }

  /** Say without an answer. Throws LineDown. */
  tell(subject: string, body: Uint8Array): void {
    if (this.#over) throw new LineDown();
    try {
      this.nats.publish(subject, body);
    } catch (error) {
      throw new LineDown((error as Error).message);
    }
  }

  /** Take what comes under a subject; returns when the server knows it. Throws LineDown. */
  async listen(subject: string, listener: (message: Arrived) => void): Promise<void> {
    this.nats.subscribe(subject, {
      callback: (error, message) => {
        if (!error) listener(arrived(message));
      },
    });
    await this.flush();
  }

  /** Return when the server has all that was said. Throws LineDown where it does not answer soon. */
  async flush(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => fail(new LineDown("it does not answer")), timing.FLUSH_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.nats.flush(), late]);
    } catch (error) {
      throw error instanceof LineDown ? error : new LineDown((error as Error).message);
    } finally {
      clearTimeout(timer);
    }
  }

  /** End it, at once and for good; nobody waits for the other side's farewell. */
  close(): void {
    this.#over = true;
    void this.nats.close().catch(() => {});
    this.held.abandon();
  }

  async #stale(): Promise<string> {
    for await (const { type } of this.nats.status()) {
      if (type === "staleConnection" || type === "disconnect") return type;
    }
    return "";
  }
}

/** A connection of nats over a socket that is open already: it waits for ever for one that did not open. */
async function connected(login: Login, held: Held): Promise<NatsConnection> {
  const nats = await wsconnect({
    servers: login.url,
    authenticator: () => ({ nkey: nkeyPublic(login.transportKey), sig: held.signature }),
    inboxPrefix: inbox(login.device),
    ignoreClusterUpdates: true,
    reconnect: false,
    pingInterval: timing.PING_INTERVAL_MS,
    maxPingOut: timing.PINGS_MISSED_MAX,
    timeout: timing.DIAL_TIMEOUT_MS,
    wsFactory: async (url) => held.handedOver(url),
  });
  await nats.flush(); // the server says all of its name after the login, not before
  return nats;
}

/** A socket whose first message is held back until its nonce is signed: nats asks for the signature in one breath. */
class Held {
  signature = "";
  refused = false;
  /** Rejected when the socket is closed, or does not open. */
  readonly ended: Promise<never>;
  readonly #socket: WebSocket;
  readonly #first: Promise<ArrayBuffer>;

  constructor(private readonly login: Login) {
    const socket = login.socket(login.url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#first = new Promise((done) => {
      socket.addEventListener("message", ({ data }) => done(data as ArrayBuffer), { once: true });
    });
    this.ended = new Promise((_, fail) => {
      socket.addEventListener("close", ({ code, reason }) => {
        this.refused = code === REMOVED;
        fail(new LineDown(reason || `it ended with ${code}`));
      });
    });
    this.ended.catch(() => {}); // whoever waits for it hears of it
  }

  /** Wait for the server's greeting, and sign its nonce. Throws Unreachable. */
  async opened(): Promise<void> {
    const line = new TextDecoder().decode(await Promise.race([this.#first, this.ended]));
    const { nonce } = JSON.parse(INFO.exec(line)?.[1] ?? "{}") as { nonce?: string };
    if (!nonce) throw new Unreachable("what answers there is no server of a mesh");
    const signature = await this.login.sign(utf8(nonce));
    this.signature = btoa(String.fromCharCode(...signature)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  }

  /** The socket, whose greeting comes once nats listens. */
  handedOver(url: string): { socket: WebSocket; encrypted: boolean } {
    void this.#first.then((data) => setTimeout(() => this.#socket.onmessage?.(new MessageEvent("message", { data }))));
    return { socket: this.#socket, encrypted: url.startsWith("wss:") };
  }

  abandon(): void {
    this.#socket.close();
  }
}

function arrived(message: Msg): Arrived {
  const { subject, reply = "", data } = message;
  return { subject, reply, body: data, answer: (raw) => void message.respond(raw) };
}

function isNobody(error: unknown): boolean {
  return (error as { isNoResponders?: () => boolean }).isNoResponders?.() ?? false;
}

function unreachable(error: unknown): Unreachable {
  return error instanceof Unreachable ? error : new Unreachable(`no connection: ${(error as Error).message}`);
}
