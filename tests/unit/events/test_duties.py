"""Duties: when an admin owes a new epoch, whose reach is what, which grants are over and where they ended."""

import hashlib
from dataclasses import replace

import pytest

from mesh.clocks.lamport import Stamp
from mesh.events.bodies import encode_body
from mesh.events.duties import Ending, expired, holders, owes_rekey, ungrant
from mesh.events.epochs import next_epoch
from mesh.events.event import Inner, Lane, Placed
from mesh.events.founding import default_grant, rekey, with_rank
from mesh.events.judge import judge
from mesh.events.kinds import Admit, Born, Close, Grant, Rekey, Ungrant
from mesh.events.seal import Keyring
from mesh.events.verdict import Statement
from mesh.limits import MARKS_MAX, RANK_RELAY
from mesh.names import ZERO, Digest, Short, short
from tests.unit.small_mesh import TIME_MS, Device, SmallMesh, fixed, request

BASE = SmallMesh()
MAC, LAPTOP, PHONE, RECOVERY = BASE.mac, BASE.laptop, BASE.phone, BASE.recovery


class Control:
    """A control log in the making, with true wraps and the keys of the epochs in it."""

    def __init__(self) -> None:
        """The small mesh without its epoch, which has wraps that nobody opens."""
        self.statements = {d: s for d, s in BASE.statements().items() if not isinstance(s.body, Rekey)}
        self.keys: dict[Digest, bytes] = {}

    def say(self, device: Device, lamport: int, body: Rekey | Close | Admit | Grant | Ungrant) -> Statement:
        """A statement at a place of its own."""
        digest = Digest(hashlib.sha256(device.admission + bytes([lamport]) + encode_body(body)).digest())
        stamp = Stamp(lamport, device.admission)
        kind = type(body).__name__.lower()
        said = Statement(digest, device.admission, stamp, kind, body, lamport, ZERO)
        self.statements[digest] = said
        return said

    def rekey(self, device: Device, lamport: int, *recipients: Device, handing: tuple[Digest, ...] = ()) -> Digest:
        """An epoch for these, and which earlier ones it hands on."""
        key = fixed(32, "key", device.name, lamport)
        earlier = {short(name): self.keys[name] for name in handing}
        body = rekey(BASE.id, key, {d.admission: d.keys.kem_key for d in recipients}, earlier)
        digest = self.say(device, lamport, body).digest
        self.keys[digest] = key
        return digest

    def admit(self, device: Device, lamport: int, name: str, rank: int = 10) -> Device:
        """Another device."""
        return Device(name, self.say(device, lamport, with_rank(request(name), rank)).digest)

    def owed(self, *without: Digest) -> bool:
        """Whether an admin who holds all keys but these owes an epoch."""
        keyring = Keyring({short(name): key for name, key in self.keys.items() if name not in without})
        verdict = judge(self.statements.values(), BASE.id)
        return owes_rekey(verdict, BASE.id, keyring, self.statements)

    def do(self, device: Device, lamport: int) -> None:
        """The epoch that is owed."""
        keyring = Keyring({short(name): key for name, key in self.keys.items()})
        verdict = judge(self.statements.values(), BASE.id)
        body, key = next_epoch(verdict, BASE.id, keyring, self.statements, fixed(32, "next", lamport))
        self.keys[self.say(device, lamport, body).digest] = key


EVERYBODY = (RECOVERY, MAC, LAPTOP, PHONE)


def test_an_epoch_for_every_reader_is_enough() -> None:
    """Nothing is owed in a mesh at rest."""
    control = Control()
    assert control.owed(), "there is none"
    control.rekey(MAC, 20, *EVERYBODY)
    assert not control.owed()


@pytest.mark.parametrize("left_out", EVERYBODY)
def test_a_reader_who_was_left_out_is_owed_one(left_out: Device) -> None:
    """Be it a member, an admin or the recovery key; and one epoch more is enough."""
    control = Control()
    control.rekey(MAC, 20, *EVERYBODY)
    control.rekey(MAC, 21, *(device for device in EVERYBODY if device != left_out))
    by = left_out is MAC  # who made it has its key without a wrap
    assert control.owed() is not by
    control.do(LAPTOP, 22)
    assert not control.owed()


def test_an_epoch_that_reaches_a_closed_device_or_nobody_is_never_written_under() -> None:
    """After a close one is owed, unless it came with it."""
    control = Control()
    control.rekey(MAC, 20, *EVERYBODY)
    control.say(MAC, 21, Close(PHONE.admission))
    assert control.owed()
    control.rekey(MAC, 22)
    assert control.owed(), "it reaches nobody"
    control.do(MAC, 23)
    assert not control.owed()


