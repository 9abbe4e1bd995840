"""Calls that take devices out, and what goes with it: lost, remove, rank, rotate.

Each is one signed commit: the close, the adoptions of what would fall with it, a new admission where only the rank
changes, and a new epoch. `look` shows what would happen and changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted, TooLarge
from mesh.events import closing
from mesh.events.approvals import Act
from mesh.events.kinds import Admit, Adopt, Close, Forget, Grant, Mark
from mesh.events.reasserting import falling, reassertions
from mesh.events.verdict import Admission, Standing, Statement
from mesh.limits import (
    KEY_BYTES,
    MARKS_MAX,
    RANK_ADMIN_LAST,
    RANK_FOUNDER,
    RANK_MAX,
    RANK_MEMBER,
    SEQ_MAX,
    STATEMENTS_SHOWN_MAX,
)
from mesh.names import Digest, device_text, digest_text, role_text
from mesh.node import clock, saying, subjects, wording
from mesh.node.arguments import Arguments, needed, number, texts, yes
from mesh.node.confirming import confirmed
from mesh.node.engine import Engine
from mesh.node.touch import last_touch
from mesh.sync.inputs import Later

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_ROTATE = Act("rotate", "")
_ASKED = (Admit, Grant, Forget)
"""Kinds of statements that a person is asked about one by one; closes, ungrants and epochs are kept in any case."""


@dataclass(frozen=True)
class _Closing:
    """What closing a device comes to."""

    device: Admission
    close: Close
    falls: tuple[Statement, ...]
    adopts: tuple[Adopt, ...]
    since_ms: int | None


async def lost(agent: Agent, arguments: Arguments) -> object:
    """Close a device that is out of the person's hands; `since_ms`: what it wrote after that does not count."""
    return await _taken_out(agent, arguments, closing.LOST)


async def remove(agent: Agent, arguments: Arguments) -> object:
    """Close a device that is not used any more: all that it wrote until now counts."""
    return await _taken_out(agent, arguments, closing.REMOVED)


async def _taken_out(agent: Agent, arguments: Arguments, reason: str) -> dict[str, object]:
    planned = await _planned(agent, arguments, reason)
    could_read = await _could_read(agent, planned.device)
    if yes(arguments, "look"):
        return {**await _told(agent, planned), "could_read": could_read}
    name = "lost" if reason == closing.LOST else "remove"
    act = Act(name, device_text(planned.device.digest), (planned.close, *planned.adopts))
    done = await confirmed(agent, arguments, act, {planned.device.digest})
    said = await saying.say(agent, done.act.bodies, _new_epoch)
    return {
        **await _told(agent, planned),
        "event": digest_text(saying.event_of(said, Close)),
        "epoch": digest_text(said[-1].digest),
        "could_read": could_read,
        "hidden": await _hidden(agent, planned.device.digest),
        "to_do": _to_do(planned.device) if reason == closing.LOST else [],
        "warning": done.warning,
    }


async def rank(agent: Agent, arguments: Arguments) -> object:
    """Give a device another rank: it is closed where it is now, and let in again with the same keys."""
    planned = await _planned(agent, arguments, closing.RANK)
    wanted = _rank(agent, needed(arguments, "rank"))
    device, replica = planned.device, agent.engine.replica
    admit = closing.admit_of(replica.statements, device.digest)
    if admit is None or wanted == device.rank:
        raise Misuse(f"{device.name} has rank {device.rank} already", hint="`mesh devices` shows the ranks.")
    again = Admit(admit.sign_key, admit.kem_key, admit.transport_key, admit.tls_key, admit.name, admit.proof, wanted)
    if yes(arguments, "look"):
        return {**await _told(agent, planned), "rank": wanted}
    act = Act("rank", f"{device_text(device.digest)} {wanted}", (planned.close, *planned.adopts, again))
    done = await confirmed(agent, arguments, act, {device.digest})

    def following(engine: Engine) -> Sequence[Later]:
        grants = closing.regrants(engine.replica.verdict, device.digest) if closing.writes(wanted) else ()
        return (*grants, *_new_epoch(engine))

    said = await saying.say(agent, done.act.bodies, following)
    admission = saying.event_of(said, Admit)
    return {
        **await _told(agent, planned),
        "rank": wanted,
        "role": role_text(wanted),
        "admission": digest_text(admission),
        "id": device_text(admission),
        "epoch": digest_text(said[-1].digest),
        "warning": done.warning,
    }


async def rotate(agent: Agent, arguments: Arguments) -> object:
    """A new epoch: what is written from now on is sealed with a key that nobody had before."""
    saying.must_reach(agent.engine, ())
    if agent.engine.replica.own_rank > RANK_ADMIN_LAST:
        raise NotGranted("only an admin makes a new key", hint="Do it on an admin device: `mesh devices` shows which.")
    done = await confirmed(agent, arguments, _ROTATE)
    said = await saying.say(agent, done.act.bodies, _new_epoch)
    readers = agent.engine.replica.verdict.readers().values()
    names = [a.name for a in sorted(readers, key=lambda a: a.rank)]
    return {"epoch": digest_text(said[-1].digest), "readers": names, "warning": done.warning}


