"""Goal: keys and the mouse do what the help says, and what they do is said and can be taken back."""

from __future__ import annotations

from tests.unit.cli.inspector.conftest import Opening


async def test_a_side_is_taken_by_its_key_and_taken_back(inspector: Opening) -> None:
    """1 to 9 settle at once; u on the list opens it again."""
    async with inspector() as seen:
        print(seen.text())
        await seen.press("j", "enter")
        print(seen.text())
        assert 0
