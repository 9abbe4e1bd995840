"""Rows of cells set into the columns of a list, for any width. It makes nothing safe: the cells are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mesh.cli.screen import columns, fitted

GAP = 2
CELL_CHARACTERS_MAX = 400  # a longer cell is cut before its columns are counted


class Column(NamedTuple):
    """A column: its head, its columns on the terminal, or how much of what is left it gets (`share`)."""

    head: str
    width: int = 0
    share: int = 0
    right: bool = False


def widths(layout: Sequence[Column], width: int) -> list[int]:
    """How wide each column is."""
    left = max(width - sum(column.width for column in layout) - GAP * (len(layout) - 1), 0)
    shares = sum(column.share for column in layout)
    found = [column.width or left * column.share // shares for column in layout]
    flexible = [place for place, column in enumerate(layout) if column.share]
    if flexible:
        found[flexible[0]] += left - sum(found[place] for place in flexible)
    return found


def line(layout: Sequence[Column], cells: Sequence[str], width: int) -> str:
    """One row."""
    parts = []
    for column, cell, room in zip(layout, cells, widths(layout, width), strict=True):
        cut = fitted(cell[:CELL_CHARACTERS_MAX], room) if room > 0 else ""
        gap = " " * (room - columns(cut))
        parts.append(gap + cut if column.right else cut + gap)
    return (" " * GAP).join(parts)
