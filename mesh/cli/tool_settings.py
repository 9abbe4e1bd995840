"""What the settings of an agent tool get from us, and how exactly that is taken out again: texts in, texts out.

Three kinds of files are edited: JSON with hooks and MCP servers, a TOML file with MCP servers, and a Markdown file of
instructions. This module reads and writes no file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mesh.errors import Refused

BEGIN, END = "<!-- mesh: begin -->", "<!-- mesh: end -->"
_TOML_BEGIN, _TOML_END = "# mesh: begin", "# mesh: end"
INSTRUCTIONS = """## mesh

Your work goes on after this session, on other devices and with other agents, by the MCP server `mesh`.
- Begin with `continuity`: it tells what happened, what is open, and what was decided.
- Take over work with `pickup`; leave it with `handoff`: a goal, what remains, and how to verify it.
- When you are done, or stop, file a `receipt` of what you changed. Claim only what you ran.
- Keep what others must know with `remember`; ask the person with `ask`, and never put a secret into any of them.
"""
SERVER = "mesh"
HOOKS: Mapping[str, Mapping[str, str]] = {
    # No WorktreeCreate: whoever hooks it must make the worktree.
    "claude": {
        "SessionStart": "", "UserPromptSubmit": "", "PostToolUse": "Bash|Edit|MultiEdit|Write|NotebookEdit",
        "PostToolUseFailure": "Bash", "PreCompact": "", "PermissionRequest": "", "Notification": "", "Stop": "",
        "StopFailure": "", "TaskCreated": "", "TaskCompleted": "", "CwdChanged": "", "SessionEnd": "",
    },
    "gemini": {
        "SessionStart": "", "BeforeAgent": "", "AfterTool": "run_shell_command|write_file|replace", "PreCompress": "",
        "Notification": "", "AfterAgent": "", "SessionEnd": "",
    },
}  # fmt: skip
"""Tool -> event -> which tools of it (empty: all, or none that could be told apart)."""

_HOOK_S = 30  # what a hook may take before the tool gives it up; it gives up itself long before
_PER_SECOND = {"claude": 1, "gemini": 1000}

Json = dict[str, Any]


@dataclass(frozen=True)
class Ours:
    """What is ours in a tool's settings. It is kept, so that it can be found again in a file that was edited since."""

    tool: str
    hook: str = ""
    """The command line of the hook; empty for a file that has none."""
    wait_s: int = 0
    server: tuple[str, ...] = ()
    """The command line of the MCP server; empty likewise."""


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def json_with(text: str, ours: Ours) -> str:
    """A JSON file of settings with our hooks and our server. Raises Refused when it is none that we understand."""
    told = _parsed(text)
    if ours.hook:
        hooks = _inner(told, "hooks")
        for event, matcher in HOOKS[ours.tool].items():
            entries = hooks.setdefault(event, [])
            if not isinstance(entries, list):
                raise _strange(f"hooks.{event} is no list")
            entries.append(_entry(ours, event, matcher))
    if ours.server:
        servers = _inner(told, "mcpServers")
        if SERVER in servers:
            raise _strange(f"there is an MCP server {SERVER!r} already")
        kind = {"type": "stdio"} if ours.tool == "claude" else {}
        servers[SERVER] = {**kind, "command": ours.server[0], "args": list(ours.server[1:])}
    return _as_before(text, told)


def json_without(text: str, ours: Ours) -> str:
    """The same without what is ours; what became empty by that goes too. Raises Refused."""
    told = _parsed(text)
    _take_out_hooks(told, ours)
    servers = told.get("mcpServers")
    if ours.server and isinstance(servers, dict):
        found = servers.get(SERVER)
        if isinstance(found, dict) and [found.get("command"), *(found.get("args") or [])] == list(ours.server):
            del servers[SERVER]
            if not servers:
                del told["mcpServers"]
    return text if told == _parsed(text) else _as_before(text, told)


