"""Goal: every screen looks as it was looked at: Textual's pictures of them are kept beside this file.

`INSPECTOR_SCREENS=write` writes them anew after a change that was meant; look at them before they are committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mesh.node.socket_client import Told
from tests.unit.cli.inspector.conftest import SIZES, Opening, Seen
from tests.unit.cli.inspector.disagreement import TRIP, conflict, usual, value

FOLDER = Path(__file__).with_name("screens")
_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # they name an address from which nothing shall be fetched
LONG = "\n".join(f"Line {number} of a text that nobody reads to its end." for number in range(2000))


def thousand() -> list[Told]:
    """One conflict of a thousand values."""
    return [
        conflict(1, TRIP, "Who comes?", "title", "register", [value(f"guest {n}", f"d{n % 7}", n) for n in range(1000)])
    ]


def long() -> list[Told]:
    """One conflict of long values."""
    sides = [value(LONG.replace("Line 3 ", "Row 3 "), "laptop", 3), value(LONG + "\nThe end.", "phone", 4)]
    return [conflict(1, TRIP, "Minutes", "title", "register", sides, ancestor=LONG)]


async def _settle_elsewhere(seen: Seen) -> None:
    seen.mesh.settle("05" * 16)
    seen.mesh.arrives()
    await seen.shows("changed meanwhile")


async def _gone(seen: Seen) -> None:
    seen.fake.answers["conflicts"] = lambda _: ()
    await seen.press("r")
    await seen.shows("!")


async def _typed(seen: Seen) -> None:
    await seen.press("slash", *"phone title")


async def _timeline(seen: Seen) -> None:
    await seen.press("j")
    await seen.shows("{+2+}")


async def _settled(seen: Seen) -> None:
    await seen.press("j", "enter", "2")
    await seen.press("s")


SCENES: dict[str, tuple[Callable[[], list[Told]], list[str], Callable[[Seen], Awaitable[None]] | None]] = {
    "empty": (list, [], None),
    "list": (usual, [], None),
    "filter": (usual, [], _typed),
    "register": (usual, ["end", "enter"], None),
    "text": (usual, ["j", "j", "j", "j", "enter"], None),
    "deleted": (usual, ["j", "j", "j", "enter"], None),
    "path": (usual, ["j", "j", "enter"], None),
    "hostile": (usual, ["enter"], None),
    "thousand": (thousand, ["enter", "right_square_bracket"], None),
    "long": (long, ["enter"], None),
    "question": (usual, ["j", "enter", "enter"], None),
    "editing": (usual, ["j", "j", "j", "j", "enter", "e"], None),
    "after": (usual, ["j", "enter", "2"], None),
    "settled": (usual, [], _settled),
    "timeline": (usual, ["t"], _timeline),
    "help": (usual, ["question_mark"], None),
    "changed": (usual, ["j", "enter"], _settle_elsewhere),
    "gone": (usual, [], _gone),
}

WIDE = {
    "120x40": ("list", "register", "text", "thousand", "timeline", "settled"),
    "200x50": ("list", "text", "timeline"),
}
SHOWN = [(scene, "80x24", "") for scene in SCENES] + [
    (scene, size, "") for size, some in WIDE.items() for scene in some
]
PLAIN = [(scene, "80x24", "plain") for scene in ("list", "text", "question", "timeline")]


@pytest.mark.parametrize(("scene", "size", "colours"), SHOWN + PLAIN)
async def test_a_screen_looks_as_it_was_looked_at(
    inspector: Opening, scene: str, size: str, colours: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture is the one that is kept; `plain` without colours."""
    if colours:
        monkeypatch.setenv("NO_COLOR", "1")
    make, keys, then = SCENES[scene]
    async with inspector(make(), size=SIZES[size]) as seen:
        for key in keys:
            await seen.press(key)
        if then is not None:
            await then(seen)
        await seen.settled()
        picture = _FONTS.sub("", seen.app.export_screenshot(simplify=True)) + "\n"
        shown = seen.text()
    kept = FOLDER / f"{scene}-{size}{colours and f'-{colours}'}.svg"
    if os.environ.get("INSPECTOR_SCREENS") == "write":
        kept.write_text(picture)
    assert kept.exists(), f"no picture of it is kept:\n{shown}"
    (tmp_path / kept.name).write_text(picture)
    assert picture == kept.read_text(), f"it looks otherwise, see {tmp_path / kept.name}:\n{shown}"
