"""The calls of the page about work: tasks, hand-offs, questions, memories, sessions, and the brief."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from mesh.errors import Refused
from mesh.events.kinds import Value
from mesh.limits import LIST_MAX
from mesh.node import clock, keeping, timing
from mesh.state import leases
from mesh.state.asks import Answer
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.pockets import RECORD, Refusal, Row, as_claimed, pocket, row, same
from tests.unit.node.families import ask
from tests.unit.node.helping import begun
from tests.unit.node.helping import let_in as let_claude_in

pytestmark = [pytest.mark.system, *typescript.NEEDS]


# ── tasks and hand-offs ──────────────────────────────────────────────────────────────────────────


async def test_tasks_stand_as_they_do_for_the_agent(asked: Asked, tmp_path: Path) -> None:
    """In order, with what each waits for and who is at it; done on the phone, and opened again."""
    async with pocket(asked, tmp_path) as both:
        dig = str((await ask(both.alder, "task.add", title="dig", priority=3, acceptance=["no weeds"]))["document"])
        sow = str((await ask(both.alder, "task.add", title="sow", priority=0, needs=[dig]))["document"])
        await ask(both.alder, "task.claim", id=dig)
        await both.hears()
        buy = both("task.add", title="buy  seeds", text="of beans", tags=["shop"])["document"]
        await both.meet()
        for filter_, titles in (("open", ["sow", "buy seeds", "dig"]), ("ready", ["buy seeds"]), ("done", [])):
            assert [one["title"] for one in both("task.list", filter=filter_)["tasks"]] == titles, filter_
        theirs = {one["document"]: one for one in cast("list[Row]", (await ask(both.alder, "task.list"))["tasks"])}
        for one in both("task.list")["tasks"]:
            other = theirs[one["document"]]
            same(one, other, *RECORD, "priority")
            assert [each["document"] for each in one["waits"]] == other["waits_for"]
            as_claimed(one["claim"], other["claim"], mine=False)
        assert both("task.show", id=dig)["acceptance"] == ["no weeds"]
        assert both("task.show", id=sow)["waits"] == [{"document": dig, "title": "dig", "state": "in_progress"}]
        page = both("task.list", limit=1)
        assert (len(page["tasks"]), page["more"]) == (1, 2)
        assert both("task.list", limit=5, after=page["tasks"][-1]["document"])["more"] == 0
        both("task.state", id=buy, state="in_progress")
        both("task.done", id=buy, words="bought two bags")
        both("task.done", id=dig)
        await both.meet()
        assert [one["title"] for one in both("task.list", filter="ready")["tasks"]] == ["sow"]
        for one in (buy, dig):
            assert (await ask(both.alder, "task.show", id=one))["state"] == "done"
        assert (await ask(both.alder, "task.show", id=buy))["reason"] == "bought two bags"
        with pytest.raises(Refusal, match="done already"):
            both("task.done", id=buy)
        both("task.state", id=buy, state="open")
        both("task.state", id=sow, state="blocked", reason="rain")
        await both.meet()
        assert (await ask(both.alder, "task.show", id=buy))["state"] == "open"
        assert (await ask(both.alder, "task.show", id=sow))["state"] == "blocked"
        with pytest.raises(Refusal, match="no state"):
            both("task.state", id=sow, state="eaten")


async def test_a_hand_off_is_picked_up_on_the_phone_and_done_by_its_tasks(asked: Asked, tmp_path: Path) -> None:
    """It says the same on both; who has it is seen on both, and the last task ends it."""
    async with pocket(asked, tmp_path) as both:
        left = await ask(
            both.alder, "handoff.new", goal="make the tests green", remaining=["fix the parser", "fix the lexer"],
            done=["one of three"], decisions=["no new parser"], rejected=["a rewrite"], blockers=["the lab is shut"],
            verify=[{"cmd": "make check"}], assumptions=["it was green"], context="as said",
        )  # fmt: skip
        document = str(left["document"])
        await both.hears()
        (one,) = both("handoff.list")["handoffs"]
        other = await ask(both.alder, "handoff.show", id=document)
        lists = ("done", "decisions", "rejected", "blockers", "files", "verify", "assumptions", "superseded_by")
        same(one, other, *RECORD, "goal", "to", "reason", "context", "expires_ms", *lists)
        assert one["tasks"] == other["remaining"]
        assert one["from"]["name"] == "alder"
        told = both("pickup", id=document)
        assert (told["warnings"], told["claim"]["yours"], told["handoff"]["state"]) == ([], True, "claimed")
        await both.meet()
        with pytest.raises(Refused, match="taken already"):
            await ask(both.alder, "pickup", id=document)
        as_claimed(told["claim"], cast("Row", (await ask(both.alder, "handoff.show", id=document))["claim"]), mine=True)
        for task in one["tasks"]:
            assert both("task.show", id=task["document"])["state"] == "in_progress"
            both("task.done", id=task["document"])
        assert both("handoff.show", id=document)["state"] == "completed"
        await both.meet()
        assert (await ask(both.alder, "handoff.show", id=document))["state"] == "completed"
        assert both("handoff.list")["handoffs"] == []
        assert len(both("handoff.list", all=True)["handoffs"]) == 1
        both("handoff.done", id=document)  # by the last of its tasks, and by this phone


async def test_a_hand_off_is_left_on_the_phone(asked: Asked, tmp_path: Path) -> None:
    """For a device by its name, with tasks that are made in the same commit; what it lacks is a warning."""
    async with pocket(asked, tmp_path) as both:
        known = both("task.add", title="call the printer")["document"]
        told = both(
            "handoff.new", goal="print the leaflets", remaining=["fold them all", known], to="alder", context="A5"
        )
        assert told["warnings"] == ["it needs a command or a look that shows when it is done (verify)"]
        await both.meet()
        shown = await ask(both.alder, "pickup")
        handoff = cast("Row", shown["handoff"])
        assert (handoff["goal"], handoff["to"], handoff["context"]) == (
            "print the leaflets", f"device:{both.alder.device}", "A5")  # fmt: skip
        assert [one["title"] for one in handoff["remaining"]] == ["fold them all", "call the printer"]
        with pytest.raises(Refusal, match="no reason"):
            both("handoff.new", goal="print the leaflets", reason="because")
        with pytest.raises(Refusal, match="one line"):
            both("handoff.new", goal=" ")
        assert len(both("handoff.list", all=True)["handoffs"]) == 1


async def test_who_claimed_too_late_is_told(asked: Asked, tmp_path: Path) -> None:
    """In flight mode both take them; both then say who has each, and the other one is told that its claim was lost."""
    async with pocket(asked, tmp_path) as both:
        documents = []
        for number in range(6):
            told = await ask(both.alder, "handoff.new", goal=f"mend bridge number {number}", verify=["look"])
            documents.append(str(told["document"]))
        await both.hears()
        for document in documents:
            await ask(both.alder, "pickup", id=document)
            both("pickup", id=document)
        assert both("brief")["lost_claims"] == []
        await both.meet()
        lost = [one["document"] for one in both("brief")["lost_claims"]]
        theirs = [one["document"] for one in cast("list[Row]", (await ask(both.alder, "claims.lost"))["lost"])]
        assert sorted(lost + theirs) == sorted(documents)  # one of the two each time, and only one
        for document in documents:
            mine = document in theirs
            holder = both("handoff.show", id=document)["claim"]
            other = cast("Row", (await ask(both.alder, "handoff.show", id=document))["claim"])
            as_claimed(holder, other, mine=mine)
            assert holder["yours"] == mine
            if mine:
                with pytest.raises(Refused, match="taken already"):
                    await ask(both.alder, "pickup", id=document)
            else:
                with pytest.raises(Refusal, match="taken already"):
                    both("pickup", id=document)


async def test_what_may_hold_no_more_is_said_when_it_is_picked_up(asked: Asked, tmp_path: Path) -> None:
    """Old ones, those whose time is over, and those for somebody else; what a later one stands for is refused."""
    async with pocket(asked, tmp_path) as both:
        first = await ask(both.alder, "handoff.new", goal="paint the old fence", verify=["look"], to="agent:claude")
        await both.hears()
        both.ahead_ms = int(timing.HANDOFF_FRESH_S * 1500)
        warnings = both("pickup", id=first["document"])["warnings"]
        assert warnings == [
            "it was left 1.5 days ago, and may hold no more",
            "it was left for agent:claude, not for you",
        ]
        both("handoff.decline", id=first["document"], words="not mine")
        second = await ask(
            both.alder, "handoff.new", goal="paint the new fence", verify=["look"], supersedes=first["document"]
        )
        await both.meet()
        assert (await ask(both.alder, "handoff.show", id=first["document"]))["state"] == "superseded"
        with pytest.raises(Refusal, match="later hand-off") as caught:
            both("pickup", id=first["document"])
        assert "paint the new fence" in caught.value.hint
        assert both("handoff.show", id=first["document"])["superseded_by"] == [second["document"]]


# ── questions and memories ───────────────────────────────────────────────────────────────────────


async def test_a_question_is_answered_once_or_its_default_holds(asked: Asked, tmp_path: Path) -> None:
    """The host that asked is away meanwhile: it takes the phone's answer once, or none, and then deny."""
    async with pocket(asked, tmp_path) as both:
        new = {"question": "May I push?", "options": ["allow", "deny"], "default": "deny"}
        hour = 3_600_000
        first = await ask(both.alder, "ask.new", **new, expires_in_ms=hour, detail={"n": 12345678901234567890})
        late = await ask(both.alder, "ask.new", **new, expires_in_ms=hour)
        open_ = await ask(both.alder, "ask.new", question="How many?")
        await both.hears()
        waiting = both("ask.list")["asks"]
        theirs = {one["document"]: one for one in cast("list[Row]", (await ask(both.alder, "ask.list"))["asks"])}
        assert len(waiting) == 3
        for one in waiting:
            other = theirs[one["document"]]
            same(one, other, *RECORD, "question", "options", "default", "agent", "device", "device_name", "asked_ms",
                 "expires_ms", "answer", "outcome")  # fmt: skip
        assert next(one for one in waiting if one["document"] == first["document"])["detail"] == {
            "n": "12345678901234567890"  # as it is, not as a browser rounds it
        }
        told = both("ask.answer", id=first["document"], option="allow", text="but not main")
        assert (told["state"], told["outcome"], told["answer"]["device"]) == ("answered", "allow", both.device)
        with pytest.raises(Refusal, match="none of the options"):
            both("ask.answer", id=late["document"], option="maybe")
        both("ask.answer", id=open_["document"], text="seven")
        both.ahead_ms = 2 * hour
        with pytest.raises(Refusal, match=r"expired, and its default holds \(deny\)") as caught:
            both("ask.answer", id=late["document"], option="allow")
        assert caught.value.family == "Refused"
        assert [one["state"] for one in both("ask.list", state="expired")["asks"]] == ["expired"]
        await both.tells()
        taken = await ask(both.alder, "ask.show", id=first["document"])
        assert (taken["state"], taken["outcome"]) == ("taken", "allow")
        assert (await ask(both.alder, "ask.show", id=open_["document"]))["outcome"] == "seven"
        await both.hears()
        with pytest.raises(Refusal, match="answered already: allow"):
            both("ask.answer", id=first["document"], option="deny")
        assert {one["document"] for one in both("ask.list", state="taken")["asks"]} == {
            first["document"], open_["document"]}  # fmt: skip


