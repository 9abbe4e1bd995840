"""Evidence: each trace is kept once and survives the process; a torn line costs that line; everything is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh import limits
from mesh.errors import Misuse, Unreachable
from mesh.node import evidence
from mesh.node.evidence import Evidence, trace_of
from mesh.state.claims import Trace


def run(number: int = 1) -> Trace:
    """A command that ended."""
    return Trace(f"r{number}", "run", number, command=f"make {number}", exit=0, output="0f")


async def test_each_once_and_for_good(tmp_path: Path) -> None:
    """Also for the next process; sessions do not see each other."""
    first = Evidence(tmp_path)
    assert await first.of("s") == ()
    assert not (tmp_path / "evidence").exists(), "looking makes nothing"
    assert await first.add("s", run())
    assert not await first.add("s", run())
    assert await first.add("other", run())
    second = Evidence(tmp_path)
    assert not await second.add("s", run())
    assert await second.add("s", Trace("f", "file", 7, path="/p/a b.py", digest="d"))
    assert await Evidence(tmp_path).of("s") == (run(), Trace("f", "file", 7, path="/p/a b.py", digest="d"))


@pytest.mark.parametrize("tail", [b'{"id": "r9", "ki', b"\xff\xfe", b"[1]\n", b'{"id": "r9"}\n', b"\n\n"])
async def test_a_torn_line_costs_itself(tmp_path: Path, tail: bytes) -> None:
    """What was before stays, what comes after is kept."""
    await Evidence(tmp_path).add("s", run(1))
    (path,) = (tmp_path / "evidence").iterdir()
    with path.open("ab") as file:
        file.write(tail)
    await Evidence(tmp_path).add("s", run(2))
    assert await Evidence(tmp_path).of("s") == (run(1), run(2))


async def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one session the latest stay, of all sessions the latest, in memory a few."""
    for name, value in (("EVIDENCE_TRACES_MAX", 10), ("EVIDENCE_SESSIONS_MAX", 3), ("EVIDENCE_SESSIONS_CACHED", 2)):
        assert getattr(limits, name) > value
        monkeypatch.setattr(evidence, name, value)
    kept = Evidence(tmp_path)
    for number in range(50):
        assert await kept.add("s", run(number))
    found = await Evidence(tmp_path).of("s")
    assert 10 <= len(found) <= 20
    assert found[-1] == run(49)
    for number in range(9):
        await kept.add(f"other {number}", run())
    assert len(list((tmp_path / "evidence").iterdir())) == 3
    assert len(kept._read) == 2  # noqa: SLF001 - what is held in memory is what is bounded
    assert await Evidence(tmp_path).of("other 8") == (run(),)


async def test_where_it_cannot_be_kept(tmp_path: Path) -> None:
    """It is told, and nothing pretends that it was kept."""
    (tmp_path / "evidence").write_text("in the way")
    kept = Evidence(tmp_path)
    with pytest.raises(Unreachable):
        await kept.add("s", run())
    (tmp_path / "evidence").unlink()
    assert await kept.add("s", run())


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"kind": "run", "id": "x"},
        {"kind": "run", "id": "", "command": "x"},
        {"kind": "run", "id": "x" * 300, "command": "x"},
        {"kind": "moon", "id": "x"},
        {"kind": "file", "id": "x"},
        {"kind": "file", "id": "x", "path": "p" * 2000},
        {"kind": "run", "id": "x", "command": 7},
    ],
)
def test_no_trace(odd: dict[str, object]) -> None:
    """What names nothing is told."""
    with pytest.raises(Misuse):
        trace_of(odd, 100)


def test_a_trace_is_taken_with_care() -> None:
    """A time to come is now, an exit that is none is not known, a command has no secret and a bound."""
    trace = trace_of({"kind": "run", "id": "x", "command": "PASSWORD=swordfish make", "exit": "0", "at_ms": 500}, 100)
    assert trace == Trace("x", "run", 100, command="PASSWORD=[redacted:secret] make")
    assert len(trace_of({"kind": "run", "id": "x", "command": "word " * 9999}, 1).command) == 4000
