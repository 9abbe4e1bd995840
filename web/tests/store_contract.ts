// What the phone's store promises, on whatever IndexedDB it stands: the one of a browser, or the one that Node is given.
//
// It needs nothing but the engine, so the same compiled file runs in a page. Whoever runs it brings a way to open a store
// by name (again and again: what was kept is there), and a way to report one case.
import type { Tally } from "../engine/shell/storage/documents.js";
import type { PhoneStore } from "../engine/shell/store.js";
import { LOG_CASES } from "./store_cases_log.js";
import { ROOM_CASES } from "./store_cases_room.js";
import { VIEW_CASES } from "./store_cases_views.js";
import type { Check, MakeStore } from "./store_checks.js";

/** Run all cases, each with a store of its own. */
export function storeContract(makeStore: MakeStore, check: Check): void {
  for (const [title, run] of Object.entries({ ...LOG_CASES, ...VIEW_CASES, ...ROOM_CASES })) {
    check(title, async () => {
      const name = `contract ${title}`;
      const opened: PhoneStore[] = [await makeStore(name)];
      const again = async (room?: Tally) => {
        opened.push(await makeStore(name, room));
        return opened.at(-1)!;
      };
      try {
        await run(opened[0]!, again, name);
      } finally {
        for (const store of opened) await store.close();
      }
    });
  }
}
