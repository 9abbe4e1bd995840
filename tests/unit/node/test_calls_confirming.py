"""Acts that only a person does: the passphrase, or another device; the answer of the asking one never counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Busy, Misuse, NeedsApproval, NeedsPassphrase, NotGranted, Refused
from mesh.events.approvals import APPROVED, DENIED
from mesh.events.event import Lane
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.limits import APPROVALS_OPEN_MAX, PASSPHRASE_TRIES_MAX
from mesh.node import clock, confirming, timing
from mesh.node.agent import Agent
from mesh.node.confirming import ALONE
from mesh.node.engine import Engine
from mesh.state.edits import Put
from tests.unit.node.families import PASSPHRASE, Told, ask, family, guarded, meet

WRONG, ANOTHER = "a wrong one", "another horse entirely"
GRANT = {"subject": "claude@alder", "space": "work"}


async def asked(agent: Agent, name: str = "grant", **arguments: object) -> str:
    """Ask for an act that has to be approved; the name of the question."""
    with pytest.raises(NeedsApproval) as caught:
        await ask(agent, name, **(arguments or GRANT))
    return caught.value.approval


async def questions(agent: Agent) -> list[Told]:
    """What other devices ask."""
    found = (await ask(agent, "approvals"))["approvals"]
    assert isinstance(found, list)
    return found


async def grants(agent: Agent) -> int:
    """How many grants of agents there are."""
    found = (await ask(agent, "grants"))["grants"]
    assert isinstance(found, list)
    return sum(bool(one["agent"]) for one in found)


async def test_alone_without_a_passphrase(tmp_path: Path) -> None:
    """The first device of all does it, and says what that is worth."""
    async with family(tmp_path) as (alder,):
        assert (await ask(alder, "grant", **GRANT))["warning"] == ALONE
        with pytest.raises(Misuse, match="no other device"):
            await ask(alder, "grant", **{**GRANT, "space": "home"}, ask=True)


async def test_a_passphrase_is_needed_wherever_one_is_set(tmp_path: Path) -> None:
    """Also on the only device; the right one is enough, also where others could be asked."""
    async with family(tmp_path, "admin") as (alder, _):
        await guarded(alder)
        with pytest.raises(NeedsPassphrase, match="has to confirm"):
            await ask(alder, "grant", **GRANT)
        with pytest.raises(NeedsPassphrase, match="not the passphrase"):
            await ask(alder, "grant", **GRANT, passphrase=WRONG)
        assert await grants(alder) == 0
        assert (await ask(alder, "grant", **GRANT, passphrase=PASSPHRASE))["warning"] == ""
        assert await grants(alder) == 1


async def test_three_wrong_ones_and_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right one has to wait as well; it is counted in the home, so another process begins no new count."""
    now = [1_000_000_000_000]
    monkeypatch.setattr(clock, "now_ms", lambda: now[0])
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        for left in range(PASSPHRASE_TRIES_MAX - 1, -1, -1):
            with pytest.raises(NeedsPassphrase) as caught:
                await confirming.check_passphrase(alder, WRONG)
            assert (f"{left} more" in caught.value.hint) == bool(left)
        with pytest.raises(Busy, match="too many"):
            await confirming.check_passphrase(alder, PASSPHRASE)
        now[0] += int(timing.PASSPHRASE_PAUSE_S * 1000) - 1
        with pytest.raises(Busy):
            await confirming.check_passphrase(alder, PASSPHRASE)
        now[0] += 1
        await confirming.check_passphrase(alder, PASSPHRASE)
        with pytest.raises(NeedsPassphrase) as caught:
            await confirming.check_passphrase(alder, WRONG)
        assert str(PASSPHRASE_TRIES_MAX - 1) in caught.value.hint


async def test_setting_changing_and_removing_a_passphrase(tmp_path: Path) -> None:
    """Who could be asked is asked before the first; the old one is needed for the next, and for none."""
    async with family(tmp_path) as (alder,):
        with pytest.raises(Misuse, match="characters"):
            await ask(alder, "passphrase.set", new="short")
        await ask(alder, "passphrase.set", new=PASSPHRASE)
        with pytest.raises(NeedsPassphrase):
            await ask(alder, "passphrase.set", new=ANOTHER)
        await ask(alder, "passphrase.set", new=ANOTHER, passphrase=PASSPHRASE)
        with pytest.raises(NeedsPassphrase):
            await ask(alder, "passphrase.remove", passphrase=PASSPHRASE)
        await ask(alder, "passphrase.remove", passphrase=ANOTHER)
        assert await ask(alder, "passphrase") == {"set": False, "approvers": []}
    async with family(tmp_path / "two", "admin") as (alder, _):
        with pytest.raises(NeedsApproval):
            await ask(alder, "passphrase.set", new=PASSPHRASE)


