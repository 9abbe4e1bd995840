"""The client of the local socket: whatever the other side sends or does, it ends in a result or in one clear error."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh import errors
from mesh.errors import Busy, Malformed, MeshError, Misuse, Stranger, TooLarge, Unreachable
from mesh.limits import CALL_BYTES_MAX
from mesh.node import socket_client
from mesh.node.socket_client import Connection, connect, error_from, error_told
from mesh.node.socket_server import error_json
from tests.unit.cli.fake_agent import END, FakeAgent, Lines, error, result


@pytest.fixture
def path(tmp_home: Path) -> Path:
    """Where the socket lies."""
    return tmp_home / "agent.sock"


def asked(path: Path, **options: float) -> dict[str, object]:
    """One call."""
    connection = connect(path)
    assert connection is not None
    with connection:
        return connection.call("status", {}, **options)  # type: ignore[arg-type]  # only answer_s


def test_calls_on_one_connection(path: Path) -> None:
    """Several calls, one after the other; arguments arrive as they were given."""
    with FakeAgent(path, {"a": result(n=1), "b": ({"progress": {"done": 1}}, {"result": {"n": "é\u2028"}})}) as fake:
        connection = connect(path)
        assert connection is not None
        told: list[object] = []
        with connection:
            assert connection.call("a", {"text": "é\n\x00🌱"}) == {"n": 1}
            assert connection.call("b", {}, progress=told.append) == {"n": "é\u2028"}
    assert fake.asked == [("a", {"text": "é\n\x00🌱"}), ("b", {})]
    assert fake.versions == {1}
    assert told == [{"done": 1}]


def test_two_answers_in_one_piece(path: Path) -> None:
    """Bytes that came with an answer and belong to the next are not lost."""
    with FakeAgent(path, {"follow": (b'{"item":{"n":1}}\n{"item":{"n":2}}\n{"item"', b':{"n":3}}\n', {"result": {}})}):
        connection = connect(path)
        assert connection is not None
        with connection:
            assert [item["n"] for item in connection.stream("follow", {})] == [1, 2, 3]


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ((), Unreachable),
        ((b"not json\n",), Unreachable),
        ((b"[]\n",), Unreachable),
        ((b'{"result": {"n": 1}',), Unreachable),
        ((b"\xff\xfe\n",), Unreachable),
        (error("Malformed", "Refused", 3), Malformed),
        (error("Newer", "Refused", 3), errors.Refused),
        (error("os", "annotations", 3), MeshError),
        (({"progress": {}}, {"nothing": 1}), Unreachable),
    ],
)
def test_bad_answers(lines: Lines, kind: type[MeshError], path: Path) -> None:
    """An answer that is cut, senseless or unknown becomes an error of the right family."""
    answers = {"status": (*lines, END)}
    with FakeAgent(path, answers), pytest.raises(MeshError) as caught:
        asked(path)
    assert type(caught.value) is kind
    assert caught.value.hint


def test_an_agent_that_is_silent(path: Path) -> None:
    """A socket that takes the call and says nothing is Busy, not for ever."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(Busy):
            asked(path, answer_s=0.05)


def test_an_answer_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded whatever the other side sends."""
    monkeypatch.setattr(socket_client, "ANSWER_BYTES_MAX", 1000)
    with FakeAgent(path, {"status": (b"x" * 200_000,)}), pytest.raises(Unreachable):
        asked(path)


def test_a_stream_is_ended_from_another_thread(path: Path) -> None:
    """Whoever waits for the next item gets an error instead of waiting for ever; to end it twice does no harm."""
    with FakeAgent(path, {"follow": ({"item": {"n": 1}},)}):
        connection = connect(path)
        assert connection is not None
        with connection:
            items = connection.stream("follow", {})
            assert next(items) == {"n": 1}
            ending = threading.Timer(0.1, connection.stop)
            ending.start()
            with pytest.raises(Unreachable):
                next(items)
            ending.join()
            connection.stop()


def test_no_agent(path: Path) -> None:
    """No socket, a socket of an agent that has gone, a path through a file: nobody is there."""
    assert connect(path) is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert connect(path) is None
    assert connect(path / "below") is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_a_socket_of_somebody_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else of this machine may stand in for the agent."""
    with FakeAgent(path, {"status": result()}) as fake:
        os.chown(path, 12345, -1)
        monkeypatch.setattr(os, "getuid", lambda: 1000)
        with pytest.raises(Stranger):
            connect(path)
        monkeypatch.undo()
    assert not fake.asked


def test_too_much_is_not_sent(path: Path) -> None:
    """A call over the bound never leaves."""
    with FakeAgent(path, {"status": result()}) as fake:
        connection = connect(path)
        assert connection is not None
        with connection, pytest.raises(TooLarge):
            connection.call("status", {"text": "x" * CALL_BYTES_MAX})
    assert not fake.asked


def test_waiting_for_the_end(path: Path) -> None:
    """Whether the other side closed in time."""
    with FakeAgent(path, {"down": result(), "end": ()}):
        connection = connect(path)
        assert connection is not None
        with connection:
            connection.call("down", {})
            assert not connection.wait_closed(0.05)
            with pytest.raises(Unreachable):
                connection.call("end", {})
            assert connection.wait_closed(5)


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MeshError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_errors_survive_the_way(kind: Callable[..., MeshError]) -> None:
    """What the agent raises, the command raises; and both describe it alike."""
    before = kind("a sentence", hint="a hint")
    told = error_told(before)
    after = error_from(told)
    assert (type(after), str(after), after.hint, after.exit_code) == (kind, "a sentence", "a hint", before.exit_code)
    assert error_told(after) == told
    if kind is not MeshError:
        assert error_json(before) == told


def test_misuse_tells_of_another_version(path: Path) -> None:
    """The hint of an older agent reaches the person."""
    hint = "the agent is of version 0.0.1: mesh down; mesh up"
    with (
        FakeAgent(path, {"status": error("Misuse", "Misuse", 2, "no such call", hint)}),
        pytest.raises(Misuse) as caught,
    ):
        asked(path)
    assert caught.value.hint == hint
    assert isinstance(connect(path), Connection | None)
