"""The files of a mesh in a folder of the person's choice, kept up to date: one way, whole files, nothing lost.

A file that holds what mesh did not write is put aside under another name before its place is taken; one that mesh wrote
and that is no more is removed. After kill -9 each file is the old one or the new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import MeshError, Misuse, Refused
from mesh.node import clock, timing, whole
from mesh.node.arguments import Arguments, text
from mesh.node.briefs import files, ledger

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_FOLDER = "projection.folder"
_MANIFEST = ".mesh-projection.json"
_ASIDE_DIGITS = 8  # of a digest, in the name of what was put aside


async def set_on(agent: Agent, arguments: Arguments) -> object:
    """Keep the files in a folder from now on, and write them now; without one no more, and they stay."""
    wanted = text(arguments, "folder") or ""
    if wanted:
        folder = await asyncio.to_thread(_must_do, Path(wanted), agent.home)
        await project(agent, folder)
        wanted = str(folder)
    await agent.engine.remember(_FOLDER, wanted.encode())
    return await status(agent, {})


async def status(agent: Agent, _arguments: Arguments) -> object:
    """Where the files are, when they were last written, what was put aside, and what is wrong."""
    found = agent.memory.projected
    return {
        "folder": (await _folder(agent)) or None,
        "files": found.files,
        "written_ms": found.written_ms,
        "aside": list(found.aside),
        "problem": found.problem,
    }


async def run(agent: Agent) -> None:
    """Write the files when something was kept, and every now and then, as time makes some things old."""
    news = asyncio.Event()
    agent.news.append(news)
    try:
        while True:
            await asyncio.sleep(timing.PROJECTION_CALM_S)
            news.clear()
            if folder := await _folder(agent):
                try:
                    await project(agent, Path(folder))
                except MeshError as error:  # a disk that is full or away: it is said, and tried again
                    agent.memory.projected.problem = str(error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.PROJECTION_AGAIN_S):
                    await news.wait()
    finally:
        agent.news.remove(news)


async def project(agent: Agent, folder: Path) -> None:
    """Make the folder hold what is kept now. Raises MeshError."""
    async with agent.memory.projected.writing:
        await _project(agent, folder)


async def _project(agent: Agent, folder: Path) -> None:
    wanted = {**await files.of(agent), f"{ledger.FOLDER}/README.md": ledger.README}
    aside = await asyncio.to_thread(write, folder, {path: one.encode() for path, one in wanted.items()})
    aside += await ledger.write(agent, folder)
    agent.memory.projected.aside += aside
    agent.memory.projected.files, agent.memory.projected.written_ms, agent.memory.projected.problem = (
        len(wanted),
        clock.now_ms(),
        "",
    )


def write(folder: Path, wanted: Mapping[str, bytes]) -> list[str]:
    """Write what is not so yet; returns what was put aside. Raises Refused or DiskFull.

    The list of what is ours names old and new content before a file changes, so that a crash makes nobody's file ours
    and none of ours somebody's.
    """
    try:
        ours = _read_manifest(folder)
        both = {path: sorted({*ours.get(path, ()), _digest(content)}) for path, content in wanted.items()}
        changed = [path for path, content in wanted.items() if _content(folder / path) != content]
        kept = [path for path in ours if path not in wanted and files.is_lasting(path)]
        gone = [path for path in ours if path not in wanted and path not in kept]
        if not changed and not gone and all(ours.get(path) == [_digest(content)] for path, content in wanted.items()):
            return []
        _write_manifest(folder, {**ours, **both})
        aside = [moved for path in changed if (moved := _put(folder, path, wanted[path], ours.get(path, [])))]
        for path in gone:
            held = _content(folder / path)
            if held is not None and _digest(held) in ours[path]:
                (folder / path).unlink()
        now = {path: [_digest(content)] for path, content in wanted.items()}
        _write_manifest(folder, {**{path: ours[path] for path in kept}, **now})
    except OSError as error:
        message = f"the files in {folder} cannot be written: {error.strerror}"
        raise Refused(message, hint="`mesh projection status` shows where they go.") from error
    return aside


def _put(folder: Path, path: str, content: bytes, ours: list[str]) -> str:
    """Write one file; what somebody else wrote there is put aside first, and its new name returned."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    held, aside = _content(place), ""
    if held is not None and _digest(held) not in ours:
        other = place.with_name(f"{place.stem}.kept-{_digest(held)[:_ASIDE_DIGITS]}{place.suffix}")
        place.replace(other)  # its name says what is in it: whatever has it already is the same
        aside = str(other.relative_to(folder))
    whole.write(place, content)
    return aside


def _must_do(folder: Path, home: Path) -> Path:
    """The folder, made where it is not there. Raises Misuse."""
    if not folder.is_absolute():
        raise Misuse(f"{folder} is no whole path", hint="mesh projection on ~/Mesh")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
    except OSError as error:
        raise Misuse(f"the folder {folder} cannot be made: {error.strerror}", hint="Choose another one.") from error
    if folder == home.resolve() or home.resolve() in folder.parents or folder in home.resolve().parents:
        raise Misuse("the files do not go into the home, nor around it", hint="Choose another one: ~/Mesh")
    return folder


def _content(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except FileNotFoundError:
        return None


def _read_manifest(folder: Path) -> dict[str, list[str]]:
    """Path -> digests of what mesh wrote there; where the list is not ours, nothing is."""
    try:
        found = json.loads((folder / _MANIFEST).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(path): [str(one) for one in held] for path, held in found.items() if isinstance(held, list)}


def _write_manifest(folder: Path, ours: Mapping[str, list[str]]) -> None:
    whole.write(folder / _MANIFEST, json.dumps(dict(sorted(ours.items())), indent=1).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _folder(agent: Agent) -> str:
    return (await agent.store.setting(_FOLDER) or b"").decode()
