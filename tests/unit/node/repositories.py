"""Git repositories for tests, made by git as a person would, whatever is set up on this machine."""

import os
import subprocess
from pathlib import Path


def run(folder: Path, *words: str) -> str:
    """Git; what it prints."""
    person = ("-c", "user.name=P", "-c", "user.email=p@example.org", "-c", "init.defaultBranch=main")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", *person, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def made(folder: Path) -> Path:
    """A repository with two commits and two remotes."""
    (folder / "sub dir").mkdir(parents=True)
    run(folder, "init", "-q")
    run(folder, "commit", "-q", "--allow-empty", "-m", "first")
    run(folder, "commit", "-q", "--allow-empty", "-m", "second")
    run(folder, "remote", "add", "fork", "https://me:secret@example.org/me/site.git")
    run(folder, "remote", "add", "origin", "git@example.org:team/site.git")
    return folder


def copied(folder: Path, to: Path) -> Path:
    """A copy with its whole history and the same remotes, as it lies on another device."""
    run(to.parent, "clone", "-q", str(folder), str(to))
    run(to, "remote", "set-url", "origin", run(folder, "remote", "get-url", "origin"))
    return to
