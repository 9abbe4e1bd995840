"""How this installation of mesh becomes a newer one: a git checkout by its own upstream, a package by its installer.

No address of anything is written here: git asks the checkout's upstream, pip or uv what the machine is set to. It
starts and ends no agent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

import mesh
from mesh.errors import Misuse, Refused, Unreachable
from mesh.node.timing import FETCH_S_MAX

Kind = Literal["checkout", "pip", "uv"]
DISTRIBUTION = "continuity-mesh"
_SCRIPT = "scripts/_venv.sh"
_MARKS = (".made-runtime", ".made-dev", ".unfinished")
"""What that script leaves in an environment that it makes."""
_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
_SHORT_CHARACTERS = 10
_FILES_SHOWN = 5


@dataclass(frozen=True)
class Installation:
    """What runs here, and how it came here."""

    kind: Kind
    root: Path
    """The checkout, or the environment."""

    def version(self) -> str:
        """The version on disk now, with a checkout's commit; what is loaded may be older."""
        if self.kind == "checkout":
            commit = _git(self.root, "rev-parse", f"--short={_SHORT_CHARACTERS}", "HEAD")
            written = _VERSION.search((self.root / "mesh" / "__init__.py").read_text())
            return f"{written[1] if written else mesh.__version__}+g{commit}"
        try:
            return metadata.version(DISTRIBUTION)
        except metadata.PackageNotFoundError:
            return mesh.__version__


def installation() -> Installation:
    """What runs here. Raises Misuse where nothing can be upgraded."""
    root = _root()
    if (root / _SCRIPT).is_file():
        if not (root / ".git").exists():
            message = f"{root} was copied, not cloned, so it has nothing to be upgraded from"
            raise Misuse(message, hint="Clone it with git, and use that one. The homes stay as they are.")
        return Installation("checkout", root)
    kind: Kind = "pip" if util.find_spec("pip") else "uv"
    if kind == "uv" and shutil.which("uv") is None:
        message = "this environment has neither pip nor uv"
        raise Misuse(message, hint=f"Upgrade {DISTRIBUTION} the way you installed it.")
    return Installation(kind, Path(sys.prefix))


def waiting(found: Installation) -> int | None:
    """How many commits of a checkout's upstream are not here yet; None where that is not known. Raises MeshError."""
    if found.kind != "checkout":
        return None
    _must_be_clean(found.root)
    _git(found.root, "fetch", "--quiet")
    ahead, behind = (int(n) for n in _git(found.root, "rev-list", "--left-right", "--count", "HEAD...@{u}").split())
    if ahead and behind:
        message = f"this checkout and its upstream went apart: {ahead} commits here, {behind} there"
        raise Refused(message, hint=f"Decide with git in {found.root}, for example `git rebase`. Nothing was changed.")
    return behind


def take(found: Installation) -> None:
    """Fetch and put the newer version into place, with all that it needs. Raises Refused, Unreachable."""
    if found.kind == "checkout":
        _git(found.root, "pull", "--quiet", "--ff-only")
        set_up(found.root)
    elif found.kind == "pip":
        _must([sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", DISTRIBUTION])
    else:
        _must(["uv", "pip", "install", "--quiet", "--python", sys.executable, "--upgrade", DISTRIBUTION])


def set_up(root: Path) -> None:
    """Bring the environment of a checkout to what its lock lists, by the script that made it. Raises Unreachable."""
    if any((Path(sys.prefix) / mark).exists() for mark in _MARKS):  # somebody else's environment is theirs to keep
        _must([str(root / "scripts" / "mesh"), "--version"], MESH_VENV=sys.prefix)


def own_environment() -> Path | None:
    """The environment that scripts/_venv.sh made for the checkout that runs, if we run in it."""
    prefix, root = Path(sys.prefix), _root()
    try:
        stamp = (prefix / _MARKS[0]).read_text()
    except OSError:
        return None
    ours = (prefix / "pyvenv.cfg").is_file() and (root / _SCRIPT).is_file() and stamp.rstrip("\n").endswith(f" {root}")
    return prefix if ours else None


def way_back(found: Installation, before: str) -> str:
    """The commands by which the version before comes back."""
    if found.kind == "checkout":
        return f"git -C {found.root} reset --keep {before.rpartition('+g')[2]}, then `mesh up`"
    installer = "uv pip install" if found.kind == "uv" else f"{sys.executable} -m pip install"
    return f"{installer} {DISTRIBUTION}=={before}, then `mesh up`"


def _root() -> Path:
    return Path(mesh.__file__).resolve().parent.parent


def _must_be_clean(root: Path) -> None:
    changed = _git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        names = ", ".join(line[2:].strip() for line in changed[:_FILES_SHOWN])
        more = f" and {len(changed) - _FILES_SHOWN} more" if len(changed) > _FILES_SHOWN else ""
        message = f"files of this checkout were changed: {names}{more}"
        raise Refused(message, hint=f"`git -C {root} stash` puts that aside. Nothing was changed.")
    asked = _run(["git", "-C", str(root), "rev-parse", "--abbrev-ref", "@{u}"])
    if asked.returncode != 0:
        message = "this checkout follows no upstream"
        hint = f"`git -C {root} branch --set-upstream-to=REMOTE/BRANCH` names one. Nothing was changed."
        raise Misuse(message, hint=hint)


def _git(root: Path, *words: str) -> str:
    return _must(["git", "-C", str(root), *words])


def _must(argv: Sequence[str], **env: str) -> str:
    asked = _run(argv, **env)
    if asked.returncode != 0:
        said = [line.strip() for line in asked.stderr.strip().splitlines() if line.strip()]
        last = said[-1] if said else f"code {asked.returncode}"
        words = " ".join(argv)
        raise Unreachable(f"{Path(argv[0]).name} failed: {last}", hint=f"By hand it says more: {words}")
    return asked.stdout.strip()


def _run(argv: Sequence[str], **env: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            # Nobody answers a question here; git fails instead of asking.
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **env},
            timeout=FETCH_S_MAX,
        )
    except FileNotFoundError as error:
        message = f"there is no {argv[0]} on this machine"
        raise Unreachable(message, hint="Install it, or upgrade mesh the way you installed it.") from error
    except subprocess.TimeoutExpired as error:
        message = f"{Path(argv[0]).name} did not end within {FETCH_S_MAX:.0f} s"
        raise Unreachable(message) from error
