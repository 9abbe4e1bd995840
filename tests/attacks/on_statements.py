"""Attacks by statements and under grants, against real agents: who may say what, and what it counts for."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from mesh.errors import Refused
from mesh.events import cbor
from mesh.events.bodies import document_of
from mesh.events.event import Inner, Lane
from mesh.events.founding import REQUEST_PREFIX, default_grant, with_rank
from mesh.events.founding import _armoured as armoured
from mesh.events.keys import SecretKeys, proof_bytes
from mesh.events.kinds import Adopt, Body, Changed, Close, Forget, Grant, Rekey, Ungrant
from mesh.events.speaking import Draft
from mesh.limits import RANK_RELAY
from mesh.names import Digest, DocumentId, Short
from mesh.state import notes
from tests.attacks.catalogue import real
from tests.attacks.on_chains import alarms, refused
from tests.attacks.thief import Thief, now_ms
from tests.attacks.town import MEMBER, NARROW_AGENT, Town
from tests.system.harness import Device

_SMALL_ORDER = bytes(32)


def devices(device: Device) -> list[tuple[str, int]]:
    """Who is in, as a device sees it."""
    rows = device.call("devices")["devices"]
    assert isinstance(rows, list)
    return sorted((row["name"], row["rank"]) for row in rows)


@real(3, "refused; said as a statement it lets nobody in")
async def keys_of_small_order(town: Town) -> str:
    """Holds cedar's admin keys. Has a device with a key of small order admitted: by request, and by a statement."""
    before = devices(town.alder)
    async with town.thief() as thief, thief.at(town.alder) as line:
        keys = SecretKeys.from_entropy(secrets.token_bytes(32))
        good = thief.request("small", keys)
        control = thief.quill(Lane.CONTROL)
        for place in ("sign_key", "kem_key", "transport_key", "tls_key"):
            bad = replace(good, **{place: _SMALL_ORDER})  # type: ignore[arg-type]
            bad = replace(bad, proof=keys.sign(proof_bytes(bad)))
            fields = [bad.sign_key, bad.kem_key, bad.transport_key, bad.tls_key, bad.name, bad.proof, bad.rank]
            text = REQUEST_PREFIX + armoured(cbor.encode(fields))
            try:
                await asyncio.to_thread(town.alder.call, "admit", request=text, rank="member")
            except Refused:
                last = control.say(Draft(with_rank(bad, 12)))
                continue
            raise AssertionError(place)
        await line.push(control.run())
    await asyncio.to_thread(town.held, last, "honoured")
    for device in town.honest:
        assert devices(device) == before
    return "four requests refused, four statements let nobody in"


@real(14, "void: a junior reaches neither seniors nor equals")
async def junior_acts_on_seniors(town: Town) -> str:
    """Holds cedar's keys (rank 2). Closes the founder and an equal, takes their grants away, adopts that all."""
    before = [devices(device) for device in town.honest]
    async with town.thief() as thief, thief.at(town.alder) as line:
        alder, birch = thief.admission_of("alder"), thief.admission_of("birch")
        grants = _grants(thief, {alder, birch})
        control = thief.quill(Lane.CONTROL)
        said = [control.say(Draft(Close(subject, (), "lost"))) for subject in (alder, birch, thief.mesh)]
        said += [control.say(Draft(Ungrant(grant))) for grant in grants]
        said.append(control.say(Draft(Adopt(tuple(sorted(said))))))
        said.append(control.say(Draft(default_grant(alder))))
        await line.push(control.run())
    await asyncio.to_thread(town.held, said[-1], "honoured")
    assert [devices(device) for device in town.honest] == before
    await asyncio.to_thread(town.works)
    return f"{len(said)} statements held, all without effect: both go on writing"


def _grants(thief: Thief, subjects: set[Digest]) -> list[Digest]:
    """What these were granted, as the thief's home has it."""
    statements = thief.agent.engine.replica.statements.values()
    return [one.digest for one in statements if isinstance(one.body, Grant) and one.body.admission in subjects]


@real(16, "refused: members have no control lane")
async def member_says_statements(town: Town) -> str:
    """Holds dogwood's member keys. Admits a device, makes an epoch, closes an admin, grants itself everything."""
    before, count = [devices(device) for device in town.honest], refused(town.alder)
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        bodies: list[Body] = [
            with_rank(thief.request("friend"), 20),
            Rekey(secrets.token_bytes(32), ((thief.admission, b"wrap"),)),
            Close(thief.admission_of("birch")),
            Grant(thief.admission, NARROW_AGENT, "*", ("*",), ("*",)),
            Forget(_some_note(town.alder)),
        ]
        for body in bodies:
            control = thief.quill(Lane.CONTROL)
            digest = control.say(Draft(body))
            await line.push(control.run())
            town.nobody_holds(digest)
    assert refused(town.alder) == count + len(bodies)
    assert [devices(device) for device in town.honest] == before
    assert "is a member and writes no control events" in alarms(town.alder)
    return f"{len(bodies)} refused"


def _some_note(device: Device) -> DocumentId:
    rows = device.call("note.list", limit=1)["notes"]
    assert isinstance(rows, list)
    return DocumentId.parse(rows[0]["document"])


