"""Every parser of foreign bytes: it refuses as it says, costs what it may, and writes again what it took.

A modest number of examples here, long campaigns by `scripts/fuzz`; what was ever found is replayed.
"""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh.errors import Refused
from mesh.events import bodies
from mesh.limits import MIB
from tests.fuzz.bounds import CORPUS, MEMORY_BYTES_MAX, corpus, look
from tests.fuzz.campaign import foreign
from tests.fuzz.parsers import Parser
from tests.fuzz.shell import everything

PARSERS = everything()
EXAMPLES = 150
QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", PARSERS)
def test_foreign_bytes_are_taken_whole_or_refused(name: str) -> None:
    """Nearly right, and noise: only the errors of this parser, within its bounds, and one encoding for all taken."""
    parser = PARSERS[name]

    @settings(QUIET, max_examples=max(5, int(EXAMPLES * parser.share)))
    @given(foreign(parser))
    def one(raw: bytes) -> None:
        look(parser, raw)

    one()


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_right_is_taken_and_what_was_found_is_found_no_more(name: str) -> None:
    """The good examples are good, or the mutations would start from nothing; the corpus is replayed."""
    parser = PARSERS[name]
    taken = [look(parser, parser.dress(raw) if parser.dress else raw) for raw in parser.good]
    assert any(not isinstance(result, Exception) for result in taken), "nothing right to start from"
    for _, raw in corpus(parser):
        look(parser, raw)


def test_every_kind_and_every_case_has_its_parser() -> None:
    """A new kind is fuzzed with the others, and a folder of the corpus without a parser would never be replayed."""
    assert {f"body-{lane.name.lower()}-{kind}" for lane, kind in bodies._CATALOGUE} <= PARSERS.keys()  # noqa: SLF001
    assert {path.name for path in CORPUS.iterdir()} <= PARSERS.keys()


def _leaks(_raw: bytes) -> object:
    message = "not of our errors"
    raise KeyError(message)


def _hoards(raw: bytes) -> object:
    return [bytes(MIB) for _ in range(2 * MEMORY_BYTES_MAX // MIB)] and raw


def _lenient(raw: bytes) -> object:
    return cbor2.loads(raw)


BAD = {
    "another error": Parser("bad", _leaks, [b""]),
    "too much memory": Parser("bad", _hoards, [b""]),
    "two encodings": Parser("bad", _lenient, [b"\x01"], cbor2.dumps),
    "its error is not expected": Parser("bad", PARSERS["header"].read, [b""], errors=()),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_parser_is_caught(why: str) -> None:
    """The look itself bites: a parser with one of these faults fails."""
    raw = b"\x18\x01"  # 1, written longer than it need be
    with pytest.raises((KeyError, AssertionError, Refused)):
        look(BAD[why], raw)


def test_mutations_reach_what_is_right_and_what_is_not() -> None:
    """Of the examples some are taken and some refused, or the strategies would test one half only."""
    seen = set()

    @settings(QUIET, max_examples=90, derandomize=True)
    @given(
        st.sampled_from(["header", "push", "change-body"]).flatmap(
            lambda name: st.tuples(st.just(name), foreign(PARSERS[name]))
        )
    )
    def one(drawn: tuple[str, bytes]) -> None:
        name, raw = drawn
        seen.add((name, isinstance(look(PARSERS[name], raw), Refused)))

    one()
    assert {("header", True), ("header", False), ("push", True), ("change-body", True)} <= seen
