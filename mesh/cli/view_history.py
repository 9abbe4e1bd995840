"""The past of a note as text for people. Every foreign text is made safe here.

What is different is told by signs as well as by colours: `-` and `[- -]` for what went, `+` and `{+ +}` for what came.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.differences import ADDED, GONE, SAME, inked, signed
from mesh.cli.screen import Screen, lines_of, moment, number, one_line
from mesh.cli.view_conflicts import plain

EVENT_CHARACTERS = 12  # of an event's 64 digits: enough to be the only one
_SIGNS = {"-": GONE, "+": ADDED}
Told = Mapping[str, object]


def listed(screen: Screen, result: Told) -> list[str]:
    """What was done to a note, one event a line."""
    entries = _objects(result.get("entries"))
    title = one_line(result.get("title")) or one_line(result.get("document"))
    if not entries:
        return [f"nothing of {title} is here"]
    rows = [(_short(entry.get("event")), moment(entry.get("at")), _who(entry), _what(entry)) for entry in entries]
    lines = [screen.ink(title, "bold"), *screen.table(("EVENT", "WHEN", "WHO", "WHAT"), rows, flexible=3)]
    if result.get("next") is not None:
        lines.append(f"more: --before {_short(result['next'])}")
    return [*lines, "", screen.ink("`mesh undo EVENT` takes one back; `--at EVENT` shows the note as it was.", "dim")]


def past(screen: Screen, result: Told) -> list[str]:
    """The line above a note as it was."""
    at = result.get("at")
    when = f"at event {_short(at)}" if isinstance(at, str) else f"on {moment(at)}"
    lines = [screen.ink(f"as it was {when}, after {number(result.get('events'))} of its events", "dim")]
    fields = result.get("conflicts")
    if isinstance(fields, list) and fields:
        names = ", ".join(one_line(field) for field in fields)
        lines.append(screen.ink(f"! in conflict then: {names}", "yellow"))
    return lines


def registers(screen: Screen, result: Told) -> list[str]:
    """What a document said beside what every note has."""
    found = result.get("registers")
    pairs = found.items() if isinstance(found, dict) else ()
    rows = [(one_line(key), one_line(plain(value))) for key, value in pairs if not _of_notes(str(key))]
    return ["", *screen.fields(rows)] if rows else []


def _of_notes(key: str) -> bool:
    return key in {"title", "path", "deleted"} or key.startswith("tag/")


def difference(screen: Screen, result: Told) -> list[str]:
    """What is different between two moments: registers, then lines of the text."""
    then, now = _moment(result.get("at")), _moment(result["to"]) if result.get("to") is not None else "now"
    lines = [f"{screen.ink(f'- {then}', GONE)}    {screen.ink(f'+ {now}', ADDED)}"]
    registers = result.get("registers")
    found = registers.items() if isinstance(registers, dict) else ()
    for key, pair in found:
        lines += _register(screen, one_line(key), pair if isinstance(pair, dict) else {})
    changed = _objects(result.get("lines"))
    if changed:
        lines += ["", *(line for told in changed for line in _line(screen, told))]
    return lines if found or changed else [*lines, "nothing is different"]


def taken_back(screen: Screen, result: Told) -> list[str]:
    """That an event is taken back, and how that is taken back itself."""
    done = f"{screen.ink('taken back', 'green')}  {_short(result.get('undoes'))}"
    return [done, screen.ink(f"`mesh undo {_short(result.get('event'))}` brings it back.", "dim")]


def brought_back(screen: Screen, result: Told) -> list[str]:
    """That a note is as it was."""
    done = f"{screen.ink('restored', 'green')}  {one_line(result.get('document'))}"
    return [done, screen.ink(f"`mesh undo {_short(result.get('event'))}` takes that back.", "dim")]


def _what(entry: Told) -> str:
    """What an event did, and what became of it, the latter first: it must not be cut off."""
    marks = []
    if entry.get("standing") != "honoured":
        marks.append(f"[{one_line(entry.get('standing'))}]")
    if entry.get("undone_by"):
        marks.append(f"[taken back by {_short(entry['undone_by'])}]")
    return " ".join([*marks, one_line(entry.get("summary"))])


def _who(entry: Told) -> str:
    name = one_line(entry.get("name")) or one_line(entry.get("device"))
    return f"{one_line(entry.get('agent'))}@{name}" if entry.get("agent") else name


def _register(screen: Screen, key: str, pair: Told) -> list[str]:
    was, now = (None if pair.get(side) is None else one_line(plain(pair[side])) for side in ("was", "is"))
    lines = [] if was is None else [screen.ink(f"- {key}: {was}", GONE)]
    return [*lines, *([] if now is None else [screen.ink(f"+ {key}: {now}", ADDED)])]


def _line(screen: Screen, told: Told) -> list[str]:
    """One line of a text, or more where what is in it breaks lines once it is safe."""
    sign = str(told.get("sign"))
    parts = [part for part in _lists(told.get("parts")) if len(part) > 1]
    if sign == "@":
        count = one_line(parts[0][0]) if parts else "some"
        return [screen.ink(f"  … {count} lines that are the same …", "dim")]
    kind = _SIGNS.get(sign, SAME)
    sign = sign if kind else " "
    pieces = [(" ".join(lines_of(str(text))), kind if changed else SAME) for text, changed, *_ in parts]
    whole = all(what for _, what in pieces)  # of a line that is all new the sign before it says enough
    return [screen.ink(f"{sign} ", kind) + inked(screen, pieces if whole else signed(pieces))]


def _moment(at: object) -> str:
    return f"event {_short(at)}" if isinstance(at, str) else moment(at)


def _short(value: object) -> str:
    return one_line(value)[:EVENT_CHARACTERS]


def _objects(value: object) -> list[Told]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _lists(value: object) -> list[list[object]]:
    return [part for part in value if isinstance(part, list)] if isinstance(value, list) else []
