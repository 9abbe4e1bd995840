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
    repository = await git.repository(cwd) if cwd and paths else None
    if not cwd or not paths:
        return tuple({"path": path} for path in paths)
    top = repository.top if repository else cwd
    where = {}
    if repository:
        commit = await git.ask(cwd, "rev-parse", "--verify", "-q", "HEAD") or ""
        where = {key: value for key, value in (("branch", repository.branch), ("commit", commit)) if value}
        here = await git.ask(cwd, "rev-parse", "--show-toplevel")
        top = here or top
    found = await asyncio.to_thread(_looked, cwd, top, paths)
    return tuple({**one, **where} for one in found)


async def missing(cwd: str, files: Sequence[File]) -> tuple[str, ...]:
    """What is not here of the files of a hand-off, or not as it was, as sentences."""
    if not cwd or not files:
        return ()
    top = await git.ask(cwd, "rev-parse", "--show-toplevel") or cwd
    found = await asyncio.to_thread(_differing, top, files[:HANDOFF_FILES_MAX])
    for commit in sorted({str(one["commit"]) for one in files if one.get("commit")}):
        if commit.isalnum() and await git.ask(top, "cat-file", "-e", f"{commit}^{{commit}}") is None:
            found.append(f"commit {commit[:_COMMIT_SHOWN]} is not here: fetch it, or look where it was left")
    return tuple(found)


def _looked(cwd: str, top: str, paths: Sequence[str]) -> list[File]:
    found: list[File] = []
    for path in paths:
        place = Path(cwd, path)
        inside = os.path.relpath(os.path.realpath(place), os.path.realpath(top))
        digest = _digest(place)
        name = path if inside.startswith(os.pardir) else Path(inside).as_posix()
        found.append({"path": name, **({"sha256": digest} if digest else {})})
    return found


def _differing(top: str, files: Sequence[File]) -> list[str]:
    found = []
    for one in files:
        path, digest = one.get("path"), one.get("sha256")
        if not isinstance(path, str) or not path:
            continue
        place = Path(top, path)
        if not place.exists():
            found.append(f"{path} is not in this folder")
        elif isinstance(digest, str) and _digest(place) not in {digest, ""}:
            found.append(f"{path} is not as it was when this was left")
    return found


def _digest(place: Path) -> str:
    """Of a file that is not too large; empty for what is none."""
    try:
        if not place.is_file() or place.stat().st_size > FILE_DIGEST_BYTES_MAX:
            return ""
        return hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError:
        return ""
