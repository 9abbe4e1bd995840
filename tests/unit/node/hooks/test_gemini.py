"""What Gemini CLI sends is read for what it is, and it is answered in the form that it reads."""

from __future__ import annotations

import pytest

from mesh.node.hooks import gemini
from mesh.node.hooks.happening import NOTHING, Happening, Reply, What
from tests.unit.node.hooks.sent import cases, sent

WHATS = {
    "session_start": What.STARTED, "before_agent": What.PROMPTED, "shell": What.RAN, "shell_failed": What.RAN,
    "shell_failed_parts": What.RAN, "shell_older": What.RAN, "shell_signal": What.RAN, "shell_summary": What.RAN,
    "shell_background": What.RAN, "shell_error": What.RAN, "write_file": What.EDITED, "replace_failed": None,
    "read_file": None, "pre_compress": What.FORGETTING, "notification": What.WAITING, "after_agent": What.STOPPED,
    "after_agent_again": What.STOPPED, "session_end": What.ENDED, "before_model": None,
}  # fmt: skip
STRANGE: tuple[object, ...] = (None, 7, [], {}, "\ud800", ["a"], {"llmContent": 7}, {"llmContent": {"text": "a"}})


def read(case: str, **other: object) -> Happening:
    """One case as a happening."""
    found = gemini.read(sent("gemini", case, **other))
    assert found is not None, case
    return found


def test_every_case_has_its_meaning() -> None:
    """And every one has the session and the folder."""
    assert set(WHATS) == set(cases("gemini"))
    for case, what in WHATS.items():
        found = gemini.read(sent("gemini", case))
        assert (found and found.what) == what, case
        assert found is None or (found.native, found.cwd) == ("g-42", "/p"), case


@pytest.mark.parametrize(
    ("case", "exit_code"),
    [
        ("shell", 0),
        ("shell_failed", 1),
        ("shell_failed_parts", 3),
        ("shell_older", 0),
        ("shell_signal", None),
        ("shell_summary", None),
        ("shell_background", None),
        ("shell_error", None),
    ],
)
def test_how_a_command_ended(case: str, exit_code: int | None) -> None:
    """It stands in the last lines, which the command did not write; in a summary nothing is known."""
    assert read(case).exit == exit_code
    assert read(case).command == "npm test"


def test_fields() -> None:
    """Each thing is where it is looked for."""
    assert read("before_agent").words == "Make the importer resume"
    assert read("write_file").path == "/p/a.py"
    assert read("notification").permission
    assert (read("after_agent").anew, read("after_agent_again").anew) == (False, True)


@pytest.mark.parametrize("case", sorted(cases("gemini")))
def test_fields_of_any_form_are_no_fault(case: str) -> None:
    """A vendor may change what it sends: what is not understood is nothing."""
    whole = sent("gemini", case)
    for key in whole:
        for strange in STRANGE:
            gemini.read({**whole, key: strange})


def test_answers() -> None:
    """Nothing where there is nothing to say, or where it would not be listened to."""
    for what in What:
        assert gemini.said(what, NOTHING) == {}
    assert gemini.said(What.STARTED, Reply(context="hello")) == {
        "hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "hello"}
    }
    assert gemini.said(What.PROMPTED, Reply(context="hello")) == {
        "hookSpecificOutput": {"hookEventName": "BeforeAgent", "additionalContext": "hello"}
    }
    assert gemini.said(What.STOPPED, Reply(demand="tell")) == {"decision": "deny", "reason": "tell"}
    assert gemini.said(What.ASKED, Reply(allowed=True)) == {}
