"""The state of this device, its peers and its log as text for people; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, counted, duration, moment, number, one_line
from mesh.limits import RANK_ADMIN_LAST, RANK_RELAY

DIGEST_CHARACTERS = 16  # of 64: enough to compare by eye
_NAME_CHARACTERS = 40
Told = Mapping[str, object]
_RANKS = {0: "recovery", 1: "founder"}
_EXTENSION_CHARACTERS = 64  # of what this version does not read anyway; --json has all of it


def lines(screen: Screen, told: Told) -> list[str]:
    """The screen of `mesh status`."""
    device, mesh, agent, server = (_part(told, name) for name in ("device", "mesh", "agent", "server"))
    named, peers = one_line(device.get("name")), _parts(told.get("peers"))
    pairs = [
        ("device", f"{screen.ink(named, 'bold')}, {rank(device.get('rank'))}  {one_line(device.get('id'))}"),
        ("mesh", " ".join(filter(None, (one_line(mesh.get("name")), digest(mesh.get("id")))))),
        ("agent", _agent(screen, agent)),
        ("server", _server(screen, server)),
        ("synced", _synced(screen, told, peers)),
        ("holds", _held(told)),
        ("waiting", _waiting(told)),
        *(("at work", _working(one)) for one in _parts(told.get("at_work"))),
    ]
    text = screen.fields(pairs)
    if peers:
        text += ["", *_peers(screen, peers)]
    for problem in _parts(told.get("problems")):
        text += ["", *screen.wrapped(one_line(problem.get("what")), screen.ink("! ", "red"), "  ")]
        if problem.get("hint"):
            text += screen.wrapped(one_line(problem.get("hint")), screen.ink("  hint: ", "dim"), "        ")
    return text


def devices(screen: Screen, result: Told) -> list[str]:
    """Who belongs to the mesh, one a line."""
    rows = [
        (
            one_line(told.get("name")),
            rank(told.get("rank")) + (f" {told['rank']}" if isinstance(told.get("rank"), int) else ""),
            one_line(told.get("id")),
            _about(told),
        )
        for told in _parts(result.get("devices"))
    ]
    return screen.table(("DEVICE", "RANK", "ID", ""), rows, flexible=3) if rows else ["no devices"]


def _about(told: Told) -> str:
    """What else there is to say of a device: that it is this one, its agents, or when and by whom it was closed."""
    closed, names = _part(told, "closed"), _list(told.get("agents"))
    parts = ["this device"] if told.get("self") else []
    parts += [f"agents: {', '.join(map(one_line, names))}"] if names else []
    if closed:
        when, reason = moment(closed.get("time_ms")), one_line(closed.get("reason"))
        parts.append(" ".join(filter(None, ("closed", when, f"by {one_line(closed.get('name'))}", f"({reason})"))))
    return "; ".join(parts)


def addresses(screen: Screen, result: Told) -> list[str]:
    """The addresses that a person added, and those at which devices were reached."""
    rows = [(one_line(address), "added") for address in _list(result.get("addresses"))]
    for device in _parts(result.get("devices")):
        name = one_line(device.get("name")) or one_line(device.get("device"))
        rows += [(one_line(address), f"reached {name} here") for address in _list(device.get("addresses"))]
    return screen.table(("ADDRESS", ""), rows) if rows else ["no addresses are known"]


def events(screen: Screen, result: Told) -> list[str]:
    """Events of the log, one a line."""
    told = _parts(result.get("events"))
    if not told:
        return ["no events"]
    lines = screen.table(("TIME", "DEVICE", ">SEQ", "KIND", "DOCUMENT", ""), [_event(e) for e in told], flexible=4)
    if result.get("next") is not None:
        lines.append(f"more: --after {one_line(result['next'])}")
    return lines


def event_line(told: Told) -> str:
    """One event as it comes in."""
    return "  ".join(filter(None, _event(told)))


def rank(value: object) -> str:
    """A rank in words."""
    if not isinstance(value, int):
        return one_line(value) or "-"
    return _RANKS.get(value) or ("admin" if value <= RANK_ADMIN_LAST else "member" if value < RANK_RELAY else "relay")


def digest(value: object) -> str:
    """A digest, shortened for the eye."""
    text = one_line(value)
    return text if len(text) <= DIGEST_CHARACTERS else text[:DIGEST_CHARACTERS] + "…"


def _part(told: Told, name: str) -> Told:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def _parts(value: object) -> list[Told]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _agent(screen: Screen, agent: Told) -> str:
    if not agent.get("running"):
        return screen.ink("not running", "yellow") + "; `mesh up` starts it"
    parts = [screen.ink("running", "green")]
    parts += [f"pid {agent['pid']}"] if isinstance(agent.get("pid"), int) else []
    parts += [f"version {one_line(agent['version'])}"] if agent.get("version") else []
    parts += [f"up {duration(agent['uptime_s'])}"] if agent.get("uptime_s") is not None else []
    return ", ".join(parts)


def _server(screen: Screen, server: Told) -> str:
    state = one_line(server.get("state"))
    if not state:
        return ""
    parts = [screen.ink(state, "red" if server.get("problem") else ""), one_line(server.get("address"))]
    parts += [f"pid {server['pid']}"] if isinstance(server.get("pid"), int) else []
    return ", ".join(filter(None, parts))


def _synced(screen: Screen, told: Told, peers: list[Told]) -> str:
    if told.get("in_sync"):
        state = screen.ink("yes", "green") + ", by the receipt of every device in reach"
    elif any(peer.get("connected") for peer in peers):
        state = screen.ink("not yet", "yellow")
    else:
        state = screen.ink("no device in reach", "yellow")
    own = digest(told.get("state_digest"))
    return f"{state}  {screen.ink(own, 'dim')}" if own else state


def _held(told: Told) -> str:
    parts = [counted(told.get("events"), "event"), counted(told.get("documents"), "document")]
    parts += [counted(told["conflicts"], "conflict")] if told.get("conflicts") else []
    parts += ["sealed: this is a relay"] if _part(told, "device").get("role") == "relay" else []
    return ", ".join(parts)


def _waiting(told: Told) -> str:
    parts = [f"{counted(told['waiting'], 'event')} for what they stand on"] if told.get("waiting") else []
    parts += [f"{counted(told['void'], 'event')} not honoured"] if told.get("void") else []
    return ", ".join(parts)


def _working(told: Told) -> str:
    where = f" on {one_line(told['project'])}" if told.get("project") else ""
    state = one_line(told.get("state")).replace("_", " ")
    return f"{one_line(told.get('agent'))} at {one_line(told.get('name'))}{where}: {state}"


def _peers(screen: Screen, peers: list[Told]) -> list[str]:
    heads = ("PEER", "STATE", ">HEARD", ">ROUND TRIP", ">WE LACK", ">THEY LACK", "IN SYNC")
    rows = []
    for peer in peers:
        heard, trip = peer.get("last_heard_s"), peer.get("round_trip_ms")
        rows.append(
            (
                one_line(peer.get("name")) or one_line(peer.get("device")),
                "connected" if peer.get("connected") else "away",
                f"{duration(heard)} ago" if heard is not None else "never",
                f"{trip:.1f} ms" if isinstance(trip, int | float) else "-",
                number(peer.get("we_lack")),
                number(peer.get("they_lack")),
                "-" if peer.get("in_sync") is None else "yes" if peer["in_sync"] else "no",
            )
        )
    text = screen.table(heads, rows)
    for peer in peers:
        if doing := _doing(peer):
            name = one_line(peer.get("name") or peer.get("device"), _NAME_CHARACTERS)
            text += screen.wrapped(f"{name}: {doing}", "  ", "    ")
    return text


def _doing(peer: Told) -> str:
    """Why a peer is not in sync, and when it was last."""
    doing, synced = one_line(peer.get("doing")), moment(peer.get("in_sync_ms") or None)
    if not doing or peer.get("in_sync"):
        return ""
    return f"{doing}; last in sync {synced}" if synced else f"{doing}; never in sync so far"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _event(told: Told) -> tuple[str, str, str, str, str, str]:
    device = one_line(told.get("name") or told.get("device"))
    state = one_line(told.get("standing"))
    return (
        moment(told.get("time_ms")),
        device,
        one_line(told.get("seq")),
        one_line(told.get("kind")),
        one_line(told.get("document")),
        " ".join(
            filter(None, ("" if state == "honoured" else state, one_line(told.get("reason")), *_extensions(told)))
        ),
    )


def _extensions(told: Told) -> list[str]:
    """What a later version added to a header, as it came."""
    held = told.get("extensions")
    items = held.items() if isinstance(held, dict) else ()
    return [f"extension {one_line(number)}: {one_line(value, _EXTENSION_CHARACTERS)}" for number, value in items]
