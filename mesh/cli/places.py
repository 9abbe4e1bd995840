"""Which project a command is about: the one that is named, or that of the folder that it is given in."""

from __future__ import annotations

import os
from typing import Annotated

import typer

Project = Annotated[str | None, typer.Option(metavar="NAME", help="A project by name or id; else that of this folder.")]


def where(project: str | None) -> dict[str, object]:
    """The arguments of a call that say it."""
    try:
        folder = {"cwd": os.getcwd()}  # noqa: PTH109 - its text is passed on as it is
    except OSError:  # the folder is gone
        folder = {}
    return {**folder, **({"project": project} if project else {})}
