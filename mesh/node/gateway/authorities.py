"""Which authorities there are for phones, as the log has them, and which device to ask for what only an admin does.

What anybody else wrote than an admin, as the person, is left out as if it were not there: otherwise any member, or a
program on one, could have phones shown another authority. Nothing here is written, and no key is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Refused
from mesh.events.reading import read_inner
from mesh.events.verdict import Admission, Standing
from mesh.limits import LIST_MAX
from mesh.names import DocumentId, device_text, shown
from mesh.node import clock, subjects
from mesh.node.engine import Engine
from mesh.node.storage.store_port import Row
from mesh.state import doorways
from mesh.state.doorways import KIND, SPACE, Doorway

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def there_are(agent: Agent) -> bool:
    """Whether this mesh ever had an authority, so that a phone is wanted."""
    return bool(await agent.store.find_documents(f"{SPACE}/{KIND}/", 1))


async def history(agent: Agent) -> tuple[Doorway, ...]:
    """All authorities that there were, the first one first."""
    return doorways.joined(await every(agent.engine))


async def current(agent: Agent) -> Doorway | None:
    """The authority that counts."""
    replica = agent.engine.replica
    return doorways.current(await history(agent), replica.verdict, replica.statements)


async def problems(agent: Agent) -> list[dict[str, str]]:
    """What a person has to do: trust a new authority on phones that have not come since it was made."""
    known, found = await history(agent), await current(agent)
    if not known or known[0] == found:
        return []
    replica = agent.engine.replica
    names = [shown(one.name) for old in known for one in doorways.lost(old, replica.verdict, replica.statements)]
    why = f"{', '.join(dict.fromkeys(names))}, which had the key of the old one, is out of the mesh"
    if found is None:
        hint = "An admin device makes a new one by itself, as soon as its agent runs and knows of it."
        return [{"what": f"no certificate for phones counts now: {why}", "hint": hint}]
    waiting = [shown(phone.name) for phone in await _waiting(agent, found)]
    if not waiting:
        return []
    what = f"a new certificate for phones is in use since {clock.day(found.since_ms)}: {why}. "
    what += f"{', '.join(waiting)} must trust the new one"
    return [{"what": what, "hint": "`mesh phone list` shows where a phone gets it, and its fingerprint."}]


async def _waiting(agent: Agent, found: Doorway) -> list[Admission]:
    """The phones that came in before this authority was made, and told this device nothing since."""
    late = []
    for name, phone in sorted(agent.engine.replica.verdict.live.items()):
        meeting = agent.meetings.of(device_text(name))
        if phone.in_browser and not (meeting and meeting.heard_ms > found.since_ms):
            let_in_ms = await subjects.time_of(agent, name)
            late += [phone] if let_in_ms is None or let_in_ms < found.since_ms else []
    return late


async def every(engine: Engine) -> list[Doorway]:
    """All doorways that an admin bore as the person, by what is kept. What is fixed shows as it was born."""
    found = []
    for document in await engine.store.find_documents(f"{SPACE}/{KIND}/", LIST_MAX):
        row = await engine.store.record(document)
        lamports = await _births(engine, document) if row else []
        if row and lamports:  # others may say the same birth again: it is an admin's all the same
            found += [one for one in (doorways.read(document, row.record.registers, min(lamports)),) if one]
    return found


async def _births(engine: Engine, document: DocumentId) -> list[int]:
    """The Lamport numbers of the births of a document that an admin said."""
    return [
        row.placed.header.lamport
        for row in await engine.store.rows(document)
        if row.standing is Standing.HONOURED
        and doorways.may_make(engine.replica.verdict, row.placed.admission)
        and _is_birth(engine, row)
    ]


def _is_birth(engine: Engine, row: Row) -> bool:
    try:
        inner = read_inner(engine.keyring, row.placed)
    except Refused:
        return False
    return inner is not None and inner.kind == "born" and not inner.agent


def admins(agent: Agent) -> list[Admission]:
    """The live admins, those in touch first, then the senior ones."""
    linked = {link.device for link in agent.bus.links() if link.connected} if agent.bus else set()
    found = doorways.admins(agent.engine.replica.verdict).values()
    return sorted(found, key=lambda one: (device_text(one.digest) not in linked, one.rank, one.digest))


def admin_hint(agent: Agent) -> str:
    """Where to do what only an admin does: the sentence names one."""
    own = agent.engine.own.admission
    found = [one for one in admins(agent) if one.digest != own]
    return f"Do it on {shown(found[0].name)}, which is an admin." if found else "`mesh devices` shows the admins."
