"""The story of the demonstration, step by step: what is done, and what must be true afterwards.

Each step does what a person would do, by the same commands, and returns its figures; one that does not come true
raises. Nothing here prints.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from mesh.cli.demonstration import forger
from mesh.cli.demonstration.devices import HOST, Device, agreed, until
from mesh.cli.demonstration.folder import Folder
from mesh.errors import Damaged, MeshError, Unreachable
from mesh.node.socket_client import Told

NAMES = ("mac", "laptop", "phone")
WRITES = 1000
KILLED_AFTER = 400  # acknowledged writes, so that some are under way
WRITERS = 8
NAMED_MAX = 10  # files that are left out, by name
SHARED = "Garden"
IN_FLIGHT = "written in flight mode"
_TITLES = {"Garden in spring", "Garden this weekend"}
_PARAGRAPHS = "Buy seeds.\n\nWater every evening.\n"
_IMPORT_S_MAX = 600.0

Figures = dict[str, object]


@dataclass
class Story:
    """The devices, and what the steps found out."""

    mac: Device
    laptop: Device
    phone: Device
    folder: Folder
    told: Callable[[str], None]
    """Says how far a long step is."""
    documents: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    conflicts: list[Told] = field(default_factory=list)
    acknowledged: int = 0
    kept: int = 0
    refused: int = 0

    @property
    def devices(self) -> tuple[Device, ...]:
        """All three."""
        return self.mac, self.laptop, self.phone


def founded(story: Story) -> Figures:
    """The mac founds a mesh."""
    told = story.mac.mesh("join", "--new", "--yes", "--name", story.mac.name)
    story.mac.up()
    return {"recovery_words": len(str(told["recovery_phrase"]).split())}


def joined(story: Story) -> Figures:
    """The others come in, each by a code that is spoken from one screen to the other."""
    return {device.name: _let_in(story.mac, device) for device in (story.laptop, story.phone)}


def _let_in(admin: Device, device: Device) -> str:
    with admin.stream("invite", "--yes") as following:
        invited = following()
        rank = ("--member",) if device.name == "phone" else ()
        device.mesh("join", str(invited["text"]), "--yes", "--name", device.name, *rank)
        admitted = following()["admitted"]
    assert isinstance(admitted, dict), admitted
    require(admitted["name"] == device.name, f"{admitted['name']} came in instead of {device.name}")
    device.up()
    return str(invited["code"])


def written(story: Story) -> Figures:
    """A note that is written on one is on all."""
    agreed(story.devices)
    began = time.monotonic()
    made = story.mac.call("note.add", title=SHARED, body=_PARAGRAPHS)
    story.documents[SHARED] = document = str(made["document"])
    for device in (story.laptop, story.phone):
        until(f"the note on the {device.name}", lambda d=device: d.call("note.show", document=document))  # type: ignore[misc]
    return {"on_all_after_ms": round((time.monotonic() - began) * 1000)}


def imported(story: Story) -> Figures:
    """The person's own notes, written on the mac, are on all."""
    began = time.monotonic()
    for number, (title, text, path) in enumerate(story.folder.notes):
        if number % 100 == 0:
            story.told(f"{number:,} of {len(story.folder.notes):,} notes")
        story.mac.call("note.add", title=title, body=text, path=path)
    wrote_s = time.monotonic() - began
    story.told("waiting until all devices have them")
    until("the notes on all devices", lambda: agreed(story.devices), _IMPORT_S_MAX)
    return {
        "notes": len(story.folder.notes),
        "left_out": len(story.folder.left_out),
        "left_out_because": dict(list(story.folder.left_out.items())[:NAMED_MAX]),
        "written_s": round(wrote_s, 1),
        "on_all_s": round(time.monotonic() - began, 1),
    }


