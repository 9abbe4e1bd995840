"""The dialling rule for one peer, as a pure machine: what came, at what time, and what is to be done.

For each pair the device with the smaller id is the caller. Without a live link the caller dials at once and the
other one after a grace; a device in a browser dials, and is never dialled. One live link is enough, whoever dialled it;
where both exist the other one drops its own. Live means that the peer's agent answered or said something, not that a
socket is open. Research: door.md, section 2.

It never waits, dials, reads a clock or draws lots: time and jitter come in, decisions go out; `peer_link` obeys.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from mesh.node import timing


class Input(Enum):
    """What can come to a link."""

    TICK = auto()
    """Time passed."""
    HEARD = auto()
    """The peer said something on our server."""
    GREETED_ANEW = auto()
    """The peer said hello on our server from a connection that it did not use before."""
    DIALLED = auto()
    """Our dial came through and the peer's agent answered hello."""
    DIAL_FAILED = auto()
    """No address led to the peer's agent."""
    GUEST_DONE = auto()
    """The peer's server did not know us, and our visit as a guest is over."""
    OUT_LOST = auto()
    """The connection that we dialled is gone, or nobody answers behind it."""
    IN_LOST = auto()
    """The peer is not on our server any more."""
    BYE = auto()
    """The peer is about to close the link that it dialled."""
    HELLO_ANSWERED = auto()
    HELLO_MISSED = auto()
    ADDRESSES = auto()
    """The peer has other addresses, or somebody saw it just now."""
    RESET = auto()
    """We slept or moved: whatever looks alive may be dead."""


class Do(Enum):
    """What the shell is to do, in this order."""

    CLOSE = auto()
    """Close our dialled connection at once."""
    DROP = auto()
    """Say bye, let requests in flight finish, then close our dialled connection."""
    DIAL = auto()
    """Try the peer's addresses; tell DIALLED, DIAL_FAILED or GUEST_DONE."""
    HELLO = auto()
    """Say hello over our dialled connection; tell HELLO_ANSWERED or HELLO_MISSED."""


class Phase(Enum):
    """Where our own dialling is."""

    REST = auto()
    GRACE = auto()
    DIALLING = auto()
    BACKOFF = auto()


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """The times of the rule; tests shorten them."""

    grace_s: float = timing.GRACE_S
    grace_spread_s: float = timing.GRACE_SPREAD_S
    hello_s: float = timing.HELLO_INTERVAL_S
    in_silent_s_max: float = timing.IN_SILENT_S_MAX
    backoff_first_s: float = timing.BACKOFF_FIRST_S
    backoff_s_max: float = timing.BACKOFF_S_MAX
    steady_s: float = timing.LINK_STEADY_S
    outcast_s: float = timing.OUTCAST_AGAIN_S
    """Between visits of a device that was taken out."""

    def seldom(self) -> LinkTimes:
        """The pace of a device that was taken out."""
        return replace(self, backoff_first_s=self.outcast_s, backoff_s_max=self.outcast_s)


@dataclass(frozen=True, slots=True)
class LinkState:
    """All that the rule knows about the link to one peer."""

    caller: bool
    waits: bool = False
    """The peer lives in a browser: it comes by itself, and nobody can dial it."""
    times: LinkTimes = field(default_factory=LinkTimes)
    phase: Phase = Phase.REST
    due_s: float = 0.0
    """When grace or backoff ends."""
    out: bool = False
    out_since_s: float = 0.0
    heard_s: float | None = None
    """When the peer last said something on our server; None when it is not there."""
    hello_due_s: float = 0.0
    greeting: bool = False
    """Our hello is under way."""
    misses: int = 0
    probing: bool = False
    """One missed hello is enough: the peer's addresses changed."""
    fails: int = 0
    """Own dials in vain, in a row. The other path does not touch it: else many dials follow a flapping link."""
    visits: int = 0
    """Visits as a guest since the last success."""
    number: int = 0
    """Counts links: when it grows, what was told meanwhile may be lost and both must compare again."""

    @property
    def live(self) -> bool:
        """Whether the peer's agent can be reached, by either path."""
        return self.out or self.heard_s is not None


def backoff_s(times: LinkTimes, fails: int, jitter: float) -> float:
    """How long to wait after so many dials in vain; jitter is 0..1."""
    doublings = min(max(fails - 1, 0), 16)  # 2^16 is over any maximum; keeps the number small
    factor: int = 2**doublings
    return min(times.backoff_s_max, times.backoff_first_s * factor) * (0.5 + jitter)


def next_s(state: LinkState) -> float | None:
    """When the machine wants its next TICK; None: not before something comes."""
    dues = []
    if state.phase in {Phase.GRACE, Phase.BACKOFF} and not state.live:
        dues.append(state.due_s)
    if state.out and not state.greeting:
        dues.append(state.hello_due_s)
    if state.heard_s is not None:
        dues.append(state.heard_s + state.times.in_silent_s_max)
    return min(dues, default=None)


def step(state: LinkState, came: Input, now_s: float, jitter: float) -> tuple[LinkState, tuple[Do, ...]]:
    """The rule: one input in, the next state and what to do out."""
    before = state
    todo: list[Do] = []
    if state.out and came is Input.RESET:
        todo.append(Do.CLOSE)
    state = _taken(state, came, now_s, jitter)
    if before.out and not state.out and came is Input.HELLO_MISSED:
        todo.append(Do.CLOSE)
    state = _aged(state, now_s)
    if state.out and state.heard_s is not None and not state.caller:
        state = replace(state, out=False, greeting=False)
        todo.append(Do.DROP)
    if state.live:
        return _held(state, now_s, todo)
    return _sought(state, now_s, jitter, todo)


