"""What the doctor can mend in a home and at its service, each as one function that says what it did.

None of them touches what the log or the keys say, and none ends a process that is not provably this home's.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from mesh.node.background import service as services
from mesh.node.background import service_manager as manager
from mesh.node.health import health_home as looks
from mesh.node.health.diagnosis import Look, Mend
from mesh.node.moving.staging import sweep
from mesh.node.paths import server_path
from mesh.node.transport.broker import Broker

SAFE: frozenset[Mend] = frozenset({"permissions", "leftovers", "agent"})
"""What needs no question: nobody can miss what it changes."""


def permissions(look: Look) -> str:
    """Close the home, and all in it, to others."""
    count = 0
    for path in (look.home, *look.home.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & 0o700)
            count += 1
    return f"closed {count} files and folders of {look.home} to others"


def leftovers(look: Look) -> str:
    """End a nats-server whose agent is gone, and remove what a start that was cut off left."""
    if looks.held(look.home):
        return "left alone: the home is in use"
    done = []
    server = looks.server_left(look.home)
    if server is not None:
        # The one rule for whose server it is stands in the broker; no binary is needed to end one.
        asyncio.run(Broker(server_path(look.home), Path("nats-server"), sitter=False).end_left_over())
        done.append(f"ended nats-server {server}")
    found = looks.left_over(look.home)
    sweep(look.home)
    for path in found:
        if not path.is_dir():  # what was put together there was swept, unless somebody is at it
            path.unlink(missing_ok=True)
        done.append(f"removed {path}")
    return ", ".join(done) or "nothing was left"


def service(look: Look) -> str:
    """Start the service that is installed and does not run."""
    found = services.installed_for(look.home)
    if found is None:
        return "no service is installed"
    manager.install(found, look.interfaces or services.interfaces_of(found))
    manager.start(found)
    return f"started {found.unit}"


def lingering(look: Look) -> str:
    """Have this user's services start at boot. Raises Unreachable where the system does not let it."""
    found = services.installed_for(look.home)
    assert found is not None, "only a service that is installed can start at boot"
    manager.enable_linger(found)
    return f"{found.unit} starts at boot"


MENDS: Mapping[Mend, Callable[[Look], str]] = {
    "permissions": permissions,
    "leftovers": leftovers,
    "service": service,
    "lingering": lingering,
}
"""Those that the node can do; starting and restarting the agent is the command line's."""
