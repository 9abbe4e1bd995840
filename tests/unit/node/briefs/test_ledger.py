"""The ledger: every event once, whatever breaks off; lines that prove themselves; no work but that of new events."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mesh.errors import Refused
from mesh.node.agent import Agent, opened
from mesh.node.briefs import ledger, projecting
from mesh.node.exporting import carrying
from tests.unit.node.families import ask, family, meet, note


def lines(folder: Path) -> list[dict[str, Any]]:
    """All lines of a ledger."""
    found = sorted((folder / "ledger").glob("*/*.jsonl"))
    return [json.loads(line) for path in found for line in path.read_text("utf-8").splitlines()]


async def written(agent: Agent, folder: Path) -> None:
    """The files of an agent, in a folder that is there."""
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    await projecting.project(agent, folder)


async def events(agent: Agent) -> list[str]:
    """The events that an agent has, by name."""
    return sorted(row.placed.digest.hex() for row in await agent.store.log(limit=10_000))


async def test_every_event_is_a_line_that_proves_itself(tmp_path: Path, verifier: ModuleType) -> None:
    """Of each device in its own folder; alone, and against a bundle of the same mesh."""
    folder, bundle = tmp_path / "Mesh", tmp_path / "all.meshbundle"
    async with family(tmp_path / "homes", "admin") as (alder, birch):
        await note(birch, "from birch")
        await meet(alder, birch)
        await ask(alder, "projection.set", folder=str(folder))
        await note(alder, "and one more")
        await written(alder, folder)
        found = lines(folder)
        assert sorted(line["event"] for line in found) == await events(alder)
        assert {line["device"] for line in found} >= {"alder", "birch"}
        (born,) = [line for line in found if line.get("summary") == "from birch"]
        assert (born["kind"], born["device"], born["lane"]) == ("born", "birch", "data")
        (place,) = [path for path in (folder / "ledger").glob("*/*.jsonl") if born["event"] in path.read_text()]
        assert place.parent.name.startswith("birch-")
        assert place.stem == born["at"][:7]
        await carrying.write(alder.store, alder.engine.own.mesh, bundle, 0)
    told = verifier.ledger(folder / "ledger")
    assert (told["sound"], told["events"]) == (True, len(found)), told
    whole = verifier.read(bundle)
    assert verifier.ledger(folder / "ledger", whole)["sound"]
    assert verifier.main(["--ledger", str(folder / "ledger"), str(bundle)]) == 0
    assert verifier.main(["--ledger", str(folder / "ledger")]) == 0
    assert verifier.main(["--ledger", str(tmp_path / "homes")]) == 4, "nothing is not sound"
    assert verifier.main(["--ledger"]) == verifier.main([]) == 2


def other_digit(text: str) -> str:
    """A text with another last digit."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


@pytest.mark.parametrize("key", ["event", "before", "header", "chain", "signature", "key", "mesh"])
async def test_a_line_that_was_tampered_with_is_found(key: str, tmp_path: Path, verifier: ModuleType) -> None:
    """Whichever digit it is; and a line that is gone from the middle, from the beginning, or from the end."""
    async with family(tmp_path / "homes") as (alder,):
        await note(alder, "one")
        await note(alder, "two")
        await written(alder, tmp_path / "Mesh")
    folder = tmp_path / "Mesh" / "ledger"
    (path,) = folder.glob("alder-*/*.jsonl")
    assert verifier.ledger(folder)["sound"]
    whole = path.read_text("utf-8").splitlines()
    places = [number for number, line in enumerate(whole) if key in json.loads(line)]
    assert places
    for number in places:
        line = json.loads(whole[number])
        line[key] = other_digit(line[key])
        path.write_text("\n".join([*whole[:number], json.dumps(line), *whole[number + 1 :]]) + "\n", "utf-8")
        assert not verifier.ledger(folder)["sound"], (key, number)
    path.write_text("\n".join(whole[:-2] + whole[-1:]) + "\n", "utf-8")
    assert not verifier.ledger(folder)["sound"]
    path.write_text("\n".join([*whole, "{"]), "utf-8")
    assert not verifier.ledger(folder)["sound"]
    path.write_text("\n".join([*whole, whole[1]]), "utf-8")
    assert verifier.ledger(folder)["sound"], "a line twice is one"