def _taken(state: LinkState, came: Input, now_s: float, jitter: float) -> LinkState:
    """The state after the input itself, before the rule looks at it."""
    match came:
        case Input.HEARD | Input.GREETED_ANEW:
            return _heard(state, came, now_s)
        case Input.DIALLED:
            return _dialled(state, now_s, jitter)
        case Input.DIAL_FAILED | Input.GUEST_DONE:
            return _undialled(state, came, now_s, jitter)
        case Input.OUT_LOST:
            return _out_lost(state, now_s, jitter)
        case Input.IN_LOST | Input.BYE:
            # A bye overtakes the answer to our hello: the peer leaves *because* our dial came through.
            stays = came is Input.BYE and state.phase is Phase.DIALLING
            return state if stays else replace(state, heard_s=None)
        case Input.HELLO_ANSWERED | Input.HELLO_MISSED:
            return _greeted(state, came, now_s, jitter)
        case Input.ADDRESSES:
            state = replace(state, fails=0, visits=0, probing=state.out, misses=0, hello_due_s=now_s)
            return replace(state, due_s=now_s) if state.phase is Phase.BACKOFF else state
        case Input.RESET:
            phase = Phase.DIALLING if state.phase is Phase.DIALLING else Phase.REST
            return replace(state, phase=phase, out=False, heard_s=None, greeting=False, fails=0, visits=0)
        case Input.TICK:
            return state


def _heard(state: LinkState, came: Input, now_s: float) -> LinkState:
    anew = not state.live or (came is Input.GREETED_ANEW and state.heard_s is not None)
    return replace(state, heard_s=now_s, number=state.number + anew)


def _dialled(state: LinkState, now_s: float, jitter: float) -> LinkState:
    number = state.number + (not state.live)
    due_s = _hello_due_s(state, now_s, jitter)
    state = replace(state, phase=Phase.REST, out=True, out_since_s=now_s, number=number)
    return replace(state, hello_due_s=due_s, greeting=False, misses=0, probing=False)


def _undialled(state: LinkState, came: Input, now_s: float, jitter: float) -> LinkState:
    # What a guest brought may let us in now: the first retry after a visit comes soon, then ever later.
    visits = state.visits + (came is Input.GUEST_DONE)
    fails = visits if came is Input.GUEST_DONE else state.fails + 1
    due_s = now_s + backoff_s(state.times, fails, jitter)
    return replace(state, phase=Phase.BACKOFF, fails=fails, visits=visits, due_s=due_s)


def _greeted(state: LinkState, came: Input, now_s: float, jitter: float) -> LinkState:
    if not state.out or not state.greeting:  # an answer over a connection that is gone
        return state
    if came is Input.HELLO_ANSWERED:
        due_s = _hello_due_s(state, now_s, jitter)
        return replace(state, greeting=False, misses=0, probing=False, hello_due_s=due_s)
    misses = state.misses + 1
    if misses >= (1 if state.probing else timing.HELLOS_MISSED_MAX):
        return _out_lost(state, now_s, jitter)
    return replace(state, greeting=False, misses=misses, hello_due_s=now_s)


def _out_lost(state: LinkState, now_s: float, jitter: float) -> LinkState:
    if not state.out:
        return state
    # Came up and fell at once: as good as a dial in vain.
    fails = 0 if now_s - state.out_since_s >= state.times.steady_s else state.fails + 1
    due_s = now_s + backoff_s(state.times, fails, jitter)
    return replace(state, out=False, greeting=False, misses=0, probing=False, fails=fails, due_s=due_s)


def _hello_due_s(state: LinkState, now_s: float, jitter: float) -> float:
    return now_s + state.times.hello_s * (1 - timing.HELLO_SPREAD + 2 * timing.HELLO_SPREAD * jitter)


def _aged(state: LinkState, now_s: float) -> LinkState:
    """What time alone changes: silence ends a link, steadiness forgives old failures."""
    if state.heard_s is not None and now_s - state.heard_s >= state.times.in_silent_s_max:
        state = replace(state, heard_s=None)
    if state.out and now_s - state.out_since_s >= state.times.steady_s:
        state = replace(state, fails=0, visits=0)
    return state


def _held(state: LinkState, now_s: float, todo: list[Do]) -> tuple[LinkState, tuple[Do, ...]]:
    """A link lives: nobody dials, and who dialled says hello from time to time."""
    if state.phase is not Phase.DIALLING:  # a dial under way tells its end
        state = replace(state, phase=Phase.REST)
    if state.out and not state.greeting and now_s >= state.hello_due_s:
        state = replace(state, greeting=True)
        todo.append(Do.HELLO)
    return state, tuple(todo)


def _sought(state: LinkState, now_s: float, jitter: float, todo: list[Do]) -> tuple[LinkState, tuple[Do, ...]]:
    """No link lives: wait for the caller, or for the backoff, or dial."""
    if state.waits or state.phase is Phase.DIALLING:
        return state, tuple(todo)
    if state.phase is Phase.REST:
        if state.fails:
            state = replace(state, phase=Phase.BACKOFF)
        elif state.caller:
            state = replace(state, phase=Phase.BACKOFF, due_s=now_s)
        else:
            due_s = now_s + state.times.grace_s + jitter * state.times.grace_spread_s
            state = replace(state, phase=Phase.GRACE, due_s=due_s)
    if now_s >= state.due_s:
        state = replace(state, phase=Phase.DIALLING)
        todo.append(Do.DIAL)
    return state, tuple(todo)
