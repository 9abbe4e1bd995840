"""Confirmations: what shows that a person wants an act, and no program that merely may call this device's agent.

Either the passphrase of this home, or the approval of another device: a question goes out as a document that any live
device but a relay may answer, as the person, and whose answer is checked here when the act is asked for again. The
answer of this device itself never counts. This module confirms; it says no statement.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Busy, Misuse, NeedsApproval, NeedsPassphrase, NotGranted, Refused
from mesh.events.approvals import APPROVED, DENIED, KIND, SPACE, USED, Act, digest_of, question, read_question
from mesh.events.bodies import document_of
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Changed, Close
from mesh.events.lockbox import lock, unlock
from mesh.events.reading import read_inner
from mesh.events.speaking import Draft
from mesh.events.verdict import Admission
from mesh.limits import (
    APPROVALS_OPEN_MAX,
    NONCE_BYTES,
    PASSPHRASE_BYTES_MAX,
    PASSPHRASE_CHARACTERS_MIN,
    PASSPHRASE_TRIES_MAX,
    SALT_BYTES,
    WORDS_CHARACTERS_MAX,
)
from mesh.names import Digest, DocumentId, digest_text
from mesh.node import clock, timing, wording
from mesh.node.arguments import Arguments, text, yes
from mesh.node.engine import Engine
from mesh.node.saying import looked
from mesh.state.edits import Put

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_BOX, _WRONG, _OPEN = "passphrase/box", "passphrase/wrong", "approvals/open"
"""Settings of the store: the lock box; wrong tries, with the time of the last; questions that are open."""
_INSIDE = b"mesh passphrase"
ALONE = "anybody who can run `mesh` here may do this: no passphrase is set, and no other device could approve it"


@dataclass(frozen=True)
class Confirmed:
    """An act that may be done now, as it was confirmed, and what to tell about that."""

    act: Act
    warning: str = ""


async def confirmed(
    agent: Agent, arguments: Arguments, act: Act, without: Collection[Digest] = frozenset()
) -> Confirmed:
    """The act as a person confirmed it. `without`: devices that it is directed against, which are not asked.

    Raises NotGranted for an agent, NeedsPassphrase, NeedsApproval, or Refused.
    """
    if name := text(arguments, "as"):
        raise NotGranted(f"{name} is an agent, and only a person does this", hint="Do it yourself, without --as.")
    if asked := text(arguments, "approved"):
        return Confirmed(await _approved(agent, asked, act, without))
    if (passphrase := text(arguments, "passphrase")) is not None:
        await check_passphrase(agent, passphrase)
        return Confirmed(act)
    asks = yes(arguments, "ask")
    if await has_passphrase(agent) and not asks:
        raise needs_passphrase()
    if approvers(agent, without):
        raise await _asked(agent, act)
    if asks:
        message = "there is no other device that could approve this"
        raise Misuse(message, hint="Confirm it with the passphrase: leave --ask out.")
    return Confirmed(act, ALONE)


def needs_passphrase() -> NeedsPassphrase:
    """What whoever gave none is told."""
    return NeedsPassphrase("a person has to confirm this with the passphrase of this home")


def approvers(agent: Agent, without: Collection[Digest] = frozenset()) -> list[Admission]:
    """The devices that a person may approve on: all that are live, no relays, and not this one."""
    own = agent.engine.own.admission
    live = agent.engine.replica.verdict.live.values()
    return [a for a in live if a.digest != own and not a.is_relay and a.digest not in without]


# ── the passphrase ───────────────────────────────────────────────────────────────────────────────


async def has_passphrase(agent: Agent) -> bool:
    """Whether a passphrase is set in this home."""
    return bool(await agent.store.setting(_BOX))


async def set_passphrase(agent: Agent, passphrase: str) -> None:
    """Set the passphrase of this home. Raises Misuse. Whoever calls has had the old one confirmed."""
    if not len(passphrase) >= PASSPHRASE_CHARACTERS_MIN or len(passphrase.encode()) > PASSPHRASE_BYTES_MAX:
        message = f"a passphrase has {PASSPHRASE_CHARACTERS_MIN} characters to {PASSPHRASE_BYTES_MAX:,} bytes"
        raise Misuse(message, hint="Four or five words that do not belong together are good ones.")
    entropy = secrets.token_bytes(SALT_BYTES + NONCE_BYTES)
    box = await asyncio.to_thread(lock, _INSIDE, passphrase, entropy)
    await agent.engine.remember(_BOX, box)


async def remove_passphrase(agent: Agent) -> None:
    """Do without a passphrase. Whoever calls has had it confirmed."""
    await agent.engine.remember(_BOX, b"")


async def check_passphrase(agent: Agent, passphrase: str) -> None:
    """Raise NeedsPassphrase unless this is the one of this home, Busy after wrong tries, Misuse where none is set.

    A try is counted before it is looked at, so that ending the agent in between gives nobody another one.
    """
    async with agent.memory.trying:
        box = await agent.store.setting(_BOX)
        if not box:
            raise Misuse("no passphrase is set in this home", hint="`mesh passphrase set` sets one.")
        tries = await _tries(agent)
        await agent.engine.remember(_WRONG, json.dumps([tries + 1, clock.now_ms()]).encode())
        try:
            await asyncio.to_thread(unlock, box, passphrase)
        except Refused as error:
            left = PASSPHRASE_TRIES_MAX - tries - 1
            hint = f"{left} more before a pause." if left else f"The next try is in {timing.PASSPHRASE_PAUSE_S:.0f} s."
            raise NeedsPassphrase("this is not the passphrase of this home", hint=hint) from error
        await agent.engine.remember(_WRONG, b"")


async def _tries(agent: Agent) -> int:
    """How many wrong tries there were lately. Raises Busy while there were too many."""
    kept = await agent.store.setting(_WRONG)
    if not kept:
        return 0
    count, last_ms = json.loads(kept)
    left_ms = last_ms + timing.PASSPHRASE_PAUSE_S * 1000 - clock.now_ms()
    if count < PASSPHRASE_TRIES_MAX:
        return int(count)
    if 0 < left_ms <= timing.PASSPHRASE_PAUSE_S * 1000:  # a clock that was set back is no reason to wait for years
        raise Busy("too many wrong passphrases", hint=f"Try again in {left_ms / 1000:.0f} s.")
    return 0


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


async def _asked(agent: Agent, act: Act) -> NeedsApproval:
    """Have a question about an act go out, or find the one that is open about the same; the error that says so.

    One that was denied is over: who asks the same again is heard again.
    """
    digest = digest_of(act).hex()
    kept = json.loads(await agent.store.setting(_OPEN) or b"[]")
    still = [one for one in kept if one["until_ms"] > clock.now_ms() and not await _is_denied(agent, one, act)]
    same = next((one for one in still if one["digest"] == digest), None)
    if same is None:
        if len(still) >= APPROVALS_OPEN_MAX:
            message = f"{len(still)} questions wait for an approval already"
            raise Refused(message, hint="`mesh approve` on another device answers them.")
        until_ms = clock.now_ms() + timing.APPROVAL_S_MAX * 1000
        words = "; ".join(wording.of_act(agent, act))[:WORDS_CHARACTERS_MAX]
        birth = question(act, words, until_ms, secrets.token_bytes(SALT_BYTES))
        document = document_of(SPACE, KIND, birth)

        async def make(_engine: Engine) -> Sequence[Draft]:
            return (Draft(birth, document),)

        await agent.engine.say(Lane.DATA, make)
        same = {"id": str(document), "digest": digest, "until_ms": until_ms}
        await agent.engine.remember(_OPEN, json.dumps([*still, same]).encode())
    name = same["id"].rpartition("/")[2]
    hint = f"On another device of yours: `mesh approve {name}`. Then here again with `--approved {name}`."
    return NeedsApproval("this needs the approval of another device of yours", hint=hint, approval=name)


async def _is_denied(agent: Agent, kept: Mapping[str, str], act: Act) -> bool:
    document = DocumentId.parse(kept["id"])

    async def look() -> bool:
        return await is_denied(agent.engine, document, act, agent.engine.own.admission)

    return kept["digest"] == digest_of(act).hex() and await looked(agent, look)


async def is_denied(engine: Engine, document: DocumentId, act: Act, asker: Digest) -> bool:
    """Whether somebody said no to a question: another live device, that is no relay and that the act does not close."""
    closed = {body.admission for body in act.bodies if isinstance(body, Close)}
    return await _said(engine, document, DENIED, digest_of(act), {asker, *closed})


async def _approved(agent: Agent, asked: str, act: Act, without: Collection[Digest]) -> Act:
    """The act that another device approved, and that is used up by this. Raises Misuse, Refused, NeedsApproval."""
    document = await document_named(agent, asked)
    found: list[Act] = []

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        if loaded is None:
            raise Refused("what was asked is not on this device")
        birth = await engine.shelf.birth(document)
        was, until_ms = read_question(birth)
        if await born_by(engine, document) != (engine.own.admission, ""):
            raise Refused("another device asked this, and only that one may go on with it")
        if (was.name, was.target) != (act.name, act.target):
            raise Refused(f"what was approved is another act: {was.name} {was.target}")
        if loaded.document.live(USED):
            raise Refused("this approval was used already", hint="Ask again, without --approved.")
        if clock.now_ms() > until_ms:
            raise Refused("this approval is over", hint="Ask again, without --approved.")
        if await is_denied(engine, document, was, engine.own.admission):
            raise Refused("this was denied on another device of yours", hint="Ask again, without --approved.")
        if not await _said(engine, document, APPROVED, digest_of(was), {engine.own.admission, *without}):
            hint = f"On another device of yours: `mesh approve {asked}`."
            raise NeedsApproval("nobody has approved this yet", hint=hint, approval=asked)
        found.append(was)
        actor = engine.shelf.actor(loaded, engine.own.admission)
        return (Draft(Changed(loaded.document.edit(actor, (Put(USED, value=True),)).raw), document),)

    await agent.engine.say(Lane.DATA, make)
    still = [one for one in json.loads(await agent.store.setting(_OPEN) or b"[]") if one["id"] != str(document)]
    await agent.engine.remember(_OPEN, json.dumps(still).encode())
    return found[0]


async def _said(engine: Engine, document: DocumentId, word: str, digest: Digest, without: Collection[Digest]) -> bool:
    """Whether a live device that is no relay and none of these said this word to exactly that, as the person."""
    loaded = await engine.shelf.load(document)
    assert loaded is not None, document
    events = await engine.shelf.events_of(document)
    for live in loaded.document.live(word):
        event = events.get(live.change)
        found = engine.replica.verdict.live.get(event.admission) if event else None
        if live.value != digest_text(digest) or event is None or found is None or found.is_relay:
            continue
        if found.digest not in without and agent_of(engine, event) == "":
            return True
    return False


async def born_by(engine: Engine, document: DocumentId) -> tuple[Digest, str | None]:
    """Who asked: the admission and the agent of the birth."""
    for row in await engine.store.rows(document):
        inner = read_inner(engine.keyring, row.placed)
        if inner and inner.kind == "born":
            return row.placed.admission, inner.agent
    raise Refused("what was asked is not on this device")


def agent_of(engine: Engine, placed: Placed) -> str | None:
    """The agent that an event names; None where that cannot be read."""
    try:
        inner = read_inner(engine.keyring, placed)
    except Refused:
        return None
    return inner.agent if inner else None


async def document_named(agent: Agent, said: str) -> DocumentId:
    """The question that the beginning of an id means. Raises Misuse."""
    name = said.rpartition("/")[2]
    found = await agent.store.find_documents(f"{SPACE}/{KIND}/{name}", 2)
    if len(found) != 1 or not name:
        problem = f"{said!r} names {'several questions' if found else 'no question'}"
        raise Misuse(problem, hint="`mesh approve` shows what is asked.")
    return found[0]
