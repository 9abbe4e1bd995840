"""What a word means: events, documents and devices, whole names before beginnings, and what fits several."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.errors import Misuse
from mesh.events.verdict import Admission
from mesh.names import DocumentId, device_text
from mesh.node.agent import Agent
from mesh.node.storage.store_port import Row
from mesh.node.why.subject import event_of, meant
from tests.unit.node.families import ask, family, note


@pytest.fixture
async def alder(tmp_path: Path) -> AsyncIterator[Agent]:
    """A device alone."""
    async with family(tmp_path) as (one,):
        yield one


async def test_each_by_its_name_and_its_beginning(alder: Agent) -> None:
    """A device, a document and an event, by what people see of them."""
    document = await note(alder, "Seeds for spring")
    event = str((await ask(alder, "log", limit=1))["events"][0]["event"])  # type: ignore[index]
    own = device_text(alder.engine.own.admission)
    for said in ("alder", own, own[:6], own[:6].upper()):
        found = await meant(alder, said)
        assert isinstance(found, Admission), said
        assert found.name == "alder"
    for said in ("Seeds for spring", document, document[:20], document.split("/")[2][:8]):
        assert await meant(alder, said) == DocumentId.parse(document)
    for said in (event, event[:8], event[:8].upper()):
        row = await meant(alder, said)
        assert isinstance(row, Row), said
        assert row.placed.digest.hex() == event
        assert await event_of(alder, said) == row
    await ask(alder, "note.rm", document=document)
    assert await meant(alder, "Seeds for spring") == DocumentId.parse(document), "also what was removed"


async def test_a_whole_name_counts_before_a_beginning(alder: Agent) -> None:
    """A note whose title is the beginning of an event's digest, or of a device's id."""
    event = str((await ask(alder, "log", limit=1))["events"][0]["event"])  # type: ignore[index]
    own = device_text(alder.engine.own.admission)
    for title in (event[:8], own[:8]):
        assert not isinstance(await meant(alder, title), DocumentId)
        document = await note(alder, title)
        assert await meant(alder, title) == DocumentId.parse(document)


async def test_what_fits_several_or_nothing(alder: Agent) -> None:
    """Refused with the ids that say more; a short beginning means nothing, and hostile words are safe."""
    one, other = await note(alder, "twice"), await note(alder, "twice")
    with pytest.raises(Misuse, match="may mean") as told:
        await meant(alder, "twice")
    assert one in str(told.value)
    assert other in str(told.value)
    assert await meant(alder, one) == DocumentId.parse(one)
    own = device_text(alder.engine.own.admission)
    for said in (own[:3], "abc", "\x1b[31m\u202e", "none of that name", "0" * 64):
        with pytest.raises(Misuse, match="names no device, no document and no event") as told:
            await meant(alder, said)
        assert str(told.value).isprintable()
