"""A conflict in the person's own editor: the text to be kept, and below a line all values as comments.

What was typed is kept, and its place told, unless it settled the conflict.
"""

from __future__ import annotations

from mesh.cli import calls, editor
from mesh.cli.run import Run
from mesh.cli.screen import counted, lines_of
from mesh.cli.view_conflicts import author, parts, plain
from mesh.errors import Malformed, Misuse

VALUES_MAX = 100  # values in one draft; a person compares fewer
VALUE_CHARACTERS = 8_000  # of each of them
_ONE_LINE = ("register", "renamed", "path")

Told = dict[str, object]


def settled(run: Run, conflict: str) -> Told:
    """Let the person write the value that stays, and settle the conflict with it. Raises MeshError."""
    command = editor.editor()
    told = run.ask(*calls.conflicts_show(conflict=conflict, limit=VALUES_MAX, after=None))
    name = str(told.get("id"))
    if told.get("open") and told.get("kind") == "deleted":
        raise Misuse("there is nothing to edit: a note is deleted or it is not", hint="Give --take 1 or --take 2.")
    first = beginning(told)
    one_line = told.get("field") != "body" and told.get("kind") in _ONE_LINE
    ended = first.endswith("\n") and not one_line

    def send(text: str) -> Told:
        value = read_back(text, name, ended=ended)
        value = value.rstrip("\n") if one_line else value
        if value == first:
            run.out.notice("nothing was changed, so nothing is settled; --take or --merge settles it as it is")
            return {"id": name, "document": told.get("document"), "events": [], "opened": [name]}
        return run.ask("conflicts.resolve", {"id": name, "value": value})

    if not told.get("open"):  # says by whom it is settled, before anybody writes anything
        return run.ask("conflicts.resolve", {"id": name, "take": 1})
    return editor.through(run, command, ("conflict", "value.md"), written_as(told), send)


def beginning(told: Told) -> str:
    """What the person begins with: a text as it is now, else the value that is shown."""
    context = told.get("context")
    if told.get("kind") == "text" and isinstance(context, dict):
        return plain(context.get("merged"))
    if told.get("kind") == "path":
        return plain(told.get("path"))
    return next((plain(value.get("value")) for value in parts(told.get("values"))), "")


def written_as(told: Told) -> str:
    """The draft as the person gets it."""
    first = beginning(told)
    lines = [_line(str(told.get("id"))), "# What stands above is kept. Save it changed to settle the conflict."]
    context = told.get("context")
    if told.get("kind") == "text" and isinstance(context, dict):
        for side in ("before", "after"):
            lines += _comment(f"{side} this place", plain(context.get(side)))
    if told.get("ancestor") is not None:
        lines += _comment("before they parted", plain(told.get("ancestor")))
    values = parts(told.get("values"))
    for number, value in enumerate(values, 1):
        shown = value.get("document") if told.get("kind") == "path" else value.get("value")
        lines += _comment(f"{number}: {', '.join(filter(None, author(value)))}", plain(shown))
    count = told.get("count")
    if isinstance(count, int) and count > len(values):
        lines += ["#", f"# and {counted(count - len(values), 'value')} more: `mesh conflicts show` pages through them"]
    return first + ("" if first.endswith("\n") else "\n") + "\n".join(lines) + "\n"


def read_back(text: str, name: str, *, ended: bool) -> str:
    """What a draft says, without what stands below its line. Raises Malformed.

    The line end that is put before that line is no change; `ended` says that the text itself ends with one.
    """
    line = _line(name)
    if f"{line}\r\n" in text:  # by an editor that ends all lines so
        text = text.replace("\r\n", "\n")
    value, found, _ = ("\n" + text).rpartition("\n" + line)
    if not found:
        message = "the draft has no line any more that says where the values begin"
        raise Malformed(message, hint="Nothing was settled.")
    value = value.removeprefix("\n")
    return value + "\n" if ended else value


def _line(name: str) -> str:
    return f"# ---- conflict {name}: everything from this line on is left out ----"


def _comment(head: str, text: str) -> list[str]:
    kept = text[:VALUE_CHARACTERS]
    rest = [f"#   … {counted(len(text) - len(kept), 'character')} more"] if len(text) > len(kept) else []
    return ["#", f"# {head}", *(f"#   {line}" for line in lines_of(kept)), *rest]
