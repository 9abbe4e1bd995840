"""A mesh in which people disagree, as an agent tells of it: the answers for the inspector's tests, in memory.

It answers in the shapes of `mesh.node.calls` and keeps what it is asked to do; what an agent does with it is tested
with real ones, in tests/system/test_inspector.py.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence

from tests.unit.cli.fake_agent import Lines, Told, error, result

SINCE = 1_795_000_000_000  # 2026-11-18 11:06 UTC
MINUTE = 60_000
SHOPPING, GARDEN = "home/note/aaaaaaaaaaaaaaaaaaaaaaaaaa", "home/note/bbbbbbbbbbbbbbbbbbbbbbbbbb"
TRIP, HOSTILE = "home/note/cccccccccccccccccccccccccc", "home/note/dddddddddddddddddddddddddd"
EVIL = "\x1b]0;owned\x07\x1b[2J [red]not red[/red] \u202egnp.exe\u2069 end"


class Until(Sequence[Told]):
    """Items that are told as they come, until the test ends."""

    def __init__(self) -> None:
        self.items: queue.SimpleQueue[Told | None] = queue.SimpleQueue()

    def __len__(self) -> int:
        """Never empty: it has a next item."""
        return 1

    def __getitem__(self, place: object) -> Told:  # type: ignore[override]  # only ever asked for its last
        """No item of it ends the conversation."""
        return {}

    def __iter__(self) -> Iterator[Told]:
        """Each item, when it is there."""
        while (item := self.items.get()) is not None:
            yield {"item": item}


def value(text: object, device: str, minutes: int, agent: str | None = None, **more: object) -> Told:
    """One side."""
    return {
        "value": text,
        "characters": len(str(text)),
        "device": f"{device:a<16}",
        "name": device,
        "agent": agent,
        "at": SINCE + minutes * MINUTE,
        "event": f"{minutes:02x}".rjust(4, "e") * 16,
        **more,
    }


def conflict(number: int, document: str, title: str, field: str, kind: str, values: list[Told], **more: object) -> Told:
    """One conflict, whole."""
    return {
        "id": f"{number:02x}" * 16,
        "document": document,
        "title": title,
        "field": field,
        "kind": kind,
        "count": len(values),
        "since": SINCE + number * 45 * MINUTE,
        "devices": list(dict.fromkeys(str(one["name"]) for one in values)),
        "values": values,
        "ancestor": None,
        "open": True,
        "settled_by": [],
        **more,
    }


def usual() -> list[Told]:
    """A conflict of each kind, and one with hostile texts."""
    plan = "We meet at the station at nine"
    return [
        conflict(
            1,
            SHOPPING,
            "Shopping list",
            "title",
            "register",
            [value("Groceries for Sunday", "laptop", 3), value("Weekend shopping list", "phone", 9, "scribe")],
            ancestor="Shopping list",
        ),
        conflict(
            2,
            TRIP,
            "Trip to the coast",
            "body",
            "text",
            [
                value(f"{plan.replace('nine', 'eight')}, with the tent and both bicycles.", "laptop", 61),
                value(f"{plan.replace('station', 'harbour')}, with the tent.", "phone", 66),
            ],
            ancestor=f"{plan}, with the tent.",
            context={
                "before": "Saturday\n========\n",
                "after": "\nBring sun cream and the good map.",
                "merged": "We meet at the harbour at eight, with the tent and both bicycles.",
            },
        ),
        conflict(
            3, GARDEN, "Garden", "deleted", "deleted", [value("deleted", "tablet", 70), value("edited", "laptop", 88)]
        ),
        conflict(
            4,
            GARDEN,
            "Garden",
            "path",
            "path",
            [
                value(GARDEN, "laptop", 90, title="Garden", document=GARDEN),
                value(TRIP, "phone", 95, title="Garden plan 2027", document=TRIP),
            ],
            path="plans/garden.md",
        ),
        conflict(
            5,
            SHOPPING,
            "Shopping list",
            "path",
            "renamed",
            [value("lists/shopping.md", "tablet", 120), value("errands.md", "phone", 121)],
            ancestor="shopping.md",
        ),
        conflict(
            6, HOSTILE, EVIL, "title", "register", [value(EVIL, "la[bold]ptop", 200), value("plain", "phone", 201)]
        ),
    ]


def many(count: int) -> list[Told]:
    """So many conflicts."""
    return [
        conflict(
            1,
            f"home/note/{number:0>26}".replace("0", "a").replace("1", "b"),
            f"Note {number:05}",
            "title",
            "register",
            [value(f"one {number}", "laptop", 3), value(f"another {number}", "phone", 4)],
        )
        | {"id": f"{number:032x}", "since": SINCE - number * MINUTE}
        for number in range(count)
    ]


class Disagreement:
    """The conflicts that are open, what was settled, and the news."""

    def __init__(self, conflicts: list[Told]) -> None:
        self.conflicts = {str(one["id"]): one for one in conflicts}
        self.settled: list[Told] = []
        self.entries = entries()
        self.follows: list[Until] = []

    def answers(self) -> dict[str, Callable[[Told], Lines]]:
        """What a FakeAgent takes."""
        return {
            "conflicts": self._conflicts,
            "conflicts.show": self._show,
            "conflicts.resolve": self._resolve,
            "conflicts.undo": self._undo,
            "conflicts.settled": lambda _: result(settled=self.settled),
            "history": self._history,
            "history.diff": self._diff,
            "undo": self._undo_event,
            "log.follow": self._follow,
        }

    def arrives(self) -> None:
        """An event comes in: everybody who follows hears of it."""
        for one in self.follows:
            one.items.put({"event": "ee" * 32})

    def end(self) -> None:
        """End all that follow."""
        for one in self.follows:
            one.items.put(None)

    def settle(self, name: str, how: str = "laptop") -> None:
        """Settle one, as another device does."""
        one = self.conflicts[name]
        by: Told = {"event": "5e" * 32, "device": how, "name": how, "agent": None, "at": SINCE + 500 * MINUTE}
        one["open"] = False
        one["settled_by"] = [{**by, "rule": None, "undone_by": None}]
        told = {key: one[key] for key in ("id", "document", "title")}
        self.settled.insert(0, {**told, **by, "rule": None, "undone_by": None})

    def _conflicts(self, asked: Told) -> Lines:
        about = asked.get("document")
        of = [one for one in self.conflicts.values() if about in {None, one["document"], one["title"]}]
        found = [one for one in of if one["open"]]
        names = [one["id"] for one in found]
        start = names.index(asked["after"]) + 1 if asked.get("after") else 0
        limit = asked["limit"]
        assert isinstance(limit, int), asked
        page = found[start : start + limit]
        more: Told = {"next": page[-1]["id"]} if start + limit < len(found) else {}
        return result(conflicts=page, total=len(found), **more)

    def _show(self, asked: Told) -> Lines:
        one = self.conflicts.get(str(asked["id"]))
        if one is None:
            return error(
                "Refused", "Refused", 3, "no conflict of this id is open here", "Look again: `mesh conflicts`."
            )
        if not one["open"]:
            if one["kind"] in {"register", "text"}:  # of others it is not known any more what they were
                return result(**{**one, "context": None, "since": None, "devices": []})
            kept = {key: one[key] for key in ("id", "document", "title", "open", "settled_by")}
            nothing = dict.fromkeys(("field", "kind", "since", "ancestor", "context"))
            return result(**nothing, **kept, count=0, devices=[], values=[], offset=0)
        offset, limit, values = asked.get("offset", 0), asked["limit"], one["values"]
        assert isinstance(offset, int), asked
        assert isinstance(limit, int), asked
        assert isinstance(values, list), one
        return result(**{**one, "values": values[offset : offset + limit]})

    def _resolve(self, asked: Told) -> Lines:
        name = str(asked["id"])
        if name not in self.conflicts or not self.conflicts[name]["open"]:
            return error("Refused", "Refused", 3, "the conflict changed meanwhile", "Look again.")
        self.settle(name, "this device")
        document = self.conflicts[name]["document"]
        opened = [one["id"] for one in self.conflicts.values() if one["open"] and one["document"] == document]
        return result(id=name, document=document, events=["5e" * 32], opened=opened)

    def _undo(self, asked: Told) -> Lines:
        one = self.conflicts[str(asked["id"])]
        one["open"], one["settled_by"] = True, []
        for told in self.settled:
            if told["id"] == asked["id"]:
                told["undone_by"] = "0d" * 32
        return result(id=one["id"], document=one["document"], events=["0d" * 32], opened=[one["id"]])

    def _history(self, asked: Told) -> Lines:
        limit, names = asked["limit"], [one["event"] for one in self.entries]
        assert isinstance(limit, int), asked
        start = names.index(asked["before"]) + 1 if asked.get("before") else 0
        page = self.entries[start : start + limit]
        more: Told = {"next": page[-1]["event"]} if start + limit < len(names) else {}
        return result(document=asked["document"], title="Trip to the coast", entries=page, **more)

    def _diff(self, asked: Told) -> Lines:
        place = [one["event"] for one in self.entries].index(asked["of"])
        station = ["We meet at the station at ", False]
        lines: list[Told] = [
            {"sign": "@", "parts": [["12", False]]},
            {"sign": " ", "parts": [["Saturday", False]]},
            {"sign": "-", "parts": [station, [f"{place}", True], [".", False]]},
            {"sign": "+", "parts": [station, [f"{place + 1}", True], [".", False]]},
            {"sign": "+", "parts": [["All of this line is new.", True]]},
        ]
        return result(lines=lines, registers={"title": {"was": "Trip", "is": "Trip to the coast"}} if place % 2 else {})

    def _undo_event(self, asked: Told) -> Lines:
        for one in self.entries:
            if one["event"] == asked["event"]:
                one["undone_by"] = "0d" * 32
        return result(document=TRIP, event="0d" * 32, undoes=asked["event"])

    def _follow(self, _asked: Told) -> Lines:
        self.follows.append(Until())
        return self.follows[-1]


def entries() -> list[Told]:
    """The timeline of one document, the latest first."""
    does = [
        ("phone", "scribe", "text: “harbour” for “station”"),
        ("laptop", None, "text: “eight” for “nine”, adds “and both bicycles”"),
        ("laptop", None, "title: “Trip to the coast”"),
        ("tablet", None, "tag: holidays"),
        ("laptop", None, "made it: “Trip”"),
    ]
    return [
        {
            "event": f"{number + 160:02x}" * 32,
            "device": f"{device:a<16}",
            "name": device,
            "agent": agent,
            "at": SINCE + (90 - 17 * number) * MINUTE,
            "kind": "edit" if number < len(does) - 1 else "birth",
            "summary": summary,
            "standing": "honoured",
            "settles": None,
            "undoes": None,
            "undone_by": None,
        }
        for number, (device, agent, summary) in enumerate(does)
    ]
