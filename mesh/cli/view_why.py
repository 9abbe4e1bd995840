"""Causes and the way of an event as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

from mesh.cli.screen import Screen, counted, moment, one_line
from mesh.cli.view_trust import Told, part, parts, permitted, said, short, subject

_STATES = {
    "everywhere": ("on every device, as far as is known", "green"),
    "underway": ("here, and not on every device yet", "yellow"),
    "waits": ("held, and it does not count yet", "yellow"),
    "void": ("held, and it does not count", "red"),
    "opaque": ("held, and it cannot be read here", "yellow"),
    "conflicting": ("it counts, and it is not all that is shown", "yellow"),
    "self": ("this device", ""),
    "closed": ("taken out of the mesh", "red"),
    "away": ("not in reach", "yellow"),
    "behind": ("in reach, and not in sync yet", "yellow"),
    "in reach": ("in reach; whether it shows the same is not known yet", "yellow"),
    "in sync": ("in reach, and in sync", "green"),
}
_EVIDENCE_CHARACTERS = 300
_SIGNS = {"done": "✓", "yes": "✓", "honoured": "✓", "no": "✗", "void": "✗"}


def why(screen: Screen, told: Told) -> list[str]:
    """What blocks something: its state in one line, then each cause."""
    causes = parts(told.get("causes"))
    lines = [_head(screen, told)]
    lines += _event(screen, told) if part(told, "subject").get("kind") == "event" else _counts(screen, told)
    for one in causes:
        lines += ["", *_cause(screen, one)]
    if not causes:
        lines += ["", "nothing blocks it"]
    return lines


def _head(screen: Screen, told: Told) -> str:
    named = part(told, "subject")
    name, key = one_line(named.get("name")), one_line(named.get("id"))
    kind = one_line(named.get("kind"))
    title = f"“{name}”" if kind == "document" and name else name
    state = one_line(told.get("state"))
    words, style = _STATES.get(state, (state, ""))
    ids = "" if kind == "event" else f"  {screen.ink(key, 'dim')}"
    return f"{screen.ink(' '.join(filter(None, (kind, title))), 'bold')}: {screen.ink(words, style)}{ids}"


def _counts(screen: Screen, told: Told) -> list[str]:
    """A document's events, or when a device was in touch."""
    events, touched = told.get("events"), moment(told.get("touched_ms"))
    synced = moment(told.get("in_sync_ms"))
    pairs = [
        ("holds", f"{counted(events, 'event')} of it" if isinstance(events, int) else ""),
        ("linked", {True: "yes", False: "no"}.get(told.get("linked"), "")),  # type: ignore[call-overload]
        ("touched", touched),
        ("in sync", f"{synced}, by its own receipt" if synced else ""),
    ]
    return screen.fields(pairs)


def _event(screen: Screen, told: Told) -> list[str]:
    who = one_line(told.get("name")) or one_line(told.get("device"))
    gone = "" if told.get("live", True) else ", which is closed"
    by = f"{one_line(told.get('agent'))}@{who}" if told.get("agent") else who
    pairs = [
        ("event", one_line(told.get("event"))),
        ("kind", one_line(told.get("kind"))),
        ("document", one_line(told.get("document"))),
        ("said", f"{by}{gone}, {moment(told.get('time_ms')) or 'at a time that cannot be read'}"),
        ("says", one_line(told.get("says"))),
        ("counts", _counting(told)),
        ("grant", _grant(part(told, "grant"))),
        ("adopted", "yes: an admin lets it count" if told.get("adopted") else ""),
        ("stopped by", said(part(told, "by"))),
    ]
    return screen.fields(pairs)


def _counting(told: Told) -> str:
    standing, reason = one_line(told.get("standing")), one_line(told.get("reason"))
    words = {"honoured": "yes", "void": "no", "waits": "not yet", "opaque": "cannot be told"}.get(standing, standing)
    return f"{words}: {reason}" if reason else words


def _grant(told: Told) -> str:
    if not told:
        return ""
    over = said(part(told, "ended"))
    return f"{subject(told)}: {permitted(told)}; {said(part(told, 'by'))}" + (f"; ended: {over}" if over else "")


def _cause(screen: Screen, told: Told) -> list[str]:
    """One cause: what, where, since when, by what evidence, and what helps."""
    where = one_line(told.get("where"))
    place = "here" if where == "here" else f"at {where}" if where else ""
    since = moment(told.get("since"))
    head = ", ".join(filter(None, (place, f"since {since}" if since else "")))
    words = f"{screen.ink(one_line(told.get('code')), 'yellow')}  {one_line(told.get('what'))}"
    lines = screen.wrapped(words, screen.ink("! ", "red"), "  ")
    lines += [f"  {head}"] if head else []
    for one in _evidence(told):
        lines += screen.wrapped(one, screen.ink("  - ", "dim"), "    ")
    if told.get("fix"):
        lines += screen.wrapped(one_line(told["fix"]), screen.ink("  > ", "dim"), "    ")
    return lines


def _evidence(told: Told) -> list[str]:
    value = told.get("evidence")
    return [one_line(one, _EVIDENCE_CHARACTERS) for one in value] if isinstance(value, list) else []


def trace(screen: Screen, told: Told) -> list[str]:
    """The way of an event, a step a line."""
    name = one_line(told.get("document"))
    lines = [screen.ink(f"event {short(told.get('event'))}", "bold") + (f" of {name}" if name else "")]
    rows = []
    for one in parts(told.get("steps")):
        state = one_line(one.get("state"))
        step = f"{_SIGNS.get(state, '?')} {one_line(one.get('step'))}"
        rows.append((step, one_line(one.get("where")), state, moment(one.get("at")) or "-", "; ".join(_evidence(one))))
    if rows:
        lines += screen.table(("STEP", "WHERE", "STATE", "WHEN", ""), rows, flexible=4)
    return lines