def _take_out_hooks(told: Json, ours: Ours) -> None:
    hooks = told.get("hooks")
    if not ours.hook or not isinstance(hooks, dict):
        return
    for event in HOOKS[ours.tool]:
        entries = hooks.get(event)
        if not isinstance(entries, list):
            continue
        left = [one for one in (_entry_without(entry, ours.hook) for entry in entries) if one is not None]
        if left == entries:
            continue
        if left:
            hooks[event] = left
        else:
            del hooks[event]
        if not hooks:
            del told["hooks"]


def _entry(ours: Ours, event: str, matcher: str) -> Json:
    wait_s = ours.wait_s if event == "PermissionRequest" else 0
    hook: Json = {"type": "command", "command": ours.hook, "timeout": (_HOOK_S + wait_s) * _PER_SECOND[ours.tool]}
    return {**({"matcher": matcher} if matcher else {}), "hooks": [hook]}


def _entry_without(entry: object, command: str) -> object | None:
    """An entry without our hook; None when nothing else was in it."""
    held = entry.get("hooks") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(held, list):
        return entry
    left = [hook for hook in held if not (isinstance(hook, dict) and hook.get("command") == command)]
    if left == held:
        return entry
    return {**entry, "hooks": left} if left else None


def _inner(told: Json, key: str) -> Json:
    found = told.setdefault(key, {})
    if not isinstance(found, dict):
        raise _strange(f"{key} is no map")
    return found


def _parsed(text: str) -> Json:
    try:
        told = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise _strange(f"it is no plain JSON ({error})") from error
    if not isinstance(told, dict):
        raise _strange("it is no JSON object")
    return told


def _as_before(text: str, told: Json) -> str:
    """JSON in the way in which the text was written: its indentation, and whether its last line ends."""
    second = text.split("\n", 2)[1] if "\n" in text else "  "
    indent = second[: len(second) - len(second.lstrip())] or "  "
    return json.dumps(told, indent=indent, ensure_ascii=False) + ("\n" if text.endswith("\n") or not text else "")


# ── text ─────────────────────────────────────────────────────────────────────────────────────────


def text_with(text: str, _ours: Ours) -> str:
    """A file of instructions with ours at its end."""
    return f"{_open(text, BEGIN)}{BEGIN}\n{INSTRUCTIONS}{END}\n"


def text_without(text: str, _ours: Ours) -> str:
    """The same without ours. Raises Refused."""
    return _cut(text, BEGIN, END)


def toml_with(text: str, ours: Ours) -> str:
    """A TOML file with our MCP server at its end. Raises Refused."""
    words = ", ".join(json.dumps(word, ensure_ascii=False) for word in ours.server[1:])
    command = json.dumps(ours.server[0], ensure_ascii=False)
    block = f"[mcp_servers.{SERVER}]\ncommand = {command}\nargs = [{words}]\n"
    out = f"{_open(text, _TOML_BEGIN)}{_TOML_BEGIN}\n{block}{_TOML_END}\n"
    try:
        tomllib.loads(out)
    except tomllib.TOMLDecodeError as error:
        raise _strange(f"our part does not fit into it ({error})") from error
    return out


def toml_without(text: str, _ours: Ours) -> str:
    """The same without ours. Raises Refused."""
    return _cut(text, _TOML_BEGIN, _TOML_END)


def _open(text: str, begin: str) -> str:
    """A text behind which our part may stand."""
    if begin in text:
        raise _strange(f"there is a part {begin!r} already")
    if not text:
        return ""
    return text + ("\n" if text.endswith("\n") else "\n\n")


def _cut(text: str, begin: str, end: str) -> str:
    first, last = text.find(begin), text.find(end)
    if first < 0:
        return text
    if last < first:
        raise _strange(f"our part begins with {begin!r} and does not end")
    before, after = text[:first], text[last + len(end) :].removeprefix("\n")
    # The empty line before ours came with it, unless somebody wrote on behind it.
    return before.removesuffix("\n") + (f"\n{after}" if after and before.endswith("\n") else after)


def _strange(why: str) -> Refused:
    return Refused(why, hint="Put it in order, or add what `mesh agents install TOOL --dry-run` shows by hand.")
