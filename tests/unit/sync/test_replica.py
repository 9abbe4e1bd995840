"""The replica: devices that meet hold the same in the end, talk ends, and what is refused changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.errors import NotGranted, Refused, TooLarge
from mesh.events.event import Event, Lane, Run
from mesh.events.founding import default_grant, with_rank
from mesh.events.kinds import Born, Changed
from mesh.events.reading import read
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, runs
from mesh.events.verdict import Standing
from mesh.limits import CONTROL_BYTES_MAX, LIVE_PUSH_BYTES_MAX
from mesh.names import ZERO, Digest, short
from mesh.sync.inputs import GUEST, Heard, Lost, Met, Said, Ticked
from mesh.sync.messages import Have, Message, Push, Want
from mesh.sync.replica import EVERYBODY
from tests.unit.small_mesh import MESH, NOTE, OTHER, TIME_MS, SmallMesh, fixed, one_run, request, without_body
from tests.unit.sync.small_net import ENTROPY_BYTES, Net, Node, copied

ENTROPY = fixed(ENTROPY_BYTES, "test")
BIRTH = Born({}, "", bytes(16))


def family() -> Net:
    """Mac, laptop and phone, each with the control log."""
    return Net(mac=Node(MESH.mac), laptop=Node(MESH.laptop), phone=Node(MESH.phone))


def snapshot(node: Node) -> object:
    """Everything that a replica remembers, as values."""
    replica = node.replica
    chains = {
        name: (c.admission, c.lane, c.key, dict(c.tips), c.trail.heads())
        for name, c in sorted(replica.chains.chains.items())
    }
    pulls = {
        peer: (list(p.targets), list(p.bodies), dict(p.cursors), p.asked, p.asked_bodies, p.idle)
        for peer, p in replica.pulls.items()
    }
    sets = (set(replica.met), set(replica.skipped), dict(replica.voices), dict(replica.missing))
    facts = (replica.heard, replica.control_bytes, replica.verdict_digest, replica.own_rank, dict(replica.statements))
    return chains, pulls, sets, facts, dict(node.log)


def synced(net: Net) -> bool:
    """Whether all nodes hold the same events and judge alike."""
    first, *others = net.nodes.values()
    return all(node.knows() == first.knows() and node.replica.verdict == first.replica.verdict for node in others)


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
    standings = {read(mac.keyring, mac.replica.verdict, placed).standing for placed in data}
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
    assert any("restored from a backup, or stolen?" in alarm for alarm in mac.alarms)


def test_after_a_fork_a_new_chain_is_opened() -> None:
    """A device that sees its own chain forked goes on in a new one, with the reason restored."""
    net = forked_pair()
    net.meet("mac", "twin")
    net.run()
    effects = net.nodes["mac"].say()
    assert [placed.seq for placed in effects.append] == [1, 2]
    inner = read(net.nodes["mac"].keyring, MESH.verdict, effects.append[0])
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


# ── saying ───────────────────────────────────────────────────────────────────────────────────────


def said(drafts: tuple[Draft, ...], lane: Lane = Lane.DATA) -> Said:
    """A commit of this device."""
    return Said(drafts, lane, TIME_MS, ENTROPY)


def test_what_is_said_is_appended_and_told() -> None:
    """The first commit opens a chain; its grant is filled in; effects hold what must be stored, then sent."""
    phone = Node(MESH.phone)
    effects = phone.handle(said((Draft(BIRTH, NOTE), Draft(Changed(b"x"), NOTE))))
    assert [placed.seq for placed in effects.append] == [1, 2, 3]
    assert effects.send == ((None, Push(runs(effects.append))),)
    reading = read(phone.keyring, MESH.verdict, effects.append[2])
    assert (reading.standing, reading.inner and reading.inner.grant) == (Standing.HONOURED, MESH.grant(MESH.phone))


def test_an_admin_says_statements() -> None:
    """The verdict follows at once."""
    laptop = Node(MESH.laptop)
    effects = laptop.handle(said((Draft(with_rank(request("new"), 5)),), Lane.CONTROL))
    assert effects.judged
    assert effects.append[-1].digest in laptop.replica.verdict.admissions
    again = laptop.handle(said((Draft(default_grant(effects.append[-1].digest)),), Lane.CONTROL))
    assert [placed.seq for placed in again.append] == [3]


REFUSED: dict[str, tuple[Callable[[], Node], Said, type[Refused]]] = {
    "member_says_a_statement": (
        lambda: Node(MESH.phone),
        said((Draft(with_rank(request("new"), 20)),), Lane.CONTROL),
        NotGranted,
    ),
    "agent_without_a_grant": (lambda: Node(MESH.phone), said((Draft(BIRTH, NOTE, "agent"),)), NotGranted),
    "no_document": (lambda: Node(MESH.phone), said((Draft(BIRTH),)), NotGranted),
    "not_let_in": (lambda: Node(MESH.phone, MESH.founding), said((Draft(BIRTH, NOTE),)), NotGranted),
    "not_let_in_says_a_statement": (
        lambda: Node(MESH.laptop, MESH.founding),
        said((Draft(default_grant(MESH.phone.admission)),), Lane.CONTROL),
        NotGranted,
    ),
    "second_draft_not_allowed": (
        lambda: Node(MESH.phone),
        said((Draft(BIRTH, NOTE), Draft(BIRTH, NOTE, "agent"))),
        NotGranted,
    ),
    "key_missing": (
        lambda: Node(MESH.phone, MESH.control, Keyring({short(ZERO): bytes(32)})),
        said((Draft(BIRTH, NOTE),)),
        Refused,
    ),
    "no_epoch": (lambda: Node(MESH.mac, MESH.founding), said((Draft(BIRTH, NOTE),)), Refused),
    "too_long": (
        lambda: Node(MESH.phone),
        said((Draft(BIRTH, NOTE), Draft(Changed(bytes(200_000)), NOTE))),
        TooLarge,
    ),
}


@pytest.mark.parametrize(("node", "given_said", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_be_said_changes_nothing(node: Callable[[], Node], given_said: Said, error: type[Refused]) -> None:
    """No grant, no rank, no key or no room: refused with a sentence, and the replica is as it was."""
    speaker = node()
    before = snapshot(speaker)
    with pytest.raises(error):
        speaker.handle(given_said)
    assert snapshot(speaker) == before


# ── hearing what is wrong ────────────────────────────────────────────────────────────────────────

WRITTEN = MESH.written(MESH.phone, 4)
RUN = one_run(WRITTEN, "phone")
MEMBER_CONTROL = one_run(MESH.control_chain(MESH.phone, []), "phone")
HOSTILE: dict[str, Push] = {
    "truncated_tail": Push((replace(RUN, events=RUN.events[:-1]),)),
    "empty_run": Push((replace(RUN, events=()),)),
    "body_swap": Push((replace(RUN, events=(*RUN.events[:2], Event(RUN.events[2].header, b"x"), *RUN.events[3:])),)),
    "opening_without_body": Push((replace(RUN, events=(without_body(RUN.events[0]), *RUN.events[1:])),)),
    "other_mesh": Push(runs(OTHER.control)),
    "member_opens_a_control_chain": Push((MEMBER_CONTROL,)),
    "renamed_chain": Push((replace(RUN, chain=Digest(fixed(32, "x"))),)),
    "wrong_signature": Push((replace(RUN, signature=bytes(64)),)),
}


@pytest.mark.parametrize("push", HOSTILE.values(), ids=HOSTILE.keys())
def test_attack_refused_runs_change_nothing(push: Push) -> None:
    """An alarm says who sent it, and the replica is as it was."""
    node = Node(MESH.mac)
    before = snapshot(node)
    effects = node.handle(Heard("thief", push))
    assert snapshot(node) == before
    assert len(effects.alarms) == 1
    assert effects.alarms[0].startswith("refused from thief: ")
    assert not (effects.append)
    assert not (effects.send)
    assert not (effects.ask)


def test_attack_push_with_a_gap() -> None:
    """What stands on something missing is not taken; the sender is compared with soon, if it was met."""
    node = Node(MESH.mac)
    gap = Push((one_run(WRITTEN[2:], "phone"),))
    before = snapshot(node)
    effects = node.handle(Heard("phone", gap))
    assert (effects.append, effects.meet, effects.alarms) == ((), frozenset(), ())
    assert snapshot(node) == before
    node.handle(Met("phone"))
    assert node.handle(Heard("phone", gap)).meet == {"phone"}


def test_attack_the_same_run_twice_in_one_message() -> None:
    """A doubled or overlapping run in one Push is taken once and makes no fork."""
    node = Node(MESH.mac)
    part = one_run(WRITTEN[:2], "phone")
    effects = node.handle(Heard("phone", Push((RUN, RUN, part))))
    assert [placed.seq for placed in effects.append] == [1, 2, 3, 4, 5]
    assert effects.alarms == ()
    assert node.replica.chains.frontier(Lane.DATA) == {RUN.chain: (WRITTEN[-1].head,)}


def test_attack_replay() -> None:
    """A message heard again brings nothing and says nothing."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    before = snapshot(node)
    effects = node.handle(Heard("phone", Push((RUN,))))
    assert not (effects.append)
    assert not (effects.send)
    assert not (effects.alarms)
    assert snapshot(node) == before


