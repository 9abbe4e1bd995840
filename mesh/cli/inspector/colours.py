"""How the inspector looks: two themes, and a style for each thing that has a meaning.

Nothing is told by a colour alone: each has a sign or a word beside it. Blue and orange are told apart by everybody.
Terminals of sixteen colours, and those that asked for none, get their own colours and attributes; those of 256 have
each of our colours as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

FULL = Theme(
    name="mesh",
    primary="#5fafff",
    secondary="#8a8a8a",
    accent="#5fafff",
    warning="#ffaf5f",
    error="#ffaf5f",
    success="#5fafff",
    foreground="#dadada",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
    variables={
        "line": "#585858",
        "line-chosen": "#5fafff",
        "footer-key-foreground": "#5fafff",
        "footer-background": "#262626",
        "head-background": "#262626",
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
    "dim": "#949494",
    "added": "underline #5fafff",
    "gone": "strike #ffaf5f",
    "good": "bold #5fafff",
    "bad": "bold #ffaf5f",
    "chosen": "bold on #005f87",
    "blurred": "on #262626",
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
