"""`mesh-hook TOOL`: what an agent tool tells its hooks goes to the agent, and the answer back. Standard library only.

It runs inside the tool's own loop, many times a minute, so it imports next to nothing: while an agent runs not even
JSON is read here. Where none answers, what happened is left in the spool of the home, without its secrets, for the
agent to take; a child does that, so that the tool need not wait. It always ends with 0, because it must never be what
stops the tool, and it decides nothing.
"""

from __future__ import annotations

import _socket
import os
import sys
import time

from mesh.limits import (
    HOOK_BYTES_MAX,
    HOOK_KEPT_BYTES_MAX,
    HOOK_LIST_MAX,
    HOOK_TEXT_CHARACTERS_MAX,
    KIB,
    SPOOL_FILES_MAX,
)
from mesh.node.places import home_text, socket_text, spool_text
from mesh.node.timing import HOOK_ANSWER_S, HOOK_WAIT_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Left = Callable[[], None]

TOOLS = ("claude", "gemini")
USAGE = """mesh-hook TOOL [--home DIR] [--wait SECONDS]

Tells the agent what happened in TOOL (claude or gemini): the tool calls it, with JSON on its standard input.
`mesh agents install TOOL` sets it up. --wait says how long a permission waits for an answer from another device.
"""
_NOTHING = b'{"result":{}}'
_PERMISSION = b'"PermissionRequest"'


class Given:
    """What the command line says, and what names this event: a random id, and when it was."""

    __slots__ = ("at_ms", "home", "id", "principal", "tool", "wait_s")

    def __init__(self, argv: list[str]) -> None:
        """Raises ValueError."""
        self.tool, self.wait_s, home = "", HOOK_WAIT_S, None
        words = list(argv)
        while words:
            word = words.pop(0)
            if word == "--home":
                home = words.pop(0) if words else None
            elif word == "--wait":
                self.wait_s = int(words.pop(0)) if words else 0
            elif self.tool or word not in TOOLS:
                raise ValueError(f"mesh-hook does not understand {word!r}: it takes one of {', '.join(TOOLS)}")
            else:
                self.tool = word
        if not self.tool:
            raise ValueError(f"mesh-hook takes the name of a tool: {', '.join(TOOLS)}")
        named = os.environ.get("MESH_AGENT", "")
        self.principal = named if named.replace("-", "").isalnum() and named.isascii() else self.tool
        self.home = home_text(home)
        self.id = os.urandom(8).hex()
        self.at_ms = time.time_ns() // 1_000_000


def main() -> None:
    """Pass on one event. The process ends here, with 0."""
    try:
        if "--help" in sys.argv[1:]:
            _write(1, USAGE.encode())
        else:
            out, left = passed_on(sys.argv[1:], _input())
            _write(1, out)
            if left is not None:
                _in_a_child(left)
    except BaseException as error:  # noqa: BLE001 - whatever is wrong here, the tool goes on
        _complain(str(error) or type(error).__name__)
    os._exit(0)  # nothing is left to be tidied up, and that would take its time


def passed_on(argv: list[str], raw: bytes) -> tuple[bytes, Left | None]:
    """Tell the agent; what the tool is to read, and what is left to be done where no agent took it.

    Raises ValueError or OSError.
    """
    given = Given(argv)
    body = raw.strip().removeprefix(b"\xef\xbb\xbf").replace(b"\n", b" ").replace(b"\r", b" ")
    if not body.startswith(b"{"):
        raise ValueError("what came in is no JSON object")
    if len(body) > HOOK_KEPT_BYTES_MAX:
        body = _cut(body)
    try:
        line = _asked(given, body)
    except OSError:  # none runs, or it ended meanwhile, or it does not answer
        return b"", _left(given, body)
    return (b"", None) if line == _NOTHING else _answer(given, body, line)


