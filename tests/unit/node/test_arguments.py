"""Arguments of a call: of the right type and whole, or one sentence."""

from __future__ import annotations

import pytest

from mesh.errors import Misuse
from mesh.node import arguments

HALF = "\ud800"


def test_texts_are_whole() -> None:
    """JSON can carry half a character, which nothing can write down: it is refused before anything looks at it."""
    assert arguments.text({"a": "é🌱"}, "a") == "é🌱"
    assert arguments.texts({"a": ["x", "y"]}, "a") == ("x", "y")
    for ask in (lambda: arguments.text({"a": HALF}, "a"), lambda: arguments.texts({"a": ["x", HALF]}, "a")):
        with pytest.raises(Misuse, match="half a character"):
            ask()


@pytest.mark.parametrize("value", [7, b"x", ["x"], {}, True])
def test_a_text_is_nothing_else(value: object) -> None:
    """One clear sentence for the caller."""
    with pytest.raises(Misuse, match="not a text"):
        arguments.text({"a": value}, "a")
