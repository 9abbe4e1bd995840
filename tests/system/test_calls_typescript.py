"""The calls of the page, on a phone's true engine and store, beside a true agent in Python: what one does, both tell.

The phone says and hears as it does over a link; here the test carries it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mesh.events.event import Placed
from mesh.events.kinds import Value
from mesh.events.speaking import joined
from mesh.limits import LIST_MAX
from mesh.names import Digest, device_text
from mesh.node import clock, keeping, timing
from mesh.node.agent import Agent
from mesh.state import drops, leases
from mesh.state.asks import Answer
from mesh.sync import messages
from mesh.sync.messages import Push
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.test_engine_typescript import Phone, let_in
from tests.unit.node.engines import Small
from tests.unit.node.families import ask, family
from tests.unit.node.helping import begun
from tests.unit.node.helping import let_in as let_claude_in

pytestmark = [pytest.mark.system, *typescript.NEEDS]

Row = dict[str, Any]


class Refusal(Exception):
    """A call went wrong over there: its family, class and words."""

    def __init__(self, fault: Mapping[str, str]) -> None:
        """As the page is told."""
        super().__init__(fault["message"])
        self.family, self.kind, self.hint = fault["family"], fault["class"], fault["hint"]


@pytest.fixture(scope="module")
def asked(javascript: Path) -> Iterator[Asked]:
    """A process with phones in it."""
    process = Asked(javascript)
    yield process
    process.end()


class Pocket:
    """A phone and the agent called alder, and what passes between them."""

    def __init__(self, phone: Phone, alder: Agent, admission: Digest) -> None:
        """Both are at work."""
        self.phone, self.alder, self.device = phone, alder, device_text(admission)
        self.ahead_ms = 0
        self.loads = 0

    def __call__(self, name: str, /, **args: object) -> Any:  # noqa: ANN401 - JSON
        """A call of the page."""
        now_ms = clock.now_ms() + self.ahead_ms
        told = self.phone("calls", call=name, args={key.rstrip("_"): one for key, one in args.items()}, now_ms=now_ms)
        if "fault" in told:
            raise Refusal(told["fault"])
        self.loads = told["loads"]
        return told["ok"]

    async def hears(self) -> None:
        """The phone hears everything that alder has."""
        rows = await self.alder.store.log(limit=10_000)
        chains: dict[Digest, list[Placed]] = {}
        for row in sorted(rows, key=lambda row: row.placed.lane):
            chains.setdefault(row.placed.chain, []).append(row.placed)
        self.phone.hear(Push(tuple(run for chain in chains.values() for run in joined(chain))))

    async def tells(self) -> None:
        """Alder hears what the phone said since, and says so."""
        push = messages.decode_push(bytes.fromhex(self.phone("told")))
        if push.runs:
            await self.alder.engine.hear(self.device, push)
        self.phone("is held", seq=max((run.after.seq + len(run.events) for run in push.runs), default=0))

    async def meet(self) -> None:
        """Both hear all."""
        await self.tells()
        await self.hears()


@asynccontextmanager
async def pocket(asked: Asked, folder: Path) -> AsyncIterator[Pocket]:
    """A mesh of one agent, which let a phone in."""
    async with family(folder) as (alder,):
        admission = await let_in(cast("Small", SimpleNamespace(engine=alder.engine)))
        phone = Phone(asked, f"{folder.name} {admission.hex()}")
        phone.begin(alder.engine.own.mesh, admission)
        both = Pocket(phone, alder, admission)
        await both.hears()
        yield both


def same(one: Row, other: Mapping[str, Any], *keys: str) -> None:
    """Rows of both tell the same of these."""
    assert {key: one[key] for key in keys} == {key: other[key] for key in keys}


RECORD = ("document", "type", "title", "project", "state", "tags", "conflicts", "created", "updated")


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


async def test_notes_are_written_found_and_changed(asked: Asked, tmp_path: Path) -> None:
    """As the agent has them; lists and searches load no document."""
    async with pocket(asked, tmp_path) as both:
        first = both("note.add", body="Milk, eggs\nand bread", tags=["home"])
        second = both("note.add", title="Kůň", body="stojí v řece " * 40)
        assert both("note.show", document=first["document"])["title"] == "Milk, eggs"
        await both.meet()
        listed = both("note.list")
        assert both.loads == 0
        assert [one["title"] for one in listed["notes"]] == ["Kůň", "Milk, eggs"]
        assert (listed["total"], "next" in listed) == (2, False)
        shown = (await ask(both.alder, "note.list"))["notes"]
        for one, other in zip(listed["notes"], cast("list[Row]", shown), strict=True):
            same(one, other, "document", "title", "tags", "updated", "conflicts", "hidden")
        assert listed["notes"][1]["snippet"] == "Milk, eggs and bread"
        page = both("note.list", limit=1)
        assert page["next"] == second["document"]
        rest = both("note.list", limit=1, after=page["next"])
        assert [one["document"] for one in rest["notes"]] == [first["document"]]
        (found,) = both("note.list", search="rece kun")["notes"]
        assert found["snippet"].startswith("stojí v řece")
        assert [one["title"] for one in both("note.list", tag="home")["notes"]] == ["Milk, eggs"]
        both("note.edit", document=first["document"], body="Milk, eggs\nand butter", add_tags=["shop"])
        await both.meet()
        theirs = await ask(both.alder, "note.show", document=first["document"])
        assert (theirs["body"], theirs["tags"]) == ("Milk, eggs\nand butter", ["home", "shop"])
        both("note.rm", document=first["document"])
        assert [one["title"] for one in both("note.list")["notes"]] == ["Kůň"]
        assert both("note.list", deleted=True)["notes"][0]["deleted"]
        with pytest.raises(Refusal, match="nothing to keep"):
            both("note.add", title=" ", body="\n")


async def test_nothing_is_written_over_that_nobody_saw(asked: Asked, tmp_path: Path) -> None:
    """Who edited another text than there is now is refused; words beside each other merge; a conflict stays."""
    async with pocket(asked, tmp_path) as both:
        document = both("note.add", title="Plan", body="one\ntwo\n")["document"]
        await both.meet()
        await ask(both.alder, "note.edit", document=document, body="one\ntwo\nthree\n")
        await both.hears()
        with pytest.raises(Refusal, match="changed meanwhile") as caught:
            both("note.edit", document=document, body="ONE\ntwo\n", base_body="one\ntwo\n")
        assert caught.value.family == "Refused"
        assert both("note.show", document=document)["body"] == "one\ntwo\nthree\n"
        both("note.edit", document=document, body="ONE\ntwo\nthree\n", base_body="one\ntwo\nthree\n", title="A")
        await ask(both.alder, "note.edit", document=document, body="one\ntwo\n3\n", title="B")
        await both.meet()
        whole = both("note.show", document=document)
        assert whole["body"] == "ONE\ntwo\n3\n"
        (conflict,) = whole["conflicts"]
        assert {one["value"] for one in conflict["values"]} == {"A", "B"}
        theirs = cast("list[Row]", (await ask(both.alder, "note.show", document=document))["conflicts"])
        same(conflict, theirs[0], "id", "kind", "field", "count")
        with pytest.raises(Refusal, match="is in conflict"):
            both("note.edit", document=document, title="C")
        assert both("note.list")["notes"][0]["conflicts"] == 1


async def test_the_same_words_stay_once(asked: Asked, tmp_path: Path) -> None:
    """Written on both apart: who wrote the copy that goes says so; the other one does if that is left too long."""
    async with pocket(asked, tmp_path) as both:
        for number in range(4):
            document = both("note.add", title=f"list {number}", body="eggs\n")["document"]
            await both.meet()
            await ask(both.alder, "note.edit", document=document, body="eggs\nmilk\n")
            both("note.edit", document=document, body="eggs\nmilk\n")
            await both.meet()
            assert len(both("note.show", document=document)["conflicts"]) == 1
            now_ms = clock.now_ms() + both.ahead_ms
            told = both.phone("rules", now_ms=now_ms)
            if not told:  # the copy of alder goes, which is away
                assert len(both("note.show", document=document)["conflicts"]) == 1
                told = both.phone(
                    "rules", now_ms=now_ms + int(1000 * (timing.RULES_PATIENCE_S + timing.RULES_SPREAD_S))
                )
            assert [line[:1] for line in told] == [["rule.settled"]]
            whole = both("note.show", document=document)
            assert (whole["body"], whole["conflicts"]) == ("eggs\nmilk\n", [])
            await both.meet()
            theirs = await ask(both.alder, "note.show", document=document)
            assert (theirs["body"], theirs["conflicts"]) == ("eggs\nmilk\n", [])
            await both.meet()
            assert both.phone("rules", now_ms=now_ms + 10**7) == []


async def test_what_only_the_phone_holds_says_so(asked: Asked, tmp_path: Path) -> None:
    """Until another device said that it holds it: by document, in lists and in the inbox."""
    async with pocket(asked, tmp_path) as both:
        old = both("note.add", title="old")["document"]
        await both.tells()
        new = both("note.add", title="new")["document"]

        def waiting() -> dict[str, bool]:
            return {one["document"]: one["waiting"] for one in both("note.list")["notes"]}

        assert waiting() == {old: False, new: True}
        states = {one["document"]: one["state"] for one in both("inbox.list")["items"]}
        assert states == {old: "there", new: "waits"}
        both("note.edit", document=old, body="more")
        assert waiting() == {old: True, new: True}
        assert both("note.show", document=old)["waiting"] is True
        await both.tells()
        assert waiting() == {old: False, new: False}


async def test_a_search_finds_notes_and_records_and_loads_no_document(asked: Asked, tmp_path: Path) -> None:
    """The same as the agent finds, with the same excerpts."""
    async with pocket(asked, tmp_path) as both:
        for number in range(40):
            both("note.add", title=f"note {number}", body=f"{'before ' * 40} přístav {number} {'after ' * 40}")
        task = both("task.add", title="repair", text="the Přístav bridge")
        document = both("note.list", limit=1)["notes"][0]["document"]
        both("note.edit", document=document, body="pristav again")
        await both.meet()
        found = both("search", words="PRIST", limit=100)["found"]
        assert both.loads == 0
        theirs = cast("list[Row]", (await ask(both.alder, "search", words="PRIST", limit=100))["hits"])
        keys = ("document", "type", "title", "snippet")
        assert sorted(str({key: one[key] for key in keys}) for one in found) == sorted(
            str({key: one[key] for key in keys}) for one in theirs
        )
        assert (len(found), task["document"] in {one["document"] for one in found}) == (41, True)
        assert both("search", words="  ")["found"] == both("search", words="nowhere")["found"] == []


# ── the inbox ────────────────────────────────────────────────────────────────────────────────────


async def dropped(agent: Agent, name: str, **more: Any) -> str:  # noqa: ANN401 - registers
    """The record of a file, without its bytes."""
    digest = sha256(name.encode()).digest()
    given = {"name": name, "size": 5, "digest": digest, "pieces": [digest], "sender": agent.device, "to": ""}
    made = drops.registers(**{**given, "at_ms": clock.now_ms(), "mime": "image/jpeg", **more})
    return str(await keeping.made(agent, "", keeping.New(drops.KIND, made)))


async def test_the_inbox_has_what_was_captured_here_and_sent_here(asked: Asked, tmp_path: Path) -> None:
    """The latest first, page by page; nothing twice, nothing of other devices' notes, nothing put away."""
    async with pocket(asked, tmp_path) as both:
        captured = []
        for number in range(300):
            both.ahead_ms += 1000
            captured.append(both("note.add", title=f"thought {number}")["document"])
            if number % 3 == 0:
                both("note.edit", document=captured[-1], body="more words")
        await ask(both.alder, "note.add", title="of the mac")
        sent = await dropped(both.alder, "photo.jpg", to=both.device)
        everybody = await dropped(both.alder, "all.pdf")
        await dropped(both.alder, "not ours.pdf", to="x" * 16)
        gone = await dropped(both.alder, "gone.pdf")
        await keeping.changed(
            both.alder, "", (await row(both.alder, gone)).record.document, lambda _: {"deleted": True}
        )
        await both.meet()
        both("note.rm", document=captured[-1])
        seen: list[Row] = []
        after: dict[str, str] = {}
        for _ in range(10):
            page = both("inbox.list", limit=70, **after)
            assert both.loads == 0
            seen += page["items"]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        names = [one["document"] for one in seen]
        assert len(names) == len(set(names)) == 301
        assert set(names) == {*captured[:-1], sent, everybody}
        assert [one for one in names if one in captured] == captured[-2::-1]
        times = [one["at_ms"] for one in seen]
        assert times == sorted(times, reverse=True)
        file = next(one for one in seen if one["document"] == sent)
        same(file, {"kind": "drop", "title": "photo.jpg", "mime": "image/jpeg", "size": 5, "state": "away"},
             "kind", "title", "mime", "size", "state")  # fmt: skip
        assert file["name"] == "alder"


