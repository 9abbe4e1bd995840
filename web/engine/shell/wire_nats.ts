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
    const late = setTimeout(() => held.abandon(), timing.DIAL_TIMEOUT_MS);
    try {
      const nats = await wsconnect({
        servers: login.url,
        authenticator: () => ({ nkey: nkeyPublic(login.transportKey), sig: held.signature }),
        inboxPrefix: inbox(login.device),
        ignoreClusterUpdates: true,
        reconnect: false,
        pingInterval: timing.PING_INTERVAL_MS,
        maxPingOut: timing.PINGS_MISSED_MAX,
        timeout: timing.DIAL_TIMEOUT_MS,
        wsFactory: (url) => held.opened(url),
      });
      await nats.flush(); // the server says its name after the login, not before
      return new Wire(nats, held);
    } catch (error) {
      held.abandon();
      await held.code; // nats tells it before the socket has
      throw held.refused || /authorization/i.test(String(error)) ? new NotLetIn() : unreachable(error);
    } finally {
      clearTimeout(late);
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

/** A socket whose first message is held back until its nonce is signed: nats asks for the signature in one breath. */
class Held {
  signature = "";
  refused = false;
  /** Fulfilled when the socket is closed, or was never opened. */
  code: Promise<void> = Promise.resolve();
  #socket: WebSocket | null = null;

  constructor(private readonly login: Login) {}

  async opened(url: string): Promise<{ socket: WebSocket; encrypted: boolean }> {
    const socket = this.login.socket(url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    const closed = new Promise<void>((done) => {
      socket.addEventListener("close", ({ code }) => {
        this.refused = code === REMOVED;
        done();
      });
    });
    this.code = closed;
    const first = new Promise<ArrayBuffer>((done) => {
      socket.addEventListener("message", ({ data }) => done(data as ArrayBuffer), { once: true });
    });
    const info = await Promise.race([first, closed]);
    if (!info) throw new LineDown("nothing of a mesh is there");
    this.signature = await this.#signed(new TextDecoder().decode(info));
    setTimeout(() => socket.onmessage?.(new MessageEvent("message", { data: info }))); // once nats listens
    return { socket, encrypted: url.startsWith("wss:") };
  }

  abandon(): void {
    this.#socket?.close();
  }

  async #signed(line: string): Promise<string> {
    const { nonce } = JSON.parse(INFO.exec(line)?.[1] ?? "{}") as { nonce?: string };
    if (!nonce) throw new Unreachable("what answers there is no server of a mesh");
    const signature = await this.login.sign(utf8(nonce));
    return btoa(String.fromCharCode(...signature)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
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