@pytest.mark.parametrize(("rank", "owed"), [(10, True), (RANK_RELAY, False)])
def test_a_close_of_who_was_handed_the_key_in_its_admission_owes_one(rank: int, owed: bool) -> None:  # noqa: FBT001
    """It is no recipient of that epoch, and reads it all the same; a relay does not."""
    control = Control()
    control.rekey(MAC, 20, *EVERYBODY)
    late = control.admit(MAC, 21, "late", rank=rank)
    assert not control.owed()
    control.say(MAC, 22, Close(late.admission))
    assert judge(control.statements.values(), BASE.id).epoch() is not None
    assert control.owed() is owed
    control.do(MAC, 23)
    assert not control.owed()


def test_two_at_once_reach_everybody() -> None:
    """Both were made for all, so neither leaves anybody out; one that left somebody out is made up for once."""
    control = Control()
    first = control.rekey(MAC, 20, *EVERYBODY)
    control.rekey(MAC, 21, *EVERYBODY, handing=(first,))
    control.rekey(LAPTOP, 21, *EVERYBODY, handing=(first,))
    assert not control.owed()


def test_devices_let_in_at_once_by_two_admins_with_a_new_epoch_each() -> None:
    """Each newcomer knows what its admitter had, and not the other's epoch: one more makes up for both."""
    control = Control()
    first = control.rekey(MAC, 20, *EVERYBODY)
    new = control.admit(MAC, 21, "tablet")
    other = control.admit(LAPTOP, 21, "watch")
    control.rekey(MAC, 22, *EVERYBODY, new, handing=(first,))
    control.rekey(LAPTOP, 22, *EVERYBODY, other, handing=(first,))
    assert control.owed()
    control.do(MAC, 23)
    assert not control.owed()


def test_whom_an_admission_hands_over_everything_is_owed_nothing() -> None:
    """The admitter made the epoch before, or was let in by who did."""
    control = Control()
    control.statements = {d: s for d, s in control.statements.items() if s.admission != MAC.admission}
    control.rekey(MAC, 8, RECOVERY, MAC)
    laptop = control.admit(MAC, 20, "second laptop", rank=2)
    control.admit(laptop, 21, "second phone")
    assert not control.owed()
    control.rekey(MAC, 22, RECOVERY, MAC)
    assert control.owed(), "both came before it"


def test_a_relay_is_owed_nothing() -> None:
    """It holds and serves what it cannot read."""
    control = Control()
    control.rekey(MAC, 20, *EVERYBODY)
    control.rekey(MAC, 21, *EVERYBODY)
    control.admit(LAPTOP, 22, "relay", rank=RANK_RELAY)
    assert not control.owed()


def test_an_admin_without_a_key_to_write_under_begins_one() -> None:
    """A stolen admin's garbage is no reason to be silent; an older epoch that is here will do."""
    control = Control()
    first = control.rekey(MAC, 20, *EVERYBODY)
    second = control.rekey(LAPTOP, 21, *EVERYBODY)
    assert not control.owed(second)
    assert control.owed(first, second)


def test_who_can_hand_a_key_on_is_told_by_rank() -> None:
    """Live admins only: nobody else begins an epoch."""
    control = Control()
    first = control.rekey(MAC, 20, RECOVERY, MAC, PHONE)
    second = control.rekey(MAC, 21, *EVERYBODY, handing=(first,))
    verdict = judge(control.statements.values(), BASE.id)
    assert holders(verdict, control.statements, first) == (MAC.admission, LAPTOP.admission)
    control.say(MAC, 22, Close(LAPTOP.admission))
    verdict = judge(control.statements.values(), BASE.id)
    assert holders(verdict, control.statements, second) == (MAC.admission,)


# ── grants that are over ─────────────────────────────────────────────────────────────────────────


def ending_at(until_ms: int | None, device: Device = PHONE) -> Grant:
    """A grant for an agent, with an end."""
    return replace(default_grant(device.admission), agent="claude", until_ms=until_ms)


def over(control: Control, own: Device, now_ms: int) -> set[Digest]:
    """Which grants this admin would end."""
    return set(expired(judge(control.statements.values(), BASE.id), own.admission, control.statements, now_ms))


def test_a_grant_is_over_after_its_last_moment_and_until_somebody_ended_it() -> None:
    """At the last moment it still holds, as for the device that writes."""
    control = Control()
    name = control.say(MAC, 20, ending_at(TIME_MS)).digest
    control.say(MAC, 21, ending_at(None))
    control.say(MAC, 22, ending_at(TIME_MS + 1000))
    assert over(control, MAC, TIME_MS) == set()
    assert over(control, MAC, TIME_MS + 1) == {name}
    control.say(LAPTOP, 23, Ungrant(name))
    assert over(control, MAC, TIME_MS + 1) == set()


def test_an_admin_ends_what_is_in_its_reach() -> None:
    """Its own, and those of juniors."""
    control = Control()
    senior = control.say(MAC, 20, ending_at(TIME_MS, MAC)).digest
    equal = control.say(LAPTOP, 21, ending_at(TIME_MS, LAPTOP)).digest
    junior = control.say(LAPTOP, 22, ending_at(TIME_MS, PHONE)).digest
    assert over(control, LAPTOP, TIME_MS + 1) == {equal, junior}
    assert over(control, MAC, TIME_MS + 1) == {senior, equal, junior}
    assert over(control, PHONE, TIME_MS + 1) == set()