async def row(agent: Agent, document: str) -> Any:  # noqa: ANN401 - a row
    """A record by its name."""
    (found,) = await agent.store.find_documents(document, 2)
    return await agent.store.record(found)


# ── tasks and hand-offs ──────────────────────────────────────────────────────────────────────────


def as_claimed(claim: Row | None, other: Mapping[str, Any] | None, *, mine: bool) -> None:
    """A claim as both tell of it; whose it is they see from two sides."""
    assert (claim is None) == (other is None)
    if claim and other:
        same(claim, other, "name", "device", "device_name", "agent", "until_ms", "over", "words")
        assert (claim["yours"], other["yours"]) == (mine, not mine)


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
        with pytest.raises(Exception, match="taken already"):
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
    """In flight mode both take it; both then say who has it, and the other one's brief says that its claim was lost."""
    async with pocket(asked, tmp_path) as both:
        left = await ask(both.alder, "handoff.new", goal="fix the old bridge", verify=["look"], to="anyone")
        document = str(left["document"])
        await both.hears()
        await ask(both.alder, "pickup", id=document)
        both("pickup", id=document)
        assert both("brief")["lost_claims"] == []
        await both.meet()
        lost = [one["document"] for one in both("brief")["lost_claims"]]
        theirs = [one["document"] for one in cast("list[Row]", (await ask(both.alder, "claims.lost"))["lost"])]
        assert sorted(lost + theirs) == [document]  # one of them, and only one
        holder = both("handoff.show", id=document)["claim"]
        as_claimed(holder, cast("Row", (await ask(both.alder, "handoff.show", id=document))["claim"]),
                   mine=holder["yours"])  # fmt: skip
        assert holder["yours"] == bool(theirs)
        if holder["yours"]:
            with pytest.raises(Exception, match="taken already"):
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