def test_one_bad_chain_blocks_no_other() -> None:
    """A Push is taken run by run: the good ones before and after the bad one count."""
    node = Node(MESH.mac)
    bad = one_run(MESH.written(MESH.phone, 1, "b"), "phone")
    last = one_run(MESH.written(MESH.laptop, 1), "laptop")
    effects = node.handle(Heard("phone", Push((RUN, replace(bad, signature=bytes(64)), last))))
    assert len(effects.append) == 7
    assert len(effects.alarms) == 1
    assert len(effects.send) == 1


def test_more_control_than_fits_is_refused() -> None:
    """Control events are held in memory; beyond the bound new ones are refused with an alarm, data go on."""
    node = Node(MESH.mac)
    node.replica.control_bytes = CONTROL_BYTES_MAX + 1
    run = one_run(MESH.control_chain(MESH.laptop, []), "laptop")
    effects = node.handle(Heard("laptop", Push((run,))))
    assert (effects.append, len(effects.alarms)) == ((), 1)
    assert len(node.handle(Heard("phone", Push((RUN,)))).append) == 5


# ── guests ───────────────────────────────────────────────────────────────────────────────────────


def test_guests_see_control_only() -> None:
    """The frontier told to a guest names no data; everybody else's does."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    assert node.replica.have(GUEST, asks=True).data == {}
    assert node.replica.have("?192.0.2.7:4222", asks=True).data == {}
    assert RUN.chain in node.replica.have(EVERYBODY, asks=False).data


def test_attack_guest_asks_for_data() -> None:
    """Of a guest's Want only spans of control chains are served, and no bodies."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    data = Span(RUN.chain, WRITTEN[-1].head, ())
    control = Span(MESH.mac_commit[0].chain, MESH.mac_commit[-1].head, ())
    want = Want((data, control), (WRITTEN[1].digest,))
    assert node.handle(Heard(GUEST, want)).serve == ((GUEST, Want((control,))),)
    ((_, served),) = node.handle(Heard("phone", want)).serve
    assert served == Want((control, data), want.bodies)  # in the order in which it came to be held


