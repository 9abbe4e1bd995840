"""Sessions for people: which there are, what one had come to, and how to go on. Standard library only."""

from __future__ import annotations

from mesh.cli.screen import Screen, moment, number, one_line
from mesh.cli.view_brief import Told, short
from mesh.cli.view_drops import amount

_NAME_CHARACTERS = 16


def listed(screen: Screen, result: Told) -> list[str]:
    """Sessions, one a line."""
    found = result.get("sessions")
    rows = [_row(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    heads = ("ID", "AGENT", "DEVICE", "PROJECT", "STATE", "SINCE", "GOAL")
    return screen.table(heads, rows, flexible=6) if rows else ["no sessions; --all shows those that are over"]


def _row(one: Told) -> tuple[str, ...]:
    names = ("agent", "device_name", "project_name")
    state = one_line(one.get("state")).replace("_", " ")
    return (
        short(one), *(one_line(one.get(name), _NAME_CHARACTERS) for name in names),
        state, moment(one.get("state_at_ms")), one_line(one.get("goal")),
    )  # fmt: skip


def shown(screen: Screen, told: Told) -> list[str]:
    """One session whole."""
    pairs = [
        ("session", one_line(told.get("document"))),
        ("goal", screen.ink(one_line(told.get("goal")), "bold")),
        ("now", one_line(told.get("topic")) if told.get("topic") != told.get("goal") else ""),
        ("agent", " ".join(filter(None, (one_line(told.get("agent")), one_line(told.get("model")))))),
        ("device", one_line(told.get("device_name"))),
        ("project", one_line(told.get("project_name"))),
        ("branch", one_line(told.get("branch"))),
        ("state", f"{one_line(told.get('state')).replace('_', ' ')} since {moment(told.get('state_at_ms'))}"),
        ("until", moment(told.get("until_ms"))),
        ("goes on", one_line(told.get("from"))),
        ("receipt", one_line(told.get("receipt"))),
    ]
    out = screen.fields(pairs)
    points = told.get("checkpoints")
    for point in points if isinstance(points, list) else ():
        out += ["", screen.ink(f"checkpoint, {moment(point.get('at_ms'))}", "dim")]
        out += screen.wrapped(one_line(point.get("summary")), "  ", "  ")
        out += [line for one in point.get("open") or () for line in screen.wrapped(one_line(one), "  - ", "    ")]
        out += (
            screen.wrapped("files: " + ", ".join(map(one_line, point["files"])), "  ", "    ")
            if point.get("files")
            else []
        )
    resume = told.get("resume")
    return [*out, "", *resumed(screen, resume)] if isinstance(resume, dict) else out


def transcripts(screen: Screen, told: Told) -> list[str]:
    """What is kept of a session's transcript, one a line, and where it was put down."""
    found = told.get("transcripts")
    rows = [_kept(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    hint = "none is kept; on the session's device, `mesh session transcripts on` has the next ones kept"
    return screen.table(("NO", "NAME", "SIZE", "KEPT", "WHERE"), rows, flexible=4) if rows else [hint]


def _kept(one: Told) -> tuple[str, ...]:
    name, where = one_line(one.get("title")), one_line(one.get("path") or one.get("state"))
    return number(one.get("number")), name, amount(one.get("size")), moment(one.get("at_ms")), where


def resumed(screen: Screen, told: Told) -> list[str]:
    """How to go on with a session; the command alone on its line, so that it can be copied."""
    out = []
    if told.get("why"):
        out += screen.wrapped(one_line(told.get("why")), screen.ink("! ", "yellow"), "  ")
    if told.get("hint"):
        out += screen.wrapped(one_line(told.get("hint")), "  ", "  ")
    command = one_line(told.get("command"))
    return [*out, screen.ink(command, "cyan")] if command else [*out, "no command is known that goes on with it"]
