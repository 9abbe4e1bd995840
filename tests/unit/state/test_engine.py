"""Automerge behind one guard: what goes in comes out, and after a failure nothing is asked of it."""

import pytest
from automerge import core

from mesh.errors import Malformed, Misuse
from mesh.events.kinds import Born
from mesh.limits import TEXT_BYTES_MAX
from mesh.state.engine import Engine
from mesh.state.genesis import derive
from mesh.state.operations import OperationId
from tests.unit.state import writers
from tests.unit.state.writers import BIRTH, DOCUMENT

GENESIS = derive(DOCUMENT, BIRTH)


def test_a_birth_is_there_as_it_was_derived() -> None:
    """Text, letters and registers, under the names that everybody derives."""
    engine = Engine.begun(GENESIS)
    assert engine.text() == BIRTH.text
    assert engine.length() == len(BIRTH.text)
    assert engine.letter(0) == OperationId(GENESIS.letters and 4, GENESIS.actor)
    assert engine.shown() == {
        "tag/garden": OperationId(1, GENESIS.actor),
        "title": OperationId(2, GENESIS.actor),
    }
    assert engine.changes() == [GENESIS.raw]


def test_a_long_text_is_one_of_the_registers() -> None:
    """What is shown tells a Text object from a text."""
    genesis = derive(DOCUMENT, Born({}, "x" * (TEXT_BYTES_MAX + 1), b""))
    assert Engine.begun(genesis).shown() == {"body": OperationId(1, genesis.actor)}


def test_it_comes_back_from_its_bytes() -> None:
    """All changes, the first one first."""
    engine = Engine.begun(GENESIS)
    written = writers.honest(2, steps=5, devices=1)
    engine.deliver([change.raw for change in written], (written[-1].hash,))
    again = Engine.load(engine.save())
    assert again.changes() == [GENESIS.raw, *(change.raw for change in written)]
    assert again.text() == engine.text()
    assert again.shown() == engine.shown()


def test_what_it_leaves_out_is_noticed_and_nothing_is_asked_again() -> None:
    """A change that stands on a missing one, handed over by mistake."""
    engine = Engine.begun(GENESIS)
    _, second = writers.honest(2, steps=2, devices=1)
    with pytest.raises(Malformed):
        engine.deliver([second.raw], (second.hash,))
    assert engine.spoiled
    with pytest.raises(Misuse):
        engine.text()


def test_bytes_that_are_no_document_are_refused() -> None:
    """Whatever the binding raises."""
    with pytest.raises(Malformed):
        Engine.load(b"\x85\x6f\x4a\x83" + bytes(60))
    with pytest.raises(Malformed):
        Engine(core.Document(bytes(16))).deliver([b"no change"], ())
