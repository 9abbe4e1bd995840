"""A device that leaves says so, as a document, so that an admin device can tell the person to close it.

No device closes itself: a thief could then cut off what the others still know of it. Nothing is removed here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import Refused
from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.kinds import Born
from mesh.events.reading import read_inner
from mesh.events.speaking import Draft
from mesh.events.verdict import Admission, Standing
from mesh.limits import LIST_MAX, SALT_BYTES
from mesh.node.arguments import Arguments
from mesh.node.engine import Engine

if TYPE_CHECKING:
    from mesh.node.agent import Agent

SPACE, KIND = "mesh", "leaving"


async def leaving(agent: Agent, _arguments: Arguments) -> object:
    """Say that this device leaves. Saying it again says nothing new."""
    own = agent.engine.own.admission
    if all(found.digest != own for found in await leavers(agent)):
        birth = Born({}, "", secrets.token_bytes(SALT_BYTES))
        document = document_of(SPACE, KIND, birth)

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (Draft(birth, document),)

        await agent.engine.say(Lane.DATA, make)
    return {"said": True}


async def leavers(agent: Agent) -> list[Admission]:
    """The live devices that said themselves, as the person, that they leave."""
    live = agent.engine.replica.verdict.live
    found: dict[bytes, Admission] = {}
    for document in await agent.store.find_documents(f"{SPACE}/{KIND}/", LIST_MAX):
        for row in await agent.store.rows(document):
            try:
                inner = read_inner(agent.engine.keyring, row.placed)
            except Refused:
                continue
            if row.standing is Standing.HONOURED and inner and inner.kind == "born" and not inner.agent:
                found |= {a.digest: a for a in (live.get(row.placed.admission),) if a}
    return sorted(found.values(), key=lambda a: (a.rank, a.name, a.digest))
