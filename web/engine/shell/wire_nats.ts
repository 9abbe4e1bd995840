// A connection to a nats-server over a WebSocket, as the wire in mesh/node/transport/bus.py.
//
// It connects, asks and takes. It never reconnects by itself, decides nothing about when to dial or whom to trust, and
// gives its socket no more than UNSENT_BYTES_MAX that is not sent yet: questions and answers wait for room, and what is told
// without an answer fails there.
import { Malformed, Unreachable } from "../errors.js";
import { UNSENT_BYTES_MAX, UNSENT_LINES_BYTES_MAX } from "../limits.js";
import { hex, shown, utf8 } from "../names.js";
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
import { Forbidden, inbox, LineDown, NobodyThere, NotLetIn, nkeyPublic, Unsent } from "./wires.js";

/** How a browser's socket ends when the node says that this device is no member: the gateway's own code. */
const REMOVED = 4403;
const ANSWERS = 1; // the subscription under which answers come
const SESSION_BYTES = 8;
const VIOLATION = /^Permissions Violation for (Publish|Subscription) to "([^"]+)"/;

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
  /** Put an answer where the sender waits for it; nothing happens where it waits for none. Throws LineDown, Unsent. */
  answer(raw: Uint8Array): Promise<void>;
}

interface Asking {
  readonly subject: string;
  done(message: Message): void;
  failed(error: Error): void;
}

/** Whoever waits for a pong; `subject`: which subscription the server knows by then. */
interface Pinged {
  readonly subject?: string;
  done(): void;
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
  readonly #pinged: Pinged[] = [];
  #missed = 0; // pings of the interval since the last pong
  readonly #answers: string;
  #info: Info = {};
  #greeted: (info: Info) => void = () => {};
  #problem = "";
  #over = false;
  #end: (problem: string) => void = () => {};
  #asked = 0;
  #sid = ANSWERS;
  #pinging: ReturnType<typeof setInterval> | undefined;

