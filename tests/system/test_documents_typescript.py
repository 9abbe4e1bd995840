"""Documents in TypeScript, as the phone has them: read, allowed, folded, masked, edited and kept as Python does it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest

from mesh.errors import Misuse, Refused, TooLarge
from mesh.events.kinds import Born
from mesh.limits import BODY_PLAIN_BYTES_MAX, TEXT_BYTES_MAX
from mesh.state import digest, notes
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Revive, Splice, Swap
from mesh.state.encoding import encode
from mesh.state.operations import Change
from mesh.state.shapes import gate
from mesh.state.view_digest import content_of
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.documented import NONE, Twins, look
from tests.system.sizes import sized
from tests.unit.state import writers
from tests.unit.state.writers import BIRTH, DOCUMENT, actor
from tests.world import masks
from tests.world.masks import World

pytestmark = [pytest.mark.system, *typescript.NEEDS]

WORLDS = sized(8, 64)
LETTERS = "ab é\u0301🌱\U0010ffff\ufeff\n👩\u200d💻"


# ── histories ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(12))
def test_a_document_is_the_same_in_any_order(asked: Asked, seed: int) -> None:
    """Honest and hostile writers, changes that come twice, that wait, and that somebody gave a second number."""
    rng = random.Random(seed)
    changes = writers.honest(seed) if seed % 2 else writers.hostile(seed)
    events = [(sha256(change.raw).digest(), change) for change in changes]
    twins = Twins(asked, f"order {seed}", DOCUMENT, BIRTH)
    arriving = [*events, *rng.sample(events, 5)]
    rng.shuffle(arriving)
    while arriving:
        count = rng.randint(1, 4)
        twins.take(arriving[:count])
        arriving = arriving[count:]
        if rng.random() < 0.2:
            twins.reload()
        twins.look()
    seen = twins.look()
    twins.events = dict(rng.sample(events, len(events)))
    twins.fold()
    assert twins.look() == seen


# ── devices that meet ────────────────────────────────────────────────────────────────────────────


class Device:
    """Somebody with a document, who writes: on the phone, with its twin, or in Python alone."""

    def __init__(self, rng: random.Random, number: int, asked: Asked | None, seed: int) -> None:
        """As it was born."""
        self.rng, self.number, self.run = rng, number, 0
        self.events: dict[bytes, Change] = {}
        self.void: frozenset[bytes] = NONE
        self.twins = Twins(asked, f"device {seed}.{number}", DOCUMENT, BIRTH) if asked else None
        self.document = Document.born(DOCUMENT, BIRTH)

    @property
    def admission(self) -> bytes:
        """Who let it in."""
        return bytes([self.number + 1]) * 32

    def edits(self) -> list[Edit]:
        """What somebody does next: to the text, to registers and tags, to single values that stand side by side."""
        rng, document = self.rng, self.document
        edits = writers.random_edits(rng, document) if rng.random() < 0.8 else []
        if rng.random() < 0.3:
            key = rng.choice(["title", "path"])
            live = sorted(document.live_operations(key))
            gone = tuple(rng.sample(live, rng.randint(0, len(live))))
            edits = [edit for edit in edits if getattr(edit, "key", "") != key]
            edits.append(Swap(key, gone, tuple(rng.choices(["a", "é🌱", ""], k=rng.randint(0, 3)))))
        strokes = list(document.folded().strokes())
        lost = [(name, letter) for name, letter, *_ in strokes if not document.folded().shown(name, document.hidden)]
        if lost and rng.random() < 0.2:
            edits.append(Revive(tuple(rng.sample(lost, min(2, len(lost))))))
        return edits

    def write(self) -> Change:
        """A change, which every other device's gate lets through."""
        by = self.admission[:8] + bytes([self.run]) * 8
        writer = self.twins or self.document
        with suppress(Misuse):
            change = writer.edit(by, self.edits(), bare=True)
            gate(change, admission=self.admission, kind=DOCUMENT.type, body=self.document.body)
            self.hear([(sha256(change.raw).digest(), change)], self.void)
            return change
        self.run += 1
        return self.write()

    def hear(self, events: Sequence[tuple[bytes, Change]], void: frozenset[bytes]) -> None:
        """Take in events, in this order, and what is void of all of them."""
        new = [(event, change) for event, change in events if event not in self.events]
        self.events |= dict(new)
        self.void = void & {change.hash for change in self.events.values()}
        if self.twins:
            self.twins.take(new, self.void)
            self.document = self.twins.document
        elif self.document.take([change for _, change in new], self.void).doubled or self.void != self.document.void:
            self.document = Document.fold(DOCUMENT, BIRTH, self.events.items(), self.void)

    def look(self) -> dict[str, Any]:
        """What it shows, its twin alike."""
        return self.twins.look() if self.twins else look(self.document)

    def content(self) -> bytes:
        """The digest of what its note shows."""
        return content_of(notes.view_of(self.document))


