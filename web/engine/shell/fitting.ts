// From readings to births and changes, and from these to a document: the pure half of folding.ts, as
// mesh/node/folding.py has it at its end.
//
// It asks no store and gives no event a standing.
import { Malformed, Refused } from "../errors.js";
import { documentNamedAfter } from "../events/bodies.js";
import type { Inner, Placed } from "../events/event.js";
import type { Body, Carrier } from "../events/kinds.js";
import type { Reading } from "../events/reading.js";
import { Standing } from "../events/verdict.js";
import type { DocumentId, Hex } from "../names.js";
import { decode } from "../state/changes.js";
import { Document } from "../state/documents.js";
import { derive } from "../state/genesis.js";
import type { Taken } from "../state/intake.js";
import { checkBirth, gate } from "../state/shapes.js";
import { authorOf, type Birth, type Loaded, type Step } from "./gathered.js";

/** Whether a body carries a change. */
export function isCarrier(body: Body | null): body is Carrier {
  return body !== null && ["changed", "settled", "undone"].includes(body.kind);
}

/** The birth that an event is, null when it is none. Throws Refused when it is not one of its document. */
export function birthOf(placed: Placed, { body, inner, plain, standing }: Reading): Birth | null {
  if (body?.kind !== "born" || !inner?.document) return null;
  const { document } = inner;
  checkBirth(document.type, body);
  if (documentNamedAfter(document.space, document.type, plain).text !== document.text) {
    throw new Malformed("its document is not named after this birth");
  }
  const author = authorOf(placed, inner.agent, inner.timeMs);
  return { placed, born: body, counts: standing === Standing.HONOURED, author };
}

/** The change that an event carries. Throws Refused. */
export function stepOf(placed: Placed, inner: Inner, body: Carrier, counts: boolean): Step {
  return { placed, change: decode(body.change), counts, body, author: authorOf(placed, inner.agent, inner.timeMs) };
}

/** Why a document's type may not hold a change; null where it may. */
export function faultOf({ change, placed }: Step, { document }: Loaded): string | null {
  try {
    gate(change, { admission: placed.admission, kind: document.id.type, body: document.body });
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
  return null;
}

/** A document from its changes, with its void ones only where something waits, which may stand on one of them. */
export function foldedOf(document: DocumentId, birth: Birth, steps: readonly Step[]): [Document, boolean] {
  const counting = new Set(steps.filter(({ counts }) => counts).map(({ change }) => change.hash));
  const beneath = new Set(steps.map(({ change }) => change.hash).filter((hash) => !counting.has(hash)));
  const first = new Set(birth.counts ? [] : [derive(document, birth.born).hash]);
  const pair = ({ placed, change }: Step) => [placed.digest, change] as const;
  const events = steps.filter(({ counts }) => counts).map(pair);
  const made = Document.fold(document, birth.born, events, first);
  if (beneath.size === 0 || made.take([]).waiting.length === 0) return [made, false];
  made.free();
  events.push(...steps.filter(({ change }) => beneath.has(change.hash)).map(pair));
  return [Document.fold(document, birth.born, events, new Set([...first, ...beneath])), true];
}

/** Give changes to a document; null when it must be folded again. */
export function givenTo(loaded: Loaded, steps: readonly Step[]): Taken | null {
  const { document } = loaded;
  const counting = new Set(steps.filter(({ counts }) => counts).map(({ change }) => change.hash));
  const beneath = new Set<Hex>();
  if (counting.size < steps.length) {
    const [known, aside] = [document.void, new Set([...loaded.aside.values()].map(({ change }) => change.hash))];
    for (const { change } of steps) {
      const already = aside.has(change.hash) || (document.contains(change.hash) && !known.has(change.hash));
      if (!counting.has(change.hash) && !already) beneath.add(change.hash);
    }
  }
  const given = steps.filter(({ counts, change }) => counts || beneath.has(change.hash)).map(({ change }) => change);
  try {
    const taken = document.take(given, beneath);
    return taken.doubled ? null : taken;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}
