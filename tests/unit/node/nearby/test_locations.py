"""Where devices are is said seldom, only by admins, only when it changed and stayed so."""

from __future__ import annotations

from mesh.events.event import Lane
from mesh.events.founding import with_rank
from mesh.events.keys import SecretKeys
from mesh.events.speaking import Draft
from mesh.limits import RANK_MEMBER, RANK_RELAY
from mesh.names import device_text
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.nearby.locations import Locations
from tests.unit.node.closing import close
from tests.unit.node.engines import Small, founded, joined_by, request
from tests.unit.node.nearby.test_finding import Served

STEADY_S, AGAIN_S = timing.LOCATED_STEADY_S, timing.LOCATED_AGAIN_S
NOON_S = 1_800_000_000.0


class Place:
    """An engine's locations, with addresses that the test sets."""

    def __init__(self, small: Small, settings: dict[str, bytes] | None = None) -> None:
        self.small, self.engine = small, small.engine
        self.own: tuple[str, ...] = ("a:1",)
        self.bus = Served(device_text(small.engine.own.admission))
        self.locations = Locations(small.engine, self.bus, lambda: self.own, settings or {})

    async def looks(self, *times_s: float) -> None:
        """Look at these times after noon."""
        for time_s in times_s:
            await self.locations.look(NOON_S + time_s)

    def said(self) -> tuple[str, ...]:
        """Where it says that it is."""
        return self.engine.replica.verdict.addresses_of(self.engine.own.admission)


async def test_what_stayed_so_is_said_once() -> None:
    """Goal: not at once, not again, and the order of addresses is no change."""
    async with founded() as mac:
        place = Place(mac)
        await place.looks(0, STEADY_S - 1)
        assert place.said() == ()
        await place.looks(STEADY_S)
        assert place.said() == ("a:1",)
        events = len(mac.engine.replica.statements)
        place.own = ("b:1", "a:1")
        await place.looks(AGAIN_S, AGAIN_S + STEADY_S)
        assert place.said() == ("b:1", "a:1")
        place.own = ("a:1", "b:1")
        await place.looks(5 * AGAIN_S, 6 * AGAIN_S)
        assert len(mac.engine.replica.statements) == events + 1


async def test_who_moves_all_the_time_says_it_once_an_hour_at_most() -> None:
    """Goal: what is kept for ever grows slowly, whatever the network does, also across starts."""
    async with founded() as mac:
        place = Place(mac)
        await place.looks(0, STEADY_S)
        first = place.said()
        place.own = ("b:1",)
        await place.looks(STEADY_S + 1, 2 * STEADY_S + 2, 3 * STEADY_S)
        assert place.said() == first
        boot = await mac.store.boot()
        again = Place(mac, dict(boot.settings))
        again.own = ("b:1",)
        await again.looks(3 * STEADY_S, 5 * STEADY_S)
        assert again.said() == first
        await again.looks(STEADY_S + AGAIN_S)
        assert again.said() == ("b:1",)


async def test_a_clock_that_was_set_back_keeps_nobody_silent() -> None:
    """Goal: a time in the future is no reason to wait for it."""
    async with founded() as mac:
        place = Place(mac)
        await place.looks(0, STEADY_S)
        place.own = ("b:1",)
        await place.looks(-9 * AGAIN_S, -8 * AGAIN_S)
        assert place.said() == ("b:1",)


async def test_no_address_is_no_news() -> None:
    """Goal: a machine without a network does not wipe out where it was."""
    async with founded() as mac:
        place = Place(mac)
        await place.looks(0, STEADY_S)
        place.own = ()
        await place.looks(2 * AGAIN_S, 3 * AGAIN_S)
        assert place.said() == ("a:1",)


async def test_an_admin_speaks_for_linked_members_and_not_for_other_admins() -> None:
    """Goal: members cannot say it themselves; what they told their admin is said, while they are linked."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        keys = SecretKeys.from_entropy(bytes(32))

        async def letting_in(_engine: Engine) -> list[Draft]:
            return [Draft(with_rank(request(keys, "phone"), RANK_MEMBER))]

        phone = (await mac.engine.say(Lane.CONTROL, letting_in))[-1].digest
        place = Place(mac)
        for admission in (phone, laptop.engine.own.admission):
            place.locations.told[device_text(admission)] = ("told:1",)
        await place.looks(0, STEADY_S)
        assert place.engine.replica.verdict.addresses_of(phone) == ()
        for admission in (phone, laptop.engine.own.admission):
            place.bus.linked[device_text(admission)] = ""
        await place.looks(2 * STEADY_S, 3 * STEADY_S)
        assert place.engine.replica.verdict.addresses_of(phone) == ("told:1",)
        assert place.engine.replica.verdict.addresses_of(laptop.engine.own.admission) == ()


async def test_a_relay_is_where_it_was_reached() -> None:
    """Goal: behind a forwarded port it knows least itself; where nobody called it, its own word has to do."""
    async with founded() as mac:
        keys = SecretKeys.from_entropy(bytes(32))

        async def letting_in(_engine: Engine) -> list[Draft]:
            return [Draft(with_rank(request(keys, "outside"), RANK_RELAY))]

        relay = (await mac.engine.say(Lane.CONTROL, letting_in))[-1].digest
        place = Place(mac)
        place.locations.told[device_text(relay)] = ("10.0.0.2:4222",)
        place.bus.linked[device_text(relay)] = "relay.example.org:4222"
        await place.looks(0, STEADY_S)
        assert place.engine.replica.verdict.addresses_of(relay) == ("relay.example.org:4222",)
        place.bus.linked[device_text(relay)] = ""
        await place.looks(AGAIN_S + STEADY_S, AGAIN_S + 2 * STEADY_S)
        assert place.engine.replica.verdict.addresses_of(relay) == ("10.0.0.2:4222",)


async def test_a_member_says_nothing() -> None:
    """Goal: whoever may say no statements does not try."""
    async with founded() as mac:
        place = Place(mac)
        admission = mac.engine.own.admission
        del mac.engine.replica.verdict.admissions[admission]
        await place.looks(0, STEADY_S)
        assert place.said() == ()


async def test_nobody_speaks_for_who_was_taken_out() -> None:
    """Goal: a member that was closed is said to be nowhere, although its link is not down yet."""
    async with founded() as mac:
        keys = SecretKeys.from_entropy(bytes(32))

        async def letting_in(_engine: Engine) -> list[Draft]:
            return [Draft(with_rank(request(keys, "phone"), RANK_MEMBER))]

        phone = (await mac.engine.say(Lane.CONTROL, letting_in))[-1].digest
        place = Place(mac)
        place.locations.told[device_text(phone)] = ("told:1",)
        place.bus.linked[device_text(phone)] = ""
        await close(mac.engine, phone)
        await place.looks(0, STEADY_S)
        assert place.engine.replica.verdict.addresses_of(phone) == ()
