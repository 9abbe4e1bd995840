"""Many commands at once, with an agent and without one: none is lost, none waits for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.system.commands import Answer
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

MANY = 20


def added(device: Device, titles: list[str]) -> list[Answer]:
    """Each title by a command of its own, all at the same time."""
    with ThreadPoolExecutor(len(titles)) as pool:
        return list(pool.map(lambda title: device.mesh("--json", "note", "add", title), titles))


def test_twenty_commands_at_once_through_one_agent(fleet: Fleet) -> None:
    """Goal: each is acknowledged and kept, each with its own document, and the other device has them all."""
    one, other = fleet.linked(2)
    titles = [f"note {number}" for number in range(MANY)]
    answers = added(one, titles)
    assert {answer.code for answer in answers} == {0}, answers
    assert len({str(answer.json["document"]) for answer in answers}) == MANY
    assert one.titles() == set(titles)
    fleet.converged()
    assert other.titles() == set(titles)


def test_commands_at_once_without_an_agent_take_turns(fleet: Fleet) -> None:
    """Goal: without an agent each takes the home for itself; whoever does not get it says so with exit 5."""
    (device,) = fleet.joined(1)
    titles = [f"note {number}" for number in range(6)]
    answers = added(device, titles)
    assert {answer.code for answer in answers} <= {0, 5}, answers
    kept = {title for title, answer in zip(titles, answers, strict=True) if answer.code == 0}
    assert len(kept) >= 2
    for answer in answers:
        if answer.code:
            assert answer.error["class"] == "Busy", answer
    assert device.titles_now() == kept
    assert device.done("verify", "--deep")["ok"] is True


def test_commands_while_an_agent_comes_and_goes(fleet: Fleet) -> None:
    """Goal: a command reaches the agent, or the home itself, whatever happens at that moment; what it says is true."""
    (device,) = fleet.joined(1)
    kept: set[str] = set()
    failed: set[str] = set()
    with ThreadPoolExecutor(2) as pool:
        for round_ in range(3):
            titles = [f"round {round_}, note {number}" for number in range(4)]
            running = [pool.submit(device.mesh, "--json", "note", "add", title) for title in titles]
            device.start()
            device.stop()
            for title, future in zip(titles, running, strict=True):
                answer = future.result()
                assert answer.code in {0, 5}, answer
                (kept if answer.code == 0 else failed).add(title)
    assert len(kept) >= 6, failed
    assert kept <= device.titles_now() <= kept | failed