def cut_off(story: Story) -> Figures:
    """The phone goes off the network; all three go on writing, two of them in the same title and paragraph."""
    story.phone.down()
    shared = story.documents[SHARED]
    story.mac.mesh("note", "edit", shared, "--title", "Garden in spring", "--body", _with("carrot"))
    story.laptop.mesh("note", "add", "written on the train")
    story.phone.mesh("note", "edit", shared, "--title", "Garden this weekend", "--body", _with("tomato"))
    story.phone.mesh("note", "add", IN_FLIGHT)
    agreed((story.mac, story.laptop))
    apart = {story.mac.digest(), str(story.phone.mesh("status")["state_digest"])}
    require(len(apart) == 2, "the cut-off device shows the same as the others")
    return {"edits": 4, "states": len(apart)}


def _with(kind: str) -> str:
    return _PARAGRAPHS.replace("seeds", f"{kind} seeds")


def returned(story: Story) -> Figures:
    """The phone comes back, and all three show the same."""
    began = time.monotonic()
    story.phone.up()
    story.digests = agreed(story.devices)
    titles = {note["title"] for note in story.mac.call("note.list", limit=1000)["notes"]}  # type: ignore[attr-defined]
    require({IN_FLIGHT, "written on the train"} <= titles, "a note of the time apart is missing")
    return {"agreed_after_s": round(time.monotonic() - began, 2)}


def conflicting(story: Story) -> Figures:
    """Both titles live side by side on every device, and both edits of the paragraph are in it."""
    seen = [device.call("note.show", document=story.documents[SHARED]) for device in story.devices]
    story.conflicts = seen[0]["conflicts"]  # type: ignore[assignment]
    require(all(one["conflicts"] == story.conflicts for one in seen), "the devices list other conflicts")
    titles = _values(story.conflicts, "title")
    require(titles == _TITLES, f"the titles are {titles}")
    texts = {str(one["body"]) for one in seen}
    require(len(texts) == 1, "the devices show other texts")
    (text,) = texts
    require("carrot" in text and "tomato" in text, f"an edit of the paragraph is lost: {text!r}")
    return {"titles": sorted(_TITLES), "paragraph": text.splitlines()[0]}


def inspected(story: Story) -> Figures:
    """What collided is listed alike on all three; one is settled on the laptop, and taken back on the phone."""
    listed = [_list_of(story.mac.mesh("conflicts")), *(_open_in(device) for device in story.devices)]
    ids = {str(one["id"]) for one in listed[0]}
    require(all(one == listed[0] for one in listed), "the devices list other conflicts")
    require(_values(listed[0], "title") == _TITLES, f"the titles in conflict are {_values(listed[0], 'title')}")
    title = next(str(one["id"]) for one in listed[0] if one["field"] == "title")
    shown = story.laptop.mesh("conflicts", "show", title)
    require(shown["ancestor"] == SHARED, f"both began with {shown['ancestor']!r}")
    story.laptop.mesh("conflicts", "resolve", title, "--take", "2")
    agreed(story.devices)
    kept: set[object] = {
        str(device.call("note.show", document=story.documents[SHARED])["title"]) for device in story.devices
    }
    require(len(kept) == 1 and kept < _TITLES, f"settled, the titles are {kept}")
    settled = [_values(_open_in(device), "title") for device in story.devices]
    require(not any(settled), "the title is in conflict although it was settled")
    story.phone.mesh("conflicts", "undo", title)
    agreed(story.devices)
    again = [_values(_open_in(device), "title") for device in story.devices]
    require(all(one == _TITLES for one in again), f"taken back, the titles are {again}")
    return {
        "listed": sorted(f"{one['kind']} of {one['field']}" for one in listed[0]),
        "open": len(ids),
        "settled": kept.pop(),
    }


def _open_in(device: Device) -> list[Told]:
    """What `mesh conflicts` lists there."""
    return _list_of(device.call("conflicts"))


def _list_of(told: Told) -> list[Told]:
    found = told["conflicts"]
    assert isinstance(found, list), found
    return found


def _values(conflicts: Sequence[Told], field: str) -> set[object]:
    """The values that are side by side in a field."""
    return {value["value"] for one in conflicts if one["field"] == field for value in one["values"]}  # type: ignore[attr-defined]


