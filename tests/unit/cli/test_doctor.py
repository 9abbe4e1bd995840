"""What the doctor found, as people read it."""

from __future__ import annotations

from mesh.cli.doctor import _lines
from mesh.cli.screen import Screen
from mesh.node.health.diagnosis import Examined, agentless, right, unclear, wrong


def test_what_only_an_agent_knows_is_one_line() -> None:
    """Seven lines that say the same would hide the one that matters."""
    found = [Examined("peers", agentless()), Examined("disk", right("room")), Examined("clock", agentless())]
    assert _lines(Screen(None), found) == [
        "✓ disk   room",
        "? without an agent this cannot be told: peers, clock",
        "",
        "nothing is wrong here",
    ]


def test_what_is_wrong_says_what_to_do_and_whether_it_can_be_mended() -> None:
    """The cure stands below the fault; what is right or unclear needs none."""
    found = [
        Examined("agent", wrong("none runs", "`mesh up` starts it.", mend="agent")),
        Examined("port", wrong("taken", "End the other program.")),
        Examined("keys", unclear("unsealed", "Encrypt the disk.")),
    ]
    assert _lines(Screen(None), found) == [
        "✗ agent  none runs",
        "         do: `mesh up` starts it.",
        "✗ port   taken",
        "         do: End the other program.",
        "? keys   unsealed",
        "         do: Encrypt the disk.",
        "",
        "2 wrong, 1 of it can be mended by `mesh doctor --fix`",
    ]
