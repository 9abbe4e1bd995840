"""What the doctor reads out of a running agent's answers: itself, its server, its peers, its events."""

from __future__ import annotations

import re
import socket
import sys

import mesh
from mesh.errors import Damaged, Misuse
from mesh.names import shown
from mesh.node.health.diagnosis import Diagnosis, Look, Told, agentless, right, unclear, wrong
from mesh.node.health.health_home import held, own_port, server_left

DAY_MS = 86_400_000
_NO_ROUTE = re.compile(r"\b(?:errno 65|no route to host)\b", re.IGNORECASE)
_PEERS_SHOWN = 8
_NAME_CHARACTERS = 64


def agent(look: Look) -> Diagnosis:
    """It runs, and answers."""
    if look.ping is not None and look.silence is None:
        return right(f"answers, pid {look.ping.get('pid')}")
    if look.silence is not None:
        return wrong(str(look.silence), look.silence.hint, mend="restart")
    if not look.lives:
        return unclear("none runs, and there is no mesh for it yet")
    if held(look.home):
        return unclear("a command has the home just now, and no agent answers", "Look again in a moment.")
    sealed = look.state == "sealed"
    fix = "Set MESH_PASSPHRASE, then `mesh up`." if sealed else "`mesh up` starts it."
    return wrong("none runs: nothing is sent or received", fix, mend="" if sealed else "agent")


def version(look: Look) -> Diagnosis:
    """It is of the same version as this command."""
    if look.ping is None:
        return agentless()
    theirs = str(look.ping.get("version"))
    if theirs == mesh.__version__:
        return right(f"{theirs}, command and agent")
    words = f"the agent is of version {shown(theirs, _NAME_CHARACTERS)}, this command of {mesh.__version__}"
    return wrong(words, "`mesh down`, then `mesh up`.", mend="restart", fault=Misuse)


def port(look: Look) -> Diagnosis:
    """Others can reach this device's server; without an agent, its port is free."""
    server = look.part("server")
    if not server:
        return _free_port(look)
    where = f"{server.get('address')}"
    if server.get("problem"):
        return wrong(f"{where}: {server['problem']}", str(server.get("hint") or ""))
    if server.get("state") in {"up", "external"}:
        return right(f"listens at {where}")
    return unclear(f"{where}: {server.get('state')}", "Look again in a moment.")


def local_network(look: Look) -> Diagnosis:
    """On macOS: the system lets this process reach the local network."""
    if look.platform != "darwin":
        return right("no permission is needed on this system")
    if look.status is None:
        return agentless()
    barred = [_name(peer) for peer in look.parts("peers") if _NO_ROUTE.search(str(peer.get("problem") or ""))]
    if not barred:
        return right("nothing says that the system bars it")
    words = f"macOS answers 'no route to host' (errno 65) for {', '.join(barred)}: most likely Local Network Privacy"
    fix = (
        "System Settings, Privacy & Security, Local Network: allow the terminal. A LaunchAgent is barred without a "
        "question; `sudo mesh service install` makes a launch daemon, which is not."
    )
    return wrong(words, fix)


def beacon(look: Look) -> Diagnosis:
    """Devices of this mesh are heard on the local network (mDNS)."""
    if look.status is None:
        return agentless()
    told = look.part("beacon")
    if not told:
        return unclear("this agent has none, or it is off")
    heard = told.get("heard")
    count = len(heard) if isinstance(heard, list | dict) else heard
    if told.get("problem"):
        return wrong(shown(str(told["problem"])), shown(str(told.get("hint") or "")))
    if not count:
        return unclear("nobody of this mesh was heard; MESH_BEACON=off would be a reason")
    return right(f"{count} heard on the local network")


def peers(look: Look) -> Diagnosis:
    """Whoever is connected shows the same, by its receipt. Being away is the normal case: told, and not wrong."""
    if look.status is None:
        return agentless()
    all_peers = look.parts("peers")
    if not all_peers:
        return unclear("no other device is known", "`mesh admit` lets one in; `mesh peer add HOST:PORT` finds it.")
    words = "; ".join(_peer(peer) for peer in all_peers[:_PEERS_SHOWN])
    words += f"; and {len(all_peers) - _PEERS_SHOWN} more" if len(all_peers) > _PEERS_SHOWN else ""
    connected = [peer for peer in all_peers if peer.get("connected")]
    if any(peer.get("differs") for peer in connected):
        fix = "`mesh verify --deep` on both says whose database is wrong; `mesh rebuild` there makes it anew."
        return wrong(words, fix, fault=Damaged)
    if len(connected) < len(all_peers) or any(not peer.get("in_sync") for peer in connected):
        away = [peer for peer in all_peers if peer.get("problem") and not peer.get("connected")]
        fix = shown(str(away[0].get("hint") or "")) if away else "Switch the others on; they meet by themselves."
        return unclear(words, fix)
    return right(words)


