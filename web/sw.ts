// The service worker: the page without a network, what is shared from other apps, and what waits while no page is open.
//
// It never writes a chain and opens no seal: it sends messages that the writer signed and laid ready, brings the bytes of
// files that lie ready, and keeps what is shared for the writer to take in. The one thing that it signs is an address for
// such bytes. A new version waits until the page says so, and nothing kept is ever deleted for it.
import { bring, OUTGOING, type Outgoing } from "./engine/shell/bringing.js";
import type { Held } from "./engine/shell/home.js";
import type { Share } from "./engine/shell/shared.js";
import { WAKE_MS } from "./engine/shell/timing.js";

/** Written into this file by the build: the version of the page, and all that it consists of (making/finish.ts). */
declare const __VERSION__: string;
declare const __PRECACHE__: readonly { readonly url: string; readonly sha256: string }[];

/** What this file has of the worker that it runs in; TypeScript's own types of it do not go with those of a page. */
interface Scope {
  readonly registration: Registration;
  readonly clients: { claim(): Promise<void>; matchAll(asked: object): Promise<readonly Client[]>; openWindow(url: string): Promise<unknown> };
  readonly location: Location;
  skipWaiting(): Promise<void>;
  addEventListener(type: string, listener: (event: Happening) => void): void;
}

interface Registration {
  showNotification(title: string, options: object): Promise<void>;
}

interface Client {
  readonly visibilityState: DocumentVisibilityState;
  focus(): Promise<unknown>;
}

/** An event of any kind that this file listens to. */
interface Happening extends Event {
  readonly request: Request;
  readonly tag: string;
  readonly data: unknown;
  readonly notification: { close(): void };
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<Response> | Response): void;
}

const scope = globalThis as unknown as Scope;

const CACHES = "mesh/page/";
const DATABASE = "mesh";
const OUTBOX = "outbox/"; // as engine/shell/outbox.ts names it
const SYNC = "mesh";
const SHARE = "/share";
const SENT = "sent";
const TAKE_OVER = "take over"; // the page says so when a person does
const SHARED_FILES_MAX = 32;
const ONLINE = [/^\/api\//, /^\/nats$/, /^\/who$/]; // what a node answers, and no cache
const SEND_MS_MAX = 20_000;
const HELD = "held"; // as engine/shell/home.ts names it
const IDENTITY = "identity"; // as engine/shell/keys.ts names it
const SEEN_LOOK_MS = 1_000; // between looks whether a page is still looked at

// ── the page without a network ───────────────────────────────────────────────────────────────────

/** The cache of this version. */
function cached(): Promise<Cache> {
  return caches.open(CACHES + __VERSION__);
}

/**
 * Fetch everything that the page consists of, or nothing: a half of it would be a page that does not open, and so would be
 * one of two versions, where devices that serve it are not of the same.
 */
async function precached(): Promise<void> {
  const cache = await cached();
  await cache.addAll(
    __PRECACHE__.map(({ sha256, url }) => new Request(url, { cache: "reload", integrity: `sha256-${base64(sha256)}` })),
  );
}

function base64(hex: string): string {
  return btoa(String.fromCharCode(...(hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))));
}

/** Let go of pages of other versions. Nothing but pages lies in caches; what was written lies in the database. */
async function tidied(): Promise<void> {
  const own = CACHES + __VERSION__;
  const others = (await caches.keys()).filter((name) => name.startsWith(CACHES) && name !== own);
  await Promise.all(others.map((name) => caches.delete(name)));
  await scope.clients.claim();
}

async function answered(request: Request): Promise<Response> {
  const cache = await cached();
  const path = request.mode === "navigate" ? "/" : request;
  return (await cache.match(path, { ignoreSearch: request.mode === "navigate" })) ?? fetch(request);
}

// ── what waits ───────────────────────────────────────────────────────────────────────────────────

/** The database, where it is there already: it is the page that makes it. */
function opened(): Promise<IDBDatabase | null> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(DATABASE);
    request.onupgradeneeded = () => request.transaction?.abort(); // there is none yet
    request.onerror = () => (request.error?.name === "AbortError" ? done(null) : failed(request.error));
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      done(request.result);
    };
  });
}

/**
 * Send what the writer laid ready, in its order, and then the bytes of files. Throws where something did not arrive, or the
 * time of a wake is over, so that it is tried again; the bytes go on from there.
 */
async function sent(): Promise<void> {
  const database = await opened();
  if (!database) return;
  const over = AbortSignal.timeout(WAKE_MS);
  try {
    const waiting = await kept<Uint8Array<ArrayBuffer>>(database, OUTBOX);
    for (const body of waiting) {
      const answer = await asked("/api/ev", { method: "POST", body }, over);
      if (!answer.ok) throw new Error(`refused: ${answer.status}`);
    }
    if (waiting.length > 0) told();
    await brought(database, over);
  } finally {
    database.close();
  }
}

