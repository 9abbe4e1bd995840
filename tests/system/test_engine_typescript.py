"""A phone's engine and store, and those of Python, in one random run: fed the same events, they amount to the same.

Devices in Python live as in test_shelf_random: they write, edit, settle, are closed and adopted again. The phone hears
of it in parts, without bodies, in whatever order; it writes itself, and is ended and killed in between.
"""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mesh.events import founding
from mesh.events.closing import rekeyed
from mesh.events.event import Lane
from mesh.events.founding import default_grant, with_rank
from mesh.events.speaking import Draft
from mesh.limits import KEY_BYTES
from mesh.names import Digest, DocumentId
from mesh.node import engine as node_engine
from mesh.node.engine import Engine
from mesh.sync import messages
from mesh.sync.inputs import Later
from mesh.sync.messages import Push
from tests.system import typescript
from tests.system.browsers import Asked, browser_keys, stripped
from tests.system.sizes import sized
from tests.unit.node.engines import Small, founded, joined_by
from tests.unit.node.test_shelf_random import DISPUTES, ENDS, Life
from tests.unit.small_mesh import TIME_MS, browser_request, browser_secret
from tests.world import seeded_hpke

pytestmark = [pytest.mark.system, *typescript.NEEDS]

STEPS = sized(90, 250)
PHONE_SHARE = 0.45  # of the steps, that are the phone's
TURNS_MAX = 30  # of the event loop: a note is kept after some 20
TEXTS = ("x", "yz", "🌱")
PLENTY, LITTLE = 2**26, 1500  # bytes of bodies that the phone keeps
LIVES = sized(
    (
        (0, ENDS, PLENTY),
        (1, DISPUTES, PLENTY),
        (31, ENDS, LITTLE),  # what waits rests on what is void, whose body was let go
        (0, DISPUTES, LITTLE),
    ),
    tuple((seed, weights, room) for room in (LITTLE, PLENTY) for weights in (ENDS, DISPUTES) for seed in range(8)),
)
"""The seed of a life, how often each act comes in it, and the phone's room."""

CHOICES: tuple[dict[str, object], ...] = (
    {"choice": "take", "side": 0},
    {"choice": "take", "side": 1},
    {"choice": "merge"},
)


class Phone:
    """A phone in Node, by its name."""

    def __init__(self, asked: Asked, name: str) -> None:
        """It begins with `begin`."""
        self._asked, self.name = asked, name

    def begin(self, mesh: Digest, admission: Digest, room: int = PLENTY) -> None:
        """Open its database with so much room for bodies, and start."""
        keys = browser_keys("phone")
        private = format(browser_secret("phone").private_numbers().private_value, "064x")
        made = {"mesh": mesh.hex(), "admission": admission.hex(), "sign_seed": keys.sign_seed.hex(), "kem_key": private}
        self("begins", secrets=made, room={"bytes": room, "documents": 1000})

    def __call__(self, does: str, **given: object) -> Any:  # noqa: ANN401 - JSON
        """Have it do something."""
        return self._asked(f"phone {does}", device=self.name, **given)

    def hear(self, push: Push, *, bare: bool = False) -> None:
        """Have it hear something, perhaps without bodies."""
        for run in push.runs:
            raw = messages.encode(Push((run,))).hex()
            done = self("hears", bytes=stripped(raw) if bare else raw)
            assert done["refused"] == 0, done

    def look(self) -> Any:  # noqa: ANN401 - JSON
        """What it holds and shows."""
        return self("looks")


