"""Pulls from forked chains: each branch is fetched once and whole, whichever of them an answer brings."""

from __future__ import annotations

import random

import pytest

from mesh.clocks.chain import Head
from mesh.events.event import Lane, Placed
from mesh.events.speaking import runs
from mesh.limits import CHAIN_HEADS_MAX, WANT_SPANS_MAX
from mesh.names import ZERO, Digest
from mesh.sync.inputs import Heard
from mesh.sync.messages import Have, Push, Want
from mesh.sync.pull import Pull
from tests.unit.small_mesh import MESH, fixed
from tests.unit.sync.small_net import Net, Node, copied, decoded

TRUNK = 60
BRANCH_MAX = 12
ROUNDS_MAX = 12


def grow(node: Node, rng: random.Random, commits: int) -> list[Placed]:
    """Some commits of one to three events; all that was said."""
    said: list[Placed] = []
    for _ in range(commits):
        said += node.say(rng.randint(1, 3)).append
    return said


def forked(rng: random.Random, branches: int) -> tuple[Node, Node, Digest]:
    """Somebody who holds a chain with so many branches, somebody who holds a part of one, and the chain."""
    phone = Node(MESH.phone)
    said = grow(phone, rng, TRUNK // 2)
    holder, learner = Node(MESH.mac), Node(MESH.laptop)
    holder.handle(Heard("phone", Push(runs(said))))
    twins = [copied(phone) for _ in range(branches)]
    for number, twin in enumerate(twins):
        twin.said = 1000 * (number + 1)
    told: list[Placed] = []
    for twin in rng.sample(twins, len(twins)):
        told = grow(twin, rng, rng.randint(1, BRANCH_MAX // 3))
        holder.handle(Heard("phone", Push(runs(told))))
    known = [*said, *told]
    signed = [number for number, placed in enumerate(known, 1) if placed.signature]
    part = known[: rng.choice([0, *signed])]
    if part:
        learner.handle(Heard("phone", Push(runs(part))))
    return holder, learner, said[0].chain


@pytest.mark.parametrize("seed", range(40))
def test_branches_are_fetched_once_and_whole(seed: int) -> None:
    """However small the pages: one comparison brings all, and nothing but the way to each fork comes twice."""
    rng = random.Random(seed)
    holder, learner, chain = forked(rng, rng.randint(2, 5))
    holder.runs_per_page = rng.randint(1, 3)
    holder.runs_per_answer = rng.choice([1, 2, WANT_SPANS_MAX])
    net = Net(holder=holder, learner=learner)
    lacking = len(holder.knows() - learner.knows())
    net.meet("learner", "holder")
    served = 0
    while net.letters:
        letter = net.letters[0]
        message = decoded(letter)
        if isinstance(message, Push):
            served += sum(len(run.events) for run in message.runs)
        if isinstance(message, Want):
            chains = [span.chain for span in message.spans]
            assert len(chains) == len(set(chains)), "one branch of a chain at a time"
        net.letters.popleft()
        net.carry_out(letter.receiver, net.nodes[letter.receiver].handle(Heard(letter.sender, message)))
    assert learner.knows() == holder.knows()
    tips = holder.replica.chains.chains[chain].tips
    assert served <= lacking + len(tips) * 2 * BRANCH_MAX, (served, lacking)


def test_a_fork_of_more_tips_than_a_have_names_arrives_whole() -> None:
    """Two chains with more tips than fit: other ones are told each time, and in the end all are here."""
    holder, learner = Node(MESH.mac), Node(MESH.laptop)
    for device in (MESH.phone, MESH.laptop):
        trunk = Node(device)
        holder.handle(Heard("x", Push(runs(trunk.say(3).append))))
        for number in range(CHAIN_HEADS_MAX + 9):
            twin = copied(trunk)
            twin.said = 1000 * (number + 1)
            holder.handle(Heard("x", Push(runs(twin.say().append))))
    tips = [len(chain.tips) for chain in holder.replica.chains.chains.values() if chain.lane is Lane.DATA]
    assert tips == [CHAIN_HEADS_MAX + 9] * 2
    net = Net(holder=holder, learner=learner)
    net.meet("learner", "holder")
    for _ in range(ROUNDS_MAX):
        net.run()
        if learner.knows() == holder.knows():
            break
        net.tick()
    assert learner.knows() == holder.knows()


def test_a_long_chain_lets_the_short_ones_pass() -> None:
    """A thief's chain of many pages was held first and takes each answer whole; the honest ones come after one page."""
    places = {number: Digest(fixed(32, "chain", number)) for number in range(WANT_SPANS_MAX + 20)}
    order = {chain: number for number, chain in places.items()}
    pull = Pull((), [(chain, Head(1000 if n == 0 else 1, Digest(fixed(32, n)))) for n, chain in places.items()])
    long, pages = 0, 0
    while (want := pull.want(lambda _: ())) is not None and len(pull.data) > 1:
        span = min(want.spans, key=lambda s: order[s.chain])  # a server has room for one run
        pages += 1
        if span.chain == places[0]:
            long += 1
            assert pull.advance([(span.chain, Head(long, Digest(fixed(32, "long", long))))])
        else:
            assert pull.advance([(span.chain, span.target)])
    assert pages <= len(places), "each honest chain took one page"
    assert long == 1


def test_control_keeps_its_order() -> None:
    """What admits comes before what was admitted: control chains are not fetched in turns."""
    first, second = (Digest(fixed(32, name)) for name in ("first", "second"))
    pull = Pull([(first, Head(9, first)), (second, Head(2, second))])
    for seq in (1, 2, 3):
        want = pull.want(lambda _: ())
        assert want is not None
        assert [span.chain for span in want.spans] == [first, second]
        assert pull.advance([(first, Head(seq, Digest(fixed(32, seq))))])


def test_attack_thousands_of_chains_cost_a_bounded_answer() -> None:
    """A Have with as many chains as fit leads to a Want of as many spans as fit, and to the next one after it."""
    node = Node(MESH.mac)
    many = {Digest(fixed(32, "thief", n)): (Head(1, Digest(fixed(32, "thief", n))),) for n in range(4000)}
    have = Have({}, dict(sorted(many.items())), ZERO, ZERO, asks=False)
    ((_, want),) = node.handle(Heard("thief", have)).ask
    assert len(want.spans) == WANT_SPANS_MAX
    assert node.handle(Heard("thief", Push((), answer=True))).ask == ()
    assert node.replica.lacks == {}
