"""Dropped files as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, fitted, moment, one_line
from mesh.cli.view_notes import NAME_CHARACTERS
from mesh.limits import KIB, MIB

Told = Mapping[str, object]
_GIB = 1024 * MIB
DEVICE_COLUMNS = 16


def dropped(screen: Screen, result: Told) -> list[str]:
    """That a file is dropped."""
    to = f" for {_device(result.get('to'))}" if result.get("to") else ""
    size = f"({amount(result.get('size'))})"
    name = one_line(result.get("title"))
    return [f"{screen.ink('dropped', 'green')}  {name} {size}{to}  {one_line(result.get('document'))}"]


def listed(screen: Screen, result: Told) -> list[str]:
    """Drops, one a line."""
    drops = result.get("drops")
    rows = [_row(screen, drop) for drop in drops if isinstance(drop, dict)] if isinstance(drops, list) else []
    if not rows:
        return ["nothing was dropped"]
    return screen.table(("FILE", ">SIZE", "FROM", "TO", "DROPPED", "HERE", "DROP"), rows)


def shown(screen: Screen, result: Told) -> list[str]:
    """One drop."""
    got = result.get("got")
    names = ", ".join(_device(one) for one in got if isinstance(one, dict)) if isinstance(got, list) else ""
    size, here = whole(result.get("size")), whole(result.get("here_bytes"))
    state = one_line(result.get("state"))
    if state in {"fetching", "waiting"}:
        state += f", {100 * here // max(size, 1)} %"
    return [
        screen.ink(one_line(result.get("title")), "bold"),
        *screen.fields(
            [
                ("drop", one_line(result.get("document"))),
                ("size", f"{amount(size)} ({size:,} bytes)"),
                ("type", one_line(result.get("mime"))),
                ("from", _device(result.get("from"))),
                ("to", _device(result.get("to")) or "all devices"),
                ("dropped", moment(result.get("at_ms"))),
                ("on", names),
                ("here", state),
                ("problem", one_line(result.get("problem"))),
                ("what helps", one_line(result.get("hint"))),
                ("sha-256", one_line(result.get("digest"))),
            ]
        ),
    ]


def put_down(screen: Screen, result: Told) -> list[str]:
    """Where a file is now."""
    return [f"{screen.ink('put down', 'green')}  {one_line(result.get('path'))}"]


def folder(screen: Screen, result: Told) -> list[str]:
    """Where dropped files appear by themselves."""
    chosen = one_line(result.get("folder"))
    return screen.fields(
        [
            ("dropped files", chosen or "stay here until `mesh drop get`"),
            ("since", moment(result.get("since_ms")) if chosen else ""),
            ("put down", str(whole(result.get("put_down"))) if chosen else ""),
            ("problem", one_line(result.get("problem"))),
            ("what helps", one_line(result.get("hint"))),
        ]
    )


def removed(screen: Screen, result: Told) -> list[str]:
    """That a drop is taken away."""
    return [f"{screen.ink('taken away', 'green')}  {one_line(result.get('title'))}"]


def problem(result: Told) -> str:
    """Why a drop does not come, in a sentence."""
    said = one_line(result.get("problem"))
    return said or f"nothing of {one_line(result.get('title'))} came for a while"


def amount(value: object) -> str:
    """A number of bytes in the largest unit that leaves something before the point."""
    size = whole(value)
    for unit, name in ((_GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"


def whole(value: object) -> int:
    """A count out of an answer; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _row(screen: Screen, drop: Told) -> tuple[str, ...]:
    state = one_line(drop.get("state"))
    size, here = whole(drop.get("size")), whole(drop.get("here_bytes"))
    if state in {"fetching", "waiting"} and here:
        state = f"{100 * here // max(size, 1)} %"
    document = one_line(drop.get("document"))
    sides = [_device(drop.get("from")), _device(drop.get("to")) or "all"]
    if screen.width is not None:
        sides = [fitted(name, DEVICE_COLUMNS) for name in sides]
        space, _, name = document.rpartition("/")
        document = f"{space}/{name[:NAME_CHARACTERS]}" if space else document
    return (
        one_line(drop.get("title")),
        amount(size),
        *sides,
        moment(drop.get("at_ms")),
        state,
        document,
    )


def _device(told: object) -> str:
    return one_line(told.get("name") or told.get("device")) if isinstance(told, dict) else ""