def test_attack_guest_brings_data() -> None:
    """A guest delivers control, its own admission for example; data from it are refused."""
    node = Node(MESH.mac)
    before = snapshot(node)
    effects = node.handle(Heard(GUEST, Push((RUN,))))
    assert "a guest brought data" in effects.alarms[0]
    assert snapshot(node) == before
    run = one_run(MESH.control_chain(MESH.laptop, [with_rank(request("new"), 12)]), "laptop")
    assert node.handle(Heard(GUEST, Push((run,)))).judged


def test_nobody_is_asked_through_the_guest_door() -> None:
    """A guest at our server cannot be asked; where we are the guest we ask for control only."""
    old = Node(MESH.laptop, MESH.founding)
    have = Node(MESH.mac).replica.have("laptop", asks=True)
    effects = old.handle(Heard(GUEST, have))
    assert effects.ask == ()
    assert [peer for peer, _ in effects.send] == [GUEST]
    mac = Node(MESH.mac)
    mac.handle(Heard("phone", Push((RUN,))))
    effects = old.handle(Heard("?192.0.2.7:4222", mac.replica.have("laptop", asks=False)))
    ((_, want),) = effects.ask
    assert [span.chain for span in want.spans] == [MESH.mac_commit[0].chain]


# ── pulling ──────────────────────────────────────────────────────────────────────────────────────


