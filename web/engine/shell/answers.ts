// Questions as they truly stand: an answer counts as that device's only where its person wrote it there; as
// mesh/node/answers.py has it.
//
// Who wrote what is signed, so neither an agent nor another device can put an answer into somebody's mouth, nor say what
// came of a question that it did not ask. What was written so is left out, as if it were not there.
import { type Digest, deviceText, type DocumentId } from "../names.js";
import * as asks from "../state/asks.js";
import * as records from "../state/records.js";
import { Record } from "../state/records.js";
import type { Phone } from "./calls/phone.js";
import type { Engine } from "./engine.js";
import type { Loaded } from "./gathered.js";
import * as keeping from "./keeping.js";
import type { Author, RecordRow } from "./store_port.js";

/** A question with those answers, and that outcome, that are what they say they are. */
export async function truly(engine: Engine, row: RecordRow): Promise<RecordRow> {
  if (![...row.record.registers.keys()].some(asks.isAnswer)) return row;
  return engine.look(async () => {
    const loaded = await engine.shelf.load(row.record.document);
    return loaded ? { ...row, record: await asWritten(engine, loaded) } : row;
  });
}

/** Change a question to what `wanted` makes of it as it truly stands; `wanted` may refuse. Throws Refused. */
export async function changed(phone: Phone, document: DocumentId, wanted: keeping.Wanted): Promise<Digest | null> {
  const said = await keeping.edited(phone, document, async (loaded, engine) => {
    return records.edits(loaded.document, wanted(await asWritten(engine, loaded)));
  });
  return said?.digest ?? null;
}

async function asWritten(engine: Engine, loaded: Loaded): Promise<Record> {
  const record = records.viewOf(loaded.document);
  const keys = [...record.registers.keys()].filter(asks.isAnswer);
  const live = keys.map((key) => [key, loaded.document.live(key)] as const);
  const authors = await engine.shelf.authors(loaded, live.flatMap(([, several]) => several.map((one) => one.change)));
  const kept = new Map(record.registers);
  for (const [key, several] of live) {
    const own = several.find((one) => isBy(authors.get(one.change), asks.whose(record, key)));
    if (own) kept.set(key, own.value);
    else kept.delete(key);
  }
  return new Record(record.document, kept, record.text, record.conflicts);
}

function isBy(author: Author | undefined, device: string): boolean {
  return author !== undefined && !author.agent && deviceText(author.admission) === device;
}
