"""The ten tools as a client sees them: names, words and schemas, in one order, as few characters as they can do with.

All of them together stay below SCHEMAS_TOKENS_MAX (limits.py): whoever talks to a model pays for each. Nothing here
grants, closes, resolves, approves or verifies: only a person does. This module does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mesh.errors import Misuse
from mesh.limits import ECHO_CHARACTERS_MAX, TOKEN_CHARACTERS
from mesh.names import shown

Schema = Mapping[str, object]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_YES: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}


def _about(schema: Schema, words: str) -> Schema:
    return {**schema, "description": words}


def _one_of(*words: str) -> Schema:
    return {"enum": list(words)}


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `reads`: it changes nothing."""

    name: str
    words: str
    properties: Mapping[str, Schema]
    required: tuple[str, ...] = ()
    reads: bool = False

    @property
    def schema(self) -> dict[str, object]:
        """What it takes, as JSON Schema."""
        found: dict[str, object] = {"type": "object", "properties": self.properties, "additionalProperties": False}
        return {**found, "required": list(self.required)} if self.required else found

    @property
    def annotations(self) -> dict[str, bool]:
        """What a client may think of it; what is not named is as MCP says when it is missing."""
        kind = {"readOnlyHint": True} if self.reads else {"destructiveHint": False}
        return {**kind, "openWorldHint": False}

    def told(self) -> dict[str, object]:
        """As it travels."""
        return {
            "name": self.name,
            "description": self.words,
            "inputSchema": self.schema,
            "annotations": self.annotations,
        }

    def check(self, arguments: Mapping[str, object]) -> None:
        """Raise Misuse for arguments that the schema does not allow, in words that help a model to do better."""
        for key in arguments:
            if key not in self.properties:
                names = ", ".join(self.properties)
                raise Misuse(f"{self.name} takes no {shown(key, ECHO_CHARACTERS_MAX)!r}", hint=f"It takes: {names}.")
        for key in self.required:
            if arguments.get(key) in (None, ""):
                raise Misuse(f"{self.name} needs {key}", hint=str(self.properties[key].get("description", self.words)))
        for key, value in arguments.items():
            if problem := _problem(self.properties[key], value):
                raise Misuse(f"{key} is {problem}", hint=f"Call {self.name} again with that put right.")


def _problem(schema: Schema, value: object) -> str:
    """What is wrong with a value, as far as a schema of ours can say it; empty when it fits."""
    kind, among = schema.get("type"), schema.get("enum")
    if isinstance(among, list):
        return "" if value in among else f"none of {', '.join(among)}"
    if kind == "array":
        inner = schema["items"]
        assert isinstance(inner, dict), "our own table"
        wrong = not isinstance(value, list) or any(_problem(inner, item) for item in value)
        return f"no list of {'objects with text' if inner['type'] == 'object' else 'texts'}" if wrong else ""
    if kind == "integer":
        return "" if isinstance(value, int) and not isinstance(value, bool) else "no whole number"
    if kind == "boolean":
        return "" if isinstance(value, bool) else "neither true nor false"
    if kind == "object":
        fits = isinstance(value, dict) and isinstance(value.get("text"), str) and bool(value["text"])
        return "" if fits else "no object with a text"
    return "" if isinstance(value, str) else "no text"


