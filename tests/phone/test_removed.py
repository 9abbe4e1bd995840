"""A phone that was taken out: a signed statement ends it, and nothing else does."""

from __future__ import annotations

from tests.phone.conftest import MakePhone
from tests.system.harness import Fleet

LEFT = """
    const found = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((done, failed) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => done(opening.result);
        opening.onerror = () => failed(opening.error);
      });
      for (const store of database.objectStoreNames) {
        const rows = database.transaction(store).objectStore(store).getAll();
        await new Promise((done) => (rows.onsuccess = done));
        found.push([store, rows.result.length, JSON.stringify(rows.result)]);
      }
      database.close();
    }
    return found;
"""


def test_a_removed_phone_wipes_its_keys_and_says_so(fleet: Fleet, new_phone: MakePhone) -> None:
    """It hears of the signed statement, says who took it out, and keeps neither a key nor a note."""
    (mac,) = fleet.joined(1)
    mac.start()
    mac.note("Secret of the mesh", "the vault's number")
    phone = new_phone()
    phone.pair(mac)
    phone.go("notes", "Notes")
    phone.sees("Secret of the mesh")
    phone.idle()
    mac.done("phone", "remove", "handset", "--yes")
    phone.sees("This phone was removed")
    phone.sees("alder took it out of the mesh")
    phone.browser.close()
    phone.again()
    phone.sees("This phone was removed")
    left = {store: (count, text) for store, count, text in phone.browser.run(LEFT)}
    assert left["keys"][0] == 0, left["keys"]
    assert not [store for store, (_, text) in left.items() if "Secret of the mesh" in text]
    assert not [store for store, (_, text) in left.items() if "the vault" in text]
