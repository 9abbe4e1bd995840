// A connection to a nats-server over a WebSocket, as the wire in mesh/node/transport/bus.py.
//
// It connects, asks and takes. It never reconnects by itself, and decides nothing about when to dial or whom to trust.
import { Malformed, Unreachable } from "../errors.js";
import { hex, utf8 } from "../names.js";
import {
  connectLine,
  type Frame,
  Frames,
  type Info,
  type Message,
  PING,
  PONG,
  publishLine,
  subscribeLine,
} from "./nats_frames.js";
import * as timing from "./timing.js";
import { inbox, LineDown, NobodyThere, NotLetIn, nkeyPublic } from "./wires.js";

/** How a browser's socket ends when the node says that this device is no member: the gateway's own code. */
const REMOVED = 4403;
const ANSWERS = 1; // the subscription under which answers come
const SESSION_BYTES = 8;

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

interface Asking {
  readonly subject: string;
  done(message: Message): void;
  failed(error: Error): void;
}

/** One connection, from its login to its end. */
export class Wire {
  /** Fulfilled when it is over, with what went wrong. */
  readonly closed: Promise<string>;
  /** Whether the server ended it because this device is no member. */
  removed = false;
  /** Bytes that were sent and received so far. */
  readonly bytes = { sent: 0, received: 0 };
  readonly #socket: WebSocket;
  readonly #frames = new Frames();
  readonly #listeners = new Map<number, (message: Message) => void>();
  readonly #asking = new Map<string, Asking>();
  /** Who waits for a pong, in the order of the pings. */
  readonly #pinged: (() => void)[] = [];
  readonly #answers: string;
  #info: Info = {};
  #greeted: (info: Info) => void = () => {};
  #problem = "";
  #over = false;
  #end: (problem: string) => void = () => {};
  #asked = 0;
  #pinging: ReturnType<typeof setInterval> | undefined;

  private constructor(login: Login) {
    this.closed = new Promise((end) => (this.#end = end));
    this.#answers = `${inbox(login.device)}.${hex(crypto.getRandomValues(new Uint8Array(SESSION_BYTES)))}`;
    this.#socket = login.socket(login.url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", ({ data }) => this.#heard(data as ArrayBuffer));
    this.#socket.addEventListener("close", ({ code, reason }) => {
      this.removed ||= code === REMOVED;
      this.#stop(this.#problem || reason || `it ended with ${code}`);
    });
  }

