"""Receipts of work by true agents: what is verified, asserted or unreported, and that nobody rewrites one."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from tests.unit.node.families import Told, ask, family, meet
from tests.unit.node.helping import begun, let_in, ran, wrote


def claims(told: Told) -> list[tuple[str, str]]:
    """Text and status of each claim."""
    found = told["claims"]
    assert isinstance(found, list)
    return [(one["text"], one["status"]) for one in found]


async def shown(agent: object, document: object, **more: object) -> Told:
    """A receipt as it is shown."""
    return await ask(agent, "receipt.show", id=document, **more)  # type: ignore[arg-type]


async def test_story_e(tmp_path: Path) -> None:
    """An agent says that tests pass: asserted, until the machine has seen it, whatever the agent says of it."""
    async with family(tmp_path, "member") as (alder, birch):
        await let_in(alder)
        session = await begun(alder)
        said = [{"text": "tests pass", "evidence": "pytest -q", "status": "verified"}, "all is well"]
        told = await ask(alder, "receipt.new", summary="Built it", claims=said, session=session, as_="claude")
        assert claims(told) == [("tests pass", "asserted"), ("all is well", "asserted")]
        for call in ("evidence.add", "receipt.draft"):
            with pytest.raises(NotGranted, match="only a person"):
                await ask(alder, call, session=session, id="r", kind="run", command="pytest -q", exit=0, as_="claude")
        await ran(alder, session, "r1", "pytest -q")
        told = await ask(alder, "receipt.new", summary="Built it", claims=said, session=session, as_="claude")
        assert claims(told) == [("tests pass", "verified"), ("all is well", "asserted")]
        await meet(alder, birch)
        there = await shown(birch, told["document"])
        assert claims(there) == claims(told)
        assert (there["agent"], there["device_name"], there["counts"]) == (
            "claude", "alder", {"verified": 1, "inferred": 0, "asserted": 1},
        )  # fmt: skip
        assert there["created"]["agent"] == "claude"  # type: ignore[index]


async def test_a_change_after_the_run(tmp_path: Path) -> None:
    """It passed before the last change: inferred. And what the author left out of the changes is added."""
    async with family(tmp_path) as (alder,):
        session = await begun(alder)
        (tmp_path / "app.py").write_text("x")
        await ran(alder, session, "r1", "pytest -q", at_ms=10)
        await wrote(alder, session, "f1", str(tmp_path / "app.py"), at_ms=20)
        said = [{"text": "tests pass", "evidence": "pytest -q"}]
        told = await ask(alder, "receipt.new", summary="Built it", claims=said, session=session, changed=["docs/x.md"])
        assert claims(told) == [("tests pass", "inferred")]
        digest = hashlib.sha256(b"x").hexdigest()
        assert told["changed"] == [
            {"kind": "file", "ref": "docs/x.md"},
            {"kind": "file", "ref": str(tmp_path / "app.py"), "seen": True, "by": "machine", "digest": digest},
        ]


def one_commit(repository: Path) -> str:
    """A repository with one file in one commit; its name."""
    repository.mkdir()
    (repository / "a.txt").write_text("one")
    git = ["git", "-C", str(repository), "-c", "user.name=me", "-c", "user.email=me@localhost"]
    for words in (["init", "-q"], ["add", "a.txt"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


async def test_commits_and_files_are_looked_at_here(tmp_path: Path) -> None:
    """By this agent itself: a commit that is there, a file that is as its digest says."""
    repository = tmp_path / "project"
    sha = one_commit(repository)
    digest = hashlib.sha256(b"one").hexdigest()
    async with family(tmp_path / "homes") as (alder,):
        said = [
            {"text": "committed", "evidence": sha[:10]},
            {"text": "committed too", "evidence": {"commit": "0" * 40}},
            {"text": "written", "evidence": {"path": "a.txt", "digest": digest}},
            {"text": "written otherwise", "evidence": {"path": "a.txt", "digest": "0" * 64}},
            {"text": "no such option", "evidence": {"commit": "--all"}},
        ]
        told = await ask(alder, "ship", summary="Built it", claims=said, cwd=str(repository))
        assert [status for _, status in claims(told)] == ["verified", "asserted", "verified", "asserted", "asserted"]
        assert told["claims"][0]["evidence"] == {"commit": sha}  # type: ignore[index]
        session = await begun(alder, cwd=str(repository))
        await ran(alder, session, "r", "git commit -m two", cwd=str(repository))
        owed = await ask(alder, "receipt.owed", session=session)
        assert owed["changed"] == [{"kind": "commit", "ref": sha, "seen": True, "by": "machine"}]
        await wrote(alder, session, "f", str(repository / "a.txt"))
        owed = await ask(alder, "receipt.owed", session=session)
        assert owed["changed"][0]["ref"] == "a.txt", "as it is called on every device"  # type: ignore[index]
        told = await ask(
            alder,
            "ship",
            summary="Again",
            claims=[{"text": "x", "evidence": "f"}],
            cwd=str(repository),
            session=session,
        )
        assert told["claims"][0]["evidence"]["path"] == "a.txt"  # type: ignore[index]
        assert told["claims"][0]["evidence"]["digest"] == digest  # type: ignore[index]
        (repository / "b.txt").write_text("two")
        proposal = await ask(alder, "receipt.proposal", cwd=str(repository))
        assert proposal["changed"] == [{"kind": "file", "ref": "b.txt"}]
        assert proposal["project"], "the receipt belongs to the project of its folder"
        found = await ask(alder, "receipt.list", project=proposal["project"])
        assert [one["summary"] for one in found["receipts"]] == ["Again", "Built it"]  # type: ignore[attr-defined]


async def test_work_without_a_receipt(tmp_path: Path) -> None:
    """Owed, then drafted by the machine once, and gone from the list when a receipt stands for it."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        session = await begun(alder)
        assert (await ask(alder, "receipt.owed", session=session))["owed"] is False
        assert (await ask(alder, "receipt.draft", session=session))["document"] is None
        (tmp_path / "app.py").write_text("x")
        await wrote(alder, session, "f1", str(tmp_path / "app.py"))
        await ran(alder, session, "r1", "pytest -q", end=1)
        assert (await ask(alder, "receipt.owed", session=session))["owed"] is True
        draft = (await ask(alder, "receipt.draft", session=session))["document"]
        assert (await ask(alder, "receipt.draft", session=session))["document"] == draft
        (one,) = (await ask(alder, "receipt.list", state="unreported"))["receipts"]  # type: ignore[misc]
        assert one["document"] == draft  # type: ignore[has-type]
        assert one["summary"] == "Unreported: 1 file changed (app.py)"  # type: ignore[has-type]
        told = await ask(alder, "receipt.new", summary="Fixed it", session=session, as_="claude")
        assert told["replaces"] == draft
        assert (await ask(alder, "receipt.list", state="unreported"))["receipts"] == []
        assert (await ask(alder, "receipt.owed", session=session))["owed"] is False
        assert (await ask(alder, "session.show", id=session))["receipt"] == told["document"]


