// The stores of the phone's database, and how an older database becomes one of this version; what mesh/node/storage/
// schema.py is for SQLite.
//
// A version that was released never changes, and no step of an upgrade throws anything away that is not kept elsewhere in
// the same step. This module never looks at data.

/** What the database is called in the browser. */
export const NAME = "mesh";

/** Every store, by what lies in it. */
export const STORES = [
  "kv", // by name: who may write, tallies, trees; sealed secrets and what else the shell keeps
  "settings", // by name: of the engine, written with its commits
  "keys", // by name: one CryptoKey each
  "events", // the log, by row id
  "bodies", // by the row id of their events
  "chains",
  "branches",
  "documents",
  "snapshots", // by document, as all that follow
  "notes",
  "records",
  "words", // what notes and records are found by
  "leaves", // what the tree over views stands on
  "rolls", // what the tree over the state stands on
  "stale", // which buckets of both are to be hashed anew, one entry a commit
  "places", // paths of a space, each with its notes
  "conflicts",
  "settlements",
  "forgotten", // by document: since when
  "files", // chunks, by digest
  "shared", // what a share brought, for the writer to take in
  "wakes", // what a wake cost
] as const;

/** The name of a store. */
export type StoreName = (typeof STORES)[number];

/** What one version adds. */
export type Step = (db: IDBDatabase) => void;

const first: Step = (db) => {
  for (const name of ["kv", "settings", "keys", "bodies", "files", "forgotten"]) db.createObjectStore(name);
  for (const name of ["shared", "wakes", "stale"]) db.createObjectStore(name, { autoIncrement: true });
  for (const name of ["chains", "branches"]) db.createObjectStore(name, { keyPath: "id" });
  const events = db.createObjectStore("events", { keyPath: "id" });
  events.createIndex("digest", "digest", { unique: true });
  events.createIndex("place", ["branch", "seq"], { unique: true });
  events.createIndex("document", ["document", "id"]);
  events.createIndex("change", ["document", "change"]);
  events.createIndex("pending", "pending");
  events.createIndex("pendingOf", ["document", "pending"]);
  events.createIndex("lean", "lean");
  events.createIndex("away", ["document", "away"]);
  const documents = db.createObjectStore("documents", { keyPath: "text" });
  documents.createIndex("letters", "letters");
  documents.createIndex("touched", "touched");
  db.createObjectStore("snapshots", { keyPath: "document" });
  const notes = db.createObjectStore("notes", { keyPath: "document" });
  notes.createIndex("listed", "listed");
  notes.createIndex("tagged", "tagged", { multiEntry: true });
  const records = db.createObjectStore("records", { keyPath: "document" });
  records.createIndex("listed", "listed");
  db.createObjectStore("words", { keyPath: "document" });
  db.createObjectStore("leaves", { keyPath: ["bucket", "document"] });
  db.createObjectStore("rolls", { keyPath: ["bucket", "document", "chain"] });
  const places = db.createObjectStore("places", { keyPath: ["space", "path"] });
  places.createIndex("several", "several");
  const conflicts = db.createObjectStore("conflicts", { keyPath: ["document", "name"] });
  conflicts.createIndex("name", "name");
  conflicts.createIndex("listed", ["rank", "name"]);
  const settlements = db.createObjectStore("settlements", { keyPath: ["document", "event"] });
  settlements.createIndex("conflict", "conflict");
  settlements.createIndex("listed", ["rank", "event"]);
};

/** What each version adds, oldest first. */
export const UPGRADES: readonly Step[] = [first];
