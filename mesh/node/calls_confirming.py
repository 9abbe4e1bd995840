"""Calls about confirmations: the passphrase of this home, and what other devices ask to have approved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from mesh.errors import Malformed, Misuse, NotGranted, Refused
from mesh.events.approvals import APPROVED, KIND, SPACE, USED, Act, digest_of, read_question
from mesh.events.event import Lane
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.limits import LIST_MAX
from mesh.names import Digest, DocumentId, device_text, digest_text
from mesh.node import clock, confirming, wording
from mesh.node.arguments import Arguments, needed, text
from mesh.node.engine import Engine
from mesh.node.saying import looked
from mesh.node.subjects import name_of
from mesh.state.edits import Put

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_SET, _REMOVE = Act("passphrase", "set"), Act("passphrase", "remove")


async def passphrase(agent: Agent, _arguments: Arguments) -> object:
    """Whether a passphrase is set, and who else could approve what it confirms."""
    return {"set": await confirming.has_passphrase(agent), "approvers": [a.name for a in confirming.approvers(agent)]}


async def passphrase_set(agent: Agent, arguments: Arguments) -> object:
    """Set the passphrase, or another one: that takes the old one, or an approval."""
    new = needed(arguments, "new")
    done = await confirming.confirmed(agent, arguments, _SET)
    await confirming.set_passphrase(agent, new)
    return {"set": True, "warning": done.warning}


async def passphrase_remove(agent: Agent, arguments: Arguments) -> object:
    """Do without a passphrase."""
    if not await confirming.has_passphrase(agent):
        raise Misuse("no passphrase is set in this home", hint="`mesh passphrase set` sets one.")
    await confirming.confirmed(agent, arguments, _REMOVE)
    await confirming.remove_passphrase(agent)
    return {"set": False}


async def approvals(agent: Agent, _arguments: Arguments) -> object:
    """What other devices ask, and nobody has answered."""
    return {"approvals": await open_questions(agent)}


async def open_questions(agent: Agent) -> list[dict[str, object]]:
    """The questions of other devices that are open."""
    found = await agent.store.find_documents(f"{SPACE}/{KIND}/", LIST_MAX)
    unsettled = [document for document in found if document not in agent.memory.settled]

    async def look() -> list[dict[str, object]]:
        return [told async for told in _open(agent, unsettled)]

    return await looked(agent, look) if unsettled else []


async def _open(agent: Agent, documents: Sequence[DocumentId]) -> AsyncIterator[dict[str, object]]:
    own = agent.engine.own.admission
    for document in documents:
        loaded = await agent.engine.shelf.load(document)
        if loaded is None:
            continue
        try:
            act, until_ms = read_question(await agent.engine.shelf.birth(document))
            asker, name = await confirming.born_by(agent.engine, document)
        except Refused:
            agent.memory.settled.add(document)  # somebody wrote something else there
            continue
        answered = loaded.document.live(USED) or loaded.document.live(APPROVED)
        over = answered or asker == own or name or until_ms <= clock.now_ms()
        if over or await confirming.is_denied(agent.engine, document, act, asker):
            agent.memory.settled.add(document)
        else:
            yield _told(agent, document, act, (asker, until_ms))


def _told(agent: Agent, document: DocumentId, act: Act, asked: tuple[Digest, int]) -> dict[str, object]:
    asker, until_ms = asked
    return {
        "id": document_name(document),
        "device": device_text(asker),
        "name": name_of(agent, asker),
        "act": act.name,
        "target": act.target,
        "says": wording.of_act(agent, act),
        "digest": digest_text(digest_of(act)),
        "until_ms": until_ms,
    }


def document_name(document: DocumentId) -> str:
    """What a question is called."""
    return str(document).rpartition("/")[2]


async def approve(agent: Agent, arguments: Arguments) -> object:
    """Say yes to what another device asks, as the person. The passphrase of this home is asked where there is one."""
    if name := text(arguments, "as"):
        raise NotGranted(f"{name} is an agent, and only a person approves", hint="Do it yourself, without --as.")
    document = await confirming.document_named(agent, needed(arguments, "id"))
    shown = text(arguments, "digest")
    if await confirming.has_passphrase(agent):
        await _with_passphrase(agent, arguments)
    told: list[dict[str, object]] = []

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        if loaded is None:
            raise Refused("what is asked is not on this device yet")
        act, until_ms = read_question(await engine.shelf.birth(document))
        asker, asking = await confirming.born_by(engine, document)
        if shown is not None and shown != digest_text(digest_of(act)):
            raise Malformed("what is asked is not what was shown")
        if asker == engine.own.admission:
            hint = "Another device answers: the one that asks never counts."
            raise NotGranted("this device asked that itself", hint=hint)
        over = until_ms <= clock.now_ms() or loaded.document.live(USED)
        if asking or over or await confirming.is_denied(engine, document, act, asker):
            raise Refused("this question is over, or an agent asked it")
        told.append(_told(agent, document, act, (asker, until_ms)))
        actor = engine.shelf.actor(loaded, engine.own.admission)
        edits = (Put(APPROVED, digest_text(digest_of(act))),)
        return (Draft(Changed(loaded.document.edit(actor, edits).raw), document),)

    await agent.engine.say(Lane.DATA, make)
    return {**told[0], "approved": True}


async def _with_passphrase(agent: Agent, arguments: Arguments) -> None:
    given = text(arguments, "passphrase")
    if given is None:
        raise confirming.needs_passphrase()
    await confirming.check_passphrase(agent, given)
