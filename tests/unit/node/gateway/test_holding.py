"""Who has the authority and the leaf: true homes without a network, and one word between two of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from mesh.errors import Malformed, MeshError, NotGranted, Refused, Unreachable
from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.speaking import Draft
from mesh.limits import SALT_BYTES
from mesh.node import clock, timing
from mesh.node.agent import Agent
from mesh.node.engine import Engine
from mesh.node.gateway import authorities, authority, holding
from mesh.node.gateway.holding import GIVEN, Holding
from mesh.state import doorways, records
from tests.unit.node.closing import close
from tests.unit.node.families import ask, family, meet


@pytest.fixture(autouse=True)
def _no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for more senior ones: which of them does it is another test's."""
    monkeypatch.setattr(timing, "DUTIES_STEP_S", 0.0)


@dataclass
class Wire:
    """The bus of one agent, of which the other end is a Holding; what was asked."""

    other: Holding
    sender: str
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def request(self, device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask the other end."""
        del timeout_s
        self.asked.append((device, verb))
        return await self.other.answer(self.sender, body)

    def links(self) -> tuple[()]:
        """Nobody's."""
        return ()


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """So much time has passed."""
    now_ms = clock.now_ms() + int(seconds * 1000)
    monkeypatch.setattr(clock, "now_ms", lambda: now_ms)


def problem(one: Holding) -> MeshError | None:
    """What keeps it from a leaf."""
    return one.problem


async def once(one: Holding) -> None:
    """One turn of its loop."""
    await one._once()  # noqa: SLF001 - the loop itself waits


@asynccontextmanager
async def pair(folder: Path, rank: str) -> AsyncIterator[tuple[Agent, Agent]]:
    """A founder, and a device of a rank."""
    async with family(folder, rank) as (first, second):
        yield first, second


async def test_an_authority_is_made_once(tmp_path: Path) -> None:
    """When a phone is wanted, and no other then; its leaf is for the name of the mesh and signed by it."""
    async with family(tmp_path) as (alder,):
        one = Holding(alder)
        await once(one)
        assert one.certificate() is None
        assert not await authorities.there_are(alder)
        with pytest.raises(Unreachable):
            await one.current()
        made = await one.wanted()
        assert (await one.wanted()) == made
        assert len(await authorities.history(alder)) == 1
        authority.check_authority(made.certificate, one.name)
        chain, key = await one.current()
        assert b"BEGIN CERTIFICATE" in chain
        assert b"PRIVATE KEY" in key
        assert list(made.wraps) == [alder.engine.own.admission]


async def test_a_leaf_is_kept_renewed_and_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a start it is the same one; with two days left it is another; one that is over is never shown."""
    async with family(tmp_path) as (alder,):
        one = Holding(alder)
        await one.wanted()
        first = await one.current()
        assert ((alder.home / "gateway" / "leaf").stat().st_mode & 0o777) == 0o600
        again = Holding(alder)
        await once(again)
        assert await again.current() == first
        later(monkeypatch, timing.LEAF_S - timing.LEAF_RENEW_S - 60)
        await once(one)
        assert await one.current() == first
        later(monkeypatch, 120)
        await once(one)
        second = await one.current()
        assert second != first
        later(monkeypatch, timing.LEAF_S + 60)

        async def nobody(_self: Holding, _key: bytes) -> bytes:
            raise Unreachable("nobody signs")

        with monkeypatch.context() as patched:
            patched.setattr(Holding, "_signed", nobody)
            await once(one)
            assert isinstance(problem(one), Unreachable)
            with pytest.raises(Unreachable, match="nobody signs"):
                await one.current()
        await once(one)
        assert problem(one) is None
        assert await one.current() != second


async def test_a_clock_that_is_set_back_costs_the_leaf_of_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leaf that was signed while the clock went wrong is not good yet: phones would refuse it."""
    async with family(tmp_path) as (alder,):
        one = Holding(alder)
        await one.wanted()
        with monkeypatch.context() as patched:
            later(patched, timing.LEAF_S)
            await once(one)
            wrong = await one.current()
        await once(one)
        assert problem(one) is None
        right = await one.current()
        assert right != wrong
        begins = x509.load_pem_x509_certificate(right[0]).not_valid_before_utc
        assert begins.timestamp() <= clock.now_ms() / 1000


async def test_what_lies_in_the_home_and_is_no_leaf(tmp_path: Path) -> None:
    """It is passed over, and replaced."""
    async with family(tmp_path) as (alder,):
        one = Holding(alder)
        await one.wanted()
        path = alder.home / "gateway" / "leaf"
        good = path.read_bytes()
        for bad in (b"", b"x" * 700, good[:100], good[:32] + good[33:], bytes(32) + good[32:]):
            path.write_bytes(bad)
            again = Holding(alder)
            await once(again)
            await again.current()
            assert path.read_bytes() != bad


async def test_a_member_asks_an_admin_for_its_leaf(tmp_path: Path) -> None:
    """It has not the key; the leaf is for its own key, and nobody signs for a phone, a stranger, or twice at once."""
    async with pair(tmp_path, "member") as (alder, birch):
        first, second = Holding(alder), Holding(birch)
        with pytest.raises(NotGranted) as refused:
            await second.wanted()
        assert "alder" in refused.value.hint
        await first.wanted()
        await meet(alder, birch)
        await once(second)
        assert "alder" in getattr(problem(second), "hint", "")
        assert second.certificate() == first.certificate()
        wire = Wire(first, birch.device)
        birch.bus = wire  # type: ignore[assignment]
        await once(second)
        assert problem(second) is None
        assert wire.asked == [(alder.device, holding.VERB)]
        assert (await second.current())[0] != (await first.current())[0]
        request = authority.csr(authority.new_key(), first.name)
        for stranger in ("aaaaaaaaaaaaaaaa", ""):
            with pytest.raises(NotGranted):
                await first.answer(stranger, request)
        with pytest.raises(Refused, match="just now"):
            await first.answer(birch.device, request)
        with pytest.raises(NotGranted):
            await second.answer(alder.device, request)
        with pytest.raises(Malformed):
            await Holding.answer(await _looked(alder), birch.device, b"no request")


async def _looked(agent: Agent) -> Holding:
    fresh = Holding(agent)
    await fresh.look()
    return fresh


async def test_the_key_is_handed_on_to_admins(tmp_path: Path) -> None:
    """Whoever has it wraps it for an admin that has not; then that one signs by itself."""
    async with family(tmp_path, "admin", "member") as (alder, birch, cedar):
        first = Holding(alder)
        made = await first.wanted()
        assert made.wraps.keys() == {alder.engine.own.admission, birch.engine.own.admission}
        holder = first._authority()  # noqa: SLF001 - a doorway as an older admin would have made it
        assert holder is not None
        await meet(alder, birch, cedar)
        second = Holding(birch)
        await once(second)
        await second.current()
        assert second._authority() == holder  # noqa: SLF001 - the key never leaves it otherwise
        third = Holding(cedar)
        await once(third)
        assert third._authority() is None  # noqa: SLF001 - as above
        assert isinstance(third.problem, Unreachable)


async def test_an_admin_that_came_later_gets_the_key(tmp_path: Path) -> None:
    """By a second birth of the same certificate, said once."""
    async with family(tmp_path) as (alder,):
        await Holding(alder).wanted()
    async with family_again(tmp_path) as (alder, birch):
        first = Holding(alder)
        await once(first)
        assert first.doorway is not None
        assert first.doorway.wraps.keys() == {alder.engine.own.admission}
        await once(first)
        assert len(await authorities.history(alder)) == 1
        (found,) = await authorities.history(alder)
        assert found.wraps.keys() == {alder.engine.own.admission, birch.engine.own.admission}
        count = len(await alder.store.find_documents("mesh/doorway/", 9))
        await once(first)
        assert len(await alder.store.find_documents("mesh/doorway/", 9)) == count == 2
        await meet(alder, birch)
        second = Holding(birch)
        await once(second)
        await second.current()


@asynccontextmanager
async def family_again(folder: Path) -> AsyncIterator[tuple[Agent, Agent]]:
    """The founder of before, and an admin that it lets in now."""
    from mesh.node import home as homes  # noqa: PLC0415 - here alone
    from mesh.node.agent import opened  # noqa: PLC0415 - here alone

    asked = await homes.request(folder / "birch", "birch")
    async with opened(folder / "alder") as alder:
        admitted = await ask(alder, "admit", request=asked["request"], rank="admin")
        await homes.accept(folder / "birch", str(admitted["admission"]))
        async with opened(folder / "birch") as birch:
            await meet(alder, birch)
            yield alder, birch


async def test_a_lost_holder_costs_the_authority(tmp_path: Path) -> None:
    """The admin that is left makes another one; nothing of the old one is shown meanwhile, nor by who is out."""
    async with family(tmp_path, "admin", "member") as (alder, birch, cedar):
        first, lost, member = Holding(alder), Holding(birch), Holding(cedar)
        old = (await first.wanted()).certificate
        await meet(alder, birch, cedar)
        await once(lost)
        shown = await lost.current()
        await close(alder.engine, birch.engine.own.admission)
        await first.look()
        assert first.certificate() is None
        with pytest.raises(Unreachable):
            await first.current()
        await meet(alder, birch, cedar)
        await once(member)
        assert member.certificate() is None  # a member makes none
        await once(first)
        new = first.certificate()
        assert new not in {None, old}
        assert first.doorway is not None
        assert first.doorway.wraps.keys() == {alder.engine.own.admission}
        await once(lost)
        with pytest.raises(Unreachable):
            await lost.current()
        assert shown != await first.current()
        await meet(alder, birch, cedar)
        await once(member)
        assert member.certificate() == new
        assert [one.certificate for one in await authorities.history(alder)] == [old, new]


async def test_nobody_else_makes_phones_trust_something(tmp_path: Path) -> None:
    """What a member, or an agent program on an admin, puts there is no authority, be it the first."""
    async with pair(tmp_path, "member") as (alder, birch):
        bad = authority.new_authority("mesh-aaaaaa.local", clock.now_ms() // 1000)
        wraps = {alder.engine.own.admission: b"x" * 80}
        registers = doorways.registers_of_birth(bad.certificate, 1, wraps)
        born = records.birth(doorways.KIND, registers, "", bytes(SALT_BYTES))

        async def make(_engine: Engine) -> list[Draft]:
            return [Draft(born, document_of(doorways.SPACE, doorways.KIND, born))]

        await birch.engine.say(Lane.DATA, make)
        await meet(alder, birch)
        assert await authorities.there_are(alder)
        one = Holding(alder)
        await one.look()
        assert one.certificate() is None
        assert (await one.wanted()).certificate != bad.certificate


async def test_who_says_an_admins_birth_again_changes_nothing(tmp_path: Path) -> None:
    """Not even where that comes first: it is the admin's authority on every device."""
    async with pair(tmp_path, "member") as (alder, birch):
        one = Holding(alder)
        made = await one.wanted()
        born = await alder.engine.shelf.birth(made.document)

        async def again(_engine: Engine) -> list[Draft]:
            return [Draft(born, made.document)]

        await birch.engine.say(Lane.DATA, again)
        assert await authorities.history(birch) == ()
        await meet(alder, birch)
        for agent in (alder, birch):
            (found,) = await authorities.history(agent)
            assert (found.certificate, found.lamport) == (made.certificate, made.lamport)


async def test_a_certificate_of_the_persons_own(tmp_path: Path) -> None:
    """It is shown for its own name while its files fit; what does not fit is refused before it is kept."""
    async with family(tmp_path) as (alder,):
        one = Holding(alder)
        assert await one.given() is None
        own = authority.new_authority("mac.tail1234.ts.net", clock.now_ms() // 1000)
        key = authority.new_key()
        leaf = own.leaf(authority.public_of(key), clock.now_ms() // 1000, 7)
        files = [tmp_path / "a.crt", tmp_path / "a.key"]
        files[0].write_bytes(authority.chain_pem(leaf))
        files[1].write_bytes(authority.key_pem(key))
        with pytest.raises(Malformed, match="not for"):
            await one.take_given("other.ts.net", str(files[0]), str(files[1]))
        with pytest.raises(Refused, match="cannot be read"):
            await one.take_given("mac.tail1234.ts.net", str(tmp_path / "none"), str(files[1]))
        assert await alder.store.setting(GIVEN) is None
        await one.take_given("mac.tail1234.ts.net", str(files[0]), str(files[1]))
        assert await one.given() == ("mac.tail1234.ts.net", files[0].read_bytes(), files[1].read_bytes())
        files[1].write_bytes(authority.key_pem(authority.new_key()))
        with pytest.raises(Malformed):
            await one.given()
        await one.take_given("", "", "")
        assert await one.given() is None


async def test_what_there_is_to_do_is_said(tmp_path: Path) -> None:
    """While no phone has come since the new authority was made; before, and afterwards, nothing is."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = Holding(alder)
        await one.wanted()
        assert await authorities.problems(alder) == []
        await close(alder.engine, birch.engine.own.admission)
        await one.look()
        (told,) = await authorities.problems(alder)
        assert "birch" in told["what"]
        assert "admin" in told["hint"]
        await once(one)
        assert await authorities.problems(alder) == []  # there is no phone
        status = await ask(alder, "status")
        assert "certificate" not in json.dumps(status["problems"])