async def test_another_device_approves(tmp_path: Path) -> None:
    """It shows what would be said by its own reading; once approved it is done once, and exactly so."""
    async with family(tmp_path, "member") as (alder, birch):
        name = await asked(alder)
        assert await asked(alder) == name, "asking again asks nothing new"
        await meet(alder, birch)
        (question,) = await questions(birch)
        assert (question["id"], question["name"]) == (name, "alder")
        assert question["says"] == ["grant claude@alder: create, edit, read of note in work"]
        with pytest.raises(NeedsApproval, match="nobody has approved"):
            await ask(alder, "grant", **GRANT, approved=name)
        await ask(birch, "approve", id=name, digest=str(question["digest"]))
        await meet(alder, birch)
        assert await questions(birch) == []
        with pytest.raises(Refused, match="another act"):
            await ask(alder, "grant", **{**GRANT, "subject": "other@alder"}, approved=name)
        assert await grants(alder) == 0
        await ask(alder, "grant", **GRANT, approved=name)
        assert await grants(alder) == 1


async def test_an_approval_is_good_once(tmp_path: Path) -> None:
    """An act that could be done twice takes two."""
    async with family(tmp_path, "member") as (alder, birch):
        name = await rotation(alder, birch)
        first = await ask(alder, "rotate", approved=name)
        with pytest.raises(Refused, match="used already"):
            await ask(alder, "rotate", approved=name)
        assert await rotation(alder, birch) != name
        assert first["epoch"] in {row.placed.digest.hex() for row in await alder.store.log(limit=100)}


async def rotation(asking: Agent, other: Agent) -> str:
    """An approval for a new key."""
    with pytest.raises(NeedsApproval) as caught:
        await ask(asking, "rotate")
    await meet(asking, other)
    await ask(other, "approve", id=caught.value.approval)
    await meet(asking, other)
    return caught.value.approval


async def test_what_was_approved_is_what_is_said(tmp_path: Path) -> None:
    """Other arguments behind the same approval change nothing: not the space, not the end."""
    async with family(tmp_path, "member") as (alder, birch):
        name = await asked(alder)
        await meet(alder, birch)
        await ask(birch, "approve", id=name)
        await meet(alder, birch)
        told = await ask(alder, "grant", **{**GRANT, "space": "*", "types": ["*"]}, approved=name)
        assert told["grant"]["space"] == "work"  # type: ignore[index]
        assert told["grant"]["types"] == ["note"]  # type: ignore[index]


async def written_by(agent: Agent, name: str, digest: str, *, by: str = "", word: str = APPROVED) -> None:
    """Somebody writes a yes, or this word, into a question, whatever `mesh approve` thinks of it."""
    document = await confirming.document_named(agent, name)

    async def make(engine: Engine) -> list[Draft]:
        loaded = await engine.shelf.load(document)
        assert loaded is not None
        actor = engine.shelf.actor(loaded, engine.own.admission)
        return [Draft(Changed(loaded.document.edit(actor, (Put(word, digest),)).raw), document, by)]

    await agent.engine.say(Lane.DATA, make)


async def test_what_was_denied_is_over_and_may_be_asked_again(tmp_path: Path) -> None:
    """A no comes before every yes; the next question is another one. An agent's no, and one's own, are none."""
    async with family(tmp_path, "member") as (alder, birch):
        name = await asked(alder)
        await meet(alder, birch)
        (question,) = await questions(birch)
        await written_by(birch, name, str(question["digest"]), word=DENIED)
        assert await questions(birch) == []
        with pytest.raises(Refused, match="is over"):
            await ask(birch, "approve", id=name)
        await written_by(birch, name, str(question["digest"]))
        await meet(alder, birch)
        with pytest.raises(Refused, match="was denied"):
            await ask(alder, "grant", **GRANT, approved=name)
        again = await asked(alder)
        assert again != name
        await meet(alder, birch)
        await written_by(alder, again, str(question["digest"]), word=DENIED)
        assert await asked(alder) == again
        await meet(alder, birch)
        await written_by(birch, again, str(question["digest"]))
        await meet(alder, birch)
        await ask(alder, "grant", **GRANT, approved=again)
        assert await grants(alder) == 1


async def test_a_device_cannot_deny_its_own_removal(tmp_path: Path) -> None:
    """Whoever has a lost phone says no to that: nobody listens."""
    async with family(tmp_path, "member", "member") as (alder, birch, cedar):
        with pytest.raises(NeedsApproval) as caught:
            await ask(alder, "remove", device="birch")
        name = str(caught.value.approval)
        await meet(alder, birch, cedar)
        (question,) = await questions(birch)
        await written_by(birch, name, str(question["digest"]), word=DENIED)
        await meet(alder, birch, cedar)
        assert len(await questions(cedar)) == 1
        await ask(cedar, "approve", id=name)
        await meet(alder, cedar)
        await ask(alder, "remove", device="birch", approved=name)


