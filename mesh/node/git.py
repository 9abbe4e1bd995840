"""What git tells of a folder, asked as a child process with a deadline. It changes no repository.

Where there is no git, no repository, or no answer in time, there is nothing to tell: nobody must fail by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from mesh.limits import GIT_OUTPUT_BYTES_MAX
from mesh.node import timing
from mesh.state.projects import Repository, remote_of, root_of

_SETTINGS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""A repository's own settings must not start programs only because it is looked at."""
_PARTS = 3


async def ask(cwd: str, *words: str) -> str | None:
    """What `git WORDS` prints in a folder; None when it fails, is not there, or takes too long."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    environment["GIT_NO_LAZY_FETCH"] = "1"  # looking at a partial copy fetches nothing
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # of whoever started the agent
        environment.pop(name, None)
    try:
        child = await asyncio.create_subprocess_exec(
            "git", *_SETTINGS, *words,
            cwd=cwd, env=environment, limit=GIT_OUTPUT_BYTES_MAX,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, ValueError):  # no git, no such folder, or no text for a path
        return None
    assert child.stdout is not None, "it was asked for"
    try:
        async with asyncio.timeout(timing.GIT_S_MAX):
            out = await child.stdout.read(GIT_OUTPUT_BYTES_MAX + 1)
            while len(out) <= GIT_OUTPUT_BYTES_MAX and (more := await child.stdout.read(GIT_OUTPUT_BYTES_MAX)):
                out += more
            done = len(out) <= GIT_OUTPUT_BYTES_MAX and await child.wait() == 0
    except TimeoutError:
        done, out = False, b""
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return out.decode(errors="replace").strip() if done else None


async def repository(cwd: str) -> Repository | None:
    """The repository that a folder lies in; None where it lies in none."""
    if not Path(cwd).is_absolute():
        return None
    told = await ask(cwd, "rev-parse", "--show-toplevel", "--git-common-dir", "--is-shallow-repository")
    parts = (told or "").splitlines()
    if len(parts) != _PARTS:
        return None
    top, common, shallow = parts
    urls, branch, commits = await asyncio.gather(
        ask(cwd, "config", "--get-regexp", r"^remote\..*\.url$"),
        ask(cwd, "symbolic-ref", "--short", "-q", "HEAD"),
        ask(cwd, "rev-list", "--max-parents=0", "HEAD"),
    )
    roots = "" if shallow == "true" else commits or ""  # what a shallow copy begins with is only where it was cut
    return Repository(
        top=_first_worktree(cwd, top, common),
        root=root_of(roots.splitlines()),
        remotes=_remotes(urls or ""),
        branch=branch or "",
        inside=_inside(cwd, top),
    )


def _first_worktree(cwd: str, top: str, common: str) -> str:
    """Where the repository itself lies, also where the folder is a further worktree of it."""
    folder = Path(cwd, common)
    return str(folder.resolve().parent) if folder.name == ".git" else top


def _inside(cwd: str, top: str) -> str:
    found = os.path.relpath(os.path.realpath(cwd), os.path.realpath(top))
    return "" if found == os.curdir else found


def _remotes(urls: str) -> tuple[str, ...]:
    """Remotes as they are the same for everybody; `origin` first, the rest by name."""
    pairs = [line.partition(" ") for line in urls.splitlines()]
    named = sorted((name != "remote.origin.url", name, remote_of(url)) for name, _, url in pairs)
    return tuple(dict.fromkeys(remote for _, _, remote in named if remote))