/** Bring the bytes of files that lie ready. A page that is looked at does that by its link, and not twice. */
async function brought(database: IDBDatabase, over: AbortSignal): Promise<void> {
  if ((await kept<Outgoing>(database, OUTGOING)).length === 0) return;
  while (await isSeen()) {
    over.throwIfAborted();
    await new Promise((passed) => setTimeout(passed, SEEN_LOOK_MS));
  }
  const held = await one<Held>(database, "kv", HELD);
  const key = await one<CryptoKey>(database, "keys", IDENTITY);
  if (!held || !key) return; // it is in no mesh any more
  const sign = async (message: Uint8Array) =>
    new Uint8Array(await crypto.subtle.sign("Ed25519", key, new Uint8Array(message)));
  const count = await bring(await kept<Outgoing>(database, OUTGOING), {
    who: { ...held, sign },
    nowMs: () => Date.now(),
    chunk: async (digest) => (await one<Uint8Array<ArrayBuffer>>(database, "files", digest)) ?? null,
    put: (address, body) => asked(address, { method: "PUT", body }, over),
  });
  if (count > 0) told();
}

async function isSeen(): Promise<boolean> {
  const pages = await scope.clients.matchAll({ type: "window" });
  return pages.some(({ visibilityState }) => visibilityState === "visible");
}

function asked(address: string, given: RequestInit, over: AbortSignal): Promise<Response> {
  return fetch(address, { ...given, signal: AbortSignal.any([over, AbortSignal.timeout(SEND_MS_MAX)]) });
}

/** All that is kept under names that begin so, in their order. */
function kept<T>(database: IDBDatabase, prefix: string): Promise<T[]> {
  return done(database.transaction("kv").objectStore("kv").getAll(IDBKeyRange.bound(prefix, `${prefix}\uffff`)));
}

function one<T>(database: IDBDatabase, store: string, name: string): Promise<T | undefined> {
  return done(database.transaction(store).objectStore(store).get(name));
}

/** Tell the pages that are open; the writer looks what came of it. */
function told(): void {
  const channel = new BroadcastChannel("mesh");
  channel.postMessage(SENT);
  channel.close();
}

// ── what is shared ───────────────────────────────────────────────────────────────────────────────

/** Keep what another app shares until a page takes it in, and show the page. */
async function shared(request: Request): Promise<Response> {
  const form = await request.formData();
  const text = (name: string) => String(form.get(name) ?? "");
  const given = form.getAll("files").filter((one) => one instanceof File).slice(0, SHARED_FILES_MAX);
  const files = given.map((file) => ({ name: file.name, mime: file.type, file: new Blob([file], { type: file.type }) }));
  const share: Share = { title: text("title"), text: text("text"), url: text("url"), files, at_ms: Date.now() };
  const database = await opened();
  if (!database) return Response.redirect("/#/inbox", 303);
  const writing = database.transaction("shared", "readwrite", { durability: "strict" });
  writing.objectStore("shared").add(share);
  await new Promise<void>((kept, failed) => {
    writing.oncomplete = () => kept();
    writing.onabort = () => failed(writing.error);
  });
  database.close();
  told();
  return Response.redirect("/#/inbox", 303);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((kept, failed) => {
    request.onsuccess = () => kept(request.result);
    request.onerror = () => failed(request.error);
  });
}

// ── wakes ────────────────────────────────────────────────────────────────────────────────────────

/** A device of the mesh knocks: say so, unless somebody looks at the page. What is new, nobody on the way learns. */
async function woken(): Promise<void> {
  const sending = sent().catch(() => {}); // the network that brought this may not be that of the node
  told();
  await Promise.all([sending, shown()]); // a browser that sees nothing shown in time shows something of its own
}

async function shown(): Promise<void> {
  if (await isSeen()) return;
  await (navigator as Navigator & { setAppBadge?: () => Promise<void> }).setAppBadge?.();
  await scope.registration.showNotification("mesh", { body: "Something new.", tag: "mesh", icon: "/icon-192.png" });
}

async function looked(): Promise<void> {
  const [page] = await scope.clients.matchAll({ type: "window" });
  await (page ? page.focus() : scope.clients.openWindow("/"));
}

scope.addEventListener("install", (event) => event.waitUntil(precached()));
scope.addEventListener("activate", (event) => event.waitUntil(tidied()));
scope.addEventListener("message", (event) => {
  if (event.data === TAKE_OVER) event.waitUntil(scope.skipWaiting());
});
scope.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== scope.location.origin) return;
  if (event.request.method === "POST" && url.pathname === SHARE) return event.respondWith(shared(event.request));
  if (event.request.method !== "GET" || ONLINE.some((path) => path.test(url.pathname))) return;
  event.respondWith(answered(event.request));
});
scope.addEventListener("sync", (event) => {
  if (event.tag === SYNC) event.waitUntil(sent());
});
scope.addEventListener("push", (event) => event.waitUntil(woken()));
scope.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(looked());
});
