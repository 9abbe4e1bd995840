// Convergence receipts: what a device says, signed, that it holds and shows; and the check of what another one says; as
// mesh/sync/receipts.py has it.
//
// Nothing in the signed bytes comes from whoever asks for them: a device signs only what it worked out itself. A receipt
// says what its device claims, no more (THREATS). Nothing is looked up here, and nothing is compared but digests.
import { sha256 } from "@noble/hashes/sha2.js";
import { sameHead } from "../clocks/chain.js";
import { type Frontier, window } from "../clocks/frontier.js";
import { Malformed, Stranger } from "../errors.js";
import { encode as encodeCbor, fields, type Plain } from "../events/cbor.js";
import { verify } from "../events/keys.js";
import type { Sign } from "../events/speaking.js";
import type { Verdict } from "../events/verdict.js";
import { CHAIN_HEADS_MAX, HAVE_CHAINS_MAX, RECEIPT_BYTES_MAX, SIGNATURE_BYTES } from "../limits.js";
import { type Digest, hex, joined, unhex, utf8 } from "../names.js";
import { asDigest, frontierList, type Have } from "./messages.js";

/** What a device asks for with its own. */
export const VERB = "receipt";

const DOMAIN = utf8("mesh/receipt/1");
const FRONTIER = utf8("mesh/frontier/1");
const TYPES = ["bytes", "bytes", "bytes", "bytes", "bytes", "int", "int", "bytes"] as const;

/** What a device holds and shows, in four digests: all tips, what counts, what follows of it, what people see. */
export interface Shown {
  readonly frontier: Digest;
  readonly verdict: Digest;
  readonly state: Digest;
  readonly view: Digest;
}

/** What one device says that it shows, and how much it lacks to show all: bodies of events, keys of epochs. */
export interface Receipt {
  readonly admission: Digest;
  readonly shown: Shown;
  readonly bodies: number;
  readonly keys: number;
  readonly signature: Uint8Array;
}

/** Whether its device has everything that it needs to show what counts. */
export function isWhole(receipt: Receipt): boolean {
  return receipt.bodies === 0 && receipt.keys === 0;
}

/** One digest of all tips in both lanes. */
export function frontierDigest(control: Frontier, data: Frontier): Digest {
  return hex(sha256(joined(FRONTIER, encodeCbor([frontierList(control), frontierList(data)]))));
}

/** The same, with the signature of the device that it speaks of. */
export async function signed(receipt: Omit<Receipt, "signature">, mesh: Digest, sign: Sign): Promise<Receipt> {
  return { ...receipt, signature: await sign(said(receipt, mesh)) };
}

/** A receipt as it travels. */
export function encode(receipt: Receipt): Uint8Array {
  return encodeCbor([...told(receipt), receipt.signature]);
}

/** Read a receipt. Throws Refused. Its signature is not checked here. */
export function decode(raw: Uint8Array): Receipt {
  const [admission, frontier, verdict, state, view, bodies, keys, signature] = fields(
    raw,
    RECEIPT_BYTES_MAX,
    "a receipt",
    TYPES,
  );
  const shown = {
    frontier: asDigest(frontier),
    verdict: asDigest(verdict),
    state: asDigest(state),
    view: asDigest(view),
  };
  if (bodies < 0 || keys < 0 || signature.length !== SIGNATURE_BYTES) {
    throw new Malformed("a receipt's counts or its signature are not allowed");
  }
  return { admission: asDigest(admission), shown, bodies, keys, signature };
}

/** Throw Refused unless the live device that tells it signed this receipt, for this mesh. */
export function check(receipt: Receipt, mesh: Digest, verdict: Verdict, teller: Digest): void {
  const found = verdict.isLive(teller) ? verdict.admissions.get(teller) : undefined;
  if (receipt.admission !== teller || !found) {
    throw new Stranger("a receipt does not speak of the device that told it, or that one does not belong to this mesh");
  }
  verify(found.signKey, said(receipt, mesh), receipt.signature);
}

/** Whether two devices hold the same and show the same. A relay shows nothing, so with one the log alone counts. */
export function agree(mine: Shown, theirs: Shown, bothShow: boolean): boolean {
  const sameLog = mine.frontier === theirs.frontier && mine.verdict === theirs.verdict;
  return sameLog && (!bothShow || (mine.state === theirs.state && mine.view === theirs.view));
}

/** Whether a Have names the tips that are held here. Of a frontier that does not fit, nothing else may be named. */
export function alike(control: Frontier, data: Frontier, have: Have): boolean {
  return areAlike(control, have.control, HAVE_CHAINS_MAX / 2) && areAlike(data, have.data, HAVE_CHAINS_MAX);
}

function areAlike(mine: Frontier, theirs: Frontier, tipsMax: number): boolean {
  const whole = tips(window(mine, tipsMax, CHAIN_HEADS_MAX, 0)) === tips(mine);
  if (whole && tips(mine) !== tips(theirs)) return false;
  return [...theirs].every(([chain, heads]) => {
    return heads.every((head) => (mine.get(chain) ?? []).some((one) => sameHead(one, head)));
  });
}

function tips(frontier: Frontier): number {
  return [...frontier.values()].reduce((sum, heads) => sum + heads.length, 0);
}

function said(receipt: Omit<Receipt, "signature">, mesh: Digest): Uint8Array {
  return joined(DOMAIN, encodeCbor([unhex(mesh), ...told(receipt)]));
}

function told({ admission, shown, bodies, keys }: Omit<Receipt, "signature">): Plain[] {
  const digests = [admission, shown.frontier, shown.verdict, shown.state, shown.view];
  return [...digests.map(unhex), bodies, keys];
}
