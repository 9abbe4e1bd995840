"""Memories and questions as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

import json

from mesh.cli.screen import Screen, lines_of, moment, one_line
from mesh.cli.view_work import Told, document, part, parts, texts

_STATES = {
    "approved": "green", "noted": "", "pending": "yellow", "stale": "yellow", "superseded": "dim", "expired": "dim",
    "rejected": "dim", "waiting": "yellow", "answered": "cyan", "taken": "green",
}  # fmt: skip
_SHOWN_CHARACTERS = 2000  # of what a question is about


def remembered(screen: Screen, result: Told) -> list[str]:
    """That something is remembered, or waits for a person."""
    words = {"pending": ("waits for a person", "yellow")}.get(str(result.get("state")), ("remembered", "green"))
    return [f"{screen.ink(*words)}  {one_line(result.get('document'))}"]


def changed(screen: Screen, result: Told) -> list[str]:
    """What became of a memory."""
    return [f"{screen.ink(one_line(result.get('state')), 'green')}  {one_line(result.get('document'))}"]


def recalled(screen: Screen, result: Told) -> list[str]:
    """What is remembered about something."""
    return _memories(screen, parts(result.get("hits")), "nothing is remembered about that")


def memories(screen: Screen, result: Told) -> list[str]:
    """A list of memories."""
    return _memories(screen, parts(result.get("memories")), "nothing is remembered")


def _memories(screen: Screen, found: list[Told], none: str) -> list[str]:
    lines = []
    for one in found:
        lines += screen.wrapped(one_line(one.get("text")))
        who = part(one, "created")
        by = one_line(one.get("by")) if one.get("by") != "human" else "you"
        kind, scope = one_line(one.get("kind")), one_line(one.get("scope"))
        about = f"{kind}, {scope}, by {by} on {one_line(who.get('name'))}, {moment(who.get('at'))}"
        lines.append(f"  {_state(screen, one)}  {screen.ink(about, 'dim')}  {document(one.get('document'))}")
    return lines or [none]


def asked(screen: Screen, result: Told) -> list[str]:
    """That a question waits."""
    return [f"{screen.ink('asked', 'green')}  {one_line(result.get('document'))}"]


def questions(screen: Screen, result: Told) -> list[str]:
    """Questions, one a line."""
    rows = [
        (one_line(one.get("question")), _state(screen, one), _outcome(one), _asker(one), document(one.get("document")))
        for one in parts(result.get("asks"))
    ]
    return screen.table(("QUESTION", "STATE", "ANSWER", "FROM", "ASK"), rows) if rows else ["no questions"]


def question(screen: Screen, result: Told) -> list[str]:
    """One question, what it is about, and how it stands."""
    lines = [screen.ink(one_line(result.get("question")), "bold")]
    options = [f"{number}. {option}" for number, option in enumerate(texts(result.get("options")), 1)]
    answer = part(result, "answer")
    said = one_line(answer.get("text"))
    by = f"by {one_line(answer.get('name'))}, {moment(answer.get('at_ms'))}" if answer else ""
    lines += screen.fields(
        [
            ("ask", one_line(result.get("document"))),
            ("from", _asker(result)),
            ("asked", moment(result.get("asked_ms"))),
            ("until", moment(result.get("expires_ms"))),
            ("options", "  ".join(options)),
            ("default", one_line(result.get("default"))),
            ("state", _state(screen, result)),
            ("outcome", "  ".join(filter(None, (_outcome(result), by)))),
            ("with it", said if said != _outcome(result) else ""),
            (
                "too late",
                ", ".join(f"{_words(one)} by {one_line(one.get('name'))}" for one in parts(result.get("too_late"))),
            ),
        ]
    )
    detail = part(result, "detail")
    if detail:
        lines += ["", *lines_of(json.dumps(dict(detail), ensure_ascii=False, indent=2)[:_SHOWN_CHARACTERS])]
    return lines


def _state(screen: Screen, one: Told) -> str:
    word = one_line(one.get("state"))
    return screen.ink(word, _STATES.get(word, "bold"))


def _outcome(one: Told) -> str:
    return one_line(one.get("outcome"))


def _words(answer: Told) -> str:
    return one_line(answer.get("option")) or one_line(answer.get("text"))


def _asker(one: Told) -> str:
    device = one_line(one.get("device_name"))
    return f"{one_line(one.get('agent'))}@{device}" if one.get("agent") else device