def _narrow(thief: Thief) -> Short:
    return thief.grant_of(thief.admission, NARROW_AGENT)


def _born(space: str, kind: str, agent: str, grant: Short) -> Draft:
    birth = notes.birth("beyond the grant", "", (), None, secrets.token_bytes(16))
    return Draft(birth, document_of(space, kind, birth), agent, grant)


@real(17, "void: space, type, verb and agent are each asked for")
async def wider_than_its_grant(town: Town) -> str:
    """Holds dogwood's keys, with an agent that may create notes in `home`. Goes beyond each of the four bounds."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        narrow = _narrow(thief)
        quill = thief.quill()
        inside = _born("home", "note", NARROW_AGENT, narrow)
        assert isinstance(inside.document, DocumentId)
        allowed = quill.say(inside)
        beyond = {
            "space": quill.say(_born("work", "note", NARROW_AGENT, narrow)),
            "type": quill.say(_born("home", "task", NARROW_AGENT, narrow)),
            "verb": quill.say(Draft(Changed(b"any change at all"), inside.document, NARROW_AGENT, narrow)),
            "agent": quill.say(_born("home", "note", "other", narrow)),
            "person": quill.say(_born("home", "note", "", narrow)),
            "no grant": quill.say(_born("home", "note", NARROW_AGENT, Short(b""))),
            "no such grant": quill.say(_born("home", "note", NARROW_AGENT, Short(secrets.token_bytes(16)))),
        }
        await line.push(quill.run())
        await asyncio.to_thread(town.held, allowed, "honoured")
        for event in beyond.values():
            await asyncio.to_thread(town.held, event, "void", "nothing allows it")
    await asyncio.to_thread(town.mark)
    return f"what is inside counts; void: {', '.join(beyond)}"


@real(19, "void")
async def grant_of_another_device(town: Town) -> str:
    """Holds dogwood's keys. Writes under the grants of alder and of birch."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        grants = [thief.grant_of(thief.admission_of("alder")), thief.grant_of(thief.admission)[:-1] + b"\0"]
        said = [quill.say(thief.draft("under another's grant", grant=Short(grant))) for grant in grants]
        await line.push(quill.run())
        for event in said:
            await asyncio.to_thread(town.held, event, "void", "nothing allows it")
    return "void: a grant names its device"


@real(55, "held, handed on, shown raw; an unknown statement means that an upgrade is needed")
async def kinds_and_versions_to_come(town: Town) -> str:
    """Is a device of a later version (cedar). Says a kind, a statement and a version that nobody here knows."""
    async with town.thief() as thief, thief.at(town.alder) as line:
        quill, control = thief.quill(), thief.quill(Lane.CONTROL)
        inner = Inner(now_ms(), "recoloured", "", _some_note(town.alder), thief.grant)
        kind = quill.raw(inner.encode(), cbor.encode(["blue"]))
        version = quill.raw(b"?", b"??", version=2)
        statement = control.raw(Inner(now_ms(), "decree").encode(), cbor.encode(["be merry"]))
        await line.push(quill.run())
        await line.push(control.run())
        for event in (kind, version):
            await asyncio.to_thread(town.held, event, "opaque")
        await asyncio.to_thread(town.held, statement, "honoured")
    for device in town.honest:
        assert "newer version" in str(device.status()["problems"]), device.last_words()
    await asyncio.to_thread(town.works)
    return "held by both though sent to one; both say that an upgrade is needed, and go on working"


@real(61, "void: a relay has no grant, and reads nothing")
async def relay_that_writes(town: Town) -> str:
    """Holds cedar's admin keys and lets its own relay in, which then writes data at alder's server."""
    keys = SecretKeys.from_entropy(secrets.token_bytes(32))
    async with town.thief() as thief, thief.at(town.alder) as line:
        control = thief.quill(Lane.CONTROL)
        relay = control.say(Draft(with_rank(thief.request("cellar", keys), RANK_RELAY)))
        await line.push(control.run())
        await asyncio.to_thread(town.held, relay, "honoured")
        honest, thief.keys = thief.keys, keys
        try:
            quill = thief.quill(Lane.DATA, relay)
            event = quill.say(thief.draft("by a relay"))
            run = quill.run()
        finally:
            thief.keys = honest
        await line.push(run)
        why = await asyncio.to_thread(town.held, event, "void")
    await asyncio.to_thread(town.works)
    return f"void: {why}"


@real(62, "held; only senior ranks are reached, and honest statements stay", slow=True)
async def thousand_statements(town: Town) -> str:
    """Holds cedar's admin keys. Says a thousand admissions, grants and adoptions of adoptions; honest work goes on."""
    before = devices(town.alder)
    async with town.thief() as thief, thief.at(town.alder) as line:
        control = thief.quill(Lane.CONTROL)
        last = control.say(Draft(Adopt((Digest(secrets.token_bytes(32)),))))
        for number in range(300):
            last = control.say(Draft(Adopt((last,))))
            control.say(Draft(Grant(thief.admission, f"agent {number}", "*", ("*",), ("*",))))
            if number % 100 == 99:
                await line.push(control.run())
        await asyncio.to_thread(town.held, last, "honoured")
    assert devices(town.alder) == before
    await asyncio.to_thread(town.works)
    return "600 statements, adoptions 300 deep"
