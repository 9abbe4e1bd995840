"""Receipts, memories and questions between real processes: what one device says stands on the other, once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mesh.errors import MeshError
from mesh.node.socket_client import Told
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

ASKED = ("ask", "new", "May I push?", "--option", "allow", "--option", "deny", "--default", "deny")


def how(device: Device, question: str) -> tuple[object, object]:
    """State and outcome of a question, by a command with or without an agent."""
    told = device.done("ask", "show", question)
    return told["state"], told["outcome"]


def shown(device: Device, document: object) -> Told | None:
    """A receipt on a device, once it is there."""
    try:
        return device.call("receipt.show", id=document)
    except MeshError:
        return None


def claims(told: Mapping[str, object]) -> list[tuple[str, str]]:
    """Text and status of each claim."""
    found = told["claims"]
    assert isinstance(found, list)
    return [(one["text"], one["status"]) for one in found]


def test_story_e_a_word_is_no_proof(fleet: Fleet) -> None:
    """Goal: what nobody saw run is asserted on every device; what a hook told of is verified, after a restart too."""
    alder, birch = fleet.linked(2)
    session = str(alder.call("session.begin", tool="claude", native="s1", agent="claude")["document"])
    words = ["ship", "Built it", "--changed", "a.py", "--session", session]
    said = alder.done(*words, "--claim", "tests pass", "--evidence", "pytest -q")
    assert claims(said) == [("tests pass", "asserted")]
    alder.call("evidence.add", session=session, id="r1", kind="run", command="pytest -q", exit=0)
    alder.kill()
    alder.start()
    proved = alder.done(*words, "--claim", "tests pass", "--evidence", "pytest -q")
    assert claims(proved) == [("tests pass", "verified")]
    for receipt in (said, proved):
        there = fleet.wait("the receipt is there", lambda document=receipt["document"]: shown(birch, document))  # type: ignore[misc]
        assert there is not None
        assert claims(there) == claims(receipt)
    answer = birch.mesh("receipt", "show", str(said["document"]))
    assert "asserted  tests pass  [pytest -q (nobody saw it run)]" in answer.out


def test_story_h_an_answer_for_a_device_that_is_away(fleet: Fleet) -> None:
    """Goal: who asked is killed; the answer given meanwhile on the other device arrives when it is back, once."""
    alder, birch = fleet.linked(2)
    question = str(alder.done(*ASKED, "--expires", "in 1 hour")["document"])
    fleet.wait("the question is there", lambda: birch.call("ask.list")["asks"])
    alder.kill()
    assert birch.done("answer", question, "allow")["state"] == "answered"
    alder.start()
    fleet.wait("the answer is taken", lambda: how(alder, question) == ("taken", "allow"))
    fleet.wait("and birch knows", lambda: how(birch, question) == ("taken", "allow"))
    late = birch.mesh("answer", question, "deny")
    assert late.code == 3
    assert "answered already: allow" in late.err


def test_story_h_an_answer_that_comes_too_late(fleet: Fleet) -> None:
    """Goal: the time is over while the two are apart; the default holds for both, whatever the other one answered."""
    alder, birch = fleet.linked(2)
    question = str(
        alder.call("ask.new", question="May I?", options=["allow", "deny"], default="deny", expires_in_ms=20_000)[
            "document"
        ]
    )
    fleet.wait("the question is there", lambda: birch.call("ask.list")["asks"])
    alder.kill()
    assert birch.done("answer", question, "allow")["outcome"] == "allow"
    birch.kill()
    alder.start()
    fleet.wait("the time is over, and nobody had to ask", lambda: how(alder, question) == ("expired", "deny"))
    birch.start()
    fleet.wait("birch knows", lambda: how(birch, question) == ("expired", "deny"))
    told = fleet.wait("alder has heard of it", lambda: _too_late(alder, question))
    assert told == ["allow"]
    assert how(alder, question) == ("expired", "deny")


def _too_late(device: Device, question: str) -> list[str]:
    found = device.call("ask.show", id=question)["too_late"]
    assert isinstance(found, list)
    return [one["option"] for one in found]


def test_a_command_waits_for_the_answer(fleet: Fleet) -> None:
    """Goal: `mesh ask --wait` on one device ends with what the person says on the other."""
    alder, birch = fleet.linked(2)
    question = str(alder.call("ask.new", question="Which blue?")["document"])
    fleet.wait("the question is there", lambda: birch.call("ask.list")["asks"])
    birch.call("ask.answer", id=question, text="navy")
    told = alder.call("ask.take", id=question, wait_ms=20_000)
    assert (told["state"], told["outcome"]) == ("taken", "navy")


def test_what_is_remembered_offline_is_known_to_all(fleet: Fleet) -> None:
    """Goal: said on a device without an agent, superseded on the other one, found on both."""
    alder, birch = fleet.linked(2)
    birch.stop()
    said = str(birch.done("remember", "The port of the shop is 80")["document"])
    birch.start()
    fleet.wait("alder has it", lambda: alder.call("recall", query="port of the shop")["hits"])
    alder.done("memory", "supersede", said, "The port of the shop is 81")

    def known() -> list[tuple[str, str]]:
        hits = birch.done("recall", "which", "port", "has", "the", "shop")["hits"]
        assert isinstance(hits, list)
        return [(one["text"], one["state"]) for one in hits]

    wanted = [("The port of the shop is 81", "approved"), ("The port of the shop is 80", "superseded")]
    fleet.wait("both know what holds", lambda: known() == wanted)