TOOLS = (
    Tool(
        "continuity",
        "Call first. What happened since this project was last touched, on every device: open hand-offs, ready tasks, "
        "decisions, questions, who else is at work, conflicts.",
        {
            "project": _about(_TEXT, "default: that of the working directory"),
            "budget": _about(_WHOLE, "max tokens, default 1500"),
        },
        reads=True,
    ),
    Tool(
        "pickup",
        "Take over a hand-off; without id the best open one. Returns goal, done, remaining, files, how to verify. "
        "Fails if another agent holds it.",
        {
            "id": _TEXT,
            "project": _TEXT,
            "yes": _about(_YES, "the person agreed to one older than a day"),
        },
    ),
    Tool(
        "handoff",
        "Leave work for the next agent or the human. Nobody can overwrite it. Remaining items become tasks.",
        {
            "goal": _TEXT,
            "remaining": _about(_TEXTS, "one actionable item each"),
            "done": _TEXTS,
            "decisions": _about(_TEXTS, "with why"),
            "rejected": _about(_TEXTS, "what did not work"),
            "files": _TEXTS,
            "verify": _about(_TEXTS, "commands or checks"),
            "blockers": _TEXTS,
            "context": _TEXT,
            "to": _about(_TEXT, "anyone, human, agent:NAME, device:ID"),
            "reason": _one_of("done_for_now", "rate_limit", "context_full", "blocked", "needs_human"),
            "project": _TEXT,
        },
        ("goal", "remaining"),
    ),
    Tool(
        "receipt",
        "Required before you finish: what changed and why. Claims without evidence that the machine itself captured "
        "are kept as 'asserted'.",
        {
            "summary": _TEXT,
            "changed": _about(_TEXTS, "paths, commits, services"),
            "why": _TEXT,
            "claims": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"text": _TEXT, "evidence": _about(_TEXT, "command, commit, path or tool_use_id")},
                    "required": ["text"],
                },
            },
            "not_done": _TEXTS,
            "task": _TEXT,
            "handoff": _TEXT,
            "project": _TEXT,
        },
        ("summary", "changed"),
    ),
    Tool(
        "remember",
        "Keep one durable fact, decision or preference.",
        {
            "text": _TEXT,
            "kind": _one_of("fact", "decision", "preference", "pitfall", "procedure"),
            "scope": _one_of("project", "device", "global"),
            "evidence": _TEXT,
            "supersedes": _about(_TEXT, "id"),
            "expires_days": _WHOLE,
            "project": _TEXT,
        },
        ("text",),
    ),
    Tool(
        "recall",
        "Search memory, notes, receipts, hand-offs and tasks. Each hit says who wrote it, when, where, and whether it "
        "was verified or superseded.",
        {"query": _TEXT, "kind": _about(_TEXTS, "of memory"), "project": _TEXT, "limit": _WHOLE},
        ("query",),
        reads=True,
    ),
    Tool(
        "note",
        "Create a Markdown note, append to one, or replace text that stands in it once.",
        {
            "path": _about(_TEXT, "path, title or id"),
            "text": _TEXT,
            "mode": _one_of("create", "append", "replace"),
            "old": _about(_TEXT, "what is replaced"),
            "tags": _TEXTS,
        },
        ("text",),
    ),
    Tool(
        "tasks",
        "List tasks; default: what is ready to start now.",
        {"filter": _one_of("ready", "mine", "blocked", "all"), "project": _TEXT, "limit": _WHOLE},
        reads=True,
    ),
    Tool(
        "task",
        "Create, claim, update or close a task.",
        {
            "id": _about(_TEXT, "omit to create"),
            "title": _TEXT,
            "claim": _YES,
            "status": _one_of("open", "in_progress", "blocked", "needs_human", "done", "dropped"),
            "notes": _about(_TEXT, "or the reason of the status"),
            "needs": _about(_TEXTS, "ids of tasks that come first"),
            "discovered_from": _TEXT,
            "receipt": _about(_TEXT, "for done"),
            "project": _TEXT,
        },
    ),
    Tool(
        "ask",
        "Ask the human, on any device, a question or for approval. Returns a handle at once; call again with it to "
        "read the answer.",
        {
            "question": _TEXT,
            "options": _TEXTS,
            "default": _about(_TEXT, "what goes when nobody answers"),
            "expires_s": _WHOLE,
            "handle": _TEXT,
        },
    ),
)

BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in TOOLS}


def tokens() -> int:
    """About how many tokens all tools cost: their JSON in its shortest form, by TOKEN_CHARACTERS each."""
    text = json.dumps([tool.told() for tool in TOOLS], ensure_ascii=False, separators=(",", ":"))
    return -(-len(text) // TOKEN_CHARACTERS)
