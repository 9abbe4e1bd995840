"""What a command reads: a body from an argument, a file or standard input, never more than its bound; standard library.

It never waits without saying what for.
"""

from __future__ import annotations

import os
import select
import stat
import sys

from mesh.cli.calls import NOTE_BYTES_MAX, too_large
from mesh.errors import Malformed, Misuse
from mesh.limits import KIB

STANDARD_INPUT = 0
QUIET_S = 1.0  # after this long without input we say what we wait for


def note_text(body: str | None, file: str | None) -> str | None:
    """The text that a note is to get: --body, --file, or what is piped in; None when there is none of them."""
    if body is not None and file is not None:
        message = "--body and --file exclude each other"
        raise Misuse(message, hint="Give the text once.")
    if body == "-" or file == "-":
        return decoded(from_input(NOTE_BYTES_MAX, "a note's text"), "standard input")
    if body is not None:
        return body
    if file is not None:
        return decoded(from_file(file, NOTE_BYTES_MAX, "a note's text"), file)
    return decoded(from_input(NOTE_BYTES_MAX, "a note's text"), "standard input") if _is_piped() else None


def carried_text(argument: str, bytes_max: int, what: str) -> str:
    """A text that people carry between devices: the argument, or standard input for `-`."""
    if argument != "-":
        return argument
    text = decoded(from_input(bytes_max, what), what).strip()
    if not text:
        message = f"there was no {what} on standard input"
        raise Misuse(message, hint="Pipe it in, or give it as an argument.")
    return text


def from_input(bytes_max: int, what: str) -> bytes:
    """Everything on standard input. Raises TooLarge as soon as it is over the bound, and reads no further."""
    ready, _, _ = select.select([STANDARD_INPUT], [], [], QUIET_S)
    if not ready:
        print(f"reading {what} from standard input; it ends with Ctrl-D", file=sys.stderr, flush=True)
    return _bounded(STANDARD_INPUT, bytes_max, what)


def from_file(path: str, bytes_max: int, what: str) -> bytes:
    """Everything in a file. Raises Misuse when it cannot be read, TooLarge when it is over the bound."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise Misuse(message, hint="Check the path.") from error
    try:
        return _bounded(descriptor, bytes_max, what)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise Misuse(message, hint="It must be a file.") from error
    finally:
        os.close(descriptor)


def decoded(raw: bytes, source: str) -> str:
    """The bytes as text. Raises Malformed for anything but UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{source} is not text in UTF-8"
        hint = "Convert it first, for example with `iconv -t UTF-8`. Nothing was changed."
        raise Malformed(message, hint=hint) from error


def first_line(text: str) -> tuple[str, str]:
    """A text without a title, parted into its first line that says something and what follows."""
    title, _, rest = text.lstrip().partition("\n")
    return title.strip(), rest.lstrip("\r\n")


def _bounded(descriptor: int, bytes_max: int, what: str) -> bytes:
    parts: list[bytes] = []
    room = bytes_max + 1
    while room > 0:
        part = os.read(descriptor, min(room, 64 * KIB))
        if not part:
            return b"".join(parts)
        parts.append(part)
        room -= len(part)
    raise too_large(what, bytes_max)


def _is_piped() -> bool:
    try:
        mode = os.fstat(STANDARD_INPUT).st_mode
    except OSError:  # closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
