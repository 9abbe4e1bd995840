"""Sessions: what their tools tell becomes registers that a session has, and what comes late changes nothing."""

import pytest

from mesh.errors import Misuse
from mesh.events.kinds import Value
from mesh.limits import CHECKPOINTS_KEPT
from mesh.names import DocumentId
from mesh.state import sessions
from mesh.state.records import Record, birth
from mesh.state.shapes import check_register


def session(**registers: Value) -> Record:
    """A session of claude on `dev`."""
    born = sessions.registers_of_birth("claude", "0f3a-77", "dev")
    return Record(DocumentId("home", "session", bytes(16)), {**born, **registers}, "")


def test_telling_of_a_session_twice_makes_one() -> None:
    """Its birth says which tool, which of its sessions, which device, and nothing else."""
    born = sessions.registers_of_birth("claude", "0f3a-77", "dev")
    assert birth("session", born) == birth("session", dict(reversed(born.items())))
    for tool, native in (("Claude Code", "1"), ("claude", " "), ("claude", "a\nb")):
        with pytest.raises(Misuse):
            sessions.registers_of_birth(tool, native, "dev")


@pytest.mark.parametrize("over", sessions.OVER)
def test_what_comes_late_about_a_session_that_is_over_changes_nothing(over: str) -> None:
    """Hooks arrive in any order, also twice; only a session that goes on leaves its end."""
    for late in sessions.OPEN:
        assert sessions.may_become(over, late) == (late == sessions.WORKING)
    assert sessions.may_become(sessions.ORPHANED, sessions.ENDED)
    assert not sessions.may_become(sessions.ENDED, sessions.ORPHANED)
    with pytest.raises(Misuse, match="no state"):
        sessions.may_become(over, "asleep")


def test_only_transitions_are_written() -> None:
    """The same state again is no change, but for a rate limit that ends at another time."""
    working = session(state="working")
    assert sessions.state_registers(working, "working", 5) == {}
    assert sessions.state_registers(working, "idle", 5) == {"state": "idle", "state-at": 5, "until": None}
    limited = sessions.state_registers(working, "rate_limited", 5, 99)
    assert limited == {"state": "rate_limited", "state-at": 5, "until": 99}
    again = session(**limited)
    assert sessions.state_registers(again, "rate_limited", 6, 99) == {}
    assert sessions.state_registers(again, "rate_limited", 6, 120) == {"until": 120}
    for key, value in limited.items():
        check_register("session", key, value)


def test_the_latest_checkpoints_are_kept() -> None:
    """As many as there is room for, the latest first; what somebody else wrote there is none."""
    registers: dict[str, Value] = {"checkpoint/odd": "no json", "checkpoint/odd2": "{}"}
    for at in range(CHECKPOINTS_KEPT + 3):
        new = sessions.checkpoint_registers(session(**registers), at, f"step {at}", ["left"], ["a.py"])
        registers = {key: value for key, value in {**registers, **new}.items() if value is not None}
        for key, value in new.items():
            if value is not None:
                check_register("session", key, value)
    found = sessions.checkpoints(session(**registers))
    assert found[0] == sessions.Checkpoint(CHECKPOINTS_KEPT + 2, f"step {CHECKPOINTS_KEPT + 2}", ("left",), ("a.py",))
    assert len([key for key in registers if key.startswith("checkpoint/")]) == CHECKPOINTS_KEPT
    assert list(found) == sorted(found, key=lambda one: -one.at_ms)


def test_a_session_goes_on_by_its_tools_own_command() -> None:
    """In its folder, quoted for a shell; a tool of which none is known has no command."""
    assert sessions.resume_command(session(), "/srv/my site") == "cd '/srv/my site' && claude --resume 0f3a-77"
    assert sessions.begin_command(session(), "") == "claude"
    odd = session(native="x; rm -rf ~")
    assert sessions.resume_command(odd, "") == "claude --resume 'x; rm -rf ~'"
    assert sessions.resume_command(session(tool="ollama"), "/x") == sessions.begin_command(session(tool="o"), "") == ""
    assert sessions.resume_command(session(native="--yolo"), "") == ""
    codex = session(tool="codex")
    assert sessions.resume_command(codex, "") == "codex resume 0f3a-77"


def test_a_session_is_told_with_its_goal() -> None:
    """As it was given, else what it is about now."""
    assert sessions.told(session(title="now"))["goal"] == "now"
    assert sessions.told(session(title="now", goal="first", until=0))["goal"] == "first"
    assert sessions.told(session())["until_ms"] is None
