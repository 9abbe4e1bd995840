// This phone's keys, which the browser keeps: it signs and opens with them and never shows them, not to this code either.
//
// Each key lies in a record of its own: a record with one key that a browser loses reads back as nothing at all. What
// scripts must see while they run (keys of epochs, the secret of all links) is kept sealed under `vault`. This module
// decides nothing, and knows no event.
import { KEY_BYTES, NONCE_BYTES } from "../limits.js";
import { Damaged, Forged, Unreachable } from "../errors.js";
import { encapsulated, opened, P256 } from "../events/hpke.js";
import { joined, utf8 } from "../names.js";

/** Where a key lies, and what is kept there. */
export interface KeyShelf {
  get(name: string): Promise<unknown>;
  /** All of these, durably, or none. */
  put(records: ReadonlyMap<string, CryptoKey>): Promise<void>;
}

const NAMES = ["identity", "identity/public", "wrapping", "wrapping/public", "transport", "transport/public", "vault"];
const SIGNING = { name: "Ed25519" };
const WRAPPING = { name: "ECDH", namedCurve: "P-256" };
const VAULT = { name: "AES-GCM", length: 8 * KEY_BYTES };
const AAD = "mesh/vault/1/";
const TRIES_MAX = 4; // to make one key

/** The keys of one device in a browser. */
export class Keys {
  private constructor(
    readonly signKey: Uint8Array,
    readonly kemKey: Uint8Array,
    readonly transportKey: Uint8Array,
    private readonly kept: ReadonlyMap<string, CryptoKey>,
  ) {}

  /** New keys, kept. Throws Unreachable in a browser that has no such keys. */
  static async made(shelf: KeyShelf): Promise<Keys> {
    const records = new Map<string, CryptoKey>();
    try {
      for (const name of ["identity", "transport"]) pair(records, name, await generated(SIGNING, ["sign", "verify"]));
      pair(records, "wrapping", await generated(WRAPPING, ["deriveBits"]));
      records.set("vault", (await crypto.subtle.generateKey(VAULT, false, ["encrypt", "decrypt"])) as CryptoKey);
    } catch (error) {
      throw new Unreachable(
        `this browser cannot make the keys that a device needs: ${(error as Error).message}`,
        "Open the page over https in a browser of this year: Safari 17, Chrome 137 or later.",
      );
    }
    await shelf.put(records);
    return Keys.#of(records);
  }

  /** The keys that are here; null where there are none. Throws Damaged where some are lost. */
  static async kept(shelf: KeyShelf): Promise<Keys | null> {
    const found = new Map<string, CryptoKey>();
    const kept = await Promise.all(NAMES.map((name) => shelf.get(name)));
    for (const [at, key] of kept.entries()) if (key instanceof CryptoKey) found.set(NAMES[at]!, key);
    if (found.size === 0) return null;
    if (found.size < NAMES.length) throw new Damaged("some of this phone's keys are gone from this browser");
    return Keys.#of(found);
  }

  static async #of(records: ReadonlyMap<string, CryptoKey>): Promise<Keys> {
    const raw = async (name: string) => new Uint8Array(await crypto.subtle.exportKey("raw", records.get(name)!));
    const [signKey, kemKey, transportKey] = await Promise.all([
      raw("identity/public"),
      raw("wrapping/public"),
      raw("transport/public"),
    ]);
    return new Keys(signKey, kemKey, transportKey, records);
  }

  /** Sign with the identity: bytes that begin with a domain of ours. */
  readonly sign = (message: Uint8Array): Promise<Uint8Array> => this.#signed("identity", message);

  /** Sign the nonce of a nats-server with the transport key, which is nobody's identity. */
  readonly login = (nonce: Uint8Array): Promise<Uint8Array> => this.#signed("transport", nonce);

  /** What somebody sealed for this phone; null where it was for another one, or was altered. */
  async unwrap(sealed: Uint8Array, purpose: Uint8Array): Promise<Uint8Array | null> {
    try {
      const sent = encapsulated(P256, sealed);
      const theirs = await crypto.subtle.importKey("raw", own(sent), WRAPPING, false, []);
      const exchange = { name: "ECDH", public: theirs };
      const bits = await crypto.subtle.deriveBits(exchange, this.kept.get("wrapping")!, 8 * KEY_BYTES);
      return opened(P256, new Uint8Array(bits), this.kemKey, sealed, purpose);
    } catch (error) {
      if (error instanceof Forged || isRefusal(error)) return null;
      throw error;
    }
  }

  /** Seal what is kept on this phone under a name. */
  async seal(name: string, plain: Uint8Array): Promise<Uint8Array> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = await crypto.subtle.encrypt(vaultOf(iv, name), this.kept.get("vault")!, own(plain));
    return joined(iv, new Uint8Array(sealed));
  }

  /** Open what was sealed under a name. Throws Damaged. */
  async open(name: string, sealed: Uint8Array): Promise<Uint8Array> {
    try {
      const iv = own(sealed.subarray(0, NONCE_BYTES));
      const rest = own(sealed.subarray(NONCE_BYTES));
      return new Uint8Array(await crypto.subtle.decrypt(vaultOf(iv, name), this.kept.get("vault")!, rest));
    } catch {
      throw new Damaged(`what this phone sealed as '${name}' does not open any more`);
    }
  }

  async #signed(name: string, message: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign(SIGNING.name, this.kept.get(name)!, own(message)));
  }
}

async function generated(algorithm: { name: string }, usages: KeyUsage[]): Promise<CryptoKeyPair> {
  for (let tries = 1; ; tries++) {
    try {
      return (await crypto.subtle.generateKey(algorithm, false, usages)) as CryptoKeyPair;
    } catch (error) {
      if (tries >= TRIES_MAX) throw error; // WebKitGTK fails at one Ed25519 key of about 150 and makes the next one
    }
  }
}

function pair(records: Map<string, CryptoKey>, name: string, made: CryptoKeyPair): void {
  records.set(name, made.privateKey);
  records.set(`${name}/public`, made.publicKey);
}

function vaultOf(iv: Uint8Array<ArrayBuffer>, name: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: own(utf8(AAD + name)) };
}

/** The same bytes in a buffer of their own, as the browser wants them. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Whether a browser means: this is no point of the curve. */
function isRefusal(error: unknown): boolean {
  return error instanceof DOMException && ["DataError", "OperationError"].includes(error.name);
}
