"""Recovery as events: what the recovery key says so that a new machine takes over a mesh whose admins are gone.

Two commits, each on a chain of its own, since nobody knows where the last one ended: the first lets the machine in, so
that the data come; the second, when they are here, closes whom the person names, up to all that was heard of them, and
begins a new epoch. This module keeps no key and asks nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mesh.clocks.chain import START, genesis_digest
from mesh.errors import Refused
from mesh.events.bodies import decode_body
from mesh.events.chains import Chains
from mesh.events.epochs import Learner, next_epoch
from mesh.events.event import Lane, Placed, Run, decode_header, decode_inner
from mesh.events.founding import default_grant, with_rank
from mesh.events.judge import judge
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Admit, Body, Close, Genesis, Mark, Opening
from mesh.events.reading import statement
from mesh.events.reasserting import reassertions
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, Voice, signed
from mesh.events.verdict import Admission, Statement, Verdict
from mesh.limits import MARKS_MAX, RANK_FOUNDER, SALT_BYTES
from mesh.names import ZERO, Digest

REASON = "recovered"


@dataclass(frozen=True, slots=True)
class Moment:
    """What saying takes besides what is said: random bytes, the time, and the largest Lamport number heard."""

    entropy: bytes
    time_ms: int
    heard: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The second commit, the key of its epoch, and how many places of closed devices did not fit into their marks."""

    commit: tuple[Placed, ...]
    key: bytes
    left_out: int


def founded_by(run: Run, sign_key: bytes) -> bool:
    """Whether a run begins the mesh that the recovery key with this public part founded."""
    if run.after != START:
        return False
    first = run.events[0]
    try:
        inner = decode_inner(decode_header(first.header).inner)
        body = decode_body(Lane.CONTROL, "genesis", first.body or b"") if inner.kind == "genesis" else None
    except Refused:
        return False
    fits = isinstance(body, Genesis) and body.sign_key == sign_key
    return fits and genesis_digest(sign_key, first.header) == run.chain


def learned(mesh: Digest, keys: SecretKeys, keyring: Keyring, statements: Iterable[Statement]) -> None:
    """Take all epoch keys that the recovery key opens, and all that those lead to."""
    Learner(mesh, mesh, keys, keyring).add(statements)


def others(verdict: Verdict, statements: Mapping[Digest, Statement], own: Digest | None) -> tuple[Admission, ...]:
    """The live devices that a recovery asks about, seniors first: not the new machine, nor whom that let in itself."""
    found = [a for a in verdict.live.values() if own is None or own not in {a.digest, statements[a.digest].admission}]
    return tuple(sorted(found, key=lambda a: (a.rank, a.name, a.digest)))


def letting_in(mesh: Digest, keys: SecretKeys, admit: Admit, moment: Moment) -> tuple[Placed, ...]:
    """The first commit: this machine is in, as founder, with its default grant. The second event is its admission."""
    voice, opened = _opened(mesh, keys, moment)
    admitted = voice.say(Draft(with_rank(admit, RANK_FOUNDER)), moment.time_ms, moment.heard)
    granted = voice.say(Draft(default_grant(admitted.digest)), moment.time_ms, moment.heard)
    return signed((opened, admitted, granted), keys.sign)


def ending(
    keys: SecretKeys,
    closing: Collection[Digest],
    chains: Chains,
    statements: Mapping[Digest, Statement],
    keyring: Keyring,
    moment: Moment,
) -> Ending:
    """The second commit: ends of these devices where they stand now, what must not fall with them, a new epoch."""
    mesh, left_out = chains.mesh, 0
    closes = []
    for admission in sorted(closing):
        marks, more = marks_of(chains, admission)
        closes.append(Close(admission, marks, REASON))
        left_out += more
    voice, opened = _opened(mesh, keys, moment)
    bodies: list[Body] = [*closes, *reassertions(statements.values(), mesh, mesh, closes)]
    said = [opened, *(voice.say(Draft(body), moment.time_ms, moment.heard) for body in bodies)]
    after = {**statements, **{event.digest: statement(event) for event in said}}
    rekey, key = next_epoch(judge(after.values(), mesh), mesh, keyring, after, moment.entropy[SALT_BYTES:])
    said.append(voice.say(Draft(rekey), moment.time_ms, moment.heard))
    return Ending(signed(said, keys.sign), key, left_out)


def marks_of(chains: Chains, admission: Digest) -> tuple[tuple[Mark, ...], int]:
    """All places where the chains of an admission end here, and how many did not fit: its statements go first."""
    places = [
        (chain.lane, -lamport, Mark(name, head))
        for name, chain in chains.chains.items()
        if chain.admission == admission
        for head, lamport in chain.tips.items()
    ]
    fit = sorted(places)[:MARKS_MAX]
    return tuple(sorted(mark for _, _, mark in fit)), len(places) - len(fit)


def _opened(mesh: Digest, keys: SecretKeys, moment: Moment) -> tuple[Voice, Placed]:
    voice = Voice(mesh, ZERO, mesh, Lane.CONTROL, START, 0, keys.sign_key, keys.sign)
    opening = Opening(mesh, Lane.CONTROL, "new", moment.entropy[:SALT_BYTES])
    return voice, voice.say(Draft(opening), moment.time_ms, moment.heard)