def have_of(*names: str) -> Have:
    """A Have of somebody who holds these chains of the phone."""
    node = Node(MESH.mac)
    for name in names:
        node.handle(Heard("phone", Push((one_run(MESH.written(MESH.phone, 3, name), "phone"),))))
    return node.replica.have("any", asks=False)


def test_the_same_is_not_fetched_from_two_peers_at_once() -> None:
    """The second peer with the same offer waits; when the first is lost it is asked again."""
    node = Node(MESH.mac)
    for peer in ("a", "b"):
        node.handle(Met(peer))
    assert len(node.handle(Heard("a", have_of("x"))).ask) == 1
    assert node.handle(Heard("b", have_of("x"))).ask == ()
    assert node.replica.lacks == {"a": 1}
    assert node.handle(Lost("a")).meet == {"b"}
    assert node.replica.lacks == {}
    assert len(node.handle(Heard("b", have_of("x"))).ask) == 1


def test_different_chains_are_fetched_from_different_peers() -> None:
    """What is not on its way yet may be asked of the second peer."""
    node = Node(MESH.mac)
    node.handle(Heard("a", have_of("x")))
    effects = node.handle(Heard("b", have_of("x", "y")))
    ((peer, want),) = effects.ask
    assert (peer, len(want.spans)) == ("b", 1)


def test_one_pull_for_each_peer() -> None:
    """While a peer is being asked, its next Have starts no second pull."""
    node = Node(MESH.mac)
    assert node.handle(Heard("a", have_of("x"))).ask
    assert node.handle(Heard("a", have_of("x", "y"))).ask == ()


def test_a_pull_that_stands_still_is_given_up_at_the_second_tick() -> None:
    """The first tick marks it, the second ends it; then the same may be fetched again."""
    node = Node(MESH.mac)
    node.handle(Met("a"))
    node.handle(Heard("a", have_of("x")))
    assert [peer for peer, _ in node.handle(Ticked()).send] == ["a"]
    assert node.replica.lacks == {"a": 1}
    node.handle(Ticked())
    assert node.replica.lacks == {}


def test_an_answer_without_progress_ends_the_pull() -> None:
    """A peer that tells of what it cannot bring is not asked in a circle."""
    node = Node(MESH.mac)
    node.handle(Heard("a", have_of("x")))
    effects = node.handle(Heard("a", Push((), answer=True)))
    assert effects.ask == ()
    assert node.replica.lacks == {}
    assert node.handle(Heard("a", Push((), answer=True))).ask == ()


def test_losing_somebody_who_was_not_asked() -> None:
    """Nothing was on its way, so nobody else needs to be asked."""
    node = Node(MESH.mac)
    node.handle(Met("a"))
    assert node.handle(Lost("a")).meet == frozenset()
    assert node.replica.met == set()


def test_missing_bodies_are_fetched_later() -> None:
    """Headers came alone: the bodies are asked for, checked, and taken once."""
    node = Node(MESH.mac)
    bare = replace(RUN, events=(RUN.events[0], *(without_body(event) for event in RUN.events[1:])))
    node.handle(Heard("phone", Push((bare,))))
    missing = [placed.digest for placed in WRITTEN[1:]]
    assert list(node.replica.missing) == missing
    ((_, want),) = node.handle(Heard("phone", node.replica.have("phone", asks=False))).ask
    assert want == Want((), tuple(missing))
    body = WRITTEN[1].event.body or b""
    answer = Push((), ((missing[0], body), (missing[1], b"altered"), (MESH.id, b"never missing")), answer=True)
    effects = node.handle(Heard("phone", answer))
    assert effects.bodies == ((missing[0], body),)
    assert set(node.replica.missing) == set(missing[1:])
    assert node.handle(Heard("phone", answer)).bodies == ()