def clock(look: Look) -> Diagnosis:
    """Only for display: no clock decides anything. Events from tomorrow make lists odd to read."""
    if look.status is None:
        return agentless()
    own = look.part("device").get("id")
    ahead: dict[str, int] = {}
    for event in look.events:
        at = event.get("time_ms")
        if isinstance(at, int) and at - look.now_ms > DAY_MS:
            whose = "this device" if event.get("device") == own else _name(event)
            ahead[whose] = max(ahead.get(whose, 0), at - look.now_ms)
    if not ahead:
        return right("no event is from the future")
    words = ", ".join(f"{name} wrote {gap // DAY_MS} d ahead of this clock" for name, gap in sorted(ahead.items()))
    return unclear(words, "Set the clock that is wrong. Nothing is lost or out of order: clocks decide nothing.")


def alarms(look: Look) -> Diagnosis:
    """Nobody's chain was forked, and nothing that came did not fit."""
    if look.status is None:
        return agentless()
    told, forks = look.status.get("alarms"), look.status.get("forks")
    if isinstance(forks, list) and forks:
        return unclear(shown(str(forks[0])), "`mesh forks` shows both stories, and how to acknowledge them.")
    heard = [str(one) for one in told] if isinstance(told, list) else []
    if not heard:
        return right("none since the agent started")
    words = f"{len(heard)} since the agent started, the last: {shown(heard[-1])}"
    fix = "`mesh log --device DEVICE` shows what that device wrote; a restored backup, or a thief, forks a chain."
    return unclear(words, fix)


def events(look: Look) -> Diagnosis:
    """All that is held counts, and all of it is here."""
    if look.status is None:
        return agentless()
    counts = [
        (look.count("waiting"), "wait for something that is not here yet"),
        (look.count("void"), "count for nothing here"),
        (look.count("bodies_missing"), "lack their body"),
    ]
    found = [f"{count} {words}" for count, words in counts if count]
    if not found:
        return right(f"{look.count('events')} held")
    fix = "Connect to the other devices; `mesh log --json` names the reason of each that counts for nothing."
    return unclear(f"{look.count('events')} held, of which " + ", ".join(found), fix)


def _free_port(look: Look) -> Diagnosis:
    if look.status is not None or look.ping is not None or not look.lives or held(look.home):
        return agentless()
    number = own_port(look.home)
    if number == 0 or server_left(look.home) is not None:
        return agentless()
    hosts = look.interfaces or ("0.0.0.0",)  # noqa: S104 - where the server would listen
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection is nobody's
            try:
                probe.bind((host, number))
            except OSError as error:
                fix = "`ss -ltnp`, or `lsof -iTCP -sTCP:LISTEN`, shows who has it; the agent takes it when it is free."
                return wrong(f"{host}:{number} cannot be had: {error.strerror}", fix)
    return right(f"{number} is free for the agent")


def _peer(peer: Told) -> str:
    if not peer.get("connected"):
        why = f" ({shown(str(peer['problem']))})" if peer.get("problem") else ""
        return f"{_name(peer)}: away{why}"
    heard = peer.get("last_heard_s")
    parts = [f"heard {heard:.0f} s ago"] if isinstance(heard, int | float) else []
    differs = peer.get("differs")
    if isinstance(differs, dict):
        state = f"does not show the same as this device: {shown(str(differs.get('document')))}"
    else:
        doing = shown(str(peer.get("doing") or "not in sync yet"))
        state = "in sync, by its receipt" if peer.get("in_sync") else doing
    return f"{_name(peer)}: " + ", ".join([*parts, state])


def _name(told: Told) -> str:
    return shown(str(told.get("name") or told.get("device") or "?"), _NAME_CHARACTERS)
