"""Writing into the folder: whenever the agent dies, and whoever saves in that moment, every word is there once."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mesh.node.engine import Engine
from mesh.node.vaults import folder as folders
from mesh.node.vaults import swapping
from mesh.node.vaults.table import Table
from tests.unit.node.vaults.folders import Desk, at_once, desk, inside

STEPS_MAX = 80


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)


class Dead(Exception):
    """The agent is no more."""


class Deaths:
    """Counts the steps at which an agent can die, before and after each, and lets it die at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.count, self.at = 0, at
        for owner, name in (
            (swapping, "_renamed"),
            (swapping, "_linked"),
            (folders, "_written"),
            (folders, "_gone"),
            (Table, "_sync"),
        ):
            monkeypatch.setattr(owner, name, self._deadly(getattr(owner, name)))
        say = Engine.say

        async def said(engine: Engine, *given: Any) -> Any:  # noqa: ANN401 - passed on
            self.step()
            found = await say(engine, *given)
            self.step()
            return found

        monkeypatch.setattr(Engine, "say", said)

    def step(self) -> None:
        """Die here, if it is time; who is dead does nothing more."""
        self.count += 1
        if self.count >= self.at > 0:
            raise Dead

    def _deadly(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on
            self.step()
            found = work(*given, **named)
            self.step()
            return found

        return done


async def _prepared(tmp_path: Path) -> None:
    """A folder in which much is to be done on both sides."""
    async with desk(tmp_path) as one:
        for name in ("both", "mesh", "file", "moved", "gone", "renamed"):
            one.write(f"{name}.md", f"first {name}\nmiddle\nlast {name}\n")
        await one.look()
        for name in ("both", "mesh"):
            await one.edit(name, body=f"FIRST {name}\nmiddle\nlast {name}\n")
        await one.edit("moved", path="d/moved.md")
        await one.call("note.rm", document=(await one.note("gone"))["document"])
        await one.call("note.add", title="new", body="new")
    for name in ("both", "file"):
        place = tmp_path / "vault" / f"{name}.md"
        place.write_text(place.read_text().replace("last", "LAST"))
    (tmp_path / "vault" / "renamed.md").rename(tmp_path / "vault" / "called.md")
    (tmp_path / "vault" / "added.md").write_text("added")


WANTED = {
    "added.md": "added",
    "both.md": "FIRST both\nmiddle\nLAST both\n",
    "called.md": "first renamed\nmiddle\nlast renamed\n",
    "d/moved.md": "first moved\nmiddle\nlast moved\n",
    "file.md": "first file\nmiddle\nLAST file\n",
    "mesh.md": "FIRST mesh\nmiddle\nlast mesh\n",
    "new.md": "new",
}


async def _settles(one: Desk, more: str) -> None:
    """Looked at often enough it is as it should be, everywhere."""
    for _ in range(4):
        await one.look()
    wanted = WANTED | {"both.md": WANTED["both.md"] + more}
    assert one.files() == wanted
    bodies = {
        note["title"]: (await one.note(note["document"]))["body"] for note in (await one.call("note.list"))["notes"]
    }
    assert sorted(bodies.values()) == sorted(wanted.values())
    assert (await one.call("conflicts"))["conflicts"] == []
    assert [name for name in inside(one.folder) if name.startswith(".mesh-")] == [".mesh-vault"]


def _written_on(file: Path) -> bool:
    """Go on with a file, as it was left."""
    with file.open("ab") as stream:
        return stream.write(b"more\n") > 0


@pytest.mark.parametrize("exchanging", [True, False], ids=["exchange", "two-steps"])
async def test_the_agent_may_die_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exchanging: bool
) -> None:
    """With an edit before it starts again; and where files cannot be exchanged, and a name is free for a moment."""
    if not exchanging:
        monkeypatch.setattr(swapping, "_rename", lambda: None)
    place, template = tmp_path / "device", tmp_path / "template"
    place.mkdir()
    await _prepared(place)
    place.rename(template)
    died, at = True, 0
    while died:
        at += 1
        assert at < STEPS_MAX * 4, "it never ends"
        shutil.copytree(template, place)
        with monkeypatch.context() as patch:
            deaths = Deaths(patch, at)
            with contextlib.suppress(Dead, ExceptionGroup):
                async with desk(place) as one:
                    await one.look()
            died = deaths.count >= at
        edited = exchanging and _written_on(place / "vault" / "both.md")
        async with desk(place) as one:
            await _settles(one, "more\n" if edited else "")
        shutil.rmtree(place)
    assert at > STEPS_MAX // 4, f"only {at} steps: the deaths do not happen where they should"