GRANT = Short(b"g" * 16)
OTHER = Short(b"o" * 16)


class Chain:
    """A chain of the phone, whose events are told to an ending."""

    def __init__(self, salt: str = "") -> None:
        """Open it."""
        self.voice, opening = BASE.voice(PHONE, Lane.DATA, salt)
        self.events: list[tuple[Placed, Inner]] = [(opening, Inner(TIME_MS, "opening"))]

    def write(self, time_ms: int, grant: Short = GRANT) -> Placed:
        """One more event."""
        placed = BASE.say_data(self.voice, PHONE, Born({"title": f"{len(self.events)}"}, "", b""))
        self.events.append((placed, Inner(time_ms, "born", "claude", None, grant)))
        return placed

    def forked(self) -> "Chain":
        """Another branch that begins here."""
        twin = Chain()
        twin.voice = replace(self.voice)
        twin.events = []
        return twin

    def ending(self, *branches: "Chain") -> Ending:
        """Where the grant ended, seen over all branches."""
        found = Ending(GRANT, TIME_MS)
        for event in (*self.events, *(event for branch in branches for event in branch.events)):
            found.add(*event)
        return found


def test_a_grant_ends_in_front_of_the_first_late_event_under_it() -> None:
    """What was written in time counts, and nothing that stands on a late event, whatever time it claims."""
    chain = Chain()
    chain.write(TIME_MS - 5)
    last = chain.write(TIME_MS)
    chain.write(TIME_MS + 1)
    chain.write(TIME_MS - 1)
    assert chain.ending().heads() == (last.head,)


def test_the_end_is_the_same_whether_an_admin_was_awake_or_not() -> None:
    """Who looks at once sees the last event in time; who looks later comes to the same place."""
    chain = Chain()
    last = chain.write(TIME_MS)
    awake = chain.ending().heads()
    chain.write(TIME_MS + 1)
    chain.write(TIME_MS + 9)
    assert awake == chain.ending().heads() == (last.head,)


def test_other_grants_do_not_end_it() -> None:
    """Late work of the person at the same device is in nobody's way."""
    chain = Chain()
    chain.write(TIME_MS)
    last = chain.write(TIME_MS + 50, OTHER)
    chain.write(TIME_MS + 51)
    assert chain.ending().heads() == (last.head,)


def test_each_branch_of_a_fork_has_an_end_of_its_own() -> None:
    """A branch that is late from its first event on ends where they part, which the other branch covers."""
    chain = Chain()
    chain.write(TIME_MS)
    late, good = chain.forked(), chain.forked()
    late.write(TIME_MS + 1)
    good.voice.lamport += 7  # another event at the same place
    last = good.write(TIME_MS)
    good.write(TIME_MS + 1)
    assert chain.ending(late, good).heads() == (last.head,)
    assert chain.ending(good, late).heads() == (last.head,)
    other = chain.forked()
    other.voice.lamport += 9
    second = other.write(TIME_MS - 3)
    assert chain.ending(late, good, other).heads() == tuple(sorted((last.head, second.head)))


def test_a_chain_that_did_not_use_the_grant_in_time_is_not_named() -> None:
    """There is nothing in it to keep."""
    chain = Chain()
    chain.write(TIME_MS, OTHER)
    assert chain.ending().heads() == ()
    chain.write(TIME_MS + 1)
    assert chain.ending().heads() == ()


def test_what_is_not_of_the_right_form_counts_for_nothing_and_ends_nothing() -> None:
    """An inner header that cannot be read has no time to be late by."""
    chain = Chain()
    chain.write(TIME_MS)
    ending = chain.ending()
    broken = chain.write(TIME_MS + 1)
    ending.add(broken, None)
    assert ending.heads() == (broken.head,)


def test_an_ungrant_names_the_ends_of_all_chains_sorted_and_bounded() -> None:
    """As the protocol asks; of more places than fit the highest are kept."""
    name = Digest(fixed(32, "grant"))
    chains = [Chain(f"{n}") for n in range(3)]
    for chain in chains:
        chain.write(TIME_MS)
    body = ungrant(name, {chain.voice.chain: chain.ending() for chain in chains})
    assert body.grant == name
    assert len(body.marks) == 3
    assert list(body.marks) == sorted(set(body.marks))
    chains[0].write(TIME_MS)
    many = {Digest(fixed(32, n)): chains[1].ending() for n in range(MARKS_MAX)}
    many[chains[0].voice.chain] = chains[0].ending()
    crowded = ungrant(name, many)
    assert len(crowded.marks) == MARKS_MAX
    assert chains[0].voice.chain in {mark.chain for mark in crowded.marks}
    assert encode_body(crowded)
