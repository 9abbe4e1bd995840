"""The hooks of Gemini CLI: its events as happenings, and replies in the form that it reads.

It tells of a permission only that it waits for one, so nobody elsewhere can give it; a rate limit it does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mesh.node.hooks.happening import Happening, Json, Reply, What, inner, word

_WHATS = {
    "SessionStart": What.STARTED,
    "BeforeAgent": What.PROMPTED,
    "PreCompress": What.FORGETTING,
    "AfterAgent": What.STOPPED,
    "Notification": What.WAITING,
    "SessionEnd": What.ENDED,
}
_TRAILER = re.compile(r"(Error|Exit Code|Signal|Background PIDs|Process Group PGID): ?(.*)")
_OUTPUT = ("Output: ", "Command: ")


def read(body: Json) -> Happening | None:
    """What happened; None for what we do not follow."""
    event, native, cwd = word(body, "hook_event_name"), word(body, "session_id"), word(body, "cwd")
    if event == "AfterTool":
        return _used(body, native, cwd)
    what = _WHATS.get(event)
    if what is None:
        return None
    return Happening(
        what,
        native,
        cwd,
        transcript=word(body, "transcript_path"),
        words=word(body, "prompt", "message"),
        anew=body.get("stop_hook_active") is True,
        permission=body.get("notification_type") == "ToolPermission",
    )


def _used(body: Json, native: str, cwd: str) -> Happening | None:
    tool, given, answer = word(body, "tool_name"), inner(body, "tool_input"), inner(body, "tool_response")
    if tool in {"write_file", "replace"}:
        path = word(given, "file_path", "absolute_path")
        return Happening(What.EDITED, native, cwd, path=path) if path and not answer.get("error") else None
    if tool != "run_shell_command":
        return None
    text = _text(answer.get("llmContent"))
    hidden = bool(given.get("is_background")) or bool(answer.get("error"))
    return Happening(
        What.RAN, native, cwd, command=word(given, "command"), exit=None if hidden else _exit(text), output=text
    )


def _exit(text: str) -> int | None:
    """How a command ended. It stands in the last lines, and only where it is not 0; in a summary nothing is known."""
    trailer: dict[str, str] = {}
    for line in reversed(text.splitlines()):
        found = _TRAILER.fullmatch(line)
        if found is None:
            break
        trailer.setdefault(found[1], found[2])  # the last one is the tool's
    code = trailer.get("Exit Code")
    if code is not None:
        return int(code) if code.lstrip("-").isdecimal() and len(code) <= 4 else None
    broken = not text.startswith(_OUTPUT) or {"Error", "Signal"} & trailer.keys()
    return None if broken else 0


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else [content]
    return "\n".join(word(part, "text") for part in parts if isinstance(part, dict))


def said(what: What, reply: Reply) -> Json:
    """What it is to read; empty where there is nothing to say."""
    if reply.demand:
        return {"decision": "deny", "reason": reply.demand}
    if reply.context:
        event = "SessionStart" if what is What.STARTED else "BeforeAgent"
        return {"hookSpecificOutput": {"hookEventName": event, "additionalContext": reply.context}}
    return {}
