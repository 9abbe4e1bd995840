"""Looks, whenever a wheel is built, whether the phone's app is in it. It builds nothing and forbids nothing.

A relay needs no app, and neither does a computer that no phone is paired with; who packs one for others should know.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "mesh/node/gateway/static/index.html"
MISSING = """
************************************************************************
 THIS WHEEL HAS NO APP FOR PHONES. `mesh phone` will say so to its users.
 Build the app first, with scripts/web (Node 20.19 or later).
************************************************************************
"""


class AppHook(BuildHookInterface):
    """What hatchling calls."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatchling calls it
        """Say it, where it is missing."""
        if version != "editable" and not (Path(self.root) / PAGE).is_file():
            print(MISSING, file=sys.stderr)  # noqa: T201 - there is nowhere else to say it
