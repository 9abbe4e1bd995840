"""The dialling rule, by its clock: who calls when, which link stays, and what ends one. Nothing waits here."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from mesh.node import timing
from mesh.node.transport.links import Do, Input, LinkState, LinkTimes, Phase, backoff_s, next_s, step

ENDS: list[Input] = [Input.DIALLED, Input.DIAL_FAILED, Input.GUEST_DONE]


@dataclass
class Side:
    """One side of a link with a clock and what it was told to do."""

    caller: bool
    now_s: float = 100.0
    jitter: float = 0.0
    state: LinkState = field(init=False)

    def __post_init__(self) -> None:
        self.state = LinkState(caller=self.caller)

    def feed(self, came: Input) -> tuple[Do, ...]:
        """One input at the present time."""
        self.state, todo = step(self.state, came, self.now_s, self.jitter)
        return todo

    def wait(self, seconds: float) -> tuple[Do, ...]:
        """Let time pass in one step."""
        self.now_s += seconds
        return self.feed(Input.TICK)

    def live(self) -> bool:
        """Whether a link lives."""
        return self.state.live

    def up(self) -> Side:
        """Dial through."""
        while Do.DIAL not in self.feed(Input.TICK):
            due_s = next_s(self.state)
            assert due_s is not None
            self.now_s = due_s
        self.feed(Input.DIALLED)
        return self


def test_the_caller_dials_at_once() -> None:
    """Rule 1, first half."""
    assert Side(caller=True).feed(Input.TICK) == (Do.DIAL,)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_the_other_one_waits_its_grace(jitter: float) -> None:
    """Rule 1, second half: 3 s and up to 1 s more, and the machine says when it wants to be asked again."""
    other = Side(caller=False, jitter=jitter)
    assert other.feed(Input.TICK) == ()
    assert next_s(other.state) == 100.0 + 3.0 + jitter
    assert other.wait(2.99 + jitter) == ()
    assert other.wait(0.02) == (Do.DIAL,)


def test_one_live_link_is_enough() -> None:
    """Rule 2: who was heard on the own server is not dialled, during the grace or after it."""
    other = Side(caller=False)
    other.feed(Input.TICK)
    assert other.feed(Input.GREETED_ANEW) == ()
    for _ in range(10):
        assert other.wait(5.0) == ()
        other.feed(Input.HEARD)
    assert other.live()


def test_of_two_links_the_other_one_drops_its_own() -> None:
    """Rule 3, in both orders of arrival, and only the larger id drops."""
    for first, second in ((Input.DIALLED, Input.GREETED_ANEW), (Input.GREETED_ANEW, Input.DIALLED)):
        caller, other = Side(caller=True), Side(caller=False)
        for side in (caller, other):
            side.feed(Input.TICK)
            side.wait(5.0)
            assert side.state.phase is Phase.DIALLING
        assert [caller.feed(first), caller.feed(second)] == [(), ()]
        assert [other.feed(first), other.feed(second)] == [(), (Do.DROP,)]
        assert (caller.state.out, other.state.out) == (True, False)
        assert (caller.state.number, other.state.number) == (1, 1)  # one link to the handler, not two


def test_simultaneous_dials_end_with_one_link() -> None:
    """Both dial before any hello arrives; whatever the order, one link remains and nobody dials again."""
    draw = random.Random(1)
    for _ in range(200):
        caller, other = Side(caller=True), Side(caller=False)
        caller.feed(Input.TICK)
        other.feed(Input.TICK)
        other.wait(5.0)
        caller.now_s = other.now_s
        arrivals = [(caller, Input.DIALLED), (other, Input.GREETED_ANEW), (other, Input.DIALLED)]
        arrivals.append((caller, Input.GREETED_ANEW))
        draw.shuffle(arrivals)
        dropped = [Do.DROP in side.feed(came) for side, came in arrivals]
        assert dropped.count(True) == 1
        caller.feed(Input.BYE)
        assert (caller.state.out, caller.state.heard_s) == (True, None)
        assert other.live()
        assert caller.wait(0.1) == other.wait(0.1) == ()


def test_a_bye_that_overtakes_our_hello_s_answer_parts_nothing() -> None:
    """The peer leaves because our dial came through; should it not have, the link is ended like any silent one."""
    caller = Side(caller=True)
    caller.feed(Input.TICK)
    caller.feed(Input.GREETED_ANEW)
    caller.feed(Input.BYE)
    assert caller.live()
    caller.feed(Input.DIALLED)
    caller.feed(Input.BYE)
    assert (caller.state.out, caller.state.heard_s, caller.state.number) == (True, None, 1)
    other = Side(caller=False)
    other.feed(Input.GREETED_ANEW)
    other.feed(Input.BYE)
    assert not other.live()


def test_backoff_doubles_up_to_its_maximum() -> None:
    """0.25 s, doubled, never over 30 s, half of it to one and a half."""
    times = LinkTimes()
    waits = [backoff_s(times, fails, 0.5) for fails in range(1, 12)]
    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert waits[-1] == backoff_s(times, 10_000, 0.5) == 30.0
    assert backoff_s(times, 1, 0.0) == 0.125
    assert backoff_s(times, 1, 1.0) == 0.375


def test_failed_dials_come_ever_later() -> None:
    """Each failure waits longer, and no dial comes before its time."""
    caller = Side(caller=True, jitter=0.5)
    caller.feed(Input.TICK)
    gaps = []
    for _ in range(12):
        assert caller.feed(Input.DIAL_FAILED) == ()
        due_s = next_s(caller.state)
        assert due_s is not None
        gaps.append(due_s - caller.now_s)
        caller.now_s = due_s
        assert caller.feed(Input.TICK) == (Do.DIAL,)
    assert gaps == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30])


def test_backoff_depends_on_the_own_dial_only() -> None:
    """A link the other way that comes and goes does not let us dial sooner: else it made 395 dials a second."""
    caller = Side(caller=True, jitter=0.5)
    caller.feed(Input.TICK)
    for _ in range(6):
        caller.feed(Input.DIAL_FAILED)
        caller.now_s = caller.state.due_s
        caller.feed(Input.TICK)
    caller.feed(Input.DIAL_FAILED)
    due_s = caller.state.due_s
    dials = 0
    while caller.now_s < due_s - 0.1:
        caller.feed(Input.HEARD)
        dials += Do.DIAL in caller.feed(Input.IN_LOST)
        caller.now_s += 0.1
    assert dials == 0
    caller.now_s = due_s
    assert caller.feed(Input.TICK) == (Do.DIAL,)


def test_a_link_that_falls_at_once_counts_as_a_failed_dial() -> None:
    """Dial, answer, fall, dial: without a backoff that is a storm."""
    caller = Side(caller=True, jitter=0.5)
    dials = 0
    end_s = caller.now_s + 60
    todo = caller.feed(Input.TICK)
    while caller.now_s < end_s:
        if Do.DIAL in todo:
            dials += 1
            caller.feed(Input.DIALLED)
            caller.now_s += 0.01
            todo = caller.feed(Input.OUT_LOST)
        else:
            todo = caller.wait(0.05)
    assert dials < 12


def test_a_steady_link_that_falls_is_dialled_anew_at_once() -> None:
    """The caller at once, the other after its grace."""
    caller, other = Side(caller=True).up(), Side(caller=False).up()
    for side in (caller, other):
        side.wait(60)
        side.feed(Input.HELLO_ANSWERED)
        side.wait(1)
    assert caller.feed(Input.OUT_LOST) == (Do.DIAL,)
    assert other.feed(Input.OUT_LOST) == ()
    assert other.state.phase is Phase.GRACE


def test_the_dialler_says_hello_every_five_seconds() -> None:
    """And not again while one is under way."""
    caller = Side(caller=True, jitter=0.5).up()
    assert caller.wait(4.9) == ()
    assert caller.wait(0.2) == (Do.HELLO,)
    assert caller.wait(60) == ()
    assert caller.feed(Input.HELLO_ANSWERED) == ()
    assert caller.wait(5.1) == (Do.HELLO,)


def test_two_missed_hellos_end_a_link() -> None:
    """One is forgiven, and asked again at once."""
    caller = Side(caller=True, jitter=0.5).up()
    assert caller.wait(5.1) == (Do.HELLO,)
    assert caller.feed(Input.HELLO_MISSED) == (Do.HELLO,)
    assert caller.feed(Input.HELLO_MISSED)[0] is Do.CLOSE
    assert not caller.live()


def test_an_answered_hello_forgives_a_missed_one() -> None:
    """Misses count in a row."""
    caller = Side(caller=True, jitter=0.5).up()
    for _ in range(5):
        caller.wait(5.1)
        assert caller.feed(Input.HELLO_MISSED) == (Do.HELLO,)
        assert caller.feed(Input.HELLO_ANSWERED) == ()
    assert caller.state.out


def test_new_addresses_of_a_linked_peer_are_probed_at_once() -> None:
    """It moved: one missed hello is enough."""
    caller = Side(caller=True, jitter=0.5).up()
    caller.wait(1)
    assert caller.feed(Input.ADDRESSES) == (Do.HELLO,)
    assert Do.CLOSE in caller.feed(Input.HELLO_MISSED)


def test_new_addresses_end_a_backoff() -> None:
    """A beacon or a statement gave a new address."""
    caller = Side(caller=True)
    caller.feed(Input.TICK)
    caller.feed(Input.DIAL_FAILED)
    assert caller.feed(Input.ADDRESSES) == (Do.DIAL,)


def test_silence_ends_a_link_that_the_peer_dialled() -> None:
    """13 s: 2.6 pings."""
    other = Side(caller=False)
    other.feed(Input.GREETED_ANEW)
    assert next_s(other.state) == 100.0 + timing.IN_SILENT_S_MAX
    other.wait(12.9)
    assert other.live()
    other.wait(0.2)
    assert not other.live()
    assert other.state.phase is Phase.GRACE


def test_waking_up_closes_and_dials_anew() -> None:
    """Whatever looked alive may be dead; the backoff of before the sleep is forgotten."""
    caller = Side(caller=True).up()
    caller.feed(Input.GREETED_ANEW)
    assert caller.feed(Input.RESET) == (Do.CLOSE, Do.DIAL)
    caller.feed(Input.DIAL_FAILED)
    assert caller.feed(Input.RESET) == (Do.DIAL,)


def test_a_dial_under_way_is_not_doubled_by_waking_up() -> None:
    """Its end is told in any case."""
    caller = Side(caller=True)
    caller.feed(Input.TICK)
    assert caller.feed(Input.RESET) == ()
    assert caller.feed(Input.DIALLED) == ()
    assert caller.state.out


def test_a_visit_as_a_guest_is_followed_by_a_soon_retry_then_by_later_ones() -> None:
    """What we brought may let us in at once; if it never does, we do not knock all day."""
    caller = Side(caller=True, jitter=0.5)
    caller.feed(Input.TICK)
    for _ in range(8):
        caller.feed(Input.DIAL_FAILED)
        caller.now_s = caller.state.due_s
        caller.feed(Input.TICK)
    gaps = []
    for _ in range(10):
        caller.feed(Input.GUEST_DONE)
        gaps.append(caller.state.due_s - caller.now_s)
        caller.now_s = caller.state.due_s
        assert caller.feed(Input.TICK) == (Do.DIAL,)
    assert gaps == pytest.approx([0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30])


def test_a_new_connection_of_a_linked_peer_is_a_new_link() -> None:
    """What was told in between may be lost: the number grows. Plain words and second paths do not make one."""
    other = Side(caller=False)
    other.feed(Input.GREETED_ANEW)
    other.feed(Input.HEARD)
    assert other.state.number == 1
    other.feed(Input.GREETED_ANEW)
    assert other.state.number == 2
    caller = Side(caller=True).up()
    caller.feed(Input.GREETED_ANEW)
    assert caller.state.number == 1


def test_late_answers_of_a_lost_link_change_nothing() -> None:
    """The hello was under way when the link fell."""
    caller = Side(caller=True, jitter=0.5).up()
    caller.wait(5.1)
    caller.feed(Input.OUT_LOST)
    before = caller.state
    for late in (Input.HELLO_ANSWERED, Input.HELLO_MISSED, Input.OUT_LOST):
        assert caller.feed(late) == ()
        assert caller.state == before


def test_whatever_comes_the_machine_keeps_its_promises() -> None:
    """Random inputs: at most one dial under way, no dial while live, hello only over a dialled link, a tick is due."""
    draw = random.Random(2)
    for _ in range(300):
        side = Side(caller=draw.random() < 0.5)
        dialling = False
        for _ in range(80):
            side.now_s += draw.choice([0.0, 0.01, 1.0, 5.0, 20.0])
            side.jitter = draw.random()
            ends = ENDS if dialling else []
            others: list[Input] = [one for one in Input if one not in ENDS]
            came = draw.choice(ends + others)
            dialling = dialling and came not in ends
            live = side.state.live
            todo = side.feed(came)
            assert not (dialling and Do.DIAL in todo)
            assert not (Do.DIAL in todo and side.state.live)
            assert not (Do.HELLO in todo and not side.state.out)
            assert not (Do.DROP in todo and (side.caller or not side.state.live))
            assert todo.count(Do.CLOSE) + todo.count(Do.DROP) <= 1
            dialling = dialling or Do.DIAL in todo
            assert live or side.state.live or dialling or next_s(side.state) is not None


@pytest.mark.parametrize("caller", [True, False])
def test_a_device_in_a_browser_is_never_dialled(caller: bool) -> None:  # noqa: FBT001 - both sides of one rule
    """Whatever happens in whatever order: it comes by itself, is held, goes, and nobody calls it or ticks for it."""
    chance = random.Random(caller)
    side = Side(caller=caller)
    side.state = LinkState(caller=caller, waits=True)
    came = [one for one in Input if one not in {*ENDS, Input.HELLO_ANSWERED, Input.HELLO_MISSED}]
    for _ in range(2000):
        side.now_s += chance.random() * 20
        side.jitter = chance.random()
        assert side.feed(chance.choice(came)) == ()
        assert next_s(side.state) is None or side.live()
    side.feed(Input.HEARD)
    assert side.live()
    side.wait(timing.IN_SILENT_S_MAX)
    assert not side.live()
