// Leaves out methods of classes that nothing in a script names. Tree shaking keeps whole classes, so an app carries all of
// what a library can do: Automerge's own glue has 150 methods, of which we call ten.
//
// A method goes only where its name stands nowhere else in the same script: not after a dot, not as a key, not within a
// text. What the platform calls by itself stays. What is called by a name put together at run time would be lost, so no
// script may do that with methods; tests run what is built.
import { parseAst, type Plugin } from "vite";

/** Called by the platform, not by a script. */
const PLATFORM = new Set(["constructor", "toString", "toJSON", "valueOf", "then", "handleEvent", "name", "message"]);
const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;

/** A node of a syntax tree (ESTree), as far as this looks. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

interface Method {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A script without the methods that nothing in it names. */
export function pruned(code: string): string {
  for (;;) {
    const names = new Map<string, number>();
    const methods: Method[] = [];
    look(parseAst(code) as unknown as Node, names, methods);
    const unused = methods.filter(({ name }) => methods.filter((one) => one.name === name).length === names.get(name));
    if (unused.length === 0) return code;
    code = unused
      .sort((one, other) => other.start - one.start)
      .reduce((left, { start, end }) => left.slice(0, start) + left.slice(end), code);
  }
}

/** Count every word that could name a method, and find the methods. */
function look(node: Node, names: Map<string, number>, methods: Method[]): void {
  const words = node.type === "Identifier" ? [String(node["name"])] : wordsOf(node);
  for (const word of words) names.set(word, (names.get(word) ?? 0) + 1);
  const key = node["key"] as Node | undefined;
  if (node.type === "MethodDefinition" && key?.type === "Identifier" && !node["computed"] && node["kind"] !== "constructor") {
    const name = String(key["name"]);
    if (!PLATFORM.has(name)) methods.push({ name, start: node.start, end: node.end });
  }
  for (const value of Object.values(node)) for (const one of [value].flat()) if (isNode(one)) look(one, names, methods);
}

function wordsOf(node: Node): readonly string[] {
  const text = node.type === "TemplateElement" ? (node["value"] as { raw: string }).raw : node["value"];
  const isText = node.type === "TemplateElement" || (node.type === "Literal" && typeof text === "string");
  return isText ? (String(text).match(WORD) ?? []) : [];
}

function isNode(value: unknown): value is Node {
  return typeof (value as Node | null)?.type === "string";
}

/** Does so with every script that is built. */
export function unused(): Plugin {
  return { name: "mesh-unused", apply: "build", renderChunk: (code) => ({ code: pruned(code), map: null }) };
}
