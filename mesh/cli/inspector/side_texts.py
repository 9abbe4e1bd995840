"""What the panes of one conflict show: from what the agent told of it to texts. Everything above a pane is safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mesh.cli.differences import SAME, Piece
from mesh.cli.inspector.pieces import AROUND, compared, safe
from mesh.cli.screen import counted, moment, one_line
from mesh.cli.view_conflicts import ID_CHARACTERS, Told, author, parts, plain

SIDES_A_PAGE = 9  # so that each of them has a key
TITLE_CHARACTERS = 60
FEW = 3  # keys that are named one by one


class Block(NamedTuple):
    """What one pane shows: the side of this key (0: none), a line above, one below, and its text."""

    key: int
    above: str
    below: str
    pieces: Sequence[Piece]


def blocks(told: Told, *, signs: bool) -> list[Block]:
    """The panes of a page of values: what they began with, each side, and a text as it is now."""
    base = told.get("ancestor")
    text_of = {"path": _note_text}.get(str(told.get("kind")), _plain_text)
    found = [_side(told, key, value, text_of(value), signs=signs) for key, value in enumerate(sides(told), 1)]
    if base is not None or told.get("kind") == "text":
        before = plain(base)
        pieces = _around(told, [(safe(before), SAME)] if before else [("(nothing)", AROUND)])
        found.insert(0, Block(0, "= before they parted", counted(len(before), "character"), pieces))
    if not found:
        gone = "Its values are in the timeline (t), and stand side by side again when u takes the settlement back."
        return [Block(0, "settled", "", [("\n".join([*settlements(told), "", gone]), SAME)])]
    context = told.get("context")
    if told.get("kind") == "text" and isinstance(context, dict) and told.get("open"):
        now = plain(context.get("merged"))
        pieces, _ = compared(plain(base), now, signs=signs)
        found.append(
            Block(0, "m as it reads now, all edits in it", counted(len(now), "character"), _around(told, pieces))
        )
    return found


def sides(told: Told) -> list[Told]:
    """The values that are here."""
    return parts(told.get("values"))[:SIDES_A_PAGE]


def heading(told: Told) -> str:
    """The conflict in a line."""
    title = one_line(told.get("title"), TITLE_CHARACTERS) or "(no title)"
    since = f"since {moment(told.get('since'))}" if told.get("since") is not None else ""
    return "  ".join(filter(None, (title, what(told), since)))


def what(told: Told) -> str:
    """What they disagree about."""
    field, count = one_line(told.get("field"), TITLE_CHARACTERS), told.get("count")
    if not field:
        return "settled"
    path = f" {one_line(told['path'], TITLE_CHARACTERS)}" if told.get("path") else ""
    return {
        "register": f"{field}: {counted(count, 'value')}",
        "renamed": f"renamed to {counted(count, 'path')} at once",
        "text": f"{field}: edited at one place, {counted(count, 'version')}",
        "deleted": "deleted there, edited here",
        "path": f"{counted(count, 'document')} at one path{path}",
    }.get(str(told.get("kind")), f"{field}: {counted(count, 'value')}")


def choices(told: Told, offset: int) -> str:
    """What the keys would do, before one is pressed."""
    count = len(sides(told))
    keys = " or ".join(map(str, range(1, count + 1))) if count <= FEW else f"1 to {count}"
    if not told.get("open"):
        return "Settled. u takes that back on all devices: the values stand side by side again."
    means = {
        "deleted": f"{_deleting(told)}.",
        "path": f"{keys}: that document stays at the path, the others move beside it.",
    }.get(str(told.get("kind")), f"{keys} takes that side on all devices.")
    edit = "" if told.get("kind") == "deleted" else " e: write it yourself."
    merge = " m: keep all edits, as it reads now." if told.get("kind") == "text" else ""
    total = told.get("count")
    paged = isinstance(total, int) and total > SIDES_A_PAGE
    page = f" ] and [: other values ({offset + 1} to {offset + count} of {total:,})." if paged else ""
    return f"{means}{merge}{edit}{page} Nothing is lost: u takes it back."


def taken(told: Told, value: Told) -> str:
    """A side in a few safe words, as in “oat milk” of laptop."""
    who = author(value)[0]
    if told.get("kind") == "path":
        return f"“{one_line(value.get('title'), TITLE_CHARACTERS)}” of {who} stays at the path"
    text = one_line(plain(value.get("value")), TITLE_CHARACTERS)
    return f"“{text}” of {who}" if text else f"the empty value of {who}"


def settlements(told: Told) -> list[str]:
    """By whom it was settled, in safe lines."""
    lines = []
    for one in parts(told.get("settled_by")):
        who, when, event = author(one)
        rule = f", by the rule {one_line(one['rule'])}, which loses nothing" if one.get("rule") else ""
        back = f", taken back by event {one_line(one['undone_by'])[:ID_CHARACTERS]}" if one.get("undone_by") else ""
        lines.append(f"settled by {who}, {when}, {event}{rule}{back}")
    return lines


def _side(told: Told, key: int, value: Told, text: str, *, signs: bool) -> Block:
    base = told.get("ancestor")
    pieces, too_long = compared(
        plain(base) if base is not None or told.get("kind") == "text" else None, text, signs=signs
    )
    who, when, event = author(value)
    whole = value.get("characters")
    size = counted(whole if isinstance(whole, int) else len(text), "character")
    note = " · too long to mark what differs" if too_long else ""
    return Block(key, f"{key}  {who}  {when}", f"{event} · {size}{note}", _around(told, pieces))


def _around(told: Told, pieces: list[Piece]) -> list[Piece]:
    """The pieces, between the words that stand around the region in all versions."""
    context = told.get("context")
    if told.get("kind") != "text" or not isinstance(context, dict):
        return pieces
    before, after = safe(plain(context.get("before"))), safe(plain(context.get("after")))
    return [(before, AROUND), *pieces, (after, AROUND)]


def _plain_text(value: Told) -> str:
    return plain(value.get("value"))


def _note_text(value: Told) -> str:
    return f"{plain(value.get('title')) or '(no title)'}\n{plain(value.get('document') or value.get('value'))}"


def _deleting(told: Told) -> str:
    named = [plain(value.get("value")) for value in sides(told)]
    does = {"deleted": "keeps it deleted", "edited": "brings it back, with the edits"}
    return ", ".join(f"{key} {does.get(value, f'takes {one_line(value)}')}" for key, value in enumerate(named, 1))
