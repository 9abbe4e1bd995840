"""What tools send to their hooks: written by us from their documentation, one file a tool, one entry a case."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "hooks"
Json = dict[str, object]


@cache
def _all(tool: str) -> str:
    return (FOLDER / f"{tool}.json").read_text()


def cases(tool: str) -> dict[str, Json]:
    """Everything that a tool sends, by case."""
    found = json.loads(_all(tool))
    assert isinstance(found, dict)
    return found


def sent(tool: str, case: str, **other: object) -> Json:
    """One case, with some of it otherwise."""
    return {**cases(tool)[case], **other}