# ── what it comes to ─────────────────────────────────────────────────────────────────────────────


async def _planned(agent: Agent, arguments: Arguments, reason: str) -> _Closing:
    replica, own = agent.engine.replica, agent.engine.own
    device = subjects.device_of(agent, needed(arguments, "device"))
    since = number(arguments, "since_ms", 0, SEQ_MAX) if arguments.get("since_ms") is not None else None
    if not replica.verdict.is_live(device.digest):
        raise Misuse(f"{device.name} was closed already", hint="`mesh devices` shows when and by whom.")
    marks: Sequence[Mark] = closing.marks(replica.chains, device.digest)
    if since is not None:
        if since > clock.now_ms():
            raise Misuse("that time has not come yet", hint='For example: --since "yesterday 14:00"')
        marks = await agent.store.heads_at(device.digest, since)
    if len(marks) > MARKS_MAX:
        raise TooLarge(f"{device.name} has {len(marks)} chains, and one close names {MARKS_MAX} at most")
    close = Close(device.digest, tuple(marks), reason)
    saying.must_reach(agent.engine, [close])
    statements = replica.statements.values()
    falls = falling(statements, own.mesh, own.admission, [close])
    adopts = reassertions(statements, own.mesh, own.admission, [close], _dropped(falls, texts(arguments, "drop")))
    return _Closing(device, close, falls, adopts, since)


def _dropped(falls: Sequence[Statement], said: Sequence[str]) -> frozenset[Digest]:
    found = set()
    for one in said:
        fit = [statement for statement in falls if digest_text(statement.digest).startswith(one.lower())]
        if len(fit) != 1 or not one:
            raise Misuse(f"{one!r} is nothing that would fall", hint="`--look` shows what would, with its ids.")
        found.add(fit[0].digest)
    return frozenset(found)


def _new_epoch(engine: Engine) -> Sequence[Later]:
    """The key for those who are left, made where nothing can come between."""
    replica, entropy = engine.replica, secrets.token_bytes(KEY_BYTES)
    return (closing.rekeyed(engine.own.mesh, replica.statements, engine.keyring, entropy),)


def _rank(agent: Agent, said: str) -> int:
    """A rank as a person says it. Raises Misuse."""
    named = {"admin": max(RANK_FOUNDER, agent.engine.replica.own_rank) + 1, "member": RANK_MEMBER}
    digits = said.isascii() and said.isdecimal() and len(said) <= len(str(RANK_MAX))
    wanted = named.get(said, int(said) if digits else 0)
    if not RANK_FOUNDER < wanted <= RANK_MAX or (said == "admin" and wanted > RANK_ADMIN_LAST):
        raise Misuse(f"{said!r} is no rank for a device", hint="admin, member, or a number from 2 to 199.")
    return wanted


# ── telling ──────────────────────────────────────────────────────────────────────────────────────


async def _told(agent: Agent, planned: _Closing) -> dict[str, object]:
    shown = planned.falls[:STATEMENTS_SHOWN_MAX]
    kept = {digest for adopt in planned.adopts for digest in adopt.events}
    return {
        "device": {
            "id": device_text(planned.device.digest),
            "name": planned.device.name,
            "rank": planned.device.rank,
            "role": role_text(planned.device.rank),
        },
        "reason": planned.close.reason,
        "since_ms": planned.since_ms,
        "marks": len(planned.close.marks),
        "falls": [
            {
                "id": digest_text(one.digest),
                "kind": one.kind,
                "says": wording.line(agent, one.body) if one.body else one.kind,
                "by": subjects.name_of(agent, one.admission),
                "time_ms": await subjects.time_of(agent, one.digest),
                "asked": isinstance(one.body, _ASKED),
                "kept": one.digest in kept,
            }
            for one in shown
        ],
        "falls_more": len(planned.falls) - len(shown),
    }


async def _could_read(agent: Agent, device: Admission) -> dict[str, object]:
    """What a device may have read: all that there was when it was last in touch with this one."""
    last_ms, exact = await last_touch(agent, device.digest)
    spaces = {} if device.is_relay else await agent.store.spaces(last_ms)
    keys = [] if device.is_relay else sorted(name.hex() for name in dict(agent.engine.keyring.keys()))
    return {
        "last_touch_ms": last_ms,
        "exact": exact,
        "spaces": [{"space": space, "documents": count} for space, count in spaces.items()],
        "epochs": keys,
    }


async def _hidden(agent: Agent, admission: Digest) -> int:
    """How many changes of a device do not count now."""
    count, after = 0, 0
    while rows := await agent.store.unsettled(after=after):
        count += sum(row.standing is Standing.VOID and row.placed.admission == admission for row in rows)
        after = rows[-1].id
    return count


def _to_do(device: Admission) -> list[str]:
    found = ["Whatever stood in notes that it could read is known to whoever has it: change passwords, keys and codes."]
    if not device.is_relay:
        found.append("A new key is in use: nothing written from now on opens with what it has.")
    found.append("If it ran a relay, or had the certificate of this mesh installed by hand, take that away too.")
    found.append("It comes back only with new keys: on it `mesh leave`, then `mesh invite` here.")
    return found
