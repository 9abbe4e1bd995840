"""Drop tokens: what a Shortcut of a phone may hand in files with, and do nothing else.

A token is shown once, and only its hash is kept in this home; it opens this device's door alone, goes with its phone,
and can be revoked. This module takes no file; it says whose a token is.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted, TooLarge
from mesh.limits import DROP_TOKENS_MAX, KEY_BYTES
from mesh.names import device_text
from mesh.node import clock
from mesh.node.gateway.setting_list import SettingList

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_PREFIX = "mesh-drop-"
_HASHED = b"mesh/drop-token/1"
_ID_DIGITS = 8
_USED_AGAIN_MS = 60_000  # a token that is used often is not written down each time


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is kept: what it is called, whose it is, its hash, when it was made and used last."""

    id: str
    name: str
    phone: str
    """The device, 16 characters."""
    digest: str
    made_ms: int
    used_ms: int | None = None


_KEPT = SettingList("gateway/tokens", Token)


async def made(agent: Agent, phone: str, name: str) -> tuple[Token, str]:
    """A new token of a phone, and its text, which nobody can tell again. Raises TooLarge."""
    text = _PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")
    digest = _digest(text)
    token = Token(digest[:_ID_DIGITS], name, phone, digest, clock.now_ms())

    def with_it(kept: Sequence[Token]) -> Sequence[Token]:
        still = [one for one in kept if one.phone in _live(agent)]  # `mesh phone list` shows no others
        if len(still) >= DROP_TOKENS_MAX:
            message = f"there are {DROP_TOKENS_MAX} tokens already"
            raise TooLarge(message, hint="`mesh phone list` shows them; `mesh phone token --revoke ID` ends one.")
        return [*still, token]

    await _KEPT.change(agent, with_it)
    return token, text


async def of(agent: Agent, text: str) -> Token:
    """Whose a token is, while its phone is in the mesh. Raises NotGranted."""
    digest = _digest(text)
    found = next((one for one in await listed(agent) if secrets.compare_digest(one.digest, digest)), None)
    if found is None or found.phone not in _live(agent):
        message = "this token opens nothing here"
        raise NotGranted(message, hint="On the computer: mesh phone token")
    now_ms = clock.now_ms()
    if found.used_ms is None or now_ms - found.used_ms > _USED_AGAIN_MS:
        used = replace(found, used_ms=now_ms)
        await _KEPT.change(agent, lambda kept: [used if one.id == used.id else one for one in kept])
    return found


async def revoked(agent: Agent, said: str) -> Token:
    """End a token, by its id or its name. Raises Misuse."""
    fit = [one for one in await listed(agent) if said in {one.id, one.name}]
    if len(fit) != 1:
        message = f"{said!r} fits {'several tokens' if fit else 'no token'}"
        raise Misuse(message, hint="`mesh phone list` shows their ids.")
    await _KEPT.change(agent, lambda kept: [one for one in kept if one.id != fit[0].id])
    return fit[0]


async def without(agent: Agent, phone: str) -> int:
    """End all tokens of a phone; how many there were."""
    count = sum(one.phone == phone for one in await listed(agent))
    await _KEPT.change(agent, lambda kept: [one for one in kept if one.phone != phone])
    return count


async def listed(agent: Agent) -> list[Token]:
    """All that are kept here, the first one first."""
    return await _KEPT.rows(agent)


def _live(agent: Agent) -> set[str]:
    return {device_text(name) for name in agent.engine.replica.verdict.live}


def _digest(text: str) -> str:
    return hashlib.sha256(_HASHED + text.encode(errors="replace")).hexdigest()
