"""What each device told last: its tips, its receipt, and when it was last in sync; so that this is known of one away.

It is kept as settings of the store, seldom: when it changed, at most once a minute for each device, and when a link or
the agent ends. After kill -9 it is what was known a minute before. Nothing is decided by it, and nobody is asked.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mesh.clocks.chain import Head
from mesh.clocks.frontier import window
from mesh.errors import Refused
from mesh.events import cbor
from mesh.limits import CHAIN_HEADS_MAX, MEETING_TIPS_MAX, MIB
from mesh.names import Digest
from mesh.node import clock, timing
from mesh.node.engine import Engine
from mesh.sync import messages, receipts
from mesh.sync.inputs import Peer, is_guest
from mesh.sync.messages import Have
from mesh.sync.receipts import Receipt

_KEY = "meeting/"
_TYPES = (bytes, int, bytes, int, int, bool)


@dataclass(frozen=True, slots=True)
class Meeting:
    """What one device told last. Times are in milliseconds, by this device's clock; 0: never."""

    have: Have
    heard_ms: int
    receipt: Receipt | None = None
    receipt_ms: int = 0
    in_sync_ms: int = 0
    """When it was last known to show, by its own receipt, what this device showed at that time."""
    whole: bool = True
    """Whether the tips are all that it named."""

    def tips(self, chain: Digest) -> tuple[Head, ...]:
        """Its tips of a chain, of whatever lane; none where it named none."""
        return self.have.control.get(chain) or self.have.data.get(chain) or ()

    def has(self, chain: Digest, seq: int) -> bool | None:
        """Whether it held the event with that number of an unforked chain; None: it cannot be told."""
        tips = self.tips(chain)
        if not tips and not self.whole:
            return None
        return max((head.seq for head in tips), default=0) >= seq


class Meetings:
    """The meetings of one agent with all other devices."""

    def __init__(self, engine: Engine, settings: Mapping[str, bytes]) -> None:
        """`settings`: as the store had them at the start."""
        self._engine = engine
        self._meetings: dict[Peer, Meeting] = {}
        self._kept: dict[Peer, Meeting] = {}
        self._kept_s: dict[Peer, float] = {}
        for key, value in settings.items():
            if key.startswith(_KEY) and (found := _read(value)) is not None:
                device = key.removeprefix(_KEY)
                self._meetings[device] = self._kept[device] = found

    def of(self, device: Peer) -> Meeting | None:
        """What a device told last; None when it never told anything here."""
        return self._meetings.get(device)

    def told(self, device: Peer, have: Have) -> None:
        """A device told its tips."""
        if is_guest(device):
            return
        lanes = [window(lane, MEETING_TIPS_MAX, CHAIN_HEADS_MAX, 0) for lane in (have.control, have.data)]
        whole = lanes == [have.control, have.data]
        kept = replace(have, control=lanes[0], data=lanes[1], asks=False)
        before = self._meetings.get(device) or Meeting(kept, 0)
        self._meetings[device] = replace(before, have=kept, heard_ms=clock.now_ms(), whole=whole)

    def signed(self, device: Peer, receipt: Receipt) -> None:
        """A device told its receipt, and that was checked."""
        if before := self._meetings.get(device):
            self._meetings[device] = replace(before, receipt=receipt, receipt_ms=clock.now_ms())

    def in_sync(self, device: Peer) -> None:
        """A device shows what we show, by its receipt."""
        if before := self._meetings.get(device):
            self._meetings[device] = replace(before, in_sync_ms=clock.now_ms())

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────

    async def look(self) -> None:
        """Keep what changed of devices of which nothing was kept for a while."""
        now = time.monotonic()
        due = [one for one in self._meetings if now - self._kept_s.get(one, -math.inf) > timing.MEETING_KEPT_S]
        await self._keep(device for device in due if not self._same_kept(device))

    async def keep(self, *devices: Peer) -> None:
        """Keep what these told last, or all: a link or the agent ends."""
        await self._keep(device for device in devices or self._meetings if device in self._meetings)

    async def _keep(self, devices: Iterable[Peer]) -> None:
        for device in list(devices):
            meeting = self._meetings[device]
            if meeting != self._kept.get(device):
                self._kept_s[device] = time.monotonic()  # a full disk is not tried again at once
                await self._engine.remember(f"{_KEY}{device}", _written(meeting))
                self._kept[device] = meeting

    def _same_kept(self, device: Peer) -> bool:
        """Whether nothing but times moved: those alone are worth no commit while a link is up."""
        meeting, kept = self._meetings[device], self._kept.get(device)
        return kept is not None and (kept.have, kept.receipt) == (meeting.have, meeting.receipt)


def _written(meeting: Meeting) -> bytes:
    receipt = receipts.encode(meeting.receipt) if meeting.receipt else b""
    times = (meeting.heard_ms, meeting.receipt_ms, meeting.in_sync_ms)
    return cbor.encode([messages.encode(meeting.have), times[0], receipt, *times[1:], meeting.whole])


def _read(raw: bytes) -> Meeting | None:
    """A meeting as it was kept; None where another version wrote it in a form of its own."""
    try:
        have, heard, receipt, signed, synced, whole = cbor.fields(raw, MIB, "a meeting", _TYPES)
        found = receipts.decode(receipt) if receipt else None  # type: ignore[arg-type]
        return Meeting(messages.decode_have(have), heard, found, signed, synced, bool(whole))  # type: ignore[arg-type]
    except Refused:
        return None
