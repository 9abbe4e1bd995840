// This phone's side of a comparison: what its store says to each message, and so what the next message is; as
// mesh/node/comparing.py has it.
//
// Both sides use the same code: whoever asks says nodes, leaves and the finding, the other one buckets and events. Nothing
// is changed by it, here or there.
import { Standing } from "../events/verdict.js";
import { COMPARE_BRANCHES, COMPARE_KEY_BYTES } from "../limits.js";
import { ascending, type Digest, type DocumentId, type Hex } from "../names.js";
import { bucket, key } from "../state/digest.js";
import * as comparing from "../sync/comparing.js";
import type { Events, Finding, Message, Nodes } from "../sync/comparing.js";
import type { Row, Store } from "./store_port.js";

const TOP = 1; // levels of the tree
const NODES = 2;

/** The first message of whoever looks. */
export async function begun(store: Store, views: boolean): Promise<Nodes> {
  return { message: "nodes", views, prints: comparing.packed(await nodesOf(store, views)) };
}

/** The message that follows one of the other side's; null where no difference is seen, or it was the last. */
export async function followed(store: Store, message: Message): Promise<Message | null> {
  const { views } = message;
  if (message.message === "nodes") {
    const node = comparing.differing(await nodesOf(store, views), message.prints);
    if (node === null) return null;
    return { message: "buckets", views, node, prints: comparing.packed(await children(store, NODES, node, views)) };
  }
  if (message.message === "buckets") {
    const branch = comparing.differing(await children(store, NODES, message.node, views), message.prints);
    if (branch === null) return null;
    const place = message.node * COMPARE_BRANCHES + branch;
    return { message: "leaves", views, bucket: place, leaves: comparing.packedLeaves(await leavesOf(store, place, views)) };
  }
  if (message.message === "leaves") {
    const cut = comparing.differingLeaf(await leavesOf(store, message.bucket, views), message.leaves);
    return cut === null ? null : eventsOf(store, cut, views);
  }
  return message.message === "events" ? found(store, message) : null;
}

/** What another device found, from this side; null where it does not fit what is here. */
export async function seenFromHere(store: Store, finding: Finding): Promise<Finding | null> {
  if (finding.event === null) return finding;
  const [row, ...others] = await store.event(finding.event);
  if (!row || others.length > 0 || (row.standing === Standing.HONOURED) === finding.honoured) return null;
  return { ...finding, document: row.document ?? finding.document, honoured: !finding.honoured };
}

async function nodesOf(store: Store, views: boolean): Promise<Digest[]> {
  const found: Digest[] = [];
  for (let top = 0; top < COMPARE_BRANCHES; top++) found.push(...(await children(store, TOP, top, views)));
  return found;
}

function children(store: Store, level: number, index: number, views: boolean): Promise<readonly Digest[]> {
  return views ? store.viewChildren(level, index) : store.digestChildren(level, index);
}

async function leavesOf(store: Store, index: number, views: boolean): Promise<Map<Digest, Digest>> {
  return new Map((await store.leaves(index, views)).map(([document, leaf]) => [key(document), leaf]));
}

/** The document whose key begins so, where there is one here. */
async function named(store: Store, cut: Hex, views: boolean): Promise<DocumentId | null> {
  const leaves = await store.leaves(bucket(cut), views);
  return leaves.find(([document]) => cutOf(document) === cut)?.[0] ?? null;
}

function cutOf(document: DocumentId): Hex {
  return key(document).slice(0, 2 * COMPARE_KEY_BYTES);
}

/** The honoured events of a document, by their stamps. */
async function counting(store: Store, document: DocumentId | null): Promise<Map<Digest, Row>> {
  const rows = document ? await store.rows(document) : [];
  const honoured = rows.filter((row) => row.standing === Standing.HONOURED).sort(byStamp);
  return new Map(honoured.map((row) => [row.placed.digest, row]));
}

function byStamp({ placed: one }: Row, { placed: other }: Row): number {
  const clocks = one.header.lamport - other.header.lamport;
  return clocks || ascending(one.chain, other.chain) || ascending(one.digest, other.digest);
}

async function eventsOf(store: Store, cut: Hex, views: boolean): Promise<Events> {
  const document = await named(store, cut, views);
  const events = [...(await counting(store, document)).keys()];
  return { message: "events", views, key: cut, document, prints: comparing.packedEvents(events) };
}

/** The first event, by its stamp, that counts on one side only. */
async function found(store: Store, told: Events): Promise<Finding> {
  const { views } = told;
  let document = await named(store, told.key, views);
  if (!document && told.document && cutOf(told.document) === told.key) {
    document = told.document; // it is only there, or nothing of it counts here
  }
  const here = await counting(store, document);
  const [mine, cut] = comparing.differingEvents([...here.keys()], told.prints);
  const onlyHere = mine === null ? [] : [here.get(mine)!];
  const rows = cut === null ? [] : await store.event(cut);
  const onlyThere = rows.filter((row) => row.standing !== Standing.HONOURED);
  const [first] = [...onlyHere, ...onlyThere].sort(byStamp);
  if (!first) return { message: "finding", views, document, event: null, honoured: false };
  const event = first.placed.digest;
  return { message: "finding", views, document: document ?? first.document, event, honoured: first === onlyHere[0] };
}
