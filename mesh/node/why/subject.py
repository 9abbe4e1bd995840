"""What a person means by one word: an event, a document or a device. What fits several is told with how to say more.

It looks names up, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.events.verdict import Admission
from mesh.limits import ECHO_CHARACTERS_MAX
from mesh.names import DocumentId, device_text, digest_text, shown
from mesh.node.showing import called
from mesh.node.storage.store_port import Row

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_PREFIX_MIN = 4  # characters: fewer fit too much to be meant
_DIGITS = re.compile(r"[0-9a-f]+\Z")
_NAMED_MAX = 5  # of what a word fits
_DIGEST_CHARACTERS = 64
_TITLES_MAX = 100  # documents with all words of a title that are compared with it

Found = Row | DocumentId | Admission


@dataclass(frozen=True, slots=True)
class _Match:
    """Something that a word may mean, and whether it says all of its name."""

    found: Found
    whole: bool
    words: str


async def meant(agent: Agent, said: str) -> Found:
    """What a word means: what it names whole before what it only begins. Raises Misuse."""
    fits = [*_devices(agent, said), *await _documents(agent, said), *await _events(agent, said)]
    chosen = [fit for fit in fits if fit.whole] or fits
    if len(chosen) == 1:
        return chosen[0].found
    echo = shown(said, ECHO_CHARACTERS_MAX)
    if not chosen:
        hint = "`mesh devices`, `mesh note list` and `mesh log --json` show what there is."
        raise Misuse(f"{echo!r} names no device, no document and no event", hint=hint)
    words = "; ".join(fit.words for fit in chosen[:_NAMED_MAX])
    raise Misuse(f"{echo!r} may mean: {words}", hint="Give the id of the one that you mean, or more of it.")


async def event_of(agent: Agent, said: str) -> Row:
    """The event that the beginning of a digest means. Raises Misuse."""
    rows = await agent.store.event(said.lower())
    if len(rows) != 1:
        problem = f"{shown(said, ECHO_CHARACTERS_MAX)!r} names {'several events' if rows else 'no event'}"
        raise Misuse(problem, hint="`mesh log --json` names them; a few of the first digits are enough.")
    return rows[0]


def _devices(agent: Agent, said: str) -> list[_Match]:
    """Devices of that name or id; of several with one name the one in use."""
    verdict, text = agent.engine.replica.verdict, said.lower()
    named = [one for one in verdict.devices.values() if one.name == said]
    live = [one for one in named if verdict.is_live(one.digest)]
    found = [(one, True) for one in (live if len(live) == 1 else named)]
    begun = [one for one in verdict.devices.values() if device_text(one.digest).startswith(text)]
    found += [(one, device_text(one.digest) == text) for one in begun if len(text) >= _PREFIX_MIN]
    unique = {one.digest: (one, whole) for one, whole in reversed(found)}.values()
    return [_Match(one, whole, f"the device {shown(one.name)} ({device_text(one.digest)})") for one, whole in unique]


async def _documents(agent: Agent, said: str) -> list[_Match]:
    """Documents whose id begins so, and those of exactly that title, removed ones included."""
    store, found = agent.store, dict[DocumentId, bool]()
    for deleted in (False, True):
        found |= dict.fromkeys(await called(store, said, deleted=deleted, limit=_TITLES_MAX), True)
    if len(said.rpartition("/")[2]) >= _PREFIX_MIN:
        for document in await store.find_documents(said, _NAMED_MAX + 1):
            found.setdefault(document, str(document) == said)
    return [_Match(document, whole, f"the document {document}") for document, whole in found.items()]


async def _events(agent: Agent, said: str) -> list[_Match]:
    text = said.lower()
    rows = await agent.store.event(text) if len(text) >= _PREFIX_MIN and _DIGITS.match(text) else ()
    whole = len(text) == _DIGEST_CHARACTERS
    return [_Match(row, whole, f"the event {digest_text(row.placed.digest)[:16]}") for row in rows]
