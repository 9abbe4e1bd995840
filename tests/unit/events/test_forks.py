"""Proofs of forks: whoever has the bytes can check them, and nobody can make one without the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.errors import Refused
from mesh.events.event import Placed
from mesh.events.forks import FORK_PREFIX, Branch, ForkProof, branch_of, proof_text, read_proof
from mesh.events.founding import found
from mesh.events.kinds import Born
from mesh.limits import SALT_BYTES
from mesh.names import Digest
from tests.unit.small_mesh import MESH, OTHER, TIME_MS, Device, fixed, one_run, request, secret_keys


def forked(device: Device, name: str) -> tuple[list[Placed], list[Placed]]:
    """An opening and an event, then two events, or three: on one place."""
    trunk, branches = MESH.written(device, 1), []
    for number in (1, 2):
        voice, _ = MESH.voice(device, trunk[0].lane)
        voice.chain, voice.head, voice.lamport = trunk[0].chain, trunk[-1].head, trunk[-1].header.lamport
        births = [Born({"title": name}, "", fixed(16, "side", number, n)) for n in range(number)]
        branches.append([MESH.say_data(voice, device, birth) for birth in births])
    return [*trunk, *branches[0]], branches[1]


def proof_of(device: Device = MESH.phone) -> ForkProof:
    """A proof that holds."""
    first, second = forked(device, "fork")
    trunk = first[1]
    sides = [branch_of(one_run(side, device.name)) for side in (first[2:], second)]
    opening = first[0].event.header
    return ForkProof(MESH.id, device.keys.sign_key, opening, trunk.chain, trunk.head, (sides[0], sides[1]))


PROOF = proof_of()


def test_a_proof_travels_as_text() -> None:
    """Wrapped by a mail program or not: the same proof, and the two events that it is about."""
    text = proof_text(PROOF)
    wrapped = "\n".join(text[at : at + 60] for at in range(0, len(text), 60))
    assert read_proof(f"  {wrapped}\n") == PROOF
    first, second = forked(MESH.phone, "fork")
    assert PROOF.events == (first[2].digest, second[0].digest)


def test_a_genesis_is_the_opening_of_its_own_chain() -> None:
    """Two founders on one genesis: the recovery key's own chain is bound to it in its own way."""
    founded = [found(secret_keys("recovery"), request(name, 1), fixed(SALT_BYTES, "x"), TIME_MS) for name in "ab"]
    first, second = (branch_of(one_run(events[1:], "recovery")) for events in founded)
    genesis = founded[0][0]
    key = MESH.recovery.keys.sign_key
    proof = ForkProof(genesis.digest, key, genesis.event.header, genesis.chain, genesis.head, (first, second))
    assert read_proof(proof_text(proof)) == proof
    with pytest.raises(Refused):
        read_proof(proof_text(replace(proof, mesh=MESH.id)))


WRONG: dict[str, ForkProof] = {
    "another mesh": replace(PROOF, mesh=OTHER.id),
    "another key": replace(PROOF, key=MESH.laptop.keys.sign_key),
    "another opening": replace(PROOF, opening=MESH.written(MESH.laptop, 0)[0].event.header),
    "another chain": replace(PROOF, chain=Digest(bytes(32))),
    "another place": replace(PROOF, after=Head(PROOF.after.seq + 1, PROOF.after.digest)),
    "no opening below": replace(PROOF, after=Head(1, PROOF.after.digest)),
    "before the opening": replace(PROOF, after=Head(0, Digest(bytes(32)))),
    "one side twice": replace(PROOF, sides=(PROOF.sides[0], PROOF.sides[0])),
    "signatures exchanged": replace(
        PROOF,
        sides=(
            Branch(PROOF.sides[0].headers, PROOF.sides[1].signature),
            Branch(PROOF.sides[1].headers, PROOF.sides[0].signature),
        ),
    ),
    "cut short": replace(PROOF, sides=(PROOF.sides[0], Branch(PROOF.sides[1].headers[:1], PROOF.sides[1].signature))),
    "an empty side": replace(PROOF, sides=(PROOF.sides[0], Branch((), PROOF.sides[1].signature))),
    "no signature": replace(PROOF, sides=(PROOF.sides[0], Branch(PROOF.sides[1].headers, b""))),
}


@pytest.mark.parametrize("proof", WRONG.values(), ids=WRONG.keys())
def test_attack_what_proves_nothing_is_refused(proof: ForkProof) -> None:
    """Each part of a proof is needed: nobody is accused without two signatures of his own."""
    with pytest.raises(Refused):
        read_proof(proof_text(proof))


@given(st.integers(0, 8 * len(bytes.fromhex(proof_text(PROOF).removeprefix(FORK_PREFIX))) - 1))
def test_attack_one_bit(bit: int) -> None:
    """Not one of them may be another."""
    raw = bytearray.fromhex(proof_text(PROOF).removeprefix(FORK_PREFIX))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refused):
        read_proof(FORK_PREFIX + raw.hex())


@given(st.text() | st.binary().map(lambda raw: FORK_PREFIX + raw.hex()))
def test_attack_anything(text: str) -> None:
    """Whatever it is: refused, nothing else."""
    with pytest.raises(Refused):
        read_proof(text)