def _asked(given: Given, body: bytes) -> bytes:
    """The line that the agent answers with. Raises OSError."""
    path = socket_text(given.home)
    if os.getuid() not in {0, os.lstat(path).st_uid}:
        raise ConnectionError(f"{path} belongs to another user")
    # Our own fields stand last: of two with one name, the last one counts.
    about = f'"tool":"{given.tool}","as":"{given.principal}","id":"{given.id}"'
    when = f'"at_ms":{given.at_ms},"wait_s":{given.wait_s}'
    request = b'{"call":"hook","arguments":{"body":%s,%s,%s},"version":1}\n' % (body, about.encode(), when.encode())
    patience_s = HOOK_ANSWER_S + (given.wait_s if _PERMISSION in body else 0)
    until = time.monotonic() + patience_s
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.settimeout(patience_s)
        sock.connect(path)
        sock.sendall(request)
        line = b""
        while not line.endswith(b"\n"):
            sock.settimeout(max(until - time.monotonic(), 0.001))
            part = sock.recv(64 * KIB)
            if not part or len(line) > HOOK_BYTES_MAX:
                raise ConnectionError("the agent ended before it answered")
            line += part
        return line[:-1]
    finally:
        sock.close()


def _answer(given: Given, body: bytes, line: bytes) -> tuple[bytes, Left | None]:
    """What the tool is to read, out of the agent's line."""
    import json

    told = json.loads(line)
    error = told.get("error")
    if isinstance(error, dict):
        _complain(f"{error.get('message')} {error.get('hint', '')}".rstrip())
        later = error.get("family") == "Unreachable"  # a full disk, or a store that is busy
        return b"", _left(given, body) if later else None
    output = told.get("result", {}).get("output")
    return json.dumps(output).encode() + b"\n" if output else b"", None


# ── where no agent answers ───────────────────────────────────────────────────────────────────────


def _left(given: Given, body: bytes) -> Left:
    """How to leave what happened in the spool. Raises ValueError where there is no place for it."""
    folder = spool_text(given.home)
    if not os.path.isdir(given.home):
        raise ValueError(f"there is no mesh in {given.home}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if len(os.listdir(folder)) >= SPOOL_FILES_MAX:
        raise ValueError(f"{folder} is full: start the agent with `mesh up`")
    return lambda: _keep(given, folder, body)


def _keep(given: Given, folder: str, body: bytes) -> None:
    """Leave it there without its secrets. The agent takes each file once, in order."""
    import json

    from mesh.node.redaction import redacted_value

    told = {
        "tool": given.tool, "as": given.principal, "id": given.id, "at_ms": given.at_ms,
        "body": redacted_value(_shorter(json.loads(body), 0)),
    }  # fmt: skip
    draft = f"{folder}/.{given.id}.new"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _write(file, json.dumps(told).encode())
        os.rename(draft, f"{folder}/{given.at_ms:015d}-{given.id}.json")
    except BaseException:
        os.unlink(draft)
        raise
    finally:
        os.close(file)


def _in_a_child(left: Left) -> None:
    """Do it while the tool goes on: what looks like a secret is found slowly. The tool's streams are let go at once."""
    if os.fork():
        return
    os.setsid()  # whoever ends the tool does not end this
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    left()


def _cut(body: bytes) -> bytes:
    """The same with long texts and lists cut, so that it fits."""
    import json

    value = json.loads(body)
    cut = json.dumps(_shorter(value, 0)).encode()
    if len(cut) <= HOOK_KEPT_BYTES_MAX:
        return cut
    short = {key: one for key, one in value.items() if isinstance(one, (str, int)) and len(str(one)) < KIB}
    return json.dumps(short).encode()


def _shorter(value: object, depth: int) -> object:
    if isinstance(value, str):
        half = HOOK_TEXT_CHARACTERS_MAX // 2  # how a command ended stands at the end of what it said
        return value if len(value) <= HOOK_TEXT_CHARACTERS_MAX else f"{value[:half]}…{value[-half:]}"
    if depth > 8:
        return None
    if isinstance(value, dict):
        return {key: _shorter(one, depth + 1) for key, one in list(value.items())[:HOOK_LIST_MAX]}
    if isinstance(value, list):
        return [_shorter(one, depth + 1) for one in value[:HOOK_LIST_MAX]]
    return value


# ── the streams ──────────────────────────────────────────────────────────────────────────────────


def _input() -> bytes:
    """All of standard input. Raises ValueError when it is too much."""
    parts: list[bytes] = []
    size = 0
    while part := os.read(0, 256 * KIB):
        parts.append(part)
        size += len(part)
        if size > HOOK_BYTES_MAX:
            raise ValueError(f"what came in has more than {HOOK_BYTES_MAX // KIB:,} KiB")
    return b"".join(parts)


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _complain(sentence: str) -> None:
    try:
        _write(2, f"mesh-hook: {sentence}\n".encode(errors="backslashreplace"))
    except OSError:  # nobody listens
        return


if __name__ == "__main__":
    main()
