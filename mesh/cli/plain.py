"""The plain forms of the frequent commands, read without any library.

It understands every part of a command line or leaves the whole of it to the full command tree. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable

from mesh.cli import frequent
from mesh.cli.run import Options, Run

_COMMON_FLAGS = {"--json": "json", "--yes": "yes", "--quiet": "quiet"}


class Form:
    """What one command takes: flags and options by name, and its arguments, of which some are required.

    `rest` is an argument that takes all words that there are.
    """

    __slots__ = ("arguments", "does", "flags", "many", "numbers", "options", "required", "rest")

    def __init__(  # each is a table, and named where it is given
        self,
        does: Callable[..., None],
        *,
        options: dict[str, str] | None = None,
        flags: dict[str, str] | None = None,
        many: dict[str, str] | None = None,
        numbers: dict[str, str] | None = None,
        arguments: tuple[str, ...] = (),
        required: int = 0,
        rest: str = "",
    ) -> None:
        self.does = does
        self.options = options or {}
        self.flags = flags or {}
        self.many = many or {}
        self.numbers = numbers or {}
        self.arguments = arguments
        self.required = required
        self.rest = rest


FORMS = {
    ("note", "add"): Form(
        frequent.note_add,
        options={
            "--title": "title_option",
            "--body": "body",
            "--file": "file",
            "--path": "path",
            "--space": "space",
        },
        many={"--tag": "tags"},
        arguments=("title",),
    ),
    ("note", "list"): Form(
        frequent.note_list,
        options={"--tag": "tag", "--search": "search", "--after": "after"},
        flags={"--deleted": "deleted"},
        numbers={"--limit": "limit"},
    ),
    ("note", "show"): Form(frequent.note_show, arguments=("document",), required=1),
    ("task", "list"): Form(frequent.task_list, options={"--project": "project"}, numbers={"--limit": "limit"}),
    ("task", "ready"): Form(frequent.task_ready, options={"--project": "project"}, numbers={"--limit": "limit"}),
    ("handoff", "list"): Form(
        frequent.handoff_list,
        options={"--project": "project"},
        flags={"--all": "every"},
        numbers={"--limit": "limit"},
    ),
    ("shipped",): Form(
        frequent.shipped,
        options={"--project": "project"},
        flags={"--unreported": "unreported"},
        numbers={"--limit": "limit"},
        arguments=("words",),
    ),
    ("recall",): Form(
        frequent.recall,
        options={"--project": "project"},
        many={"--kind": "kinds"},
        numbers={"--limit": "limit"},
        arguments=("words",),
        required=1,
    ),
    ("conflicts",): Form(
        frequent.conflicts,
        options={"--document": "document", "--kind": "kind", "--device": "device", "--after": "after"},
        numbers={"--limit": "limit"},
    ),
    ("conflicts", "show"): Form(
        frequent.conflicts_show,
        flags={"--whole": "whole"},
        numbers={"--limit": "limit", "--after": "after"},
        arguments=("conflict",),
        required=1,
    ),
    ("search",): Form(
        frequent.search,
        options={"--project": "project"},
        many={"--type": "types"},
        numbers={"--limit": "limit"},
        rest="words",
        required=1,
    ),
    ("inspect",): Form(frequent.inspect, arguments=("document",)),
    ("mcp",): Form(frequent.mcp),
    ("agent",): Form(frequent.agent),
    ("brief",): Form(
        frequent.brief,
        options={"--project": "project", "--since": "since"},
        flags={"--markdown": "markdown"},
        numbers={"--budget": "budget"},
    ),
    ("status",): Form(frequent.status),
    ("log",): Form(
        frequent.log,
        options={"--device": "device", "--document": "document", "--before": "before"},
        numbers={"--limit": "limit"},
    ),
}


class Understood:
    """A command line that was understood: the function to call, what it takes, and the options of every command."""

    __slots__ = ("does", "options", "values")

    def __init__(self, does: Callable[..., None], options: Options, values: dict[str, object]) -> None:
        self.does = does
        self.options = options
        self.values = values

    def run(self) -> int:
        """Do it; the exit code."""
        run = Run(self.options)
        self.does(run, **self.values)
        return run.exit_code


def understood(argv: list[str]) -> Understood | None:
    """What this command line says, or None when any part of it needs the full command tree."""
    options = Options()
    rest = _words(list(argv), options, None)
    if rest is None:
        return None
    for length in (2, 1):
        form = FORMS.get(tuple(rest[:length]))
        if form is not None:
            reader = _Reader(form)
            words = _words(rest[length:], options, reader)
            understands = words == [] and reader.complete()
            return Understood(form.does, options, reader.values) if understands else None
    return None


class _Reader:
    def __init__(self, form: Form) -> None:
        self.form = form
        self.values: dict[str, object] = {}
        self._given = 0

    def takes(self, name: str) -> bool:
        """Whether the option takes a value."""
        form = self.form
        return name in form.options or name in form.many or name in form.numbers

    def option(self, name: str, value: str) -> bool:
        form = self.form
        if name in form.many:
            held = self.values.get(form.many[name], ())
            self.values[form.many[name]] = (*held, value) if isinstance(held, tuple) else (value,)
            return True
        key = form.options.get(name) or form.numbers[name]
        if key in self.values or (name in form.numbers and not (value.isascii() and value.isdigit())):
            return False
        self.values[key] = int(value) if name in form.numbers else value
        return True

    def flag(self, name: str) -> bool:
        key = self.form.flags.get(name)
        if key is None:
            return False
        self.values[key] = True
        return True

    def argument(self, value: str) -> bool:
        if self._given < len(self.form.arguments):
            self.values[self.form.arguments[self._given]] = value
        elif self.form.rest:
            held = self.values.get(self.form.rest, ())
            self.values[self.form.rest] = (*held, value) if isinstance(held, tuple) else (value,)
        else:
            return False
        self._given += 1
        return True

    def complete(self) -> bool:
        return self._given >= self.form.required


def _words(words: list[str], options: Options, reader: _Reader | None) -> list[str] | None:
    """Read words; before the command (no reader) up to its name. What is left over, or None for what is not plain."""
    while words:
        word = words.pop(0)
        if not _is_option(word):
            if reader is None:
                return [word, *words]
            if not reader.argument(word):
                return None
        elif word in _COMMON_FLAGS:
            setattr(options, _COMMON_FLAGS[word], True)
        elif reader is None or not reader.flag(word):
            name, joined, value = word.partition("=")
            if not joined and (not words or _is_option(words[0])):
                return None
            if not _option(name, value if joined else words.pop(0), options, reader):
                return None
    return []


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _option(name: str, value: str, options: Options, reader: _Reader | None) -> bool:
    if name == "--home":
        options.home = value
    elif name == "--interface":
        options.interfaces.append(value)
    elif name == "--as":
        options.principal = value
    else:
        return reader is not None and reader.takes(name) and reader.option(name, value)
    return True