def look_back(rng: random.Random, twins: Twins) -> None:
    """The document as it was at some of its changes, and what somebody writes who knows no others."""
    known = sorted(change.hash for change in twins.events.values() if twins.document.contains(change.hash))
    heads = rng.sample(known, min(len(known), rng.randint(0, 2)))
    twins.past(heads)
    edits = [Put("path", "p"), *([Splice(0, 0, "👩")] if rng.random() < 0.5 else [Delete("title"), Put("a", 2)])]
    twins.branch(heads, b"somebody branched"[:16], edits)


@pytest.mark.parametrize("seed", range(8))
def test_devices_that_meet_show_the_same(asked: Asked, seed: int) -> None:
    """Two phones and two devices in Python write, meet, lose a writer, and go back in time; in the end all agree."""
    rng = random.Random(seed)
    devices = [Device(rng, number, asked if number < 2 else None, seed) for number in range(4)]
    void, doubled = set[bytes](), dict[bytes, Change]()
    for step in range(60):
        device, other = rng.sample(devices, 2)
        if rng.random() < 0.55:
            change = device.write()
            if rng.random() < 0.2:
                void.add(change.hash)
            if rng.random() < 0.05 and change.operations:
                twin = encode(change.dependencies, change.actor, change.sequence, change.start, change.operations[:1])
                doubled[sha256(twin.raw + bytes([step])).digest()] = twin
        else:
            events = rng.sample([*other.events.items()], len(other.events))
            device.hear(events[: rng.randint(0, len(events))], frozenset(void) if rng.random() < 0.5 else device.void)
        if device.twins and rng.random() < 0.1:
            device.twins.reload()
            device.document = device.twins.document
        if device.twins and rng.random() < 0.2:
            assert device.look()["disagreements"] == []
            look_back(rng, device.twins)
    whole = doubled | {event: change for device in devices for event, change in device.events.items()}
    for device in devices:
        device.hear(rng.sample([*whole.items()], len(whole)), frozenset(void))
    seen = devices[0].look()
    assert len(seen["heads"]) > 1
    assert seen["concurrent"]
    assert [device.look() for device in devices[1:]] == [seen] * 3
    assert len({device.content() for device in devices}) == 1
    chains = list(enumerate(sorted(whole)))
    parts = [[str(DOCUMENT), bytes([n]) * 32, [[*one] for one in chains if one[0] % 3 == n]] for n in range(3)]
    assert asked("digest", parts=_hexed(parts)) == _root(parts)


def _hexed(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, bytes):
        return value.hex()
    return [_hexed(one) for one in value] if isinstance(value, list) else value


def _root(parts: Any) -> str:  # noqa: ANN401 - JSON
    key = digest.key(DOCUMENT)
    leaf = digest.leaf(key, [digest.part(chain, [tuple(event) for event in events]) for _, chain, events in parts])
    return digest.Trie([(digest.bucket(key), digest.bucket_digest([(key, leaf)]))]).root().hex()


def test_worlds_with_void_work_are_the_same(asked: Asked) -> None:
    """What writers leave behind who were closed, restricted, adopted, and who push out what they wrote."""
    assert sum(hidden_in(World(seed), asked, seed) for seed in range(WORLDS)) > 2.5 * WORLDS


def hidden_in(world: World, asked: Asked, seed: int) -> int:
    """Two of a world's devices with a phone beside each; how often something was hidden."""
    names = {replica.writer: f"world {seed}.{replica.writer}" for replica in world.replicas[:2]}
    phones = {writer: Twins(asked, name, masks.DOCUMENT, masks.BIRTH) for writer, name in names.items()}
    hidden = 0
    for step in range(masks.STEPS):
        world.step()
        for replica in world.replicas[:2]:
            twins = phones[replica.writer]
            new = [(event, entry.change) for event, entry in replica.entries.items() if event not in twins.events]
            if new or replica.void != twins.void:
                twins.take(world.lots.sample(new, len(new)), replica.void)
            if step % 4 == 0:
                assert twins.look() == look(replica.document)
                hidden += bool(replica.document.hidden)
                look_back(world.lots, twins)
                twins.edit(masks.WRITER_OF_TESTS, [Put("a", 1), Splice(0, min(2, len(replica.document.text())), "🌱")])
    world.forge()
    for replica in world.rest():
        if replica.writer in phones:
            twins = phones[replica.writer]
            twins.events = {event: entry.change for event, entry in replica.entries.items()}
            twins.void = replica.void
            twins.fold()
            assert twins.look() == look(replica.document)
    return hidden