  private constructor(login: Login) {
    this.closed = new Promise((end) => (this.#end = end));
    this.#answers = `${inbox(login.device)}.${hex(crypto.getRandomValues(new Uint8Array(SESSION_BYTES)))}`;
    this.#socket = login.socket(login.url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", ({ data }) => this.#heard(data));
    this.#socket.addEventListener("close", ({ code, reason }) => {
      this.removed ||= code === REMOVED;
      this.#stop(this.#problem || shown(reason) || `it ended with ${code}`);
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

  /** Ask and return the raw answer. Throws Forbidden, LineDown, NobodyThere, Unsent, Unreachable. */
  async ask(subject: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const reply = `${this.#answers}.${++this.#asked}`;
    const until = performance.now() + timeoutMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<Message>((done, failed) => {
      this.#asking.set(reply, { subject, done, failed });
      timer = setTimeout(() => failed(new Unreachable(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    });
    answer.catch(() => {}); // it may fail while the question waits for room
    try {
      await this.#sendInTime(publishLine(subject, body, reply), until);
      const message = await answer;
      if (message.nobody) throw new NobodyThere();
      return message.body;
    } finally {
      clearTimeout(timer);
      this.#asking.delete(reply);
    }
  }

  /** Say without an answer. Throws LineDown, and Unsent where there is no room: nobody would wait for it. */
  tell(subject: string, body: Uint8Array): void {
    this.#send(publishLine(subject, body));
  }

  /** Take what comes under a subject; returns when the server knows it. Throws Forbidden, LineDown. */
  async listen(subject: string, listener: (message: Arrived) => void): Promise<void> {
    const sid = (this.#sid += 1);
    this.#listeners.set(sid, (message) => listener(this.#arrived(message)));
    try {
      this.#line(subscribeLine(subject, sid));
      await this.#within(timing.FLUSH_TIMEOUT_MS, "it does not answer", this.#pong(subject));
    } catch (error) {
      this.#listeners.delete(sid);
      throw error;
    }
  }

  /**
   * Return when the server has all that was said. Throws LineDown where it does not answer soon, and Forbidden where it says
   * meanwhile that something told without an answer is not let through.
   */
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
    const good = new Promise<void>((done, failed) => this.#pinged.push({ done, failed }));
    this.#line(connectLine(nkeyPublic(login.transportKey), written));
    await good;
    const answers = `${this.#answers}.*`;
    this.#line(subscribeLine(answers, ANSWERS));
    await this.#pong(answers); // the server says all of its name after the login, not before
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

  #pong(subject?: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#pinged.push({ ...(subject === undefined ? {} : { subject }), done, failed });
      this.#line(PING);
    });
  }

  #alive(): void {
    if (this.#missed >= timing.PINGS_MISSED_MAX) return this.#break("staleConnection");
    this.#missed += 1;
    this.#pong().catch(() => {}); // whoever flushes hears what goes wrong
  }

  /** Send a message where there is room for it. Throws LineDown, Unsent. */
  #send(bytes: Uint8Array): void {
    if (!this.#over && !this.#roomFor(bytes)) throw new Unsent();
    this.#give(bytes);
  }

  /** Send a message as soon as there is room for it. Throws LineDown, and Unsent where there is none by then. */
  async #sendInTime(bytes: Uint8Array, until: number): Promise<void> {
    while (!this.#over && !this.#roomFor(bytes) && performance.now() < until) {
      await new Promise((done) => setTimeout(done, timing.ROOM_AGAIN_MS));
    }
    this.#send(bytes);
  }

  /** A message larger than all the room goes when nothing else waits. */
  #roomFor(bytes: Uint8Array): boolean {
    const waits = this.#socket.bufferedAmount;
    return waits === 0 || waits + bytes.length <= UNSENT_BYTES_MAX;
  }

  /** Send a line, which waits for nothing. Who reads not even so many of them is no longer there. Throws LineDown. */
  #line(bytes: Uint8Array): void {
    if (this.#socket.bufferedAmount > UNSENT_BYTES_MAX + UNSENT_LINES_BYTES_MAX) this.#break("it reads nothing");
    this.#give(bytes);
  }

  #give(bytes: Uint8Array): void {
    if (this.#over) throw new LineDown(this.#problem);
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
    this.bytes.sent += bytes.length;
  }

  #heard(data: unknown): void {
    try {
      if (!(data instanceof ArrayBuffer)) throw new Malformed("text, where a server of a mesh sends bytes");
      this.bytes.received += data.byteLength;
      for (const frame of this.#over ? [] : this.#frames.take(new Uint8Array(data))) {
        this.#take(frame);
        if (this.#over) return;
      }
    } catch (error) {
      if (error instanceof Malformed) return this.#break(error.message);
      if (!this.#over) throw error; // it ended meanwhile, and whoever waits was told
    }
  }

  #take(frame: Frame): void {
    if (frame.said === "message") return this.#given(frame.message);
    if (frame.said === "ping") return this.#line(PONG);
    if (frame.said === "pong") return this.#ponged();
    if (frame.said === "error") return this.#refused(frame.problem);
    if (frame.said !== "info") return;
    this.#info = { ...this.#info, ...frame.info };
    this.#greeted(this.#info);
  }

  #ponged(): void {
    this.#missed = 0;
    this.#pinged.shift()?.done();
  }

  #given(message: Message): void {
    if (message.sid === ANSWERS) this.#asking.get(message.subject)?.done(message);
    else this.#listeners.get(message.sid)?.(message);
  }

  /** The server refuses something; most of what it refuses ends the connection, and it does that itself. */
  #refused(problem: string): void {
    const [, way, about] = VIOLATION.exec(problem) ?? [];
    if (about === undefined) return void (this.#problem = problem);
    const waiting = way === "Publish" ? [...this.#asking.values()] : this.#pinged;
    const told = waiting.filter((one) => one.subject === about);
    const flushing = this.#pinged.filter((one) => one.subject === undefined);
    for (const one of told.length > 0 ? told : flushing) one.failed(new Forbidden(problem)); // its pong comes all the same
  }

  /** It is over, and this side ends it. */
  #break(problem: string): void {
    this.#stop(problem);
    this.#socket.close();
  }

  #stop(problem: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#problem ||= problem;
    clearInterval(this.#pinging);
    for (const one of this.#asking.values()) one.failed(new LineDown(problem));
    this.#end(problem);
  }

  #arrived({ subject, reply, body }: Message): Arrived {
    return {
      subject,
      reply,
      body,
      answer: async (raw) => {
        if (reply) await this.#sendInTime(publishLine(reply, raw), performance.now() + timing.ASK_TIMEOUT_MS);
      },
    };
  }
}
