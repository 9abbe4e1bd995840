"""A slow line that loses things: carries Ethernet frames between two network namespaces, late, and drops some.

A process of its own, because kernels without `netem` cannot do it: `python -m tests.system.slow_line DELAY_S LOSS A B`,
where A and B are `namespace/interface`. It makes both interfaces, says `ready`, and ends with its standard input. It
never changes a frame, never lets one overtake another, and needs root.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque

_MAKE_TAP = 0x400454CA  # TUNSETIFF
_TAP_NO_HEADER = 0x1002  # IFF_TAP | IFF_NO_PI
_FRAME_BYTES_MAX = 65_536
_READ_AT_ONCE = 64
_QUEUED_MAX = 4096  # frames on the way; more are lost, as in any router
_SEED = 1

Frame = tuple[float, int, bytes]
"""When a frame is due, where, and what it is."""


def tap(namespace: str, name: str) -> int:
    """A new interface in a namespace; what its side of the line reads and writes."""
    made = f"mt{os.getpid()}"  # a name that nobody else has, until it is moved
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _MAKE_TAP, struct.pack("16sH22x", made.encode(), _TAP_NO_HEADER))
    subprocess.run(["ip", "link", "set", made, "netns", namespace, "name", name], check=True, timeout=20)
    return end


class Line:
    """Two ends and what is on its way between them."""

    def __init__(self, delay_s: float, loss: float, ends: tuple[int, int]) -> None:
        self._delay_s, self._loss = delay_s, loss
        self._other = {ends[0]: ends[1], ends[1]: ends[0]}
        self._lots = random.Random(_SEED)
        self._queue: deque[Frame] = deque()  # the delay is the same for all, so the first in is the first due

    def carry(self, until_closed: int) -> None:
        """Carry frames until this descriptor says that it is closed."""
        while True:
            wait_s = max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None
            ready, _, _ = select.select([*self._other, until_closed], [], [], wait_s)
            if until_closed in ready:
                return
            for end in ready:
                self._take(end)
            self._deliver()

    def _take(self, end: int) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                frame = os.read(end, _FRAME_BYTES_MAX)
            except OSError:  # nothing more, or the interface is down
                return
            if self._lots.random() >= self._loss and len(self._queue) < _QUEUED_MAX:
                self._queue.append((time.monotonic() + self._delay_s, self._other[end], frame))

    def _deliver(self) -> None:
        while self._queue and self._queue[0][0] <= time.monotonic():
            _, end, frame = self._queue.popleft()
            try:
                os.write(end, frame)
            except OSError:  # the interface is down: lost
                continue


def main(delay_s: str, loss: str, *places: str) -> None:
    """Carry until standard input is closed."""
    first, second = (tap(*place.split("/")) for place in places)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    Line(float(delay_s), float(loss), (first, second)).carry(sys.stdin.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
