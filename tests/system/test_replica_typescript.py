"""The phone's replica: one random run of devices in Python and in a browser, over a wire that loses, doubles and mixes.

Each device in a browser has a twin in Python that is told the same: at every step both say the same bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from mesh.errors import NotGranted, Refused
from mesh.events import founding
from mesh.events.closing import marks, rekeyed
from mesh.events.event import Lane, Placed
from mesh.events.founding import default_grant, found, with_rank
from mesh.events.kinds import Adopt, Close, Grant, Located, Opening, Ungrant
from mesh.events.reading import read_body
from mesh.events.speaking import Draft, runs
from mesh.limits import KEY_BYTES
from mesh.names import Digest
from mesh.sync import messages
from mesh.sync.inputs import Later, Said
from mesh.sync.messages import Push, Want
from mesh.sync.replica import Own
from tests.system import typescript
from tests.system.browsers import Asked, Browser, Local, Party, Told, letters, stripped
from tests.system.sizes import sized
from tests.unit.small_mesh import TIME_MS, browser_request, fixed, request, secret_keys
from tests.world import seeded_hpke

pytestmark = [pytest.mark.system, *typescript.NEEDS]

STEPS = sized(1200, 5000)
ROUNDS_MAX = 60
LETTERS_MAX = 10_000
BROWSERS = ("phone", "tablet", "watch")
LONG = "x" * 50_000


class World:
    """The devices, and what is on its way between them."""

    def __init__(self, seed: int, asked: Asked) -> None:
        """A mesh of two admins in Python, and three members in a browser."""
        self.rng = random.Random(seed)
        self.drawn = random.Random(seed)
        founded = found(secret_keys("recovery"), request("mac", 1), fixed(16, "salt", seed), TIME_MS)
        self.mesh, self.titles = founded[0].digest, 0
        self.mac = Local(Own(self.mesh, founded[1].digest, secret_keys("mac")))
        self.hand_over(self.mac, founded)
        admits = [with_rank(request("laptop"), 2), *(with_rank(browser_request(name), 10) for name in BROWSERS)]
        drafts: list[Draft | Later] = []
        for admit in admits:
            drafts += [Draft(admit), lambda said: Draft(default_grant(said[-1].digest))]
        said = self.decide(*drafts, self.rekey())
        let_in = [placed.digest for placed in said[1:-1:2]]
        self.laptop = Local(Own(self.mesh, let_in[0], secret_keys("laptop")))
        self.hand_over(self.laptop, (*founded, *said))
        self.browsers = [Browser(asked, name, self.mesh, one) for name, one in zip(BROWSERS, let_in[1:], strict=True)]
        for browser in self.browsers:
            for run in runs((*founded, *said)):
                browser.given("hear", peer="packet", kind="push", bytes=messages.encode(Push((run,))).hex())
        for browser in self.browsers:
            browser.both("save")
        everybody: tuple[Party, ...] = (self.mac, self.laptop, *self.browsers)
        self.parties = {party.name: party for party in everybody}
        self.links: set[frozenset[str]] = set()
        self.wire: list[tuple[str, Told]] = []
        self.happened: Counter[str] = Counter()
        self.closed: set[str] = set()

    # ── the admin ──

    def hand_over(self, local: Local, events: tuple[Placed, ...]) -> None:
        """Control events, as an admission brings them."""
        for run in runs(events):
            local.given("hear", peer="packet", kind="push", bytes=messages.encode(Push((run,))).hex())

    def decide(self, *drafts: Draft | Later) -> tuple[Placed, ...]:
        """The mac says statements."""
        entropy = self.rng.randbytes(16 + 24 * len(drafts))
        effects = self.mac.handle(Said(drafts, Lane.CONTROL, TIME_MS, entropy))
        if hasattr(self, "parties"):
            self.post(self.mac, self.mac.written(effects))
        return effects.append

    def rekey(self) -> Later:
        """A new epoch for all who read."""
        made = rekeyed(self.mesh, self.mac.replica.statements, self.mac.keyring, self.rng.randbytes(KEY_BYTES))

        def wrap(secret: bytes, kem_key: bytes, purpose: bytes) -> bytes:
            return seeded_hpke.wrap(secret, kem_key, purpose, self.drawn.randbytes(KEY_BYTES))

        def seeded(said: Sequence[Placed]) -> Draft:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(founding, "wrap", wrap)
                return made(said)

        return seeded

    def statement(self) -> None:
        """The mac decides something."""
        verdict, subject = self.mac.replica.verdict, self.rng.choice(self.browsers).twin.own.admission
        kind = self.rng.choice(["rekey", "grant", "ungrant", "located", "adopt"])
        if kind == "rekey":
            self.decide(self.rekey())
        elif kind == "grant":
            self.decide(Draft(Grant(subject, "", "home", ("*",), ("create",))))
        elif kind == "located":
            self.decide(Draft(Located(subject, (f"192.0.2.{self.titles % 250}:1",))))
        elif kind == "ungrant":
            held = [name for name, grant in verdict.grants.items() if grant.admission == subject]
            names = [digest for digest in verdict.said if digest[:16] in held]
            if len(names) > 1:
                self.decide(Draft(Ungrant(min(names), marks(self.mac.replica.chains, subject, Lane.DATA))))
        elif ends := [d for d, p in self.mac.log.items() if p.lane is Lane.DATA and p.seq > 1][-2:]:
            self.decide(Draft(Adopt(tuple(sorted(ends)))))

    def close(self, browser: Browser) -> None:
        """The mac takes a device out; others read on under a new key."""
        subject = browser.twin.own.admission
        self.decide(Draft(Close(subject, marks(self.mac.replica.chains, subject), "lost")), self.rekey())
        self.closed.add(browser.name)

    # ── one step ──

    def step(self, *, calm: bool = False) -> None:
        """Something happens; most often a message arrives."""
        chance = self.rng.random()
        party = self.rng.choice(list(self.parties.values()))
        if self.wire and (calm or chance < 0.72):
            self.deliver(calm=calm)
        elif chance < 0.80:
            self.say(party)
        elif chance < 0.83:
            self.post(party, party.given("tick"))
        elif chance < 0.93:
            self.link(party)
        elif chance < 0.94:
            self.unlink()
        elif chance < 0.96:
            self.statement()
        elif isinstance(party, Browser):
            self.strike(party)

    def say(self, party: Party) -> None:
        """Some births in one commit, at times more than news carry."""
        self.titles += 1
        titles = [f"note {self.titles}.{number}" for number in range(self.rng.choice([1, 1, 3]))]
        text = LONG if self.rng.random() < 0.03 else "text"
        try:
            self.post(party, party.given("say", titles=titles, text=text))
        except Refused as error:
            self.happened[type(error).__name__] += 1

    def strike(self, browser: Browser) -> None:
        """A device starts again, or its home comes back from a backup, and nobody notices."""
        what = self.rng.choice(["save", "restart", "restore"])
        browser.both(what)
        self.happened[what] += 1
        for link in sorted((link for link in self.links if browser.name in link and what != "save"), key=sorted):
            self.cut(link)
        if what != "restart":
            self.say(browser)  # what is lost by going back; what forks the chain

    def link(self, party: Party) -> None:
        """Two devices meet."""
        other = self.rng.choice([one for one in self.parties.values() if one is not party])
        self.links.add(frozenset((party.name, other.name)))
        for here, there in ((party, other), (other, party)):
            self.post(here, here.given("meet", peer=there.name))

    def unlink(self) -> None:
        """A link goes."""
        if self.links:
            self.cut(self.rng.choice(sorted(self.links, key=sorted)))

    def cut(self, link: frozenset[str]) -> None:
        """The two ends of a link notice that it is gone."""
        self.links.discard(link)
        self.wire = [(sender, told) for sender, told in self.wire if {sender, told.peer} != link]
        for here, there in (sorted(link), sorted(link)[::-1]):
            self.post(self.parties[here], self.parties[here].given("lose", peer=there))

    def deliver(self, *, calm: bool) -> None:
        """Some message arrives, in no order; or is lost, arrives again later, without its bodies, or altered."""
        sender, told = self.wire.pop(self.rng.randrange(len(self.wire)))
        chance = 1.0 if calm else self.rng.random()
        if chance < 0.06:
            self.happened["lost"] += 1
            return
        if chance < 0.12:
            self.wire.append((sender, told))
            self.happened["doubled"] += 1
        raw = told.raw
        if told.kind == "push" and 0.12 < chance < 0.25:
            raw = stripped(raw)
            self.happened["stripped"] += 1
        if 0.25 < chance < 0.29:
            place, bit = 2 * self.rng.randrange(len(raw) // 2), 1 << self.rng.randrange(8)
            raw = f"{raw[:place]}{int(raw[place : place + 2], 16) ^ bit:02x}{raw[place + 2 :]}"
        receiver = self.parties[told.peer]
        try:
            done = receiver.given("hear", peer=sender, kind=told.kind, bytes=raw)
        except Refused as error:
            self.happened[type(error).__name__] += 1
            return
        for name in ("forks", "bodies", "refused", "judged"):
            self.happened[name] += done[name]
        self.post(receiver, done)

    def post(self, party: Party, done: Any) -> None:  # noqa: ANN401 - JSON
        """Put on the wire what goes out, where there is a link; and compare again with whom it wants to."""
        for told in letters(party, done):
            if frozenset((party.name, told.peer)) in self.links:
                self.wire.append((party.name, told))
        for peer in done["meet"]:
            if frozenset((party.name, peer)) in self.links:
                self.post(party, party.given("meet", peer=peer))

    # ── the end ──

    def settle(self) -> None:
        """All meet, and talk until all is told."""
        everybody = sorted(self.parties)
        for place, one in enumerate(everybody):
            for other in everybody[place + 1 :]:
                self.links.add(frozenset((one, other)))
                for here, there in ((one, other), (other, one)):
                    self.post(self.parties[here], self.parties[here].given("meet", peer=there))
        for _ in range(ROUNDS_MAX):
            for _ in range(LETTERS_MAX):
                if self.wire:
                    self.deliver(calm=True)
            assert not self.wire, "they talk without end"
            if self.agree():
                return
            for party in self.parties.values():
                self.post(party, party.given("tick"))
        pytest.fail(f"no agreement after {ROUNDS_MAX} rounds")

    def agree(self) -> bool:
        """Whether all hold and judge alike; of a device that was taken out, what it is still told."""
        seen = {name: party.look() for name, party in self.parties.items()}
        control = {(look["control"], look["verdict"]) for look in seen.values()}
        live = [look for name, look in seen.items() if name not in self.closed]
        return len(control) == 1 and all(look == live[0] for look in live)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_run_ends_in_agreement_and_never_differs_from_python(asked: Asked, seed: int) -> None:
    """Thousands of steps with losses, doubles, mixing, backups that come back, statements and a device taken out."""
    world = World(seed, asked)
    for number in range(STEPS):
        world.step()
        if number == STEPS * 3 // 4:
            world.close(world.browsers[-1])
    world.settle()
    looks = [browser.look() for browser in world.browsers]
    told = world.happened
    assert looks[0]["events"] > STEPS / 13
    assert min(told[name] for name in ("bodies", "lost", "doubled", "stripped", "restart", "restore")) > 0, told
    assert len(looks[0]["keys"]) > 2
    assert len(looks[-1]["keys"]) < len(looks[0]["keys"])
    with pytest.raises(NotGranted):
        world.browsers[-1].given("say", titles=["too late"], text="")


@pytest.mark.parametrize("speaks_at_once", [True, False])
def test_a_home_that_came_back_opens_another_chain(asked: Asked, *, speaks_at_once: bool) -> None:
    """From a backup, unaware: once it hears words of its own that it lacks, a fork or not, it says no more there."""
    world = World(5, asked)
    phone, mac = world.browsers[0], world.mac

    def said(title: str) -> list[Placed]:
        done = phone.given("say", titles=[title], text="text")
        mac.given("hear", peer=phone.name, kind="push", bytes=done["send"][0][2])
        return [phone.twin.log[Digest(bytes.fromhex(digest))] for digest in done["append"]]

    opening, first = said(f"first {speaks_at_once}")
    phone.both("save")
    (lost,) = said(f"lost {speaks_at_once}")
    phone.both("restore")
    if speaks_at_once:
        (other,) = said("other")
        assert (lost.parent, other.parent) == (first.digest, first.digest)
    (_, _, raw), *_ = mac.given("meet", peer=phone.name)["send"]
    (asks,) = phone.given("hear", peer=mac.name, kind="have", bytes=raw)["ask"]
    (served,) = mac.given("hear", peer=phone.name, kind="want", bytes=asks[2])["serve"]
    done = phone.given("hear", peer=mac.name, kind="push", bytes=served[2])
    assert (done["append"], done["forks"]) == ([lost.digest.hex()], int(speaks_at_once))
    assert "another copy of this device" in done["alarms"][0]
    reopened, later = said(f"later {speaks_at_once}")
    assert (reopened.seq, later.seq, reopened.chain != opening.chain) == (1, 2, True)
    body = read_body(phone.twin.keyring, reopened, "opening")
    assert isinstance(body, Opening)
    assert body.reason == "restored"
    assert phone.look() == mac.look()
    assert phone.look()["forked"] == int(speaks_at_once)


def test_bodies_that_nobody_brings_are_asked_for_ever_more_rarely(asked: Asked) -> None:
    """A body that does not come is asked for after one tick, two, four; whoever brings it is asked no more."""
    world = World(6, asked)
    phone, mac = world.browsers[0], world.mac
    done = mac.given("say", titles=["one", "two"], text="text")
    phone.given("hear", peer=mac.name, kind="push", bytes=stripped(done["send"][0][2]))
    phone.given("meet", peer=mac.name)
    nothing = messages.encode(Push((), answer=True)).hex()
    times = []
    for tick in range(40):
        (_, _, have), *_ = mac.given("meet", peer=phone.name)["send"]
        heard = phone.given("hear", peer=mac.name, kind="have", bytes=have)
        if heard["ask"]:
            times.append(tick)
            want = messages.decode_want(bytes.fromhex(heard["ask"][0][2]))
            assert [digest.hex() for digest in want.bodies] == done["append"][1:]
            phone.given("hear", peer=mac.name, kind="push", bytes=nothing)
        phone.given("tick")
    assert times == [0, 1, 3, 7, 15, 31]
    bodies = mac.answer(Want((), want.bodies)).bodies
    brought = messages.encode(Push((), bodies[:1], answer=True)).hex()
    assert phone.given("hear", peer=mac.name, kind="push", bytes=brought)["bodies"] == 1
    (_, _, have), *_ = mac.given("meet", peer=phone.name)["send"]
    (again,) = phone.given("hear", peer=mac.name, kind="have", bytes=have)["ask"]
    assert messages.decode_want(bytes.fromhex(again[2])).bodies == (bodies[1][0],)


def test_what_a_closed_device_brings_is_refused_alike(asked: Asked) -> None:
    """Data from a device that was taken out, and from a guest, are refused; control is traded both ways."""
    world = World(3, asked)
    phone, tablet, _ = world.browsers
    written = tablet.given("say", titles=["note"], text="text")["send"][0][2]
    world.close(tablet)
    closing = [placed for placed in world.mac.log.values() if placed.lane is Lane.CONTROL]
    push = messages.encode(Push(runs(tuple(closing)))).hex()
    assert phone.given("hear", peer=world.mac.name, kind="push", bytes=push)["judged"]
    for peer in (tablet.name, "?", "?192.0.2.1:4222"):
        done = phone.given("hear", peer=peer, kind="push", bytes=written)
        assert (done["refused"], done["append"]) == (1, [])
        (_, _, raw), *_ = phone.given("meet", peer=peer)["send"]
        have = messages.decode_have(bytes.fromhex(raw))
        assert (have.control, have.data) == (phone.twin.replica.chains.frontier(Lane.CONTROL), {})
    assert phone.given("hear", peer=world.mac.name, kind="push", bytes=written)["append"]


def test_a_difference_would_be_noticed(asked: Asked) -> None:
    """The comparison is not blind: a twin of which something was kept back says something else."""
    world = World(4, asked)
    phone = world.browsers[0]
    phone.twin.replica.heard += 1
    with pytest.raises(AssertionError):
        phone.given("say", titles=["note"], text="text")
