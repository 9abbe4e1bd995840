"""The guests' door of the own server: who has been there long enough, and who takes more room than one source may.

All guests have one key, so only time and address tell them apart. It decides; the own server looks and ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from mesh.limits import GUEST_CONNECTIONS_PER_SOURCE_MAX
from mesh.node import timing


class Door:
    """Since when each guest is here."""

    def __init__(self) -> None:
        """Start with nobody there."""
        self._since_s: dict[int, float] = {}

    def leaving(self, here: Mapping[int, str], now_s: float) -> list[int]:
        """Which connections to end, of those that are here now with the address of each. Numbers rise with time."""
        self._since_s = {cid: self._since_s.get(cid, now_s) for cid in here}
        of_source: defaultdict[str, list[int]] = defaultdict(list)
        for cid in sorted(here):
            of_source[here[cid]].append(cid)
        crowd = [cid for cids in of_source.values() for cid in cids[:-GUEST_CONNECTIONS_PER_SOURCE_MAX]]
        late = [cid for cid, since_s in self._since_s.items() if now_s - since_s >= timing.GUEST_STAY_S]
        return sorted({*crowd, *late})