def killed(story: Story) -> Figures:
    """The laptop's agent dies by kill -9 in the middle of 1,000 writes, and comes back with every acknowledged one."""
    writers = _Writers(story.laptop, story.told)
    with writers.at_work():
        until("enough writes are acknowledged", lambda: len(writers.acknowledged) >= KILLED_AFTER)
        story.laptop.kill()
    amid, under_way = len(writers.acknowledged), writers.unanswered
    require(amid < WRITES, "the agent was killed after all was written")
    story.laptop.up()
    lost = writers.acknowledged - story.laptop.documents()
    require(not lost, f"{len(lost)} acknowledged writes are lost")
    with writers.at_work():
        pass  # the rest of the writes, by the agent that came back
    story.told("waiting until all devices have them")
    agreed(story.devices)
    everywhere = [len(writers.acknowledged & device.documents()) for device in story.devices]
    story.acknowledged, story.kept = len(writers.acknowledged), min(everywhere)
    require(story.kept == story.acknowledged, f"of {story.acknowledged} the devices have {everywhere}")
    return {"acknowledged_before_the_kill": amid, "under_way": under_way, "acknowledged": story.acknowledged}


class _Writers:
    """Several at once, until all is written or the agent is gone."""

    def __init__(self, device: Device, told: Callable[[str], None]) -> None:
        self.acknowledged: set[str] = set()
        self.unanswered = 0
        self._device, self._told = device, told
        self._numbers = iter(range(WRITES))
        self._lock = Lock()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They write while the block lasts and until they are done. Raises what one of them did not expect."""
        with ThreadPoolExecutor(WRITERS) as pool:
            done = [pool.submit(self._work) for _ in range(WRITERS)]
            yield
        for one in done:
            one.result()

    def _work(self) -> None:
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            try:
                made = self._device.call("note.add", title=f"note {number} of {WRITES}")
            except Unreachable:  # the agent is gone: whether this one is kept nobody knows
                with self._lock:
                    self.unanswered += 1
                return
            with self._lock:
                self.acknowledged.add(str(made["document"]))
            if number % 100 == 0:
                self._told(f"{number} of {WRITES} written")


def forged(story: Story) -> Figures:
    """Whoever has all keys of the laptop still cannot write in the mac's name: it is refused, and counted."""
    before = story.mac.call("status")
    story.laptop.down()
    device = before["device"]
    assert isinstance(device, dict), device
    sent = asyncio.run(forger.forged(story.laptop.home, str(device["id"]), HOST))
    refused = until("the forged events are counted", lambda: _refused(story.mac) - _count(before))
    story.refused = refused
    after = story.mac.call("status")
    require(refused == sent, f"{sent} events were forged, {refused} refused")
    require(after["state_digest"] == before["state_digest"], "a forged event changed the state")
    require(forger.TITLE not in str(story.mac.call("note.list", limit=1000)["notes"]), "a forged note is shown")
    story.laptop.up()
    return {"sent": sent, "refused": refused}


def _refused(device: Device) -> int:
    return _count(device.call("status"))


def _count(status: Mapping[str, object]) -> int:
    count = status["refused"]
    assert isinstance(count, int), count
    return count


def checked(story: Story) -> Figures:
    """All three show the same in the end, and every chain, seal and signature on each is right."""
    story.digests = agreed(story.devices)
    found = [device.mesh("verify", "--deep") for device in story.devices]
    require(all(one["ok"] for one in found), "a device's log is damaged")
    return {"events": [one["events"] for one in found], "digest": next(iter(story.digests.values()))}


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise Damaged, with what is so instead, unless it holds."""
    if not holds:
        raise Damaged(otherwise, hint="This should never happen: please keep the folder (`--keep`) and tell us.")


Step = tuple[str, str, Callable[[Story], Figures]]


def done(step: Step, story: Story) -> tuple[Figures, MeshError | None]:
    """Do a step: its figures, or why it did not come true."""
    try:
        return step[2](story), None
    except MeshError as error:
        return {}, error
    except TimeoutError as error:
        return {}, Unreachable(f"this took too long: {error}")
