"""What Claude Code sends is read for what it is, and it is answered in the form that it reads."""

from __future__ import annotations

import pytest

from mesh.node.hooks import claude
from mesh.node.hooks.happening import NOTHING, Happening, Reply, What
from tests.unit.node.hooks.sent import cases, sent

WHATS = {
    "session_start": What.STARTED, "session_start_compact": What.STARTED, "user_prompt": What.PROMPTED,
    "bash": What.RAN, "bash_not_zero": What.RAN, "bash_background": What.RAN, "bash_failed": What.RAN,
    "bash_interrupted": What.RAN, "edit": What.EDITED, "notebook": What.EDITED, "read": None,
    "pre_compact": What.FORGETTING, "rate_limit": What.LIMITED, "rate_limit_typed": What.LIMITED,
    "stop_failure": What.WAITING, "stop": What.STOPPED, "stop_again": What.STOPPED, "permission": What.ASKED,
    "notification_permission": What.WAITING, "notification_idle": What.WAITING, "task_created": What.TASK_MADE,
    "task_completed": What.TASK_DONE, "cwd_changed": What.MOVED, "session_end": What.ENDED, "subagent_stop": None,
}  # fmt: skip
STRANGE: tuple[object, ...] = (None, 7, [], {}, "\ud800", ["a"])


def read(case: str, **other: object) -> Happening:
    """One case as a happening."""
    found = claude.read(sent("claude", case, **other))
    assert found is not None, case
    return found


def test_every_case_has_its_meaning() -> None:
    """And every one has the session and the folder."""
    assert set(WHATS) == set(cases("claude"))
    for case, what in WHATS.items():
        found = claude.read(sent("claude", case))
        assert (found and found.what) == what, case
        assert found is None or (found.native.endswith("001") and found.cwd.startswith("/p")), case


@pytest.mark.parametrize(
    ("case", "exit_code"),
    [("bash", 0), ("bash_not_zero", None), ("bash_background", None), ("bash_failed", 2), ("bash_interrupted", None)],
)
def test_how_a_command_ended(case: str, exit_code: int | None) -> None:
    """0 only where nothing speaks against it: claims rest on it."""
    found = read(case)
    assert found.exit == exit_code
    assert found.command
    assert found.output == {"bash": "3 passed", "bash_failed": "Exit code 2\n1 failed"}.get(case, found.output)


def test_without_an_answer_nothing_is_known_of_a_command() -> None:
    """Also where the field has another form."""
    assert read("bash", tool_response={}).exit is None
    assert read("bash", tool_response="done").exit is None
    assert read("bash_failed", error="it broke").exit is None


def test_fields() -> None:
    """Each thing is where it is looked for."""
    assert read("session_start").model == "claude-opus"
    assert read("session_start", model={"id": "opus", "display_name": "Opus"}).model == "opus"
    assert read("session_start").transcript.endswith(".jsonl")
    assert read("user_prompt").words == "Make the importer\n resume after a cut"
    assert (read("edit").path, read("notebook").path) == ("/p/a.py", "/p/n.ipynb")
    assert read("pre_compact").text == "keep the failing test"
    assert read("rate_limit").words == "API Error: Rate limit reached"
    assert (read("stop").anew, read("stop_again").anew) == (False, True)
    asked = read("permission")
    assert (asked.words, asked.detail["command"]) == ("Bash", "git push origin main")
    assert (read("notification_permission").permission, read("notification_idle").permission) == (True, False)
    made = read("task_created")
    assert (made.task, made.words, made.text) == ("7", "Write the resume test", "Cut it ten times")
    assert read("cwd_changed").cwd == "/p/web"


@pytest.mark.parametrize("case", sorted(cases("claude")))
def test_fields_of_any_form_are_no_fault(case: str) -> None:
    """A vendor may change what it sends: what is not understood is nothing."""
    whole = sent("claude", case)
    for key in whole:
        for strange in STRANGE:
            claude.read({**whole, key: strange})


def test_answers() -> None:
    """Nothing where there is nothing to say; the forms of its documentation elsewhere."""
    for what in What:
        assert claude.said(what, NOTHING) == {}
    assert claude.said(What.STARTED, Reply(context="hello")) == {
        "hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "hello"}
    }
    assert claude.said(What.PROMPTED, Reply(context="hello")) == {
        "hookSpecificOutput": {"hookEventName": "UserPromptSubmit", "additionalContext": "hello"}
    }
    assert claude.said(What.STOPPED, Reply(demand="tell")) == {"decision": "block", "reason": "tell"}
    asked = {True: {"behavior": "allow"}, False: {"behavior": "deny", "message": "no"}}
    for allowed, decision in asked.items():
        assert claude.said(What.ASKED, Reply(allowed=allowed, reason="no")) == {
            "hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}
        }