async def test_nobody_answers_in_the_persons_name(asked: Asked, tmp_path: Path) -> None:
    """What an agent wrote as an answer, or as what came of a question, is not there; the phone answers as before."""
    async with pocket(asked, tmp_path) as both:
        await let_claude_in(both.alder)
        await both.hears()
        document = (await ask(both.alder, "ask.new", question="May I?", options=["allow", "deny"], default="deny"))[
            "document"
        ]
        name = (await row(both.alder, str(document))).record.document
        forged = {
            f"answer/{both.alder.device}": Answer("allow", "", both.alder.device, 1).said(),
            "taken": '{"option":"allow"}',
        }
        await keeping.changed(both.alder, "claude", name, lambda _: forged)
        await both.hears()
        (one,) = both("ask.list")["asks"]
        assert (one["state"], one["answer"], one["outcome"]) == ("waiting", None, "")
        assert [each["document"] for each in both("brief")["questions"]] == [document]
        assert both("ask.answer", id=document, option="deny")["outcome"] == "deny"
        await both.tells()
        assert (await ask(both.alder, "ask.show", id=document))["outcome"] == "deny"


async def test_memories_are_stood_for_or_done_away_with(asked: Asked, tmp_path: Path) -> None:
    """What waits is shown whole; what one supersedes gives way when it is approved, in the same commit."""
    async with pocket(asked, tmp_path) as both:
        await let_claude_in(both.alder)
        long = "we deploy from the main branch only, after " + ", ".join(f"check {number}" for number in range(20))
        old = await ask(both.alder, "memory.add", text="we deploy by hand")
        new = await ask(both.alder, "memory.add", text=long, supersedes=old["document"], as_="claude")
        bad = await ask(both.alder, "memory.add", text="tests are slow", scope="global", as_="claude")
        assert (new["state"], bad["state"]) == ("pending", "pending")
        await both.hears()
        pending = both("memory.list", pending=True)["memories"]
        assert {one["title"] for one in pending} == {long, "tests are slow"}
        assert pending[0]["created"]["agent"] == "claude"
        assert len(both("memory.list")["memories"]) == 3
        both("memory.approve", id=new["document"])
        both("memory.reject", id=bad["document"])
        assert both("memory.list", pending=True)["memories"] == []
        await both.meet()
        states = {
            one["document"]: one["state"]
            for one in cast("list[Row]", (await ask(both.alder, "memory.list", all=True))["memories"])
        }
        assert states == {old["document"]: "superseded", new["document"]: "approved", bad["document"]: "rejected"}
        with pytest.raises(Refusal, match="rejected"):
            both("memory.approve", id=bad["document"])


