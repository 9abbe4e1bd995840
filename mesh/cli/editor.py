"""A text in the person's own editor. The draft is kept, and its place told, unless all that changed in it was sent."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from mesh.cli import calls
from mesh.cli.calls import NOTE_BYTES_MAX
from mesh.cli.reading import decoded, from_file
from mesh.cli.run import Run
from mesh.errors import Malformed, MeshError, Misuse, Refused
from mesh.limits import KIB

_TITLE, _TAGS = "title:", "tags:"
# A tag of plain characters, or one in quotes as JSON writes it.
_TAG = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,"]*?)\s*(?:,|\Z)')
_HEAD_ROOM = 16 * KIB  # for the title and tags lines, above the text
_USUAL_EDITORS = ("vi", "nano")

Told = dict[str, object]
Draft = tuple[str, tuple[str, ...], str]


def edited(run: Run, document: str) -> Told:
    """Let the person edit a note; what was changed is sent to the agent. Raises MeshError with the draft's place."""
    command = editor()
    note = run.ask(*calls.note_show(document=document))
    before = _draft_of(note)

    def send(text: str) -> Told:
        return _send(run, str(note["document"]), before, read_back(text, body_ended=before[2].endswith("\n")))

    return through(run, command, ("note", "note.md"), written_as(*before), send)


def through(run: Run, command: list[str], names: tuple[str, str], written: str, send: Callable[[str], Told]) -> Told:
    """Let the person edit a text, and send what it became. Raises MeshError with the draft's place.

    `names`: of the draft's folder and file. What was not sent is kept, unless nothing in it was changed.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"mesh-{names[0]}-"))
    file = folder / names[1]
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        stream.write(written)
    bytes_max = len(written.encode()) + NOTE_BYTES_MAX + _HEAD_ROOM
    try:
        _edit(command, file)
        result = send(decoded(from_file(str(file), bytes_max, "the draft"), "the draft"))
    except MeshError as error:
        if _same(file, written):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        raise _with_draft(error, file) from error
    except BaseException:
        run.out.warn(f"Your draft is kept in {file}")
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return result


def editor() -> list[str]:
    """The person's editor as a command. Raises Misuse when there is none."""
    for name in ("VISUAL", "EDITOR"):
        words = os.environ.get(name, "")
        try:
            parts = shlex.split(words)
        except ValueError as error:
            message = f"${name} cannot be read as a command: {error}"
            raise Misuse(message, hint=f"It says: {words}") from error
        if parts:
            return parts
    found = next(filter(None, map(shutil.which, _USUAL_EDITORS)), None)
    if found is None or not sys.stdin.isatty():
        message = "there is no editor to open"
        raise Misuse(message, hint="Set EDITOR, or change the note with --title, --body, --tag or --untag.")
    return [found]


def written_as(title: str, tags: tuple[str, ...], body: str) -> str:
    """The draft as the person gets it: a title line, a tags line, an empty one, and the text."""
    names = ", ".join(_quoted(tag, ',"') for tag in tags)
    text = f"{_TITLE} {_quoted(title, '')}\n{_TAGS} {names}\n\n{body}"
    return text if text.endswith("\n") else text + "\n"


def read_back(text: str, *, body_ended: bool) -> Draft:
    """What a draft says. The line end that editors add at the end is not taken as a change. Raises Malformed."""
    first, _, rest = text.partition("\n")
    second, _, rest = rest.partition("\n")
    if not first.lower().startswith(_TITLE) or not second.lower().startswith(_TAGS):
        message = f"the draft does not start with a line {_TITLE!r} and a line {_TAGS!r}"
        raise Malformed(message, hint="Nothing was changed.")
    body = rest.removeprefix("\r").removeprefix("\n")
    if not body_ended:
        body = body.removesuffix("\n").removesuffix("\r")
    return _unquoted(first[len(_TITLE) :].strip()), _tags(second[len(_TAGS) :].strip()), body


def _draft_of(note: Told) -> Draft:
    tags = note.get("tags")
    names = tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
    return str(note.get("title") or ""), names, str(note.get("body") or "")


def _send(run: Run, document: str, before: Draft, after: Draft) -> Told:
    (old_title, old_tags, old_body), (title, tags, body) = before, after
    if after == before:
        run.out.notice("nothing was changed")
        return {"document": document, "event": None}
    changed = body != old_body
    return run.ask(
        *calls.note_edit(
            document=document,
            title=title if title != old_title else None,
            body=body if changed else None,
            base_body=old_body if changed else None,
            add_tags=tuple(tag for tag in tags if tag not in old_tags),
            remove_tags=tuple(tag for tag in old_tags if tag not in tags),
        )
    )


def _edit(command: list[str], file: Path) -> None:
    # An interrupt is for the editor; a handler of ours (and not SIG_IGN) is not inherited by it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        ended = subprocess.run([*command, str(file)], check=False)  # noqa: S603 - the person's own editor
    except OSError as error:
        message = f"the editor {command[0]} cannot be started: {error.strerror}"
        raise Misuse(message, hint="Set EDITOR to one that is installed.") from error
    finally:
        signal.signal(signal.SIGINT, before)
    if ended.returncode != 0:
        message = f"the editor ended with code {ended.returncode}, so nothing was sent"
        raise Refused(message, hint="Nothing was changed.")


def _with_draft(error: MeshError, file: Path) -> MeshError:
    hint = f"{error.hint} Your draft is kept in {file}".strip()
    return type(error)(str(error), hint=hint)


def _same(file: Path, written: str) -> bool:
    try:
        return file.read_bytes() == written.encode()
    except OSError:
        return False


def _quoted(text: str, kept_out: str) -> str:
    plain = text.isprintable() and text == text.strip() and not text.startswith('"')
    return text if plain and not any(c in text for c in kept_out) else json.dumps(text, ensure_ascii=False)


def _unquoted(text: str) -> str:
    if not (text.startswith('"') and text.endswith('"')):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _tags(text: str) -> tuple[str, ...]:
    found = []
    place = 0
    while place < len(text):
        match = _TAG.match(text, place)
        if match is None:
            message = f"the tags line cannot be read from {text[place : place + 40]!r} on"
            raise Malformed(message, hint="Part tags by commas.")
        found.append(_unquoted(match[1]))
        place = match.end()
    return tuple(dict.fromkeys(tag for tag in found if tag))