async def test_an_end_that_is_missing_is_found_with_a_bundle(tmp_path: Path, verifier: ModuleType) -> None:
    """Alone it only looks older; and a ledger of another mesh, however sound, is not that of the bundle."""
    bundle = tmp_path / "all.meshbundle"
    for number, home in enumerate(("homes", "others")):
        async with family(tmp_path / home) as (alder,):
            await note(alder, "one")
            await note(alder, "two")
            await written(alder, tmp_path / f"Mesh{number}")
            if not number:
                await carrying.write(alder.store, alder.engine.own.mesh, bundle, 0)
    whole = verifier.read(bundle)
    folder = tmp_path / "Mesh0" / "ledger"
    (path,) = folder.glob("alder-*/*.jsonl")
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:-1]) + "\n", "utf-8")
    assert verifier.ledger(folder)["sound"]
    (fault,) = verifier.ledger(folder, whole)["faults"]
    assert "of the bundle is not in it" in fault
    other = verifier.ledger(tmp_path / "Mesh1" / "ledger")
    assert other["sound"]
    assert not verifier.ledger(tmp_path / "Mesh1" / "ledger", whole)["sound"]


async def test_what_the_readme_says_by_hand_holds(tmp_path: Path) -> None:
    """Its commands, as they stand there, with what stands in a line."""
    async with family(tmp_path / "homes") as (alder,):
        await note(alder, "one")
        await written(alder, tmp_path / "Mesh")
    readme = (tmp_path / "Mesh" / "ledger" / "README.md").read_text("utf-8")
    commands = [line.strip() for line in readme.splitlines() if "printf" in line or line.startswith("    openssl")]
    found = lines(tmp_path / "Mesh")
    signed = next(line for line in found if line["seq"] > 1 and "signature" in line)
    key = next(line["key"] for line in found if line["chain"] == signed["chain"] and "key" in line)
    said = {name.upper(): str(signed[name]) for name in ("chain", "seq", "before", "header", "event", "signature")}
    given = "".join(f"{name}={value}\n" for name, value in {**said, "KEY": key}.items())
    script = given + "\n".join(_with(command, said.keys() | {"KEY"}) for command in commands)
    out = _run(script, tmp_path)
    assert signed["event"] in out
    assert "Verified Successfully" in out


def _run(script: str, folder: Path) -> str:
    done = subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _with(command: str, names: set[str]) -> str:
    """A command with the words in capitals as variables."""
    return " ".join(f"${word}" if word in names else word for word in command.split(" "))


async def test_only_what_is_new_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update costs the lines of the new events, and files only grow; another folder begins anew."""
    appended: list[int] = []
    append: Callable[[Path, Mapping[str, bytes]], None] = ledger.append

    def counted(folder: Path, found: Mapping[str, bytes]) -> None:
        appended.append(sum(one.count(b"\n") for one in found.values()))
        append(folder, found)

    monkeypatch.setattr(ledger, "append", counted)
    monkeypatch.setattr(ledger, "LEDGER_ROWS_MAX", 3)
    async with family(tmp_path / "homes") as (alder,):
        for number in range(10):
            await note(alder, f"note {number}")
        await written(alder, tmp_path / "Mesh")
        assert sum(appended) == len(await events(alder))
        assert max(appended) == 3
        appended.clear()
        (path,) = (tmp_path / "Mesh" / "ledger").glob("alder-*/*.jsonl")
        before = path.read_bytes()
        await note(alder, "one more")
        await written(alder, tmp_path / "Mesh")
        await written(alder, tmp_path / "Mesh")
        assert appended == [1]
        assert path.read_bytes()[: len(before)] == before
        shutil.rmtree(tmp_path / "Mesh" / "ledger")
        await written(alder, tmp_path / "Mesh")
        assert sorted(line["event"] for line in lines(tmp_path / "Mesh")) == await events(alder), "removed, so anew"
        aside = await ledger.write(alder, tmp_path / "Other")
        assert aside == []
        assert len(lines(tmp_path / "Other")) == len(lines(tmp_path / "Mesh"))
        (aside_name,) = await ledger.write(alder, tmp_path / "Mesh")
        assert (tmp_path / "Mesh" / aside_name).is_dir()
        assert len(lines(tmp_path / "Mesh")) == len(await events(alder))


@pytest.mark.parametrize("left", range(1, 5))
async def test_a_crash_in_the_middle_leaves_each_line_once(
    left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off while a page is written, half a line of it; the next agent cuts that off and goes on."""
    append: Callable[[Path, Mapping[str, bytes]], None] = ledger.append

    def breaking(folder: Path, found: Mapping[str, bytes]) -> None:
        nonlocal left
        left -= 1
        if left:
            append(folder, found)
            return
        append(folder, {place: content[: len(content) - 40] for place, content in found.items()})
        raise Refused("crash")

    monkeypatch.setattr(ledger, "LEDGER_ROWS_MAX", 4)
    folder = tmp_path / "Mesh"
    async with family(tmp_path / "homes") as (alder,):
        for number in range(15):
            await note(alder, f"note {number}")
        monkeypatch.setattr(ledger, "append", breaking)
        with pytest.raises(Refused):
            await written(alder, folder)
        monkeypatch.setattr(ledger, "append", append)
    async with opened(tmp_path / "homes" / "alder") as alder:
        await written(alder, folder)
        assert sorted(line["event"] for line in lines(folder)) == await events(alder)
