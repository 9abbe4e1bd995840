"""Claims: only what the machine saw makes one verified, and what it saw against one is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Misuse
from mesh.state import claims
from mesh.state.claims import ASSERTED, COMMIT, FILE, INFERRED, RUN, VERIFIED, Claim, Facts, Trace, pointer, weighed

NOTHING = Facts()


def run(command: str = "pytest -q", exit_: int | None = 0, at: int = 10, name: str = "r1") -> Trace:
    """A command that ended."""
    return Trace(name, RUN, at, command=command, exit=exit_, output="0f" * 32)


def file(path: str = "/p/src/app.py", at: int = 5, digest: str = "d1") -> Trace:
    """A file that changed."""
    return Trace(f"f{at}{path}", FILE, at, path=path, digest=digest)


def say(text: str, evidence: object, *traces: Trace, facts: Facts = NOTHING) -> Claim:
    """A claim as it is weighed."""
    return weighed(text, pointer(evidence, traces), traces, facts)


def test_a_word_alone_is_asserted() -> None:
    """Story E: tests pass, says somebody who ran none."""
    claim = say("tests pass", None)
    assert (claim.status, claim.evidence, claim.against) == (ASSERTED, {}, "")
    claim = say("tests pass", "pytest -q", file())
    assert claim.status == ASSERTED
    assert claim.evidence == {"command": "pytest -q", "seen": False}


def test_a_run_after_the_last_change_verifies() -> None:
    """With the command, its exit, when, and the digest of what it printed."""
    claim = say("tests pass", "pytest  -q", file(at=5), run(at=10))
    assert claim.status == VERIFIED
    assert claim.evidence == {"command": "pytest -q", "at_ms": 10, "id": "r1", "exit": 0, "output": "0f" * 32}
    assert say("tests pass", {"id": "r1"}, run()).status == VERIFIED
    assert say("tests pass", "r1", run()).status == VERIFIED
    assert say("`pytest -q` passes", None, run()).status == VERIFIED


def test_a_run_before_a_change_proves_less() -> None:
    """What changed after it is named."""
    claim = say("tests pass", "pytest -q", run(at=10), file(at=11))
    assert claim.status == INFERRED
    assert claim.evidence["path"] == "/p/src/app.py"
    assert say("tests pass", "pytest -q", run(at=10), file(at=11), run(at=12, name="r2")).status == VERIFIED


def test_the_newest_run_counts() -> None:
    """Passing once and failing later is failing; the claim is asserted, and what speaks against it is kept."""
    claim = say("tests pass", "pytest -q", run(at=1), run(exit_=1, at=2, name="r2"))
    assert claim.status == ASSERTED
    assert claim.against == "it ended with 1"
    assert say("it ran", "pytest -q", run(exit_=None)).status == INFERRED


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q | tail -3",
        "pytest -q; echo done",
        "pytest -q || true",
        "pytest -q &",
        "(pytest -q) & wait",
        "a\npytest -q",
    ],
)
def test_an_exit_code_of_something_else_proves_less(command: str) -> None:
    """Of a pipe it is the last command's; whether one names all of it or a part."""
    assert claims.of_several(command)
    assert say("tests pass", "pytest -q", run(command)).status == INFERRED
    assert say("tests pass", {"command": command}, run(command)).status == INFERRED


@pytest.mark.parametrize("command", ["cd app && pytest -q", "make build && cd app && pytest -q", "pytest -q"])
def test_a_chain_that_ended_well_says_so_of_its_last(command: str) -> None:
    """A chain of && ends with 0 when all of it did."""
    assert not claims.of_several(command)
    assert not claims.of_several("pytest -q > log 2>&1")
    assert say("tests pass", "pytest -q", run(command)).status == VERIFIED


def test_commits() -> None:
    """A commit that the repository has is verified, with its whole name."""
    facts = Facts(commits={"abc1234": "abc1234" + "0" * 33})
    assert say("committed", "abc1234", facts=facts) == Claim("committed", VERIFIED, {"commit": "abc1234" + "0" * 33})
    assert say("committed", "abc1235", facts=facts).status == ASSERTED
    assert say("committed", {"id": "c"}, Trace("c", COMMIT, 1, commit="abc1234"), facts=facts).status == VERIFIED


def test_files() -> None:
    """The digest of now verifies or speaks against it; a change that was seen, or a file that is there, proves less."""
    facts = Facts(digests={"src/app.py": "d1"})
    path = {"path": "src/app.py"}
    assert say("written", {**path, "digest": "d1"}, facts=facts).status == VERIFIED
    assert say("written", {**path, "digest": "d2"}, facts=facts).against == "the file is another one now"
    assert say("written", {**path, "digest": "d2"}).against == "there is no such file"
    assert say("written", "src/app.py", file()).status == INFERRED
    assert say("written", "src/app.py", facts=facts).status == INFERRED
    assert say("written", "src/app.py").status == ASSERTED
    assert say("I changed src/app.py.", None, file()).status == INFERRED
    assert say("I changed src/other.py.", None, file()).status == ASSERTED


def test_what_makes_no_sense_is_told() -> None:
    """Claims without words, pointers at nothing."""
    for evidence in ({"moon": "full"}, {}, 7, ["a"], "x" * 5000):
        with pytest.raises(Misuse):
            pointer(evidence, ())
    for text in ("", "  ", "x" * 501):
        with pytest.raises(Misuse):
            weighed(text, {}, (), NOTHING)


TRACES = st.builds(
    Trace,
    st.sampled_from(["r1", "r2", "f1"]),
    st.sampled_from(claims.KINDS),
    st.integers(0, 5),
    command=st.sampled_from(["", "pytest -q", "cd a && pytest -q", "pytest -q | tail", "make"]),
    exit=st.sampled_from([None, 0, 1, -9]),
    path=st.sampled_from(["", "/p/a.py", "/p/b.py"]),
    digest=st.sampled_from(["", "d1"]),
    commit=st.sampled_from(["", "abc1234"]),
)  # fmt: skip


@given(
    st.sampled_from(["tests pass", "`pytest -q` passes", "a.py is done"]),
    st.sampled_from([None, "pytest -q", "r1", "a.py", "abc1234", {"path": "a.py", "digest": "d1"}]),
    st.lists(TRACES, max_size=5),
)
def test_nothing_is_verified_without_a_reason(text: str, evidence: object, traces: list[Trace]) -> None:
    """Whatever the traces say: verified means a run that ended with 0 and after which nothing changed, or a fact."""
    claim = weighed(text, pointer(evidence, traces), traces, NOTHING)
    if claim.status == VERIFIED:
        assert claim.evidence["exit"] == 0
        changed = claims.last_change(traces)
        at = claim.evidence["at_ms"]
        assert isinstance(at, int)
        assert changed is None or changed.at_ms <= at
    assert not (claim.against and claim.status != ASSERTED)