# ── sessions and the brief ───────────────────────────────────────────────────────────────────────


async def test_sessions_are_told_as_they_stand(asked: Asked, tmp_path: Path) -> None:
    """Those that are not over, or all, with what they had come to."""
    async with pocket(asked, tmp_path) as both:
        session = await begun(both.alder)
        over = await begun(both.alder, "s2")
        await ask(both.alder, "session.state", id=session, state="waiting_input", words="mend the lexer")
        for number in range(3):
            await ask(
                both.alder, "session.checkpoint", id=session, summary=f"step {number}", open=["rest"], files=["a.py"]
            )
        await ask(both.alder, "session.state", id=over, state="ended")
        await both.hears()
        (one,) = both("session.list")["sessions"]
        other = await ask(both.alder, "session.show", id=session)
        same(
            one,
            other,
            *RECORD,
            "tool",
            "device",
            "device_name",
            "agent",
            "model",
            "state_at_ms",
            "goal",
            "topic",
            "branch",
        )
        assert [each["summary"] for each in one["checkpoints"]] == ["step 2"]
        assert both("session.show", id=session)["checkpoints"] == other["checkpoints"]
        assert len(both("session.list", all=True)["sessions"]) == 2


async def test_the_brief_of_the_morning(asked: Asked, tmp_path: Path) -> None:
    """What happened on which device since, and what waits: as the agent's brief has it, from the phone's own mark."""
    async with pocket(asked, tmp_path) as both:
        await let_claude_in(both.alder)
        await ask(both.alder, "note.add", title="of the mac")
        await ask(both.alder, "task.add", title="dig the bed")
        await ask(both.alder, "handoff.new", goal="make the tests green", verify=["make"], remaining=["fix the parser"])
        await ask(both.alder, "ask.new", question="May I?", expires_in_ms=3_600_000)
        await ask(both.alder, "memory.add", text="it is slow", scope="global", as_="claude")
        await begun(both.alder)
        both("note.add", title="of the phone")
        await both.meet()
        told, theirs = both("brief"), await ask(both.alder, "brief")
        assert told["goal"] == "make the tests green"
        for key in ("handoffs", "questions", "tasks", "tasks_changed", "memories_pending", "sessions", "notes"):
            others = cast("list[Row]", theirs[key])
            assert [one["document"] for one in told[key]] == [one["document"] for one in others], key
            assert [one["title"] for one in told[key]] == [one["title"] for one in others], key
        assert {one["title"] for one in told["notes"]} == {"of the mac", "of the phone"}
        assert told["conflicts"] == {"count": 0, "items": []}
        assert both("brief", since_ms=told["as_of_ms"] + 3_600_000)["notes"] == []