async def test_a_receipt_finds_its_session(tmp_path: Path) -> None:
    """An agent that names none has its only open one on this device."""
    async with family(tmp_path) as (alder,):
        await let_in(alder)
        session = await begun(alder)
        await ran(alder, session, "r1", "make check")
        said = [{"text": "it builds", "evidence": "make check"}]
        told = await ask(alder, "receipt.new", summary="Built it", claims=said, as_="claude")
        assert claims(told) == [("it builds", "verified")]
        await begun(alder, "s2")
        told = await ask(alder, "receipt.new", summary="Built it", claims=said, as_="claude")
        assert claims(told) == [("it builds", "asserted")], "of two it is not known which"


async def test_a_receipt_closes_what_it_is_for(tmp_path: Path) -> None:
    """The task, and with its last task the hand-off; where that does not go the receipt stands, and says so."""
    async with family(tmp_path) as (alder,):
        left = await ask(
            alder, "handoff.new", goal="Finish the passkeys login", remaining=["Write the tests of the login"],
            verify=["pytest -q"],
        )  # fmt: skip
        (task,) = left["tasks"]  # type: ignore[misc]
        told = await ask(alder, "receipt.new", summary="Tests of the login", task=task)  # type: ignore[has-type]
        assert told["warnings"] == []
        done = await ask(alder, "task.show", id=task)  # type: ignore[has-type]
        assert (done["state"], done["receipt"]) == ("done", told["document"])
        assert (await ask(alder, "handoff.show", id=left["document"]))["state"] == "completed"
        again = await ask(alder, "receipt.new", summary="More of it", task="no such task", handoff=left["document"])
        assert len(again["warnings"]) >= 1  # type: ignore[arg-type]
        assert (await shown(alder, again["document"]))["summary"] == "More of it"


