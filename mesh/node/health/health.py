"""The doctor: every check in one table, and all of them gone through. A check that fails to run is a diagnosis itself.

It reads and asks, and changes nothing; `mending` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from mesh.errors import Busy, Damaged, MeshError, Refused
from mesh.node import home as homes
from mesh.node.health import health_agent, health_home, health_machine
from mesh.node.health.diagnosis import Check, Diagnosis, Examined, Look, unclear, wrong
from mesh.node.paths import socket_path
from mesh.node.socket_client import Connection, Told, connect
from mesh.node.timing import LOOK_S_MAX

_EVENTS = 200  # of the latest, whose times are compared with this clock

CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", health_machine.python),
    ("libraries", health_machine.libraries),
    ("nats-server", health_machine.nats_server),
    ("files open", health_machine.descriptors),
    ("home", health_home.home),
    ("machine", health_home.own_machine),
    ("keys", health_home.keys),
    ("disk", health_home.disk),
    ("database", health_home.database),
    ("leftovers", health_home.leftovers),
    ("logs", health_home.logs),
    ("service", health_machine.service),
    ("agent", health_agent.agent),
    ("version", health_agent.version),
    ("port", health_agent.port),
    ("local network", health_agent.local_network),
    ("beacon", health_agent.beacon),
    ("peers", health_agent.peers),
    ("clock", health_agent.clock),
    ("alarms", health_agent.alarms),
    ("events", health_agent.events),
)


def examined(look: Look, checks: Sequence[tuple[str, Check]] = CHECKS) -> list[Examined]:
    """Go through all checks, in their order."""
    return [Examined(name, _found(check, look)) for name, check in checks]


def looked(home: Path, interfaces: Sequence[str] = ()) -> Look:
    """What is known of a home and its agent, whatever state they are in. Raises nothing."""
    state, now_ms = _state(home), time.time_ns() // 1_000_000
    ping: Told | None = None
    status: Told | None = None
    events: tuple[Told, ...] = ()
    silence: MeshError | None = None
    try:
        ping = _asked(home, "ping", {})
        if ping is not None:
            status = _asked(home, "status", {})
            listed = (_asked(home, "log", {"limit": _EVENTS}) or {}).get("events")
            events = tuple(listed) if isinstance(listed, list) else ()
    except MeshError as error:
        silence = error
    return Look(home, state, ping, status, events, silence, now_ms=now_ms, interfaces=tuple(interfaces))


def _found(check: Check, look: Look) -> Diagnosis:
    try:
        return check(look)
    except MeshError as error:
        # What somebody else holds may be right as it is; everything else that kept us from looking is wrong.
        if isinstance(error, Busy):
            return unclear(str(error), error.hint)
        return wrong(str(error), error.hint, fault=type(error))
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return wrong(f"it could not be looked at: {error.strerror}{where}", "Check who owns it.")
    except Exception as error:  # noqa: BLE001 - a check with a bug must not hide what the others find
        said = f"the check itself failed: {type(error).__name__}: {error}"
        return unclear(said, "This is a fault of mesh, not yours.")


def _state(home: Path) -> str:
    try:
        return homes.state(home)
    except Refused:
        return "sealed"
    except Damaged:
        return "damaged"


def _asked(home: Path, name: str, arguments: dict[str, object]) -> Told | None:
    connection: Connection | None = connect(socket_path(home))
    if connection is None:
        return None
    with connection:
        return connection.call(name, arguments, answer_s=LOOK_S_MAX)
