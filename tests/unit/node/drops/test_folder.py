"""The drop folder: what comes for this device appears there whole and once, and nothing that is there is touched."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.limits import KIB
from mesh.node import keeping, timing
from mesh.node.agent import Agent
from mesh.node.drops.folder import Folder
from mesh.node.drops.joining import Joining
from mesh.node.keeping import New
from mesh.node.log import silent
from mesh.state import drops as records
from mesh.state.drops import KIND, drop_of
from tests.unit.node.drops.files import cut, noise
from tests.unit.node.families import act, ask, family, guarded, meet

_DATA = noise(300 * KIB)


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Agent, Agent, Path]]:
    """Two devices that met, the second with a folder for what comes."""
    async with family(folder, "admin") as (alder, birch):
        out = folder / "out"
        told = await ask(birch, "drop.folder", folder=str(out))
        assert (told["folder"], told["put_down"], told["problem"]) == (str(out), 0, "")
        yield alder, birch, out


async def dropped(
    alder: Agent, birch: Agent, name: str = "plan.pdf", *, to: str | None = None, data: bytes = _DATA
) -> str:
    """Drop a file of any name, as a device that checks none would; the other heard of it and has its chunks."""
    made = cut(alder.drops.pool, data)
    values = records.registers(
        name=name, size=made.size, digest=made.digest, pieces=made.pieces, sender=alder.device,
        to=birch.device if to is None else to, at_ms=1, mime="",
    )  # fmt: skip
    document = await keeping.made(alder, "", New(KIND, values))
    await meet(alder, birch)
    cut(birch.drops.pool, data)
    return str(document)


async def whole(birch: Agent, document: str) -> None:
    """What fetching does in the end."""
    row = await keeping.chosen(birch, "", document, {KIND})
    assert await birch.drops.fetching.fetch(drop_of(row.record))


async def sent(
    alder: Agent, birch: Agent, name: str = "plan.pdf", *, to: str | None = None, data: bytes = _DATA
) -> str:
    """Drop a file, have it come, and look what is due."""
    document = await dropped(alder, birch, name, to=to, data=data)
    await whole(birch, document)
    await birch.drops.folder.look()
    return document


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


async def again(agent: Agent) -> Folder:
    """The folder as after a new start."""
    made = Folder(agent.engine, agent.drops.pool, silent, agent.drops.want)
    made.start((await agent.store.boot()).settings)
    return made


async def test_what_is_for_this_device_appears_there_whole_and_once(tmp_path: Path) -> None:
    """For it, or for all; not its own, not another's; and not a second time, whoever looks and however often."""
    async with two(tmp_path) as (alder, birch, out):
        await sent(alder, birch)
        await sent(alder, birch, "for all", to="")
        await sent(alder, birch, "another's", to="somebody")
        (tmp_path / "mine").write_bytes(b"mine")
        await ask(birch, "drop.add", path=str(tmp_path / "mine"))
        await birch.drops.folder.look()
        assert names(out) == {"plan.pdf", "for all"}
        assert (out / "plan.pdf").read_bytes() == _DATA
        (out / "plan.pdf").unlink()
        for folder in (birch.drops.folder, await again(birch)):
            await folder.look()
            assert (names(out), folder.count, folder.problem) == ({"for all"}, 2, "")


async def test_only_what_comes_while_it_is_on(tmp_path: Path) -> None:
    """What came before stays for `get`; so does what comes while it is off; another folder gets only what is new."""
    async with two(tmp_path) as (alder, birch, out):
        off = await ask(birch, "drop.folder", folder="")
        assert (off["folder"], off["since_ms"]) == (None, None)
        await sent(alder, birch, "while it is off")
        other = tmp_path / "other"
        await ask(birch, "drop.folder", folder=str(other))
        before = await ask(birch, "drop.folder")
        assert before == await ask(birch, "drop.folder", folder=str(other)), "the same folder again changes nothing"
        await sent(alder, birch, "new")
        assert (names(out), names(other)) == (set(), {"new"})
        assert (await ask(birch, "drop.folder"))["put_down"] == 1


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "dropped file"),
        (".bashrc", "bashrc"),
        (". .ssh", "ssh"),
        ("a\x1b[31m\nb", "a_[31m_b"),
        ("Mu\u0308ll", "M\u00fcll"),
        ("C:\\x", "C__x"),
    ],
)
async def test_attack_a_name_that_leads_elsewhere_or_hides(tmp_path: Path, name: str, seen: str) -> None:
    """Whatever a device says, it is a name in the folder that everybody sees, spelled in one way."""
    async with two(tmp_path) as (alder, birch, out):
        await sent(alder, birch, name)
        assert names(out) == {seen}
        assert names(tmp_path) == {"alder", "birch", "out"}