async def test_what_came_late_is_told_although_it_is_old(asked: Asked, tmp_path: Path) -> None:
    """The phone keeps where its last brief was: what was written before that, and came after, is news."""
    async with pocket(asked, tmp_path) as both:
        both("note.add", title="early")
        day = 86_400_000
        both("brief")  # the first mark
        old = str((await ask(both.alder, "note.add", title="written long ago"))["document"])
        both.ahead_ms = 3 * day
        both("brief")
        since = both("brief")["since_ms"]
        assert since <= clock.now_ms() + 3 * day - day  # at least all of yesterday
        assert both("brief")["notes"] == []
        await both.hears()
        assert [one["document"] for one in both("brief")["notes"]] == [old]
        both.ahead_ms = 6 * day
        both("brief")
        both.ahead_ms = 9 * day
        assert both("brief")["notes"] == []


async def test_what_was_reported_and_what_was_not(asked: Asked, tmp_path: Path) -> None:
    """Receipts of work, filed ones before drafts of the machine."""
    async with pocket(asked, tmp_path) as both:
        filed = await ask(both.alder, "receipt.new", summary="mended the lexer", claims=[{"text": "it works"}])
        draft: dict[str, Value] = {
            "title": "Unreported: 1 file changed",
            "state": "unreported",
            "session": "home/session/x",
            "at": 5,
        }
        left = await keeping.made(both.alder, "", keeping.New("receipt", draft))
        await both.hears()
        told = both("brief")["receipts"]
        assert [one["document"] for one in told] == [filed["document"], str(left)]
        assert [one["state"] for one in told] == ["filed", "unreported"]


# ── many ─────────────────────────────────────────────────────────────────────────────────────────


async def test_many_hand_offs_and_their_claims(asked: Asked, tmp_path: Path) -> None:
    """Lists have a page, and the next one goes on where it ended; a claim that ended says how."""
    async with pocket(asked, tmp_path) as both:
        made: Sequence[str] = [
            both("handoff.new", goal=f"paint fence number {number}", reason="needs_human")["document"]
            for number in range(7)
        ]
        first = both("handoff.list", limit=4)["handoffs"]
        rest = both("handoff.list", limit=4, after=first[-1]["document"])["handoffs"]
        assert [one["document"] for one in (*first, *rest)] == list(reversed(made))
        both("handoff.done", id=made[0])
        await both.tells()
        held = leases.holder((await row(both.alder, made[0])).record)
        assert held is not None
        assert (held.end, held.device) == (leases.DONE, both.device)
        assert json.dumps(both("handoff.list", limit=LIST_MAX + 5)["handoffs"]).count("paint fence") >= 6
