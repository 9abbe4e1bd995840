"""Conflicts as text for people: a list, one with its values side by side, and what was settled.

Every foreign text is made safe here. Values are compared word by word with what they began with, and told apart by
signs as well as by colours. Standard library only, but for comparing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesh.cli.differences import SAME, Piece, broken, inked, marked, signed
from mesh.cli.screen import Screen, columns, counted, fitted, lines_of, moment, number, one_line

ID_CHARACTERS = 12  # of a conflict's 32: enough to be the only one
NAME_CHARACTERS = 10  # of a document's name
DEVICES_COLUMNS = 20
COLUMN_MIN = 24  # columns of a value that stands beside others: three of them fit 80
VALUE_CHARACTERS = 1000  # of a value, unless the whole of it is asked for
VALUE_LINES = 20
AROUND_CHARACTERS = 60  # of what is the same in all values, and around a region of a text
_BETWEEN = " │ "
_JOINER = "\u200d"  # of which many an emoji is made
_BEFORE = "before they parted"
Told = Mapping[str, object]


def listed(screen: Screen, result: Told) -> list[str]:
    """Open conflicts, one a line."""
    found = parts(result.get("conflicts"))
    if not found:
        return ["no conflicts"]
    heads = ("NOTE", "WHAT", ">VALUES", "DEVICES", "SINCE", "ID")
    lines = screen.table(heads, [_row(screen, told) for told in found])
    total, following = result.get("total"), result.get("next")
    if following is not None:
        of = f"{number(len(found))} of {number(total)} shown; " if isinstance(total, int) else ""
        lines.append(f"{of}more: --after {one_line(following)}")
    return [*lines, "", screen.ink("`mesh conflicts show ID` shows one, with who wrote what.", "dim")]


def shown(screen: Screen, told: Told, *, whole: bool = False) -> list[str]:
    """One conflict: what it is about, its values beside what they began with, and what can be done."""
    is_open = bool(told.get("open"))
    state = screen.ink("open", "gone") if is_open else screen.ink("settled", "green")
    title = one_line(told.get("title")) or "(no title)"
    fields = [
        ("note", f"{title}  {screen.ink(one_line(told.get('document')), 'dim')}"),
        ("what", _sentence(told)),
        ("since", moment(told.get("since"))),
    ]
    lines = [f"{screen.ink('conflict', 'bold')} {one_line(told.get('id'))}  {state}", *screen.fields(fields)]
    lines += _values(screen, told, whole=whole)
    lines += [line for one in parts(told.get("settled_by")) for line in _settlement(screen, one)]
    return [*lines, "", *_to_do(screen, told, is_open=is_open)]


def resolved(screen: Screen, result: Told) -> list[str]:
    """That a conflict is settled, and what is open in its document still."""
    return [f"{screen.ink('settled', 'green')}  {_short(result.get('id'))}", *_open_still(screen, result)]


def undone(screen: Screen, result: Told) -> list[str]:
    """That a settlement is taken back, and what is open again."""
    return [f"{screen.ink('taken back', 'green')}  {_short(result.get('id'))}", *_open_still(screen, result)]


def settled(screen: Screen, result: Told) -> list[str]:
    """Settlements, the latest first."""
    rows = [
        (
            one_line(told.get("title")) or "(no title)",
            _who(told),
            moment(told.get("at")),
            f"rule {one_line(told['rule'])}" if told.get("rule") else "",
            "taken back" if told.get("undone_by") else "",
            _short(told.get("id")),
        )
        for told in parts(result.get("settled"))
    ]
    if not rows:
        return ["nothing was settled"]
    lines = screen.table(("NOTE", "SETTLED BY", "WHEN", "HOW", "", "ID"), rows)
    return [*lines, "", screen.ink("`mesh conflicts undo ID` takes a settlement back.", "dim")]


def parts(value: object) -> list[Told]:
    """The objects of a list that was told."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def plain(value: object) -> str:
    """A value as text: foreign, not yet safe. Nothing for None."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def author(told: Told) -> list[str]:
    """Who wrote a value, when, and by which event; safe."""
    event = one_line(told.get("event"))[:ID_CHARACTERS]
    return [_who(told) or "somebody", moment(told.get("at")), f"event {event}" if event else ""]


# ── a row ────────────────────────────────────────────────────────────────────────────────────────


def _row(screen: Screen, told: Told) -> tuple[str, ...]:
    devices = told.get("devices")
    names = ", ".join(one_line(name) for name in devices) if isinstance(devices, list) else ""
    if screen.width is not None:
        names = fitted(names, DEVICES_COLUMNS)
    since = moment(told.get("since"))
    return (
        one_line(told.get("title")) or "(no title)",
        _what(told),
        number(told.get("count")),
        names,
        since[5:] if screen.width is not None else since,  # the year is rarely asked for, and room is scarce
        _short(told.get("id")) if screen.width is not None else one_line(told.get("id")),
    )


def _what(told: Told) -> str:
    """What they disagree in, in a few letters."""
    kind, field = told.get("kind"), one_line(told.get("field"), 40)
    return {"text": "text", "deleted": "deleted/edited", "path": "same path", "renamed": "renamed"}.get(
        str(kind), field
    )


def _sentence(told: Told) -> str:
    count = counted(told.get("count"), "value")
    field, path = one_line(told.get("field")), one_line(told.get("path"))
    notes = counted(told.get("count"), "note") if told.get("count") else "several notes were"
    return {
        "register": f"{field}: {count} side by side",
        "renamed": f"its path was changed at once: {counted(told.get('count'), 'path')}",
        "text": f"its text was edited at one place at once: {counted(told.get('count'), 'version')}",
        "deleted": "it was deleted there and edited here",
        "path": f"{notes} at one path{f': {path}' if path else ''}",
    }.get(str(told.get("kind")), f"{field}: {count}")


def _short(value: object) -> str:
    return one_line(value)[:ID_CHARACTERS]


def _who(told: Told) -> str:
    name = one_line(told.get("name")) or one_line(told.get("device"))
    return f"{one_line(told.get('agent'))}@{name}" if told.get("agent") else name


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def _values(screen: Screen, told: Told, *, whole: bool) -> list[str]:
    """The values of this page, beside what they began with where there is room, else one below the other."""
    values = parts(told.get("values"))
    if not values:
        return []
    begin = told.get("offset") if isinstance(told.get("offset"), int) else 0
    assert isinstance(begin, int)
    base, texts = told.get("ancestor"), [_text_of(told, value) for value in values]
    cut = _Cut([*texts, *([base] if isinstance(base, str) else [])], whole=whole)
    first = cut.text(base) if isinstance(base, str) else plain(base)
    blocks: list[tuple[list[str], list[Piece]]] = []
    for place, (value, text) in enumerate(zip(values, texts, strict=True)):
        heads = [f"{begin + place + 1}  {(lines := author(value))[0]}", *lines[1:]]
        blocks.append((heads, cut.pieces(first, text)))
    if base is not None or told.get("kind") == "text":
        blocks.insert(0, ([_BEFORE], [(cut.safe(first) or "(nothing)", SAME)]))
    lines = ["", *_context(screen, told, "before")]
    each = _width_beside(screen, len(blocks))
    lines += _beside(screen, blocks, each) if each else _stacked(screen, blocks)
    lines += _context(screen, told, "after")
    if cut.left:
        name = _short(told.get("id"))
        lines.append(f"… {counted(cut.left, 'character')} more: `mesh conflicts show {name} --whole` shows all")
    count, end = told.get("count"), begin + len(values)
    if isinstance(count, int) and end < count:
        lines.append(f"values {number(begin + 1)} to {number(end)} of {number(count)}; more: --after {end}")
    return lines


def _text_of(told: Told, value: Told) -> str:
    if told.get("kind") != "path":
        return plain(value.get("value"))
    return f"{plain(value.get('title')) or '(no title)'}\n{plain(value.get('document') or value.get('value'))}"


class _Cut:
    """What of some long values is shown: where they differ, and not more than people read."""

    def __init__(self, texts: Sequence[str], *, whole: bool) -> None:
        self.whole, self.left = whole, 0
        self._head = self._tail = 0
        if not whole and len(texts) > 1:
            self._head = max(_shared(texts) - AROUND_CHARACTERS, 0)
            rests = [text[self._head :][::-1] for text in texts]
            self._tail = max(_shared(rests) - AROUND_CHARACTERS, 0)

    def text(self, text: str) -> str:
        """What is shown of a text; what is left out at its end is counted."""
        if self.whole:
            return text
        inner = text[self._head : len(text) - self._tail]
        kept = "\n".join(inner[:VALUE_CHARACTERS].split("\n")[:VALUE_LINES])
        ended = len(kept) < len(inner)
        self.left += len(inner) - len(kept)
        return ("…" if self._head else "") + kept + ("…" if self._tail or ended else "")

    def pieces(self, base: str, text: str) -> list[Piece]:
        """A text beside what it began with, safe and with signs."""
        seen = self.text(text)
        found = marked(base, seen) if base else [(seen, SAME)]
        return signed([(self.safe(part), what) for part, what in found]) or [("(empty)", SAME)]

    @staticmethod
    def safe(text: str) -> str:
        """A foreign text of several lines, its tabs as spaces, since columns are counted.

        What has no width is written out too: two values that look alike and are not would be no help.
        """
        shown = "\n".join(lines_of(text)).replace("\t", "    ")
        if shown.isascii():
            return shown
        from unicodedata import category

        return "".join(f"\\u{ord(c):04x}" if category(c) == "Cf" and c != _JOINER else c for c in shown)


def _shared(texts: Sequence[str]) -> int:
    """How many characters all of them begin with."""
    low, high = min(texts), max(texts)
    return next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))


def _width_beside(screen: Screen, count: int) -> int:
    """The columns that each of so many values has beside the others; 0 when that is too narrow."""
    if screen.width is None or count < 2:
        return 0
    each = (screen.width - len(_BETWEEN) * (count - 1)) // count
    return each if each >= COLUMN_MIN else 0


def _beside(screen: Screen, blocks: Sequence[tuple[list[str], list[Piece]]], width: int) -> list[str]:
    heads = [[fitted(line, width) for line in heads if line] for heads, _ in blocks]
    bodies = [broken(pieces, width) for _, pieces in blocks]
    between = screen.ink(_BETWEEN, "dim")
    lines = []
    for row in range(max(map(len, heads))):
        cells = [screen.ink((head[row] if row < len(head) else "").ljust(width), "dim") for head in heads]
        lines.append(between.join(cells))
    for row in range(max(map(len, bodies))):
        cells = []
        for body in bodies:
            line = body[row] if row < len(body) else []
            cells.append(inked(screen, line) + " " * (width - sum(columns(text) for text, _ in line)))
        lines.append(between.join(cells).rstrip())
    return lines


def _stacked(screen: Screen, blocks: Sequence[tuple[list[str], list[Piece]]]) -> list[str]:
    width = None if screen.width is None else screen.width - 4
    lines: list[str] = []
    for heads, pieces in blocks:
        head = ", ".join(filter(None, heads))
        lines += [screen.ink(fitted(head, screen.width) if screen.width else head, "dim")]
        lines += ["    " + inked(screen, line) for line in broken(pieces, width)]
    return lines


def _context(screen: Screen, told: Told, side: str) -> list[str]:
    """A few words of the text before or after the region; after it also how the region reads now."""
    context = told.get("context")
    if told.get("kind") != "text" or not isinstance(context, dict):
        return []
    around = one_line(context.get(side))
    lines = _lines(screen, around, f"{side}  ") if around.strip() else []
    if side == "after" and isinstance(context.get("merged"), str):
        lines += _lines(screen, one_line(context["merged"], VALUE_CHARACTERS) or "(nothing)", "now  ")
    return lines


def _lines(screen: Screen, text: str, head: str = "") -> list[str]:
    """A safe text after its head, broken even inside of words."""
    return [inked(screen, line) for line in broken([(head, "dim"), (text, SAME)], screen.width)]


# ── what can be done ─────────────────────────────────────────────────────────────────────────────


def _settlement(screen: Screen, told: Told) -> list[str]:
    rule = f", by the rule {one_line(told['rule'])}, which loses nothing" if told.get("rule") else ""
    who, when, event = author(told)
    line = f"settled by {who}, {when}, {event}{rule}"
    back = f"; taken back by event {_short(told['undone_by'])}" if told.get("undone_by") else ""
    return ["", *_lines(screen, line + back)]


def _to_do(screen: Screen, told: Told, *, is_open: bool) -> list[str]:
    name = _short(told.get("id"))
    if not is_open:
        stands = any(not one.get("undone_by") for one in parts(told.get("settled_by")))
        back = f"`mesh conflicts undo {name}` takes that back."
        return screen.wrapped(back if stands else "That was taken back: `mesh conflicts` shows what is open now.")
    also = {
        "text": ", --value TEXT, --edit, or --merge for the text as it is now",
        "deleted": " (1 deletes it, 2 keeps it)" if _first_deletes(told) else " (1 keeps it, 2 deletes it)",
        "path": " (that note stays), or --value PATH for the others",
    }.get(str(told.get("kind")), ", --value VALUE or --edit")
    return screen.wrapped(f"`mesh conflicts resolve {name} --take N`{also}", screen.ink("settle it: ", "dim"), "  ")


def _first_deletes(told: Told) -> bool:
    values = parts(told.get("values"))
    return bool(values) and values[0].get("value") == "deleted"


def _open_still(screen: Screen, result: Told) -> list[str]:
    opened = result.get("opened")
    names = [_short(name) for name in opened] if isinstance(opened, list) else []
    return [f"{screen.ink('open in this note', 'gone')}  {' '.join(names)}"] if names else []
