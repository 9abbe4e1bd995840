"""Calls about dropped files, by true agents without a network: what each principal may do, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted, TooLarge, Unreachable
from mesh.events.kinds import Value
from mesh.limits import KIB
from mesh.node import keeping
from mesh.node.drops import cutting
from mesh.node.keeping import New
from mesh.node.paths import drops_path
from mesh.state.drops import KIND, TRANSCRIPT
from tests.unit.node.drops.files import noise
from tests.unit.node.families import act, ask, family, guarded, meet


def a_file(folder: Path, name: str = "plan.pdf", size: int = 200 * KIB) -> Path:
    """A file to drop."""
    path = folder / name
    path.write_bytes(noise(size))
    return path


def content(told: dict[str, object]) -> bytes:
    """What was put down."""
    return Path(str(told["path"])).read_bytes()


async def test_a_file_goes_in_and_comes_out(tmp_path: Path) -> None:
    """By its name or the beginning of its id; what is there is never replaced; an empty file is a file."""
    async with family(tmp_path) as (alder,):
        path, empty = a_file(tmp_path), a_file(tmp_path, "empty", 0)
        told = await ask(alder, "drop.add", path=str(path))
        assert (told["title"], told["size"], told["state"], told["to"]) == ("plan.pdf", 200 * KIB, "here", None)
        assert told["new_bytes"] == 200 * KIB
        assert told["mime"] == "application/pdf"
        again = await ask(alder, "drop.get", id="plan.pdf", into=str(tmp_path))
        assert again["path"] == str(tmp_path / "plan (2).pdf")
        assert content(again) == path.read_bytes()
        await ask(alder, "drop.add", path=str(empty))
        assert (await ask(alder, "drop.status", id="empty"))["lacking"] == 0
        assert content(await ask(alder, "drop.get", id="empty", into=str(tmp_path))) == b""
        listed = (await ask(alder, "drop.list"))["drops"]
        assert isinstance(listed, list)
        assert [one["title"] for one in listed] == ["empty", "plan.pdf"]


async def test_a_name_that_is_no_text_is_refused_and_one_with_escapes_made_safe(tmp_path: Path) -> None:
    """Bytes of another encoding cannot be said; control characters are left out before anybody sees them."""
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_bytes(b"x")
    async with family(tmp_path) as (alder,):
        with pytest.raises(Misuse, match="half a character"):
            await ask(alder, "drop.add", path=str(path))
        control = tmp_path / "a\x1b[31mb.txt"
        control.write_bytes(b"x")
        assert (await ask(alder, "drop.add", path=str(control)))["title"] == "a_[31mb.txt"


async def test_what_cannot_be_dropped_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, pipes, relative paths, unknown devices, files over the bound: nothing is said of any."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    path = a_file(tmp_path)
    async with family(tmp_path) as (alder,):
        for wrong in ("", "plan.pdf", str(tmp_path), str(pipe), str(tmp_path / "missing"), "/a\0b"):
            with pytest.raises(Misuse):
                await ask(alder, "drop.add", path=wrong)
        with pytest.raises(Misuse, match="fits no device"):
            await ask(alder, "drop.add", path=str(path), to="nobody")
        monkeypatch.setattr(cutting, "DROP_BYTES_MAX", 100 * KIB)
        with pytest.raises(TooLarge):
            await ask(alder, "drop.add", path=str(path))
        for call in ("drop.get", "drop.status", "drop.rm"):
            with pytest.raises(Misuse, match="there is no drop"):
                await ask(alder, call, id="nothing", into=str(tmp_path))
        assert (await ask(alder, "drop.list"))["drops"] == []


async def test_what_is_not_here_is_not_put_down(tmp_path: Path) -> None:
    """A record without its bytes, on a device without a network: refused with what helps, and no file appears."""
    out = tmp_path / "out"
    out.mkdir()
    async with family(tmp_path, "admin") as (alder, birch):
        told = await ask(alder, "drop.add", path=str(a_file(tmp_path)), to="birch")
        await meet(alder, birch)
        seen = await ask(birch, "drop.status", id=str(told["document"]))
        assert (seen["state"], seen["lacking"]) == ("waiting", 200 * KIB)
        with pytest.raises(Unreachable, match="not all of") as caught:
            await ask(birch, "drop.get", id="plan.pdf", into=str(out))
        assert "mesh up" in caught.value.hint
        assert list(out.iterdir()) == []


async def test_taking_away_frees_the_disk(tmp_path: Path) -> None:
    """The record is out of lists, and no chunk is left; a second time there is nothing to take away."""
    async with family(tmp_path) as (alder,):
        told = await ask(alder, "drop.add", path=str(a_file(tmp_path)))
        gone = await ask(alder, "drop.rm", id="plan.pdf")
        assert gone["document"] == told["document"]
        assert gone["swept"] > 0  # type: ignore[operator]
        assert list(drops_path(alder.home).iterdir()) == []
        with pytest.raises(Misuse, match="was taken away"):
            await ask(alder, "drop.get", id=str(told["document"]), into=str(tmp_path))


async def test_an_agent_does_what_its_grants_say(tmp_path: Path) -> None:
    """Without one it sees and drops nothing; with one it does, and what it drops names it."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        path = a_file(tmp_path)
        await ask(alder, "drop.add", path=str(path))
        for call in ("drop.list", "drop.add"):
            with pytest.raises(NotGranted):
                await ask(alder, call, path=str(path), as_="claude")
        await act(alder, "agents.add", name="claude", space="home", types=["drop"])
        told = await ask(alder, "drop.add", path=str(a_file(tmp_path, "by claude")), as_="claude")
        assert told["created"]["agent"] == "claude"  # type: ignore[index]
        assert len((await ask(alder, "drop.list", as_="claude"))["drops"]) == 2  # type: ignore[arg-type]


async def test_a_list_says_which_drops_it_has(tmp_path: Path) -> None:
    """Files unless another kind is asked for; transcripts are named as such, and are not an agent's to look for."""
    async with family(tmp_path) as (alder,):
        await ask(alder, "drop.add", path=str(a_file(tmp_path)))
        said: dict[str, Value] = {
            "title": "what was said",
            "from": alder.device,
            "size": 0,
            "digest": 64 * "0",
            "state": TRANSCRIPT,
        }
        await keeping.made(alder, "", New(KIND, said))
        for what, wanted in (
            (None, {"plan.pdf": False}),
            ("files", {"plan.pdf": False}),
            ("transcripts", {"what was said": True}),
            ("all", {"plan.pdf": False, "what was said": True}),
        ):
            told = await ask(alder, "drop.list", **({"what": what} if what else {}))
            assert told["what"] == (what or "files")
            assert {one["title"]: one["transcript"] for one in told["drops"]} == wanted  # type: ignore[attr-defined]
        with pytest.raises(Misuse, match="no kind of drop"):
            await ask(alder, "drop.list", what="secrets")
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home", types=["drop"])
        with pytest.raises(NotGranted, match="no agent looks"):
            await ask(alder, "drop.list", what="all", as_="claude")