  /** Log in. Throws NotLetIn, Unreachable. */
  static async connect(login: Login): Promise<Wire> {
    const wire = new Wire(login);
    try {
      await wire.#within(timing.DIAL_TIMEOUT_MS, "it did not answer in time", wire.#loggedIn(login));
    } catch (error) {
      wire.close();
      if (wire.removed || /authorization/i.test(wire.#problem)) throw new NotLetIn();
      throw error instanceof Unreachable ? error : new Unreachable(`no connection: ${(error as Error).message}`);
    }
    wire.#pinging = setInterval(() => wire.#alive(), timing.PING_INTERVAL_MS);
    return wire;
  }

  /** Whose server it is. It says so itself; who is there must prove it. */
  get node(): string {
    return this.#info.server_name ?? "";
  }

  /** Ask and return the raw answer. Throws LineDown, NobodyThere, Unreachable. */
  async ask(subject: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const reply = `${this.#answers}.${++this.#asked}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<Message>((done, failed) => {
      this.#asking.set(reply, { subject, done, failed });
      timer = setTimeout(() => failed(new Unreachable(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    });
    answer.catch(() => {}); // it may fail while the question is still being sent
    try {
      this.#send(publishLine(subject, body, reply));
      const message = await answer;
      if (message.nobody) throw new NobodyThere();
      return message.body;
    } finally {
      clearTimeout(timer);
      this.#asking.delete(reply);
    }
  }

  /** Say without an answer. Throws LineDown. */
  tell(subject: string, body: Uint8Array): void {
    this.#send(publishLine(subject, body));
  }

  /** Take what comes under a subject; returns when the server knows it. Throws LineDown. */
  async listen(subject: string, listener: (message: Arrived) => void): Promise<void> {
    const sid = ANSWERS + 1 + this.#listeners.size;
    this.#listeners.set(sid, (message) => listener(this.#arrived(message)));
    this.#send(subscribeLine(subject, sid));
    await this.flush();
  }

  /** Return when the server has all that was said. Throws LineDown where it does not answer soon. */
  async flush(): Promise<void> {
    await this.#within(timing.FLUSH_TIMEOUT_MS, "it does not answer", this.#pong());
  }

  /** End it, at once and for good; nobody waits for the other side's farewell. */
  close(): void {
    this.#stop("");
    this.#socket.close();
  }

  async #loggedIn(login: Login): Promise<void> {
    const { nonce } = await new Promise<Info>((greeted) => (this.#greeted = greeted));
    if (!nonce) throw new Unreachable("what answers there is no server of a mesh");
    const signature = await login.sign(utf8(nonce));
    const written = btoa(String.fromCharCode(...signature))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");
    const good = new Promise<void>((done) => this.#pinged.push(done));
    this.#send(connectLine(nkeyPublic(login.transportKey), written));
    await good;
    this.#send(subscribeLine(`${this.#answers}.*`, ANSWERS));
    await this.#pong(); // the server says all of its name after the login, not before
  }

  /** What comes of work, or LineDown where the connection ends first or the time is over. */
  async #within<T>(ms: number, late: string, work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<never>((_, fail) => (timer = setTimeout(() => fail(new LineDown(late)), ms)));
    const ended = this.closed.then((problem) => Promise.reject(new LineDown(problem)));
    try {
      return await Promise.race([work, over, ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  #pong(): Promise<void> {
    return new Promise((done) => {
      this.#pinged.push(done);
      this.#send(PING);
    });
  }

  #alive(): void {
    if (this.#pinged.length >= timing.PINGS_MISSED_MAX) {
      this.#stop("staleConnection");
      this.#socket.close();
    } else void this.#pong();
  }

  #send(bytes: Uint8Array): void {
    if (this.#over) throw new LineDown(this.#problem);
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
    this.bytes.sent += bytes.length;
  }

  #heard(data: ArrayBuffer): void {
    if (this.#over) return;
    this.bytes.received += data.byteLength;
    try {
      for (const frame of this.#frames.take(new Uint8Array(data))) this.#take(frame);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#stop(error.message);
      this.#socket.close();
    }
  }

  #take(frame: Frame): void {
    if (frame.said === "message") return this.#given(frame.message);
    if (frame.said === "ping") return this.#send(PONG);
    if (frame.said === "pong") return this.#pinged.shift()?.();
    if (frame.said === "error") return this.#refused(frame.problem);
    if (frame.said !== "info") return;
    this.#info = { ...this.#info, ...frame.info };
    this.#greeted(this.#info);
  }

  #given(message: Message): void {
    if (message.sid === ANSWERS) this.#asking.get(message.subject)?.done(message);
    else this.#listeners.get(message.sid)?.(message);
  }

  /** The server refuses something; most of what it refuses ends the connection, and it does that itself. */
  #refused(problem: string): void {
    const about = /^Permissions Violation for Publish to "([^"]+)"/i.exec(problem)?.[1];
    if (about === undefined) this.#problem = problem;
    for (const one of this.#asking.values()) if (one.subject === about) one.failed(new LineDown(problem));
  }

  #stop(problem: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#pinging);
    for (const one of this.#asking.values()) one.failed(new LineDown(problem));
    this.#end(problem);
  }

  #arrived({ subject, reply, body }: Message): Arrived {
    return {
      subject,
      reply,
      body,
      answer: (raw) => void (reply && !this.#over && this.#send(publishLine(reply, raw))),
    };
  }
}