async def test_the_asking_device_cannot_answer(tmp_path: Path) -> None:
    """Neither by the command, nor by writing the very register itself."""
    async with family(tmp_path, "admin") as (alder, birch):
        name = await asked(alder)
        await meet(alder, birch)
        with pytest.raises(NotGranted, match="asked that itself"):
            await ask(alder, "approve", id=name)
        (question,) = await questions(birch)
        await written_by(alder, name, str(question["digest"]))
        with pytest.raises(NeedsApproval):
            await ask(alder, "grant", **GRANT, approved=name)
        assert await grants(alder) == 0


async def test_an_agent_on_another_device_cannot_answer(tmp_path: Path) -> None:
    """Not by the command, and not with a grant for everything that names it."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(alder)
        given = {"subject": "claude@birch", "space": "*", "types": ["*"], "verbs": ["*"]}
        await ask(alder, "grant", **given, passphrase=PASSPHRASE)
        name = await asked(alder, **GRANT, ask=True)
        await meet(alder, birch)
        (question,) = await questions(birch)
        with pytest.raises(NotGranted, match="is an agent"):
            await ask(birch, "approve", id=name, as_="claude")
        await written_by(birch, name, str(question["digest"]), by="claude")
        await meet(alder, birch)
        with pytest.raises(NeedsApproval):
            await ask(alder, "grant", **GRANT, approved=name)


async def test_a_device_that_was_closed_cannot_answer(tmp_path: Path) -> None:
    """Its yes came in time, and does not count any more; nor does that of the device that the act is against."""
    async with family(tmp_path, "admin", "member") as (alder, birch, cedar):
        name = await asked(alder)
        await meet(alder, birch, cedar)
        await ask(cedar, "approve", id=name)
        await meet(alder, birch, cedar)
        lost = await asked(alder, "lost", device="cedar")
        await meet(alder, birch, cedar)
        await ask(cedar, "approve", id=lost)
        await meet(alder, birch, cedar)
        with pytest.raises(NeedsApproval):
            await ask(alder, "lost", device="cedar", approved=lost)
        await ask(birch, "approve", id=lost)
        await meet(alder, birch, cedar)
        await ask(alder, "lost", device="cedar", approved=lost)
        with pytest.raises(NeedsApproval):
            await ask(alder, "grant", **GRANT, approved=name)


async def test_another_digest_is_no_yes(tmp_path: Path) -> None:
    """A yes to something else, in the right document."""
    async with family(tmp_path, "member") as (alder, birch):
        name = await asked(alder)
        await meet(alder, birch)
        with pytest.raises(Refused, match="not what was shown"):
            await ask(birch, "approve", id=name, digest="00" * 32)
        await written_by(birch, name, "00" * 32)
        await meet(alder, birch)
        with pytest.raises(NeedsApproval):
            await ask(alder, "grant", **GRANT, approved=name)


async def test_a_question_that_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither answered nor used: it is asked anew."""
    async with family(tmp_path, "member") as (alder, birch):
        name = await asked(alder)
        await meet(alder, birch)
        await ask(birch, "approve", id=name)
        late = await asked(alder, subject="other@alder", space="work")
        await meet(alder, birch)
        over = clock.now_ms() + timing.APPROVAL_S_MAX * 1000 + 1
        monkeypatch.setattr(clock, "now_ms", lambda: over)
        with pytest.raises(Refused, match="over"):
            await ask(alder, "grant", **GRANT, approved=name)
        with pytest.raises(Refused, match="over"):
            await ask(birch, "approve", id=late)
        assert await questions(birch) == []
        assert await asked(alder) != name


async def test_whoever_approves_is_held_to_their_own_passphrase(tmp_path: Path) -> None:
    """Where one is set, a program that may call that device's agent approves nothing."""
    async with family(tmp_path, "member") as (alder, birch):
        await guarded(birch)
        name = await asked(alder)
        await meet(alder, birch)
        with pytest.raises(NeedsPassphrase):
            await ask(birch, "approve", id=name)
        await ask(birch, "approve", id=name, passphrase=PASSPHRASE)
        await meet(alder, birch)
        await ask(alder, "grant", **GRANT, approved=name)


async def test_only_so_many_questions_are_open(tmp_path: Path) -> None:
    """A program that asks for ever fills nobody's disk."""
    async with family(tmp_path, "member") as (alder, _):
        for number in range(APPROVALS_OPEN_MAX):
            await asked(alder, subject=f"agent-{number}@alder", space="work")
        with pytest.raises(Refused, match="wait for an approval already"):
            await ask(alder, "grant", subject="one-more@alder", space="work")


async def test_an_agent_does_no_act_at_all(tmp_path: Path) -> None:
    """Not even with the passphrase."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        acts = ["grant", "ungrant", "agents.add", "agents.remove", "lost", "remove", "rank", "rotate", "forget"]
        acts += ["void.adopt", "void.discard", "passphrase.set", "passphrase.remove", "approve"]
        for name in (*acts, "admit", "invite", "invite.answer", "rebuild", "down"):
            with pytest.raises(NotGranted, match="is an agent"):
                await ask(alder, name, as_="claude", passphrase=PASSPHRASE)