async def test_did_i_build_this(tmp_path: Path) -> None:
    """Found by its words, also when not every word of the question is in it."""
    async with family(tmp_path) as (alder,):
        built = await ask(alder, "receipt.new", summary="Login with passkeys", why="no passwords any more")
        await ask(alder, "receipt.new", summary="Faster start")
        for words in ("passkeys", "did I build the passkeys thing already?"):
            found = (await ask(alder, "receipt.list", words=words))["receipts"]
            assert [one["document"] for one in found] == [built["document"]]  # type: ignore[attr-defined]
        assert (await ask(alder, "receipt.list", words="zebra"))["receipts"] == []


async def test_disputes_stand_beside(tmp_path: Path) -> None:
    """What was filed stays as it is."""
    async with family(tmp_path, "member") as (alder, birch):
        told = await ask(alder, "receipt.new", summary="Built it", claims=["tests pass"])
        before = await shown(alder, told["document"])
        await meet(alder, birch)
        await ask(birch, "receipt.dispute", id=told["document"], claim=1, words="they fail on my machine")
        await meet(alder, birch)
        after = await shown(alder, told["document"])
        assert [(one["claim"], one["words"]) for one in after["disputes"]] == [(1, "they fail on my machine")]  # type: ignore[attr-defined]
        assert after["claims"] == before["claims"]
        with pytest.raises(Misuse):
            await ask(birch, "receipt.dispute", id=told["document"], claim=2, words="which?")


async def test_secrets_are_left_out(tmp_path: Path) -> None:
    """In every part of it, and of the evidence."""
    token = "gh" + "p_" + "a1B2" * 9
    async with family(tmp_path) as (alder,):
        session = await begun(alder)
        await ran(alder, session, "r1", f"curl -H 'Authorization: Bearer {token}' x")
        command = f"curl -H 'Authorization: Bearer {token}' x"
        told = await ask(
            alder, "receipt.new", summary=f"Used {token}", why=token, changed=[token], session=session,
            claims=[{"text": f"it works with {token}", "evidence": command}], not_done=[token],
        )  # fmt: skip
        assert token not in str(await shown(alder, told["document"]))
        assert told["redacted"] == 7
        assert claims(told)[0][1] == "verified", "the command is the one that was seen, both without the token"
        files = list((tmp_path / "alder" / "evidence").iterdir())
        assert len(files) == 1
        assert token not in files[0].read_text()
        assert files[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "odd",
    [
        {"summary": ""},
        {"summary": "x", "changed": "a.py"},
        {"summary": "x", "claims": "tests pass"},
        {"summary": "x", "claims": [{"evidence": "x"}]},
        {"summary": "x", "claims": [{"text": "x", "evidence": {"moon": 1}}]},
        {"summary": "x", "changed": [7]},
        {"summary": "x", "not_done": [7]},
    ],
)
async def test_what_makes_no_sense_files_nothing(tmp_path: Path, odd: Told) -> None:
    """Refused, and nothing was changed."""
    async with family(tmp_path) as (alder,):
        with pytest.raises(Misuse):
            await ask(alder, "receipt.new", **odd)
        assert (await ask(alder, "receipt.list"))["receipts"] == []
