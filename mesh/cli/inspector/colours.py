"""How the inspector looks: two themes, and a style for each thing that has a meaning.

Nothing is told by a colour alone: each has a sign or a word beside it. Blue and orange are told apart by everybody.
Terminals of sixteen colours, and those that asked for none, get their own colours and attributes.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

FULL = Theme(
    name="mesh",
    primary="#6cb2ff",
    secondary="#8fa3bf",
    accent="#6cb2ff",
    warning="#ffa94d",
    error="#ffa94d",
    success="#6cb2ff",
    foreground="#d7dde8",
    background="#11151c",
    surface="#161c26",
    panel="#1d2532",
    dark=True,
    variables={
        "line": "#3a475c",
        "line-chosen": "#6cb2ff",
        "footer-key-foreground": "#6cb2ff",
        "footer-background": "#1d2532",
        "head-background": "#1d2532",
    },
)
PLAIN = Theme(
    name="mesh-plain",
    ansi=True,
    primary="ansi_bright_blue",
    secondary="ansi_default",
    accent="ansi_bright_blue",
    warning="ansi_yellow",
    error="ansi_yellow",
    success="ansi_bright_blue",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "line": "ansi_default",
        "line-chosen": "ansi_bright_blue",
        "footer-key-foreground": "ansi_bright_blue",
        "footer-background": "ansi_default",
        "head-background": "ansi_default",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
    },
)

_FULL = {
    "bold": "bold",
    "dim": "#8a97ab",
    "added": "underline #6cb2ff",
    "gone": "strike #ffa94d",
    "good": "bold #6cb2ff",
    "bad": "bold #ffa94d",
    "chosen": "bold on #26405f",
    "blurred": "on #1d2532",
}
_PLAIN = {
    "bold": "bold",
    "dim": "dim",
    "added": "underline bright_blue",
    "gone": "strike yellow",
    "good": "bold bright_blue",
    "bad": "bold yellow",
    "chosen": "bold reverse",
    "blurred": "bold",
}

Styles = Mapping[str, Style]
"""A style for each meaning: bold, dim, added, gone, good, bad, chosen (the row of the cursor), blurred (the same, while
the keys go elsewhere)."""


def styles(*, plain: bool) -> Styles:
    """The styles for a terminal of many colours, or for one of few or none."""
    return {name: Style.parse(words) for name, words in (_PLAIN if plain else _FULL).items()}
