// The code that lets this phone in: out of a QR, out of an address, or typed. Pure; it keeps no code and checks no more
// than its form.

/** What an invitation says: the one-time token, and the device that made it where that is known. */
export interface Invitation {
  token: string;
  device?: string;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";
const TOKEN_BYTES = 16;
const TYPED_LETTERS = Math.ceil((TOKEN_BYTES * 8) / 5);

/** Of the part behind # in an address: `#p=…&d=…`, or null. */
export function inHash(hash: string): Invitation | null {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const [token, device] = [given.get("p") ?? "", given.get("d") ?? ""];
  if (!/^[A-Za-z0-9_-]{22}$/.test(token)) return null;
  return /^[a-z2-7]{16}$/.test(device) ? { token, device } : { token };
}

/** Of what a QR says: only an invitation of the origin that served this page counts. */
export function scanned(text: string, origin: string): Invitation | "elsewhere" | null {
  if (!URL.canParse(text)) return null;
  const found = inHash(new URL(text).hash);
  return found && new URL(text).origin !== origin ? "elsewhere" : found;
}

/** Letters as people type them: groups of four. */
export function grouped(text: string): string {
  const letters = bare(text).slice(0, TYPED_LETTERS);
  return letters.toUpperCase().replace(/(.{4})(?=.)/g, "$1-");
}

function bare(text: string): string {
  return text
    .toLowerCase()
    .replaceAll("0", "o")
    .replaceAll("1", "l")
    .replace(/[^a-z2-7]/g, "");
}

/** The token that was typed as letters in groups, or null while it is not whole. */
export function typed(text: string): Invitation | null {
  const letters = bare(text);
  if (letters.length !== TYPED_LETTERS) return null;
  const bytes: number[] = [];
  let [held, bits] = [0, 0];
  for (const letter of letters) {
    held = ((held << 5) | LETTERS.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff);
  }
  if (held & ((1 << bits) - 1)) return null;
  const token = btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
  return { token };
}