# ── what is large, and what is wrong ─────────────────────────────────────────────────────────────


def test_large_texts_and_changes(asked: Asked) -> None:
    """The longest Text, one beyond it, changes of many kilobytes, and the change that is too large for both."""
    lots = random.Random(21)
    for number, text in enumerate(["ü🌱" * 10_000, "x" * TEXT_BYTES_MAX, "x" * (TEXT_BYTES_MAX + 1), ""]):
        twins = Twins(asked, f"large {number}", DOCUMENT, Born({"title": "t"}, text, b""))
        by, long = actor(1), "".join(lots.choices(LETTERS, k=12_000))
        edits: list[list[Edit]] = [[Put("title", "é" * 2000)], [Put("body", "🌱" * 25_000)]]
        if twins.document.body:
            edits = [[Splice(len(text) // 2, len(text) // 3, long)], [Splice(9, 2, ""), Put("title", "é" * 2000)]]
            edits.append([Splice(place, 1, lots.choice(LETTERS)) for place in lots.sample(range(5000), 400)])
        for some in edits:
            change = twins.edit(by, some)
            assert len(change.raw) < BODY_PLAIN_BYTES_MAX
            twins.take([(change.hash, change)])
            twins.look()
            twins.reload()
        assert twins.look()["changes"] == len(edits) + 1
        with pytest.raises(TooLarge):
            twins.edit(by, [Put("body", "x" * (BODY_PLAIN_BYTES_MAX + 1))])


def test_edits_that_make_no_sense_are_refused_alike(asked: Asked) -> None:
    """Places beyond the text, nothing to do, an actor that has to stop, a text that grows beyond what it may be."""
    twins = Twins(asked, "refused", DOCUMENT, BIRTH)
    end = len(BIRTH.text)
    for edits in (
        [],
        [Delete("path")],
        [Splice(end, 1, "")],
        [Splice(-1, 0, "x")],
        [Splice(end + 1, 0, "x")],
        [Splice(0, -1, "x")],
        [Splice(0, 0, "x" * (BODY_PLAIN_BYTES_MAX + 1))],
        [Splice(0, 0, "x" * 60_000), Splice(0, 60_000, "y" * 6000)],
    ):
        with pytest.raises((Misuse, Refused)):
            twins.edit(actor(1), edits)
    waiting = twins.edit(actor(1), [Put("title", "x")])
    other = encode([bytes(32)], waiting.actor, 1, waiting.start, waiting.operations)
    twins.take([(bytes(32), other)])
    with pytest.raises(Misuse):
        twins.edit(actor(1), [Put("title", "x")])
    long = Twins(asked, "long", DOCUMENT, Born({}, "x" * (TEXT_BYTES_MAX + 1), b""))
    with pytest.raises(Misuse):
        long.edit(actor(1), [Splice(0, 0, "x")])


def test_half_a_letter_is_never_written(asked: Asked) -> None:
    """What no device could read is refused where somebody typed it."""
    Twins(asked, "half", DOCUMENT, BIRTH)
    for edit in (["splice", 0, 0, "a\ud83c"], ["put", "title", "\udf31"], ["put", "tag/\ud800", True]):
        found = asked.tell("edit", name="half", actor=actor(1).hex(), edits=[edit], bare=False)
        assert found == {"refused": "Malformed"}


def test_a_difference_would_be_noticed(asked: Asked) -> None:
    """The comparison is not blind: a twin that was told of something void shows something else."""
    twins = Twins(asked, "blind", DOCUMENT, BIRTH)
    change = twins.edit(actor(1), [Put("title", "void")])
    twins.take([(change.hash, change)])
    twins.document = Document.fold(DOCUMENT, BIRTH, twins.events.items(), {change.hash})
    with pytest.raises(AssertionError):
        twins.look()
