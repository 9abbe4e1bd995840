"""Calls about grants: who may do what where; and agents, which are principals of their own on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.events.approvals import Act
from mesh.events.closing import marks
from mesh.events.event import Lane
from mesh.events.kinds import ANY, Body, Grant, Ungrant
from mesh.events.permits import AGENT_VERBS, VERBS, State, agents_of, live_grants, state_of
from mesh.events.verdict import grant_name
from mesh.limits import GRANT_WORDS_MAX, SEQ_MAX
from mesh.names import Digest, device_text, digest_text, is_word
from mesh.node import clock, saying, subjects
from mesh.node.arguments import Arguments, needed, number, text, texts, yes
from mesh.node.confirming import confirmed
from mesh.node.subjects import Subject

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_NARROW_TYPES = ("note",)


async def grant(agent: Agent, arguments: Arguments) -> object:
    """Let a device, or an agent on one, do more."""
    subject = subjects.subject_of(agent, needed(arguments, "subject"))
    return await _granted(agent, arguments, subject, "grant")


async def agents_add(agent: Agent, arguments: Arguments) -> object:
    """An agent as a principal of its own: it may do what this says, and nothing else."""
    name = subjects.agent_name(needed(arguments, "name"))
    device = text(arguments, "device") or agent.device
    return await _granted(agent, arguments, Subject(subjects.device_of(agent, device), name), "agents-add")


async def _granted(agent: Agent, arguments: Arguments, subject: Subject, act: str) -> dict[str, object]:
    wanted = _wanted(arguments, subject)
    verdict = agent.engine.replica.verdict
    if not verdict.is_live(subject.device.digest):
        raise Misuse(f"{subject.device.name} was closed", hint="It comes back with new keys: `mesh invite`.")
    if any(held == wanted for _, held in live_grants(verdict, wanted.admission, wanted.agent, clock.now_ms())):
        raise Misuse(f"{subject} may do that already", hint="`mesh grants` shows what there is.")
    saying.must_reach(agent.engine, [wanted])
    done = await confirmed(agent, arguments, Act(act, str(subject), (wanted,)))
    said = await saying.say(agent, done.act.bodies)
    given = done.act.bodies[0]
    assert isinstance(given, Grant), "it was asked for as one"
    return {"grant": subjects.told_grant(agent, said[-1].digest, given), "warning": done.warning}


def _wanted(arguments: Arguments, subject: Subject) -> Grant:
    space = needed(arguments, "space")
    types = texts(arguments, "types") or _NARROW_TYPES
    verbs = texts(arguments, "verbs") or (AGENT_VERBS if subject.agent else VERBS)
    until = arguments.get("until_ms")
    for word in (space, *types, *verbs):
        if word != ANY and not is_word(word):
            raise Misuse(f"{word!r} is not a word for a space, a type or a verb", hint="For example: work, note, edit.")
    if unknown := sorted(set(verbs) - {*VERBS, ANY}):
        raise Misuse(f"there is no verb {unknown[0]!r}", hint=f"The verbs are {', '.join(VERBS)}, and * for all.")
    if max(len(types), len(verbs)) > GRANT_WORDS_MAX:
        raise Misuse(f"a grant names at most {GRANT_WORDS_MAX} types", hint="Give a second one.")
    if until is not None and number(arguments, "until_ms", 0, SEQ_MAX) <= clock.now_ms():
        raise Misuse("that time is over already", hint="For example: --until 2027-01-01")
    end = None if until is None else number(arguments, "until_ms", 0, SEQ_MAX)
    return Grant(subject.device.digest, subject.agent, space, tuple(sorted(set(types))), tuple(sorted(set(verbs))), end)


# ── ending one ───────────────────────────────────────────────────────────────────────────────────


async def ungrant(agent: Agent, arguments: Arguments) -> object:
    """End a grant: what was said under it until now stays."""
    digest, given = subjects.grant_of(agent, needed(arguments, "id"))
    return await _ended(agent, arguments, [(digest, given)], Act("ungrant", digest_text(digest)))


async def agents_remove(agent: Agent, arguments: Arguments) -> object:
    """End all grants of an agent."""
    said = needed(arguments, "name")
    subject = subjects.subject_of(agent, said)
    verdict = agent.engine.replica.verdict
    held = dict(live_grants(verdict, subject.device.digest, subject.agent, clock.now_ms()))
    found = [(digest, given) for digest, given in subjects.statements_of_grants(agent) if grant_name(digest) in held]
    if not subject.agent or not found:
        raise Misuse(f"{said!r} is no agent here", hint="`mesh agents list` shows them; NAME@DEVICE for other devices.")
    return await _ended(agent, arguments, found, Act("agents-remove", str(subject)))


async def _ended(agent: Agent, arguments: Arguments, given: list[tuple[Digest, Grant]], act: Act) -> dict[str, object]:
    for digest, _ in given:
        if grant_name(digest) in agent.engine.replica.verdict.ungrants:
            raise Misuse("this grant has ended already", hint="`mesh grants --all` shows by whom.")
    bodies = tuple(_ungrant(agent, digest, held) for digest, held in given)
    saying.must_reach(agent.engine, bodies)
    done = await confirmed(agent, arguments, Act(act.name, act.target, bodies))
    await saying.say(agent, done.act.bodies)
    return {
        "ended": [subjects.told_grant(agent, digest, held) for digest, held in given],
        "warning": done.warning,
    }


def _ungrant(agent: Agent, digest: Digest, given: Grant) -> Body:
    return Ungrant(digest, marks(agent.engine.replica.chains, given.admission, Lane.DATA))


# ── looking ──────────────────────────────────────────────────────────────────────────────────────


async def grants(agent: Agent, arguments: Arguments) -> object:
    """The grants that there are; `all`: those that ended as well."""
    said = text(arguments, "subject")
    subject = subjects.subject_of(agent, said) if said else None
    found = []
    for digest, given in subjects.statements_of_grants(agent):
        fits = subject is None or (given.admission == subject.device.digest and subject.agent in {"", given.agent})
        state = state_of(agent.engine.replica.verdict, grant_name(digest), clock.now_ms())
        if fits and (yes(arguments, "all") or state is State.LIVE):
            found.append({**await told(agent, digest, given), "state": state.value})
    return {"grants": sorted(found, key=lambda one: (str(one["name"]), str(one["agent"]), str(one["space"])))}


async def told(agent: Agent, digest: Digest, given: Grant) -> dict[str, object]:
    """A grant, with who gave it and who ended it."""
    cuts = sorted(agent.engine.replica.verdict.ungrants.get(grant_name(digest), ()))
    return {
        **subjects.told_grant(agent, digest, given),
        "by": await subjects.told(agent, digest),
        "ended": await subjects.told(agent, cuts[0].by) if cuts else None,
    }


async def agents_list(agent: Agent, _arguments: Arguments) -> object:
    """The agents of all devices, with what each may do."""
    verdict = agent.engine.replica.verdict
    found = []
    for device in sorted(verdict.live.values(), key=lambda a: (a.rank, a.name, a.digest)):
        for name in agents_of(verdict, device.digest, clock.now_ms()):
            held = dict(live_grants(verdict, device.digest, name, clock.now_ms()))
            found.append(
                {
                    "agent": name,
                    "device": device_text(device.digest),
                    "name": device.name,
                    "self": device.digest == agent.engine.own.admission,
                    "grants": [
                        subjects.told_grant(agent, digest, given)
                        for digest, given in subjects.statements_of_grants(agent)
                        if grant_name(digest) in held
                    ],
                }
            )
    return {"agents": found}
