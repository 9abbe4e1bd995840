"""Statements and acts in words, as a person is asked about them: from the bytes themselves and this device's verdict.

Nothing that another device put into words is repeated here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.events.approvals import Act
from mesh.events.kinds import Admit, Adopt, Body, Close, Forget, Grant, Rekey, Ungrant, kind_of
from mesh.names import digest_text, role_text
from mesh.node import subjects

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_ID_CHARACTERS = 12
_ALONE = {
    "rotate": "a new epoch key",
    "passphrase": "another passphrase for that home, or none",
    "void-discard": "leave the void work of {target} out of lists there",
}


def of_act(agent: Agent, act: Act) -> list[str]:
    """An act, one line a statement; what it says without statements in one line."""
    lines = [line(agent, body) for body in act.bodies]
    return lines or [_ALONE.get(act.name, "do {name} {target}").format(name=act.name, target=act.target)]


def line(agent: Agent, body: Body) -> str:
    """One statement."""
    match body:
        case Grant() as grant:
            return f"grant {subjects.words(agent, grant)}"
        case Ungrant(grant):
            found = agent.engine.replica.statements.get(grant)
            given = found.body if found and isinstance(found.body, Grant) else None
            return f"end the grant {subjects.words(agent, given)}" if given else "end a grant that is not here"
        case Close(admission, marks, reason):
            ends = "1 mark" if len(marks) == 1 else f"{len(marks)} marks"
            kept = f"what it wrote counts up to {ends}" if marks else "nothing that it wrote counts"
            return f"close {subjects.name_of(agent, admission)} ({reason or 'no reason'}): {kept}"
        case Admit(name=name, rank=rank):
            return f"let {name} in as {role_text(rank)} (rank {rank})"
        case Adopt(events):
            named = ", ".join(digest_text(event)[:_ID_CHARACTERS] for event in events[:3])
            return f"have {len(events)} void events count: {named}{' …' if len(events) > 3 else ''}"
        case Forget(document):
            return f"forget {document} for ever, on every device"
        case Rekey():
            return "a new epoch key"
        case _:
            return kind_of(body)
