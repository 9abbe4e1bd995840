"""The vault as text for people."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, counted, number, one_line

Told = Mapping[str, object]


def status(screen: Screen, told: Told) -> list[str]:
    """The screen of `mesh vault status` and `link`."""
    if not told.get("linked"):
        return ["no folder is linked; `mesh vault link DIR` links one"]
    lines = [f"vault  {one_line(told.get('folder'))}, {counted(told.get('files'), 'note')} as files"]
    if told.get("problem"):
        lines += screen.wrapped(one_line(told["problem"]), screen.ink("stopped", "red") + ": ", "  ")
        if told.get("missing"):
            lines.append("hint: bring them back, or say that it was on purpose: `mesh vault link DIR --gone`")
    if not told.get("watched"):
        lines.append("the folder cannot be watched here, so it is looked at every minute")
    lines += _listed(screen, told.get("left_files"), told.get("left"), "path", "left alone")
    return lines + _listed(screen, told.get("behind_notes"), told.get("behind"), "document", "not in the folder")


def imported(screen: Screen, told: Told) -> list[str]:
    """The screen of `mesh vault import`."""
    known = f", {number(told.get('known'))} were here already" if told.get("known") else ""
    lines = [f"{screen.ink('imported', 'green')}  {counted(told.get('notes'), 'note')}{known}"]
    return lines + _listed(screen, told.get("files"), told.get("left"), "path", "left alone")


def unlinked(_screen: Screen, told: Told) -> list[str]:
    """What `mesh vault unlink` says."""
    return [f"{one_line(told.get('folder'))} is a folder like any other again; nothing in it was changed"]


def _listed(screen: Screen, rows: object, count: object, name: str, what: str) -> list[str]:
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if not found:
        return []
    lines = [f"{screen.ink(what, 'yellow')}  {number(count)}"]
    lines += [f"  {one_line(row.get(name))}: {one_line(row.get('reason'))}" for row in found]
    more = count - len(found) if isinstance(count, int) else 0
    return lines + ([f"  and {number(more)} more"] if more > 0 else [])
