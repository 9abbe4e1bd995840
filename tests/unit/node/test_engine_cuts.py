"""An agent that is ended between two commits: whoever starts on what is left comes to what it would have come to."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest

from mesh.errors import DiskFull
from mesh.events.kinds import Adopt, Close, Forget
from mesh.events.speaking import Draft
from mesh.limits import COMMIT_STANDINGS_MAX
from mesh.names import DocumentId
from mesh.node import folding
from mesh.node import shelf as shelves
from mesh.node.engine import Engine
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch
from tests.unit.node.engines import Listener, Small, founded, joined_by, listed, retitle, state, working, write
from tests.unit.node.test_shelf_turns import everything, swap


class Remembering(MemoryStore):
    """A store that keeps what it was after each commit, when asked to; and that is full from some commit on."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        super().__init__()
        self.before: list[MemoryStore] | None = None
        self.room: int | None = None

    async def commit(self, batch: Batch) -> int:
        """Commit, and remember."""
        if self.room is not None:
            if self.room == 0:
                raise DiskFull("no space")
            self.room -= 1
        last = await super().commit(batch)
        if self.before is not None and batch != Batch():
            plain, own = MemoryStore(), {"before", "room"}
            plain.__dict__ |= {key: copy.deepcopy(value) for key, value in self.__dict__.items() if key not in own}
            self.before.append(plain)
        return last


async def written(mac: Small, laptop: Small, count: int) -> list[DocumentId]:
    """Notes of both, each edited by both in turn."""
    notes = [await write((mac, laptop)[n % 2].engine, f"note {n}") for n in range(count)]
    await swap(mac, laptop)
    for note in notes:
        await retitle(laptop.engine, note, "of the laptop")
    await swap(mac, laptop)
    for note in notes[::3]:
        await retitle(mac.engine, note, "of the mac")
    return notes


async def test_every_commit_is_one_that_a_start_can_go_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close, an adoption, a forget are weighed in several commits each: cut after any, all comes out alike."""
    monkeypatch.setattr(folding, "DOCUMENTS_CACHED_MAX", 2)
    monkeypatch.setattr(shelves, "COMMIT_STANDINGS_MAX", 3)
    assert COMMIT_STANDINGS_MAX > 3
    store = Remembering()
    async with founded(store) as mac, joined_by(mac, "laptop") as laptop:
        notes = await written(mac, laptop, 8)
        await state(mac.engine, Close(laptop.engine.own.admission))
        void = [row.placed.digest for row in await store.unsettled()]
        for body in (Adopt(tuple(sorted(void[::2]))), Forget(notes[0]), Adopt(tuple(sorted(void)))):
            store.before = []
            await state(mac.engine, body)
            cuts, store.before = store.before, None
            assert len(cuts) > 1
            wanted = await everything(store)
            assert len({(await everything(cut))[0] for cut in cuts}) > 1, "the first commit is not all of it"
            for cut in cuts:
                async with working(Engine(mac.engine.own, mac.engine.keyring, cut, Listener())) as engine:
                    assert await everything(cut) == wanted
                    assert await cut.setting("weighed") == await store.setting("weighed")
                    assert engine.replica.missing == mac.engine.replica.missing


async def test_a_full_disk_leaves_what_counted_and_is_tried_again() -> None:
    """The statement is kept and there is no room to weigh by it: it is done as soon as there is, and by each start."""
    store = Remembering()
    async with founded(store) as mac, joined_by(mac, "laptop") as laptop:
        await written(mac, laptop, 4)
        before = await listed(store)
        store.room = 1
        with pytest.raises(DiskFull):
            await state(mac.engine, Close(laptop.engine.own.admission))
        await mac.engine.look(nobody)  # the writer is through with it
        assert await listed(store) == before
        assert not mac.engine.replica.verdict.is_live(laptop.engine.own.admission)
        store.room = None
        await write(mac.engine, "after")
        assert "of the laptop" not in await listed(store)
        wanted = await everything(store)
        await mac.engine.rebuild()
        assert await everything(store) == wanted


async def nobody(_engine: Engine) -> Sequence[Draft]:
    """Say nothing."""
    return ()


async def test_nothing_is_weighed_again_at_a_start_like_the_last() -> None:
    """A start costs no commit and reads no event when all was weighed by what counts now."""
    store = Remembering()
    async with founded(store) as mac:
        await write(mac.engine, "a note")
        store.before = []
        async with working(Engine(mac.engine.own, mac.engine.keyring, store, Listener())):
            assert store.before == []


async def test_who_is_shut_out_is_told_before_all_is_weighed() -> None:
    """The transport learns of a close with the commit that keeps it, not after all that follows from it."""
    store = Remembering()
    async with founded(store) as mac, joined_by(mac, "laptop") as laptop:
        await written(mac, laptop, 4)
        seen: list[tuple[bool, list[str]]] = []
        owner = mac.owner.happened
        titles = await listed(store)

        def happened(effects: object) -> None:
            owner(effects)  # type: ignore[arg-type]
            shown = sorted(row.note.title for row in store._notes.values())  # noqa: SLF001 - what lists show at this moment
            seen.append((bool(effects.judged), shown))  # type: ignore[attr-defined]

        mac.owner.happened = happened  # type: ignore[method-assign]
        await state(mac.engine, Close(laptop.engine.own.admission))
        assert seen == [(True, titles)]
        assert await listed(store) != titles
