"""Notes as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, fitted, lines_of, moment, one_line

TAGS_COLUMNS = 24
NAME_CHARACTERS = 10  # of a document's 26: half a quadrillion names, a prefix that stays unique
CONFLICT_CHARACTERS = 12  # of a conflict's 32: enough to be the only one
Told = Mapping[str, object]


def kept(screen: Screen, result: Told) -> list[str]:
    """That a change of a note is kept, and under which id."""
    return [f"{screen.ink('kept', 'green')}  {one_line(result.get('document'))}"]


def removed(screen: Screen, result: Told) -> list[str]:
    """That a note is removed."""
    return [f"{screen.ink('removed', 'green')}  {one_line(result.get('document'))}"]


def listed(screen: Screen, result: Told) -> list[str]:
    """Notes, one a line."""
    notes = result.get("notes")
    rows = [_row(screen, note) for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []
    if not rows:
        return ["no notes"]
    lines = screen.table(("TITLE", "TAGS", "UPDATED", "DOCUMENT"), rows)
    if result.get("next") is not None:
        lines.append(f"more: --after {one_line(result['next'])}")
    return lines


def shown(screen: Screen, result: Told) -> list[str]:
    """One note, whole."""
    tags = result.get("tags")
    deleted = screen.ink("  (removed)", "red") if result.get("deleted") else ""
    lines = [screen.ink(one_line(result.get("title")), "bold") + deleted]
    names = ", ".join(one_line(tag) for tag in tags) if isinstance(tags, list) else ""
    path = one_line(result.get("path"))
    pairs = [("document", one_line(result.get("document"))), ("tags", names), ("path", path)]
    lines += screen.fields([*pairs, ("updated", _updated(result.get("updated"), device=True))])
    body = result.get("body")
    if isinstance(body, str) and body:
        lines += ["", *lines_of(body.removesuffix("\n"))]
    conflicts = result.get("conflicts")
    if isinstance(conflicts, list) and conflicts:
        lines.append("")
        lines += [line for told in conflicts if isinstance(told, dict) for line in _conflict(screen, told)]
    hidden = result.get("hidden")
    if isinstance(hidden, list) and hidden:
        lines += ["", *(screen.ink(_hidden(told), "yellow") for told in hidden if isinstance(told, dict))]
    return lines


def _row(screen: Screen, note: Told) -> tuple[str, str, str, str]:
    tags = note.get("tags")
    names = ", ".join(one_line(tag) for tag in tags) if isinstance(tags, list) else ""
    title = one_line(note.get("title")) or "(no title)"
    conflicts = note.get("conflicts")
    if isinstance(conflicts, int | list) and conflicts:
        title = f"! {title}"
    document = one_line(note.get("document"))
    if screen.width is not None:
        names = fitted(names, TAGS_COLUMNS)
        space, _, name = document.rpartition("/")
        document = f"{space}/{name[:NAME_CHARACTERS]}" if space else document
    return title, names, _updated(note.get("updated"), device=False), document


def _updated(told: object, *, device: bool) -> str:
    if not isinstance(told, dict):
        return moment(told)
    on = one_line(told.get("name") or told.get("device"))
    return moment(told.get("time_ms")) + (f" on {on}" if device and on else "")


def _hidden(told: Told) -> str:
    events = told.get("events")
    count = len(events) if isinstance(events, list) else 0
    who = one_line(told.get("name")) or one_line(told.get("device"))
    return f"{count} {'change' if count == 1 else 'changes'} of {who} hidden here"


def _conflict(screen: Screen, told: Told) -> list[str]:
    name = one_line(told.get("id"))[:CONFLICT_CHARACTERS]
    how = f", `mesh conflicts show {name}`" if name else ""
    lines = [screen.ink(f"conflict in {one_line(told.get('field'))}{how}:", "yellow")]
    values = told.get("values")
    for value in values if isinstance(values, list) else []:
        if isinstance(value, dict):
            said = one_line(value.get("value")) or "(empty)"
            by = one_line(value.get("name")) or one_line(value.get("device"))
            lines.append(f"  {said}  {screen.ink(f'from {by}', 'dim')}")
    return lines
