"""The replica: devices that meet hold the same in the end, forks are held, and talk ends."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh.events.event import Lane
from mesh.events.founding import with_rank
from mesh.events.reading import read
from mesh.events.speaking import runs
from mesh.events.verdict import Standing
from mesh.limits import LIVE_PUSH_BYTES_MAX
from mesh.names import ZERO
from mesh.sync.inputs import Heard
from mesh.sync.messages import Have, Push, Want
from tests.unit.lineage import Log
from tests.unit.small_mesh import MESH, one_run, request
from tests.unit.sync.small_family import family, synced
from tests.unit.sync.small_net import Net, Node, copied


def test_two_devices_that_meet_hold_the_same() -> None:
    """Offline work of both sides arrives at both, and is honoured there."""
    net = family()
    net.nodes["mac"].say(3)
    net.nodes["phone"].say(5)
    net.meet("mac", "phone")
    net.run()
    mac, phone = net.nodes["mac"], net.nodes["phone"]
    assert mac.knows() == phone.knows()
    data = [placed for placed in mac.log.values() if placed.lane is Lane.DATA]
    assert len(data) == 10
    standings = {read(mac.keyring, mac.replica.verdict, placed, Log()).standing for placed in data}
    assert standings == {Standing.HONOURED}
    assert mac.replica.lacks == {}
    assert not mac.alarms + phone.alarms


def test_news_travels_whole_when_small() -> None:
    """One edit is one Push to everybody; the receiver asks nothing."""
    net = family()
    net.meet("mac", "phone")
    net.run()
    net.carried.clear()
    net.carry_out("phone", net.nodes["phone"].say())
    net.run()
    assert net.carried[0] is Push
    assert Want not in net.carried
    assert net.nodes["mac"].knows() == net.nodes["phone"].knows()


def test_large_news_is_only_told() -> None:
    """Above 64 KiB the tips are told, and who lacks them asks."""
    net = family()
    net.meet("mac", "phone")
    net.run()
    effects = net.nodes["phone"].say(4, "x" * (LIVE_PUSH_BYTES_MAX // 3))
    ((to, message),) = effects.send
    assert to is None
    assert isinstance(message, Have)
    assert not message.asks
    net.carry_out("phone", effects)
    net.run()
    assert net.nodes["mac"].knows() == net.nodes["phone"].knows()


def test_what_one_device_brings_another_hands_on() -> None:
    """Mac and phone never meet: the laptop carries both ways."""
    net = family()
    net.nodes["mac"].say()
    net.nodes["phone"].say()
    for a, b in (("mac", "laptop"), ("laptop", "phone"), ("mac", "laptop")):
        net.meet(a, b)
        net.run()
    assert synced(net)


def test_control_is_fetched_before_data() -> None:
    """A device that lacks the admission of a writer gets it first, so nothing waits for ever."""
    net = family()
    net.nodes["old"] = Node(MESH.laptop, MESH.founding)
    net.nodes["phone"].say(2)
    net.meet("old", "phone")
    net.run()
    assert net.nodes["old"].knows() == net.nodes["phone"].knows()
    assert net.nodes["old"].replica.verdict == MESH.verdict


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 2)), max_size=25), st.integers(1, 3))
def test_random_talk_descends_ends_and_converges(steps: list[tuple[int, int, int]], page: int) -> None:
    """Writing, meeting, parting, forking and ticking at random: in the end all hold the same, and talk is over."""
    net = family()
    net.nodes["twin"] = copied(net.nodes["mac"])
    names = list(net.nodes)
    for node in net.nodes.values():
        node.runs_per_page = page
    for action, first, second in steps:
        happen(net, action, names[first], names[(first + second + 1) % len(names)])
    settle(net, names)
    assert synced(net)
    net.carried.clear()
    net.tick()
    net.run()
    assert set(net.carried) == {Have}


def happen(net: Net, action: int, a: str, b: str) -> None:
    """One thing of a random story: say, meet, lose, deliver or tick."""
    if action <= 1:
        net.carry_out(a, net.nodes[a].say(1 + action))
    elif action == 2:
        net.meet(a, b)
    elif action == 3:
        net.lose(a, b)
    elif action == 4:
        net.run()
    else:
        net.tick()


def settle(net: Net, names: list[str]) -> None:
    """All letters are lost, all links end; then everybody meets everybody, until it is quiet."""
    net.letters.clear()
    for a in names:
        for b in names:
            net.lose(a, b)
    for _ in range(3):
        for first, a in enumerate(names):
            for b in names[first + 1 :]:
                net.meet(a, b)
        net.run()
        net.tick()
        net.run()


def forked_pair() -> Net:
    """A mac and its restored copy, each of which went on with the same chain."""
    net = family()
    net.nodes["mac"].say(3)
    net.nodes["twin"] = copied(net.nodes["mac"])
    net.nodes["mac"].say(4)
    net.nodes["twin"].say(2)
    return net


def test_attack_endless_talk_between_forked_replicas() -> None:
    """Two copies of one device with forked chains hold both branches after a short talk, and are quiet."""
    net = forked_pair()
    net.meet("mac", "twin")
    assert net.run(100) < 30
    mac, twin = net.nodes["mac"], net.nodes["twin"]
    assert mac.knows() == twin.knows()
    assert [len(heads) for heads in mac.replica.chains.frontier(Lane.DATA).values()] == [2]
    ((chain, after),) = mac.forks
    assert (chain, after.seq) == (next(iter(mac.replica.chains.frontier(Lane.DATA))), 4)
    assert "another copy of this device" in mac.alarms[0]


def test_after_a_fork_a_new_chain_is_opened() -> None:
    """A device that sees its own chain forked goes on in a new one, with the reason restored."""
    net = forked_pair()
    net.meet("mac", "twin")
    net.run()
    effects = net.nodes["mac"].say()
    assert [placed.seq for placed in effects.append] == [1, 2]
    inner = read(net.nodes["mac"].keyring, MESH.verdict, effects.append[0], Log())
    assert getattr(inner.body, "reason", "") == "restored"
    later = net.nodes["mac"].say()
    assert [placed.seq for placed in later.append] == [3]


def test_a_fork_reaches_a_third_device() -> None:
    """Both branches count for somebody who meets the copies one after the other."""
    net = forked_pair()
    for name in ("mac", "twin"):
        net.meet("phone", name)
        net.run()
    assert net.nodes["phone"].knows() >= net.nodes["mac"].knows() | net.nodes["twin"].knows()


def test_a_replica_from_its_log_is_the_replica_that_never_stopped() -> None:
    """Verdict, clock and frontier come out of the log as they were."""
    net = family()
    net.nodes["mac"].say(2)
    mac = net.nodes["mac"]
    again = mac.restarted()
    assert again.verdict == mac.replica.verdict
    assert again.verdict_digest == mac.replica.verdict_digest
    assert (again.heard, again.control_bytes) == (mac.replica.heard, mac.replica.control_bytes)


@given(st.permutations(range(3)))
def test_incremental_equals_from_scratch(order: list[int]) -> None:
    """Control runs in any order that fits give the verdict that all of them give at once."""
    more = [
        one_run(MESH.control_chain(MESH.laptop, [with_rank(request(f"new {n}"), 20)], str(n)), "laptop")
        for n in range(3)
    ]
    one = Node(MESH.phone)
    for number in order:
        assert one.handle(Heard("a", Push((more[number],)))).judged
    whole = Node(MESH.phone)
    whole.handle(Heard("a", Push(tuple(more))))
    assert one.replica.verdict == whole.replica.verdict
    assert one.replica.verdict_digest == whole.replica.verdict_digest != ZERO
    assert one.replica.verdict == one.restarted().verdict
    assert len(one.replica.verdict.admissions) == 7


def test_after_a_start_a_device_speaks_on_in_the_chains_it_is_told() -> None:
    """However far another chain of its own has come: what others bring back after a restore is not gone on with."""
    net = family()
    mac = net.nodes["mac"]
    mac.say(2)
    own = mac.replica.voices[Lane.DATA]
    later = one_run(MESH.written(MESH.mac, 30, "later"), "mac")
    mac.handle(Heard("backup", Push((later,))))
    mac.replica = mac.restarted()
    mac.replica.speak_on({Lane.DATA: own})
    assert {placed.chain for placed in mac.say().append} == {own}


def test_in_a_lane_without_a_chain_to_speak_on_one_is_opened() -> None:
    """After a restore or a move nothing is said on any chain that is there."""
    mac = family().nodes["mac"]
    mac.say(2)
    old = mac.replica.voices[Lane.DATA]
    mac.replica = mac.restarted()
    mac.replica.speak_on({})
    fresh = mac.say().append
    assert (fresh[0].seq, {placed.chain for placed in fresh} & {old}) == (1, set())
    assert mac.replica.voices[Lane.DATA] == fresh[0].chain


def test_a_copy_that_goes_on_is_noticed_before_anything_forks() -> None:
    """Somebody else wrote behind our last event: an alarm, and what we say next goes on a chain of its own."""
    mac = Node(MESH.mac)
    mac.say()
    twin = copied(mac)
    effects = mac.handle(Heard("laptop", Push(runs(twin.say().append))))
    assert "another copy of this device wrote event 3" in effects.alarms[0]
    assert not effects.forks
    said = mac.say().append
    assert (said[0].seq, len(said)) == (1, 2)
    twins = twin.handle(Heard("laptop", Push(runs(said))))
    assert not twins.alarms, "a chain of its own is no alarm to the other copy"
    assert mac.knows() == twin.knows()