async def test_nothing_that_is_there_is_touched(tmp_path: Path) -> None:
    """Neither a file nor a link of that name, nor an earlier drop; a name at the bound gets its number too."""
    async with two(tmp_path) as (alder, birch, out):
        (out / "plan.pdf").write_bytes(b"mine")
        (out / "plan (2).pdf").symlink_to(tmp_path / "elsewhere")
        await sent(alder, birch)
        await sent(alder, birch, data=b"another of that name")
        assert (out / "plan.pdf").read_bytes() == b"mine"
        assert not (tmp_path / "elsewhere").exists()
        assert names(out) == {"plan.pdf", "plan (2).pdf", "plan (3).pdf", "plan (4).pdf"}
        for number in range(2):
            await sent(alder, birch, "x" * 240, data=bytes([number]))
        assert len(names(out)) == 6


@pytest.mark.parametrize("step", ["before its mark", "before its name", "after its name"])
async def test_an_end_in_between_loses_and_doubles_nothing(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the agent is killed, the next start puts the file down, once, and no draft is left."""
    done = Joining.done

    class KilledError(Exception):
        """In place of an end."""

    def killed(joining: Joining) -> None:
        if step == "after its name":
            done(joining)
        raise KilledError

    async with two(tmp_path) as (alder, birch, out):
        with monkeypatch.context() as patched:
            patched.setattr(Joining, "mark" if step == "before its mark" else "done", killed)
            patched.setattr(Joining, "close", lambda joining: joining._draft.file.close())  # noqa: SLF001 - no time for it
            with pytest.raises(KilledError):
                await sent(alder, birch)
        if step == "after its name":
            (out / "plan.pdf").rename(out / "renamed by its person")
        folder = await again(birch)
        await folder.look()
        await folder.look()
        wanted = {"renamed by its person"} if step == "after its name" else {"plan.pdf"}
        assert (names(out), folder.count) == (wanted, 1)


async def test_a_folder_that_is_away_is_told_and_tried_again(tmp_path: Path) -> None:
    """It is not made unasked, where a disk may not be there; when it is back, what waited appears."""
    async with two(tmp_path) as (alder, birch, out):
        shutil.rmtree(out)
        await sent(alder, birch)
        told = await ask(birch, "drop.folder")
        assert "is away" in str(told["problem"])
        assert "mesh drop folder" in str(told["hint"])
        assert not out.exists()
        out.mkdir()
        await birch.drops.folder.look()
        assert names(out) == {"plan.pdf"}
        assert (await ask(birch, "drop.folder"))["problem"] == ""


async def test_a_damaged_chunk_is_wanted_again(tmp_path: Path) -> None:
    """Nothing half appears; the drop is fetched once more, and then put down."""
    async with two(tmp_path) as (alder, birch, out):
        (tmp_path / "out").rename(tmp_path / "later")
        document = await sent(alder, birch)
        (tmp_path / "later").rename(out)
        row = await keeping.chosen(birch, "", document, {KIND})
        birch.drops.pool.path(drop_of(row.record).pieces[0]).write_bytes(b"spoilt")
        await birch.drops.folder.look()
        assert names(out) == set()
        assert birch.drops.is_owed(drop_of(row.record))
        cut(birch.drops.pool, _DATA)
        await whole(birch, document)
        await birch.drops.folder.look()
        assert names(out) == {"plan.pdf"}


async def test_what_is_no_folder_for_it(tmp_path: Path) -> None:
    """The home, what holds it, a file, a relative path; and no agent chooses."""
    async with family(tmp_path) as (alder,):
        (tmp_path / "file").write_bytes(b"")
        for wrong in (str(alder.home), str(alder.home / "in"), str(tmp_path), str(tmp_path / "file"), "drops", "/a\0b"):
            with pytest.raises(Misuse):
                await ask(alder, "drop.folder", folder=wrong)
        await guarded(alder)
        await act(alder, "agents.add", name="claude", space="home", types=["drop"])
        with pytest.raises(NotGranted):
            await ask(alder, "drop.folder", folder=str(tmp_path / "out"), as_="claude")
        assert (await ask(alder, "drop.folder"))["folder"] is None


async def test_a_running_agent_puts_down_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each drop as it is whole, without being asked."""
    monkeypatch.setattr(timing, "DROP_AGAIN_S", 0.01)
    async with two(tmp_path) as (alder, birch, out), asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(birch.drops.folder.run())
        await whole(birch, await dropped(alder, birch))
        while birch.drops.folder.count < 1:  # noqa: ASYNC110 - what is waited for is a count
            await asyncio.sleep(0.01)
        assert names(out) == {"plan.pdf"}
        task.cancel()
