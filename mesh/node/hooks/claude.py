"""The hooks of Claude Code: its events as happenings, and replies in the form that it reads.

What it sends was taken from its documentation and from readers of others; fields that are missing are nothing.
"""

from __future__ import annotations

import re

from mesh.node.hooks.happening import Happening, Json, Reply, What, inner, word

_EDITS = ("Edit", "MultiEdit", "Write", "NotebookEdit")
_EXIT = re.compile(r"(?:Exit code|exit code|exit status)[: ]+(\d{1,3})")
_WHATS = {
    "SessionStart": What.STARTED,
    "UserPromptSubmit": What.PROMPTED,
    "PreCompact": What.FORGETTING,
    "Stop": What.STOPPED,
    "TaskCreated": What.TASK_MADE,
    "TaskCompleted": What.TASK_DONE,
    "CwdChanged": What.MOVED,
    "SessionEnd": What.ENDED,
    "Notification": What.WAITING,
    "PermissionRequest": What.ASKED,
}


def read(body: Json) -> Happening | None:
    """What happened; None for what we do not follow."""
    event, native = word(body, "hook_event_name"), word(body, "session_id")
    if event in {"PostToolUse", "PostToolUseFailure"}:
        return _used(body, native, failed=event == "PostToolUseFailure")
    if event == "StopFailure":
        limited = word(body, "error_type", "error") == "rate_limit"
        what = What.LIMITED if limited else What.WAITING
        return Happening(what, native, _cwd(body), words=word(body, "last_assistant_message", "error_details"))
    what_else = _WHATS.get(event)
    if what_else is None:
        return None
    return Happening(
        what_else,
        native,
        _cwd(body),
        transcript=word(body, "transcript_path"),
        model=word(body, "model") or word(inner(body, "model"), "id"),
        words=word(body, "prompt", "task_subject", "message", "tool_name", "last_assistant_message"),
        text=word(body, "task_description", "custom_instructions"),
        anew=body.get("source") == "compact" or body.get("stop_hook_active") is True,
        permission=body.get("notification_type") == "permission_prompt",
        task=word(body, "task_id"),
        detail=inner(body, "tool_input"),
    )


def _used(body: Json, native: str, *, failed: bool) -> Happening | None:
    tool, given, answer = word(body, "tool_name"), inner(body, "tool_input"), inner(body, "tool_response")
    cwd = _cwd(body)
    if tool in _EDITS and not failed:
        path = word(given, "file_path", "notebook_path") or word(answer, "filePath")
        return Happening(What.EDITED, native, cwd, path=path) if path else None
    if tool != "Bash":
        return None
    output = word(body, "error") if failed else f"{word(answer, 'stdout')}{word(answer, 'stderr')}"
    return Happening(
        What.RAN, native, cwd, command=word(given, "command"), exit=_exit(body, answer, failed=failed), output=output
    )


def _exit(body: Json, answer: Json, *, failed: bool) -> int | None:
    """How a command ended: nothing says 0 but that the tool took it for a success, without any but."""
    if failed:
        found = _EXIT.search(word(body, "error"))
        return int(found[1]) if found and not body.get("is_interrupt") else None
    unsure = ("interrupted", "backgroundTaskId", "returnCodeInterpretation")  # the last: it was not 0, and no fault
    return None if not answer or any(answer.get(key) for key in unsure) else 0


def _cwd(body: Json) -> str:
    return word(body, "new_cwd", "cwd")


def said(what: What, reply: Reply) -> Json:
    """What it is to read; empty where there is nothing to say."""
    if reply.allowed is not None:
        verdict = {"behavior": "allow"} if reply.allowed else {"behavior": "deny", "message": reply.reason}
        return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": verdict}}
    if reply.demand:
        return {"decision": "block", "reason": reply.demand}
    if reply.context:
        event = "SessionStart" if what is What.STARTED else "UserPromptSubmit"
        return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": reply.context}}
    return {}
