// Projects: what a piece of work is known by on every device, which is never a path; as mesh/state/projects.py has it.
//
// Those that turn out to be one are read as one. A phone has no folders: it reads projects and makes none.
import { ascending, byText } from "../names.js";
import { type Record, TITLE } from "./records.js";

const [ROOT, FIRST_REMOTE, REMOTE, PATH] = ["root", "first-remote", "remote/", "path/"] as const;
const ID_CHARACTERS_MIN = 4; // of an id: fewer are a slip of the hand
const ROOT_CHARACTERS = 8; // of a commit, where a project has no other name

/** The remotes by which a project is known, sorted; the first one is among them. */
export function remotes(record: Record): string[] {
  const found = [...textsUnder(record, REMOTE), record.word(FIRST_REMOTE)].filter(Boolean);
  return [...new Set(found)].sort(byText);
}

/** What a project is called: as a person called it, else by the end of its remote, else by its folder. */
export function nameOf(record: Record): string {
  const places = [record.word(TITLE), ...remotes(record), ...textsUnder(record, PATH).sort(byText)];
  const names = places.map((place) => place.replaceAll("\\", "/").replace(/\/+$/, "").split("/").at(-1));
  return names.find(Boolean) ?? (record.word(ROOT).slice(0, ROOT_CHARACTERS) || "project");
}

/**
 * The projects that a device knows. Those with a root or a remote in common are read as one.
 *
 * It is that with a root, of several the one with the smallest name; so every device says the same.
 */
export class Known {
  readonly #listed: readonly Record[];
  readonly #byId: ReadonlyMap<string, Record>;
  readonly #into: Map<string, string>;

  constructor(records: Iterable<Record>) {
    this.#listed = [...records].sort(byRank);
    this.#byId = new Map(this.#listed.map((one) => [one.document.text, one]));
    this.#into = new Map(this.#listed.map((one) => [one.document.text, one.document.text]));
    const rank = new Map(this.#listed.map((one, place) => [one.document.text, place]));
    const first = new Map<string, string>();
    for (const one of this.#listed) {
      for (const mark of marks(one)) {
        const other = first.get(mark) ?? one.document.text;
        first.set(mark, other);
        const pair = [this.#top(one.document.text), this.#top(other)].sort((a, b) => rank.get(a)! - rank.get(b)!);
        const [low, high] = pair as [string, string];
        const roots = pair.map((id) => this.#byId.get(id)!.word(ROOT));
        if (!(roots[0] && roots[1]) || roots[0] === roots[1]) this.#into.set(high, low);
      }
    }
  }

  #top(id: string): string {
    let found = id;
    while (this.#into.get(found) !== found) found = this.#into.get(found)!;
    return found;
  }

  /** The project as which the one of that id is read; null where it is not known. */
  get(project: string): Record | null {
    return this.#byId.has(project) ? this.#byId.get(this.#top(project))! : null;
  }

  /** What a project is called; empty where it is not known. */
  name(project: string): string {
    const found = this.get(project);
    return found ? nameOf(found) : "";
  }

  /** The projects that somebody may mean by a name, an id, or the beginning of one. */
  meant(said: string): Record[] {
    const fit = this.#listed.filter((one) => means(one, said)).map((one) => this.#top(one.document.text));
    return [...new Set(fit)].sort(byText).map((id) => this.#byId.get(id)!);
  }
}

function byRank(one: Record, other: Record): number {
  const [first, second] = [one.document, other.document];
  return (
    Number(!one.word(ROOT)) - Number(!other.word(ROOT)) ||
    ascending(first.space, second.space) ||
    ascending(first.type, second.type) ||
    ascending(first.name, second.name)
  );
}

function marks(record: Record): string[] {
  const root = record.word(ROOT);
  return [...(root ? [`root ${root}`] : []), ...remotes(record).map((remote) => `remote ${remote}`)];
}

function means(record: Record, said: string): boolean {
  const [id, tail] = [record.document.text, said.split("/").at(-1)!];
  const begun = said.length >= ID_CHARACTERS_MIN && id.split("/").at(-1)!.startsWith(tail);
  return begun || said === id || said === nameOf(record);
}

function textsUnder(record: Record, prefix: string): string[] {
  return [...record.under(prefix).values()].filter((value) => typeof value === "string");
}
