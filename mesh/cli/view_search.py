"""What a search found as text for people. Every foreign text is made safe here; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from mesh.cli.screen import Screen, moment, number, one_line
from mesh.cli.view_notes import NAME_CHARACTERS

Told = Mapping[str, object]


def found(screen: Screen, result: Told) -> list[str]:
    """Each hit: what it is called, where the words stand, and what it is."""
    hits = result.get("hits")
    told = [hit for hit in hits if isinstance(hit, dict)] if isinstance(hits, list) else []
    if not told:
        return ["nothing has these words"]
    lines = [line for hit in told for line in _hit(screen, hit)]
    return [*lines, screen.ink(f"{number(len(told))} found in {number(result.get('took_ms'))} ms", "dim")]


def _hit(screen: Screen, hit: Told) -> list[str]:
    space, _, name = one_line(hit.get("document")).rpartition("/")
    document = (
        f"{space}/{name[:NAME_CHARACTERS]}" if space and screen.width is not None else one_line(hit.get("document"))
    )
    marks = [one_line(hit.get("state"))]
    if "verified" in hit:
        marks.append("verified" if hit["verified"] else "not verified")
    if hit.get("superseded"):
        marks.append("superseded")
    about = "  ".join(part for part in (document, ", ".join(filter(None, marks)), _touched(hit.get("updated"))) if part)
    lines = [screen.ink(one_line(hit.get("title")) or "(no title)", "bold")]
    snippet = one_line(hit.get("snippet"))
    lines += screen.wrapped(snippet, "  ", "  ") if snippet else []
    return [*lines, f"  {screen.ink(about, 'dim')}", ""]


def _touched(told: object) -> str:
    if not isinstance(told, dict):
        return ""
    name = one_line(told.get("name")) or one_line(told.get("device"))
    who = f"{one_line(told.get('agent'))}@{name}" if told.get("agent") else name
    return f"{moment(told.get('at'))} {who}".strip()