def draw_lots(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """From here on keys, salts, nonces and times in Python follow from the seed."""
    lots, times = random.Random(f"lots {seed}"), itertools.count(TIME_MS)

    def wrap(secret: bytes, kem_key: bytes, purpose: bytes) -> bytes:
        return seeded_hpke.wrap(secret, kem_key, purpose, lots.randbytes(KEY_BYTES))

    monkeypatch.setattr(secrets, "token_bytes", lots.randbytes)
    monkeypatch.setattr(founding, "wrap", wrap)
    monkeypatch.setattr(node_engine, "_now_ms", lambda: next(times))


async def let_in(small: Small) -> Digest:
    """The founder lets the phone in, and wraps a new epoch's key for it."""
    said: list[Digest] = []

    async def letting_in(_engine: Engine) -> Sequence[Draft]:
        return (Draft(with_rank(browser_request("phone"), 10)),)

    async def granting(engine: Engine) -> Sequence[Draft | Later]:
        made = rekeyed(engine.own.mesh, engine.replica.statements, engine.keyring, secrets.token_bytes(KEY_BYTES))
        return (Draft(default_grant(said[0])), made)

    said.append((await small.engine.say(Lane.CONTROL, letting_in))[-1].digest)
    await small.engine.say(Lane.CONTROL, granting)
    return said[0]


class PhoneLife(Life):
    """A life in which a phone takes part."""

    phone: Phone
    seed: int
    room: int

    async def step(self) -> None:
        """Something happens, at times on the phone."""
        if self.random.random() > PHONE_SHARE:
            await super().step()
            return
        await self.random.choices(
            (self.phone_hears, self.phone_writes, self.phone_edits, self.phone_tells, self.phone_restarts,
             self.phone_is_brought_bodies, self.phone_settles),
            (6, 3, 7, 4, 1.5, 2, 2),
        )[0]()  # fmt: skip

    async def phone_hears(self) -> None:
        """All, or a part, of what somebody holds; perhaps without bodies."""
        other = self.random.choice(self.sides)
        self.phone.hear(await self.sides[0].everything(Lane.CONTROL))
        push = await other.everything() if self.random.random() < 0.4 else await self._part(other)
        self.phone.hear(push, bare=self.random.random() < 0.25)

    async def phone_writes(self) -> None:
        """A new note, at times at a path where others are."""
        path = f"place{self.random.randrange(3)}.md" if self.random.random() < 0.4 else None
        document = self.phone("writes", title=f"phone note {len(self.documents)}", path=path)
        self.documents.append(DocumentId.parse(document))

    async def phone_edits(self) -> None:
        """A title, a word in a text, or away with it."""
        shown = [row for row in self.phone.look()["notes"] if DocumentId.parse(row[0]) in self.documents]
        if not shown:
            return
        document, _, body, *_ = self.random.choice(sorted(shown))
        act = self.random.choice(("retitles", "splices", "splices", "deletes"))
        place = self.random.randint(0, len(body))
        cut = self.random.randint(0, min(2, len(body) - place))
        given = {"title": f"phoned {self.random.random()}", "position": place, "deleted": cut}
        inserted = self.random.choice(TEXTS)
        self.phone(act, document=document, inserted=inserted, **given)

    async def phone_settles(self) -> None:
        """Somebody at the phone chooses."""
        documents = sorted({row[0] for row in self.phone.look()["notes"] if row[3]})
        if documents:
            self.phone("settles", document=self.random.choice(documents), choice=self.random.choice(CHOICES))

    async def phone_tells(self) -> None:
        """Somebody hears what the phone said since it was asked last."""
        push = messages.decode_push(bytes.fromhex(self.phone("told")))
        if push.runs:
            await self.random.choice(self.sides).engine.hear("phone", push)

    async def phone_restarts(self) -> None:
        """The app is closed and opened again; or killed in the middle of a note, and opened again."""
        if self.random.random() < 0.4:
            self.phone("restarts")
            return
        title = f"cut note {len(self.documents)}"
        document = self.phone("is killed", title=title, turns=self.random.randrange(TURNS_MAX))
        self.documents.append(DocumentId.parse(document))

    async def phone_is_brought_bodies(self) -> None:
        """Bodies that it lacks come, some of them."""
        lacks = [Digest(bytes.fromhex(one)) for one in self.phone("lacks")]
        other = self.random.choice(self.sides)
        for digest, body in await other.store.bodies(lacks, 10_000_000):
            raw = messages.encode(Push((), ((digest, body),), answer=True)).hex()
            self.phone("hears", bytes=raw)

    async def converge(self) -> None:
        """Everybody hears of everything, the phone too, in an order of its own."""
        await super().converge()
        for raw in self.phone("tells all"):
            await self.sides[0].engine.hear("phone", messages.decode_push(bytes.fromhex(raw)))
        await super().converge()
        push = await self.sides[0].everything()
        runs = list(push.runs)
        control = [run for run in runs if len(run.events[0].header) and run.chain in self._control()]
        data = [run for run in runs if run not in control]
        self.random.shuffle(data)
        for some in (control, data, data[::-1]):
            self.phone.hear(Push(tuple(some)))
        while self.phone("lacks"):
            await self.phone_is_brought_bodies()

    def _control(self) -> set[Digest]:
        return set(self.sides[0].engine.replica.chains.frontier(Lane.CONTROL))


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The first thing in which a phone differs, in words: lists are told before the digests over them."""
    for part, value in sorted(expected.items(), key=lambda one: not isinstance(one[1], list)):
        other = found[part]
        if not isinstance(value, list):
            if value != other:
                return f"{part}: {value} in Python, {other} on the phone"
            continue
        for place, (one, another) in enumerate(itertools.zip_longest(value, other)):
            if one != another:
                counts = f"{len(value)} and {len(other)} of them"
                return f"{part}, {counts}, at {place}: {one} in Python, {another} on the phone"
    return ""


async def seen(small: Small) -> dict[str, Any]:
    """What a device in Python holds and shows, as a phone tells it."""
    store = small.store
    rows = await store.replay(limit=100_000)
    shown = (*await store.notes(limit=1000), *await store.notes(limit=1000, deleted=True))
    return {
        "state": (await store.digest()).hex(),
        "view": (await store.view_root()).hex(),
        "verdict": small.engine.replica.verdict_digest.hex(),
        "standings": sorted([r.placed.digest.hex(), int(r.standing), str(r.document or "")] for r in rows),
        "conflicts": [[r.name.hex(), r.kind, r.field, r.count, r.lamport] for r in await store.conflicts()],
        "settlements": [
            [r.author.event.hex(), r.conflict.hex(), r.undoes.hex() if r.undoes else ""]
            for r in await store.settlements()
        ],
        "notes": [
            [
                str(r.note.document),
                r.note.title,
                r.note.body,
                list(r.note.conflicts),
                r.lamport,
                r.updated_by.hex(),
                r.placed.event.hex() if r.placed else "",
            ]
            for r in shown
        ],
        "missing": len(small.engine.replica.missing),
    }


@pytest.fixture
async def life(
    asked: Asked, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PhoneLife]:
    """A founder, another admin, and a phone."""
    seed, weights, room = request.param
    draw_lots(monkeypatch, seed)
    async with AsyncExitStack() as stack:
        founder = await stack.enter_async_context(founded())
        admission = await let_in(founder)
        laptop = await stack.enter_async_context(joined_by(founder, "laptop"))
        second = await stack.enter_async_context(joined_by(laptop, "second", rank=3))
        life = PhoneLife(seed, [founder, laptop, second], weights)
        life.seed, life.room = seed, room
        life.phone = Phone(asked, f"phone {request.node.name}")
        life.phone.begin(founder.engine.own.mesh, admission, room)
        life.phone.hear(await founder.everything(Lane.CONTROL))
        await life.write(founder)
        await life.converge()
        yield life


@pytest.mark.parametrize("life", LIVES, indirect=True)
async def test_a_phone_amounts_to_what_python_does(life: PhoneLife) -> None:
    """The same digest, view root, standings, conflicts, settlements and lists, and the same when built again.

    With little room the phone lets bodies go after each commit, and asks for those that it needs; built again without
    them it shows less until they came.
    """
    for number in range(STEPS):
        await life.step()
        if number == STEPS // 2:
            before = life.phone.look()
            life.phone("rebuilds")
            if life.room == PLENTY:
                assert life.phone.look() == before
    await life.converge()
    expected = await seen(life.sides[0])
    found = life.phone.look()
    assert not (told := difference(expected, found)), f"seed {life.seed}, {life.room} bytes: {told}"
    life.phone("restarts")
    assert life.phone.look() == found
    assert len(found["standings"]) > 20
    assert bool(life.phone("counts")["bodiesAway"]) == (life.room == LITTLE)
    assert sum(row[1] == 0 for row in found["standings"]) > 10
    told = f"{STEPS} steps, {len(found['standings'])} events, {life.room} bytes"
    print(f"seed {life.seed}: {told}: {found['state']} on both")  # noqa: T201 - read after a long run


@pytest.mark.parametrize("life", [(0, DISPUTES, PLENTY)], indirect=True)
async def test_a_difference_would_be_noticed(life: PhoneLife) -> None:
    """The comparison is not blind: one event that only one of them holds is seen in all that it touches."""
    await life.converge()
    assert (await seen(life.sides[0]))["state"] == life.phone.look()["state"]
    await life.write(life.sides[0])
    found, expected = life.phone.look(), await seen(life.sides[0])
    assert [part for part in expected if found[part] != expected[part]] == ["state", "view", "standings", "notes"]


@pytest.mark.parametrize("life", [(0, DISPUTES, PLENTY)], indirect=True)
async def test_documents_that_are_not_in_memory_take_none(life: PhoneLife) -> None:
    """Automerge's memory is given back when a document is folded anew or let go, and not some day."""
    before = life.phone("holds")
    for number in range(3):
        await life.phone_writes()
        life.phone("retitles", document=str(life.documents[-1]), title=f"other {number}")
    for _ in range(4):
        life.phone("rebuilds")
        life.phone.look()
    assert life.phone("holds") - before <= len(life.documents)


@pytest.mark.parametrize("life", [(0, DISPUTES, PLENTY)], indirect=True)
async def test_with_no_room_nothing_is_lost_and_nothing_forks(life: PhoneLife) -> None:
    """What finds no room fails with that fault and leaves nothing; the same goes on as soon as there is room."""
    assert life.phone("tries", title="one", under="") == {"fault": "", "tips": [2]}
    before = life.phone.look()
    assert life.phone("tries", title="two", under="full") == {"fault": "DiskFull", "tips": [2]}
    assert life.phone.look() == before
    assert life.phone("tries", title="two", under="") == {"fault": "", "tips": [3]}
    life.phone("restarts")
    assert life.phone("tries", title="three", under="") == {"fault": "", "tips": [4]}
    await life.converge()
    assert life.phone.look()["state"] == (await seen(life.sides[0]))["state"]


@pytest.mark.parametrize("life", [(0, DISPUTES, PLENTY)], indirect=True)
async def test_a_tab_that_another_one_took_over_from_writes_no_more(life: PhoneLife) -> None:
    """Its words fail, and whoever is the writer now goes on with the chain: it never forks."""
    assert life.phone("tries", title="one", under="") == {"fault": "", "tips": [2]}
    assert life.phone("tries", title="two", under="taken") == {"fault": "Unreachable", "tips": [2]}
    assert life.phone("tries", title="two", under="") == {"fault": "Unreachable", "tips": [2]}
    assert len(life.phone.look()["notes"]) == 2
    life.phone("restarts")
    assert life.phone("tries", title="two", under="") == {"fault": "", "tips": [3]}


@pytest.mark.parametrize("life", [(0, DISPUTES, PLENTY)], indirect=True)
async def test_a_kill_in_the_middle_keeps_all_of_a_note_or_nothing(life: PhoneLife) -> None:
    """Whenever it comes: sometimes the note is there, sometimes not, and the chain goes on where it ends."""
    kept = 0
    for turns in range(0, 2 * TURNS_MAX, 2):
        document = life.phone("is killed", title=f"note {turns}", turns=turns)
        there = document in {row[0] for row in life.phone.look()["notes"]}
        kept += there
        (tip,) = life.phone("tries", title=f"then {turns}", under="")["tips"]
        assert tip == 2 + kept + turns // 2  # an opening, what was kept, and one more each time
    assert 0 < kept < TURNS_MAX
    await life.converge()
    assert life.phone.look()["state"] == (await seen(life.sides[0]))["state"]
