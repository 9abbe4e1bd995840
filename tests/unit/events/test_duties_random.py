"""Random histories of several admins who know different things: who owes nothing has left nobody without a key.

The devices are learners with true keys. They hear each other's statements late and in part, let others in, close, and
begin epochs, each by what it knows.
"""

from __future__ import annotations

import random

import pytest

from mesh.clocks.lamport import Stamp
from mesh.events.duties import owes_rekey
from mesh.events.epochs import Learner, next_epoch
from mesh.events.founding import asked, rekey, with_rank
from mesh.events.judge import judge
from mesh.events.keys import SecretKeys, public_sign_key
from mesh.events.kinds import Body, Close, Genesis
from mesh.events.seal import Keyring
from mesh.events.verdict import Statement, Verdict
from mesh.limits import RANK_ADMIN_LAST, RANK_RELAY
from mesh.names import ZERO, Digest, Short, short

SEEDS = 60
ACTS = 30
MESH = Digest(b"m" * 32)


class Device:
    """One device: what it has heard, and the keys that follow from it."""

    def __init__(self, lots: random.Random, admission: Digest, rank: int, keys: SecretKeys) -> None:
        """A device that has heard nothing."""
        self.lots, self.admission, self.rank, self.keys = lots, admission, rank, keys
        self.statements: dict[Digest, Statement] = {}
        self.keyring = Keyring()
        self.learner = Learner(MESH, admission, keys, self.keyring)
        self.lamport = 0

    def hear(self, *statements: Statement) -> None:
        """Take statements in, in any order."""
        fresh = [s for s in statements if s.digest not in self.statements]
        self.lots.shuffle(fresh)
        for one in fresh:
            self.statements[one.digest] = one
            self.lamport = max(self.lamport, one.stamp.lamport)
            _, faults = self.learner.add([one])
            assert not faults

    def say(self, body: Body) -> Statement:
        """A statement by what was heard so far."""
        stamp = Stamp(self.lamport + 1, self.admission)
        kind = type(body).__name__.lower()
        digest = Digest(self.lots.randbytes(32))
        said = Statement(digest, self.admission, stamp, kind, body, self.lamport + 1, ZERO)
        self.hear(said)
        return said

    @property
    def verdict(self) -> Verdict:
        """What counts, as far as it knows."""
        return judge(self.statements.values(), MESH)

    @property
    def owes(self) -> bool:
        """Whether it is an admin who owes an epoch."""
        live = self.verdict.is_live(self.admission)
        return self.rank <= RANK_ADMIN_LAST and live and owes_rekey(self.verdict, MESH, self.keyring, self.statements)

    def begin_epoch(self) -> None:
        """A new one for all whom it takes for readers."""
        self.say(next_epoch(self.verdict, MESH, self.keyring, self.statements, self.lots.randbytes(32))[0])


class Family:
    """A mesh of such devices."""

    def __init__(self, seed: int) -> None:
        """Found it."""
        self.lots = random.Random(seed)
        recovery = SecretKeys.from_entropy(self.lots.randbytes(32))
        genesis = Genesis(recovery.sign_key, recovery.kem_key, bytes(16))
        founding = Statement(MESH, MESH, Stamp(1, MESH), "genesis", genesis, 1, ZERO)
        self.recovery = Device(self.lots, MESH, 0, recovery)
        self.recovery.hear(founding)
        self.devices: list[Device] = []
        founder = self.admit(self.recovery, 1)
        wanted = {MESH: recovery.kem_key, founder.admission: founder.keys.kem_key}
        founder.say(rekey(MESH, self.lots.randbytes(32), wanted))

    def admit(self, admitter: Device, rank: int) -> Device:
        """Somebody lets a device in, and hands it all that he has heard and all his keys, unless it is a relay."""
        keys = SecretKeys.from_entropy(self.lots.randbytes(32))
        transport, tls = (public_sign_key(self.lots.randbytes(32)) for _ in range(2))
        admit = with_rank(asked(keys, transport, tls, "device"), rank)
        device = Device(self.lots, admitter.say(admit).digest, rank, keys)
        if rank < RANK_RELAY and admitter is not self.recovery:
            for name, key in admitter.keyring.keys().items():
                (digest,) = (one for one in admitter.statements if short(one) == name)
                device.keyring.add(digest, key)
        device.hear(*admitter.statements.values())
        self.devices.append(device)
        return device

    def act(self) -> None:
        """Something that an admin may do, or a meeting."""
        admins = [d for d in self.devices if d.rank <= RANK_ADMIN_LAST and d.verdict.is_live(d.admission)]
        admin = self.lots.choice(admins)
        what = self.lots.choice(("admit", "admit", "rekey", "close", "bare close", "meet", "meet", "meet", "part"))
        if what == "admit" and len(self.devices) < 12:
            self.admit(admin, self.lots.choice((admin.rank + 1, 10, 10, RANK_RELAY)))
        elif what == "rekey":
            admin.begin_epoch()
        elif what.endswith("close"):
            juniors = [d for d in admin.verdict.live.values() if d.rank > admin.rank]
            if juniors and self.lots.random() < 0.5:
                admin.say(Close(self.lots.choice(juniors).digest))
                if what == "close":
                    admin.begin_epoch()
        else:
            one, other = self.lots.choice(self.devices), self.lots.choice(self.devices)
            said = list(other.statements.values())
            one.hear(*(said if what == "meet" else self.lots.sample(said, len(said) // 2)))

    def meet_all(self) -> None:
        """Everybody hears everything."""
        said = {s.digest: s for d in (self.recovery, *self.devices) for s in d.statements.values()}
        for device in (self.recovery, *self.devices):
            device.hear(*said.values())

    def readers(self) -> list[Device]:
        """Whom keys are for, once all have met."""
        wanted = self.recovery.verdict.readers()
        return [device for device in (self.recovery, *self.devices) if device.admission in wanted]

    def left_out(self, admin: Device) -> set[Short]:
        """Keys that an admin holds and some reader does not."""
        keys = admin.keyring.keys()
        return {name for name in keys for reader in self.readers() if not reader.keyring.holds(name)}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_who_owes_nothing_has_left_nobody_without_a_key(seed: int) -> None:
    """In every history few epochs more are enough for all, and nobody who was closed has the key of the last one."""
    family = Family(seed)
    for _ in range(ACTS):
        family.act()
    family.meet_all()
    more = 0
    admins = [d for d in family.readers() if 0 < d.rank <= RANK_ADMIN_LAST]
    while owing := [admin for admin in admins if admin.owes]:
        family.lots.choice(owing).begin_epoch()
        family.meet_all()
        more += 1
        assert more <= len(admins), "each admin may hold keys that no other has, and no more than that"
    for admin in admins:
        assert family.left_out(admin) == set()
    verdict = admins[0].verdict
    current = verdict.epoch()
    assert current is not None
    for device in (family.recovery, *family.devices):
        reads = device.admission in verdict.readers()
        assert device.keyring.holds(short(current)) is reads
