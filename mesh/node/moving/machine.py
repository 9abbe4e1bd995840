"""Which machine a home lives on: recorded in a file of the home, so that a copy elsewhere is noticed before it speaks.

The file travels with every copy of the home. It holds a hash, never the machine's own number. Where a machine has
none, nothing is recorded and nothing is checked. This module never decides what a copy is: the person does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from mesh.errors import Elsewhere, MeshError
from mesh.node import whole
from mesh.node.paths import machine_path, secrets_path

VARIABLE = "MESH_MACHINE"
_DOMAIN = b"mesh/machine/1"
_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_ID = re.compile(r"[0-9a-f]{32}")
_MACOS = re.compile(r'"IOPlatformUUID" = "([0-9A-F-]{36})"')
_ASK_S_MAX = 5.0


def identity() -> str:
    """This machine, as homes record it; empty where it has no number of its own."""
    own = os.environ.get(VARIABLE, "") or _number()
    return hashlib.sha256(_DOMAIN + own.encode(errors="surrogateescape")).hexdigest() if own else ""


def recorded(home: Path) -> str:
    """The machine that a home was on last; empty when none was recorded."""
    try:
        return machine_path(home).read_text("ascii", errors="replace").strip()
    except OSError:
        return ""


def record(home: Path) -> None:
    """From now on the home lives here. Raises DiskFull or Refused."""
    here = identity()
    if here and here != recorded(home):
        whole.write(machine_path(home), f"{here}\n".encode())
    elif not here:
        machine_path(home).unlink(missing_ok=True)


def adopt(home: Path) -> None:
    """Record this machine in a home that none was recorded in, if the disk takes it."""
    if not recorded(home):
        with contextlib.suppress(MeshError):
            record(home)


def elsewhere(home: Path) -> bool:
    """Whether a home with keys in it was on another machine until now."""
    before, here = recorded(home), identity()
    return bool(before and here and before != here) and secrets_path(home).exists()


def must_be_here(home: Path) -> None:
    """Raises Elsewhere when the home comes from another machine and nobody has said what that means."""
    if elsewhere(home):
        message = "this home comes from another machine"
        raise Elsewhere(message)


def _number() -> str:
    if sys.platform == "darwin":
        asked = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=_ASK_S_MAX)
            found = _MACOS.search(done.stdout)
            return found[1] if found else ""
        return ""
    for file in _FILES:
        with contextlib.suppress(OSError):
            number = file.read_text("ascii", errors="replace").strip()
            if _ID.fullmatch(number):  # in a fresh image it is empty, or says that it is not set yet
                return number
    return ""
