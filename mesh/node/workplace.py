"""Where somebody works: the files that a hand-off names, as they are in a folder of this device.

What it tells is what this process saw itself. It changes no file; where there is no folder there is nothing to tell.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mesh.limits import FILE_DIGEST_BYTES_MAX, HANDOFF_FILES_MAX
from mesh.node import git

File = Mapping[str, object]
_COMMIT_SHOWN = 10  # digits of a commit, for people


async def seen(cwd: str, paths: Sequence[str]) -> tuple[File, ...]:
    """Files as they are now: where they lie from the top of their repository, their digest, branch and commit."""
    paths = list(dict.fromkeys(path for path in paths if path.strip()))[:HANDOFF_FILES_MAX]
    top = await _top(cwd) if paths else ""
    if not top:
        return tuple({"path": path} for path in paths)
    branch = await git.ask(cwd, "symbolic-ref", "--short", "-q", "HEAD")
    commit = await git.ask(cwd, "rev-parse", "--verify", "-q", "HEAD")
    where = {key: value for key, value in (("branch", branch), ("commit", commit)) if value}
    found = await asyncio.to_thread(lambda: [_looked(cwd, top, path) for path in paths])
    return tuple({**one, **where} for one in found)


async def missing(cwd: str, files: Sequence[File]) -> tuple[str, ...]:
    """What is not here of the files of a hand-off, or not as it was, as sentences."""
    top = await _top(cwd) if files else ""
    if not top:
        return ()
    files = files[:HANDOFF_FILES_MAX]
    found = await asyncio.to_thread(lambda: [line for one in files if (line := _differing(top, one))])
    for commit in sorted({str(one["commit"]) for one in files if one.get("commit")}):
        if commit.isalnum() and await git.ask(top, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            found.append(f"commit {commit[:_COMMIT_SHOWN]} is not here: fetch it, or look where it was left")
    return tuple(found)


async def _top(cwd: str) -> str:
    """The top of the repository that a folder lies in, else the folder; empty for what is none."""
    if "\0" in cwd or not Path(cwd).is_absolute() or not await asyncio.to_thread(Path(cwd).is_dir):
        return ""
    return await git.ask(cwd, "rev-parse", "--show-toplevel") or cwd


def _looked(cwd: str, top: str, path: str) -> File:
    inside = _inside(top, Path(cwd, path)) if "\0" not in path else ""
    digest = _digest(Path(top, inside)) if inside else ""
    return {"path": inside or path, **({"sha256": digest} if digest else {})}


def _differing(top: str, one: File) -> str:
    path, digest = one.get("path"), one.get("sha256")
    if not isinstance(path, str) or "\0" in path or not _inside(top, Path(top, path)):
        return ""
    place = Path(top, path)
    if not place.exists():
        return f"{path} is not in this folder"
    other = isinstance(digest, str) and _digest(place) not in {digest, ""}
    return f"{path} is not as it was when this was left" if other else ""


def _inside(top: str, place: Path) -> str:
    """Where something lies within a folder; empty for what lies outside: of that nothing is told."""
    found = os.path.relpath(os.path.realpath(place), os.path.realpath(top))
    return "" if found in {os.curdir, os.pardir} or found.startswith(os.pardir + os.sep) else Path(found).as_posix()


def _digest(place: Path) -> str:
    """Of a file that is not too large; empty for what is none."""
    try:
        if not place.is_file() or place.stat().st_size > FILE_DIGEST_BYTES_MAX:
            return ""
        return hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError:
        return ""
