"""The client of the agent's local socket: one JSON object a line, asked and answered; standard library only.

It never starts an agent, never opens a file of the home, and prints nothing. A frequent command pays for every
import here, so it takes the socket type that `socket` wraps: that saves a fifth of the whole command.
"""

from __future__ import annotations

import _socket
import json
import os
from collections.abc import Callable, Iterator
from types import TracebackType

from mesh import errors
from mesh.errors import Busy, MeshError, NeedsApproval, Stranger, TooLarge, Unreachable
from mesh.limits import ADMISSION_BYTES_MAX, CALL_BYTES_MAX, KIB

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself would cost a frequent command 3 ms
    from typing import Self

PROTOCOL_VERSION = 1
CONNECT_S = 5.0  # the agent accepts at once, or its loop stands still
ANSWER_S = 120.0  # without a line from the agent: a slow disk may take long, a minute and more is none
ANSWER_BYTES_MAX = 2 * ADMISSION_BYTES_MAX  # the longest answer is an admission, in base64

Told = dict[str, object]
Progress = Callable[[Told], None]


class Connection:
    """One conversation with the agent. Use it as a context manager; `connect` opens it."""

    def __init__(self, sock: _socket.socket) -> None:
        self._socket = sock
        self._held = b""

    def call(
        self,
        name: str,
        arguments: Told,
        *,
        answer_s: float | None = ANSWER_S,
        progress: Progress | None = None,
    ) -> Told:
        """Ask once and wait for the result. Raises what the agent raised, or Unreachable when it does not answer."""
        self._send(name, arguments)
        self._socket.settimeout(answer_s)
        while True:
            line = self._line()
            result = line.get("result")
            if isinstance(result, dict):
                return result
            _raise_error(line)
            told = line.get("progress")
            if progress is not None and isinstance(told, dict):
                progress(told)

    def stream(self, name: str, arguments: Told) -> Iterator[Told]:
        """Ask for items as they come, until the caller closes the connection or the agent ends (Unreachable)."""
        self._send(name, arguments)
        self._socket.settimeout(None)
        while True:
            line = self._line()
            item = line.get("item")
            if isinstance(item, dict):
                yield item
            elif "result" in line:
                return
            else:
                _raise_error(line)

    def wait_closed(self, wait_s: float) -> bool:
        """Wait until the agent closes its side; whether it did in time."""
        self._socket.settimeout(wait_s)
        try:
            while self._socket.recv(64 * KIB):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    def taken(self) -> tuple[_socket.socket, bytes]:
        """The socket itself, after a call that made it speak another protocol, and what was read of that already."""
        self._socket.settimeout(None)
        return self._socket, self._held

    def stop(self) -> None:
        """End the conversation from another thread: whoever waits for a line in it gets Unreachable."""
        try:
            self._socket.shutdown(_socket.SHUT_RDWR)
        except OSError:  # it has ended already
            return

    def close(self) -> None:
        """End the conversation; a stream ends with it."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, name: str, arguments: Told) -> None:
        request = {"call": name, "arguments": arguments, "version": PROTOCOL_VERSION}
        # Not escaped: a text in another alphabet would take three times its bytes.
        raw = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if len(raw) > CALL_BYTES_MAX:
            message = f"this is {len(raw) // KIB} KiB, the agent takes {CALL_BYTES_MAX // KIB} KiB at once"
            raise TooLarge(message)
        self._socket.settimeout(CONNECT_S)
        try:
            self._socket.sendall(raw)
        except TimeoutError as error:
            raise _silent() from error
        except OSError as error:
            raise _ended() from error

    def _line(self) -> Told:
        parts = [self._held]
        size = len(self._held)
        while b"\n" not in parts[-1]:
            try:
                part = self._socket.recv(64 * KIB)
            except TimeoutError as error:
                raise _silent() from error
            except OSError as error:
                raise _ended() from error
            if not part:
                raise _ended()
            size += len(part)
            if size > ANSWER_BYTES_MAX:
                raise _senseless()
            parts.append(part)
        raw, _, self._held = b"".join(parts).partition(b"\n")
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise _senseless() from error
        if not isinstance(line, dict):
            raise _senseless()
        return line


def connect(path: str | os.PathLike[str]) -> Connection | None:
    """Reach the agent at this socket; None when none runs there. Raises Busy, Stranger or Unreachable."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.settimeout(CONNECT_S)
    name = os.fspath(path)
    try:
        owner = os.lstat(name).st_uid
        if os.getuid() not in {0, owner}:
            sock.close()
            message = f"the socket {name} belongs to another user of this machine"
            raise Stranger(message, hint="Remove it, or have its owner do so, then try again.")
        sock.connect(name)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        sock.close()
        return None
    except (TimeoutError, BlockingIOError) as error:
        sock.close()
        raise _silent() from error
    except OSError as error:
        sock.close()
        message = f"the socket {name} cannot be opened: {error.strerror}"
        raise Unreachable(message, hint="Check who owns it; `mesh down` and `mesh up` make a new one.") from error
    return Connection(sock)


def error_from(told: Told) -> MeshError:
    """The error that a line from the agent describes, as the class it was when raised there."""
    kind = _error_class(told.get("class")) or _error_class(told.get("family")) or MeshError
    error = kind(str(told.get("message", "the agent failed")), hint=str(told.get("hint", "")))
    if isinstance(error, NeedsApproval):
        error.approval = str(told.get("approval", ""))
    code = told.get("exit")
    if kind is MeshError and isinstance(code, int) and 0 < code < 128:
        error.exit_code = code
    return error


def error_told(error: MeshError) -> Told:
    """The error as a line describes it: the opposite of `error_from`."""
    kinds = type(error).__mro__
    family = "Bug" if kinds[0] is MeshError else kinds[kinds.index(MeshError) - 1].__name__
    return {
        "family": family,
        "class": type(error).__name__,
        "message": str(error),
        "hint": error.hint,
        "exit": error.exit_code,
        **({"approval": error.approval} if isinstance(error, NeedsApproval) else {}),
    }


def _error_class(name: object) -> type[MeshError] | None:
    kind = getattr(errors, name, None) if isinstance(name, str) else None
    return kind if isinstance(kind, type) and issubclass(kind, MeshError) else None


def _raise_error(line: Told) -> None:
    told = line.get("error")
    if isinstance(told, dict):
        raise error_from(told)


def _silent() -> Busy:
    hint = "It may be very busy: try again. If it stays so: `mesh down`, then `mesh up`; `mesh logs` tells more."
    return Busy("the agent does not answer", hint=hint)


def _ended() -> Unreachable:
    message = "the agent ended before it answered"
    return Unreachable(message, hint="Look with `mesh log` whether it took effect; `mesh logs` says why it ended.")


def _senseless() -> Unreachable:
    message = "the agent's answer makes no sense here"
    return Unreachable(message, hint="It may be of another version: `mesh down`, then `mesh up`.")