def test_bodies_that_nobody_has_do_not_block_others() -> None:
    """What was asked for in vain goes to the end, so that others get their turn."""
    node = Node(MESH.mac)
    bodies = {Digest(fixed(32, "event", n)): Digest(fixed(32, "body", n)) for n in range(300)}
    node.replica.missing = dict(bodies)
    asked: set[Digest] = set()
    for _ in range(2):
        ((_, want),) = node.handle(Heard("a", node.replica.have("a", asks=False))).ask
        asked |= set(want.bodies)
        node.handle(Heard("a", Push((), answer=True)))
    assert asked == set(bodies)


def test_what_is_unsure_depends_on_the_message() -> None:
    """Tips that are none of mine, places that are no tips; a Want needs no look into the log."""
    node = Node(MESH.mac)
    theirs = have_of("x")
    chain = next(iter(theirs.data))
    assert node.replica.unsure(theirs) == (theirs.data[chain][0].digest,)
    assert node.replica.unsure(Want(())) == ()
    assert node.replica.unsure(Push((RUN,))) == ()
    node.handle(Heard("phone", Push((RUN,))))
    assert len(node.replica.unsure(Push((RUN,)))) == 6


def test_an_older_head_is_not_lacking() -> None:
    """A peer that is behind is not asked for what I passed long ago."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    behind = Node(MESH.laptop)
    behind.handle(Heard("phone", Push((one_run(WRITTEN[:2], "phone"),))))
    assert node.handle(Heard("laptop", behind.replica.have("mac", asks=True))).ask == ()


def test_a_have_that_asks_is_answered_by_a_have_that_does_not() -> None:
    """Have, Have, silence: nobody answers an answer."""
    node = Node(MESH.mac)
    asks = node.replica.have("a", asks=True)
    ((peer, answer),) = node.handle(Heard("a", asks)).send
    assert (peer, isinstance(answer, Have) and answer.asks) == ("a", False)
    assert node.handle(Heard("a", answer)).send == ()


def test_the_clock_hears_what_is_taken() -> None:
    """After taking a high number the next own event is higher, so effects sort after causes."""
    far = SmallMesh()
    run = one_run(far.control_chain(far.laptop, [with_rank(request("new"), 12)]), "laptop")
    node = Node(MESH.mac)
    node.handle(Heard("laptop", Push((run,))))
    heard = node.replica.heard
    effects = node.say()
    assert effects.append[0].header.lamport == heard + 1


def messages_of(kind: type[Message]) -> Message:
    """A message of each kind, for the test below."""
    found: dict[type[Message], Message] = {
        Have: have_of("x"),
        Want: Want((Span(RUN.chain, WRITTEN[-1].head, ()),)),
        Push: Push((RUN,), answer=True),
    }
    return found[kind]


@pytest.mark.parametrize("kind", [Have, Want, Push])
def test_talk_descends(kind: type[Message]) -> None:
    """A Have is answered by Want or by a Have that asks nothing, a Want by serving, a Push by Wants and news."""
    node = Node(MESH.mac)
    effects = node.handle(Heard("a", messages_of(kind)))
    answers = {type(message) for peer, message in effects.send if peer is not None}
    assert answers == set()
    assert bool(effects.ask) is (kind is Have)
    assert bool(effects.serve) is (kind is Want)
    assert isinstance(RUN, Run)
    assert Head(1, ZERO) < Head(2, ZERO)


def test_after_a_start_a_device_speaks_on_in_its_own_chains() -> None:
    """The chain with the largest Lamport number of each lane is taken up again; others' chains never are."""
    net = family()
    mac = net.nodes["mac"]
    mac.say(2)
    mac.handle(Heard("phone", Push((RUN,))))
    own = mac.replica.voices[Lane.DATA]
    later = one_run(MESH.written(MESH.mac, 30, "later"), "mac")
    again = mac.restarted()
    again.speak_on()
    assert again.voices == {Lane.CONTROL: MESH.mac_commit[0].chain, Lane.DATA: own}
    mac.handle(Heard("backup", Push((later,))))
    mac.replica.speak_on()
    assert mac.replica.voices[Lane.DATA] == later.chain
    assert [placed.seq for placed in mac.say().append] == [32]
