// What is being written or recorded and not saved yet, kept in a small store of the page's own so that a page which is
// killed loses nothing. It never holds what was saved: that is the worker's.

const NAME = "mesh-page";
const STORE = "drafts";

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  opened.catch(() => (opened = null));
  return opened;
}

async function act<Value>(
  mode: IDBTransactionMode,
  body: (store: IDBObjectStore) => IDBRequest<Value>,
): Promise<Value> {
  const database = await open();
  return new Promise((done, failed) => {
    const transaction = database.transaction(STORE, mode);
    const request = body(transaction.objectStore(STORE));
    transaction.commit(); // at once: the page may be gone before it is told that the request is done
    transaction.oncomplete = () => done(request.result);
    transaction.onabort = () => failed(transaction.error);
  });
}

const next = new Map<string, unknown>();
let writing: Promise<void> | null = null;

async function write(): Promise<void> {
  while (next.size) await writeOne();
}

async function writeOne(): Promise<void> {
  const [name, value] = next.entries().next().value!;
  next.delete(name);
  await act("readwrite", (store) => (value === null ? store.delete(name) : store.put(value, name)) as IDBRequest);
}

/** The page goes: what waits for its turn does not wait. */
addEventListener("pagehide", () => {
  while (next.size) void writeOne().catch(() => undefined);
});

/** Keep this under a name, null: nothing. Of several in a row only the last is written; none waits for a timer. */
export function keep(name: string, value: unknown): Promise<void> {
  next.set(name, value);
  writing ??= write().finally(() => (writing = null));
  return writing;
}

/** What is kept under a name, or null. */
export async function read<Value>(name: string): Promise<Value | null> {
  if (next.has(name)) return next.get(name) as Value | null;
  return ((await act("readonly", (store) => store.get(name))) as Value | undefined) ?? null;
}

/** Erase them all. */
export async function erase(): Promise<void> {
  next.clear();
  await act("readwrite", (store) => store.clear());
}
