"""Who tells the page's name: by seniority, slowly taken, left at once, and with nobody's address but who told it."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from mesh.errors import Refused
from mesh.events.founding import request_text
from mesh.names import Digest
from mesh.node import agent as agents
from mesh.node import home as founding
from mesh.node import timing
from mesh.node.gateway import homes
from mesh.node.gateway.name import Candidate, Election, Name
from mesh.node.nearby import whereabouts
from mesh.node.ports import Sign
from tests.unit.node.engines import founded
from tests.unit.node.families import ask, family, meet
from tests.unit.small_mesh import browser_request

OWN = (2, Digest(bytes([5] * 32)))
BETTER = Candidate(1, Digest(bytes([9] * 32)), ("10.0.0.1",))
EQUAL = Candidate(2, Digest(bytes([4] * 32)), ("10.0.0.2",))
WORSE = Candidate(2, Digest(bytes([6] * 32)), ("10.0.0.3",))
LAST = Candidate(7, Digest(bytes([1] * 32)), ("10.0.0.4",))


def test_the_name_is_taken_slowly_and_left_at_once() -> None:
    """Three looks without anybody better; one with somebody."""
    election = Election(OWN)
    looks = [election.deputies([WORSE]) for _ in range(timing.DOOR_NAME_MISSES)]
    assert looks[:-1] == [None] * (timing.DOOR_NAME_MISSES - 1)
    assert looks[-1] == [WORSE]
    assert election.deputies([LAST, WORSE]) == [WORSE, LAST]  # the next one in order is the deputy
    for one in (BETTER, EQUAL):
        assert election.deputies([one, WORSE]) is None
        assert election.deputies([WORSE]) is None  # and it is not back the moment that one is out of sight


def test_who_was_away_looks_around_first() -> None:
    """A door that was shut, or a network that was no home: others may have the name by now."""
    election = Election(OWN)
    for _ in range(timing.DOOR_NAME_MISSES):
        election.deputies([])
    election.anew()
    assert election.deputies([]) is None


@pytest.mark.parametrize("seed", range(20))
def test_one_of_those_who_see_each_other_has_it(seed: int) -> None:
    """Devices come and go at random; whenever all were there for three looks, exactly the senior one has the name."""
    chance = random.Random(seed)
    devices = [Candidate(chance.randrange(1, 4), Digest(chance.randbytes(32)), ("x",)) for _ in range(5)]
    elections = {one: Election((one.rank, one.admission)) for one in devices}
    here, since = set(devices), 0
    for _ in range(200):
        if chance.random() < 0.2:
            one = chance.choice(devices)
            if one in here and len(here) > 1:
                here.remove(one)
                elections[one].anew()
            else:
                here.add(one)
            since = 0
        held = [one for one in here if elections[one].deputies([other for other in here if other != one]) is not None]
        since += 1
        assert len(held) <= 1
        if since >= timing.DOOR_NAME_MISSES:
            assert held == [min(here)]


class Board:
    """A signpost that only remembers."""

    def __init__(self) -> None:
        self.shown: list[Sign | None] = []

    async def run(self) -> None:
        """Nothing waits here."""

    def show(self, sign: Sign | None) -> None:
        """Remember it."""
        self.shown.append(sign)


async def test_a_word_of_a_door_is_checked() -> None:
    """What is no list of addresses is refused; of another port nothing is kept, since it would be another page."""
    async with founded() as mac:
        name = Name(mac, "mesh-aaaaaa.local", 8443, lambda: True, Board())  # type: ignore[arg-type]
        for wrong in (b"", b"x", b"\x81\x01", whereabouts.encode(["nowhere"])):
            with pytest.raises(Refused):
                await name.told("a" * 16, wrong)
        assert await name.told("a" * 16, whereabouts.encode(["10.0.0.1:8443", "10.0.0.2:9"])) == b""
        assert name._told == {"a" * 16: ("10.0.0.1",)}  # noqa: SLF001 - what it takes for true is seen nowhere else


async def test_who_can_have_no_door_keeps_nobody_from_the_name(tmp_path: Path) -> None:
    """A phone that says its door is open is not heard, however senior it is."""
    async with family(tmp_path, "member") as (alder, birch):
        admitted = await ask(alder, "admit", request=request_text(browser_request("phone")), rank="member")
        await meet(alder, birch)
        devices = [alder.device, str(admitted["device"])]
        links = [SimpleNamespace(device=device, connected=True) for device in devices]
        birch.bus = SimpleNamespace(links=lambda: links)
        name = Name(birch, "mesh-aaaaaa.local", 8443, lambda: True, Board())
        for device in devices:
            await name.told(device, whereabouts.encode(["10.0.0.1:8443"]))
        assert [one.admission for one in name._others()] == [alder.engine.own.admission]  # noqa: SLF001 - as below


async def test_nothing_is_told_but_at_home_by_an_open_door(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it looks; and when it is at home, and when the door shuts, that is seen at the next looks."""
    await founding.found(tmp_home / "mac", "mac")
    is_open = True
    at_home: tuple[str, ...] = ()
    async with agents.opened(tmp_home / "mac") as agent:

        async def where(_: object) -> tuple[str, ...]:
            return at_home

        monkeypatch.setattr(homes, "at_home", where)
        board, election = Board(), Election(OWN)
        name = Name(agent, "mesh-aaaaaa.local", 8443, lambda: is_open, board)

        async def looks() -> Sign | None:
            for _ in range(timing.DOOR_NAME_MISSES + 1):
                await name._once(election)  # noqa: SLF001 - one look
            return board.shown[-1]

        assert await looks() is None
        at_home = ("10.0.0.7",)
        assert await looks() == Sign("mesh-aaaaaa.local", 8443, "10.0.0.7", ("10.0.0.7",))
        assert name.held
        is_open = False
        assert await looks() is None
        assert not name.held
