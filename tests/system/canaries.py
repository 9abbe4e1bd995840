"""A canary search: words that people wrote, looked for in files, in the memory of processes, in answers, on the wire.

Each search is worth what its control is: a test that uses one also shows that it finds what is there. It needs root for
the memory of others, and looks only at what the test itself started.
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.system.networks import SWITCH

_READ_BYTES = 1 << 22
_FRAME_BYTES_MAX = 1 << 18  # with segmentation left to the card, frames are larger than they are on a cable
_RECEIVE_BYTES = 1 << 26
_ALL_PROTOCOLS = 3  # ETH_P_ALL
_IPV4, _TCP = 0x0800, 6
_ENDED_S_MAX = 20


def spellings(words: Iterable[str]) -> dict[bytes, str]:
    """How a word may stand in bytes: as UTF-8 and UTF-16, in hex, in base64 at each offset."""
    found: dict[bytes, str] = {}
    for word in words:
        raw = word.encode()
        found |= dict.fromkeys((raw, word.encode("utf-16-le"), raw.hex().encode(), raw.hex().upper().encode()), word)
        for offset in range(3):
            padded = bytes(offset) + raw + bytes(-(offset + len(raw)) % 3)
            inner = slice(-(-offset * 4 // 3), (offset + len(raw)) * 4 // 3)
            found[base64.b64encode(padded)[inner]] = word
            found[base64.urlsafe_b64encode(padded)[inner]] = word
    return found


def in_bytes(raw: bytes, words: Iterable[str]) -> set[str]:
    """Which of these words stand there, in any spelling."""
    return {word for spelling, word in spellings(words).items() if spelling in raw}


def in_files(folder: Path, words: Sequence[str]) -> dict[str, set[str]]:
    """Which files below a folder have which words: whole files, so free pages of a database are among it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):  # a log was rotated, a draft renamed
                if hits := in_bytes(path.read_bytes(), words):
                    found[str(path.relative_to(folder))] = hits
    return found


def in_memory(pid: int, words: Sequence[str]) -> set[str]:
    """Which words stand in the memory of a process that the test started."""
    found: set[str] = set()
    longest = max(len(spelling) for spelling in spellings(words))
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for begin, end in _regions(pid):
            kept = b""
            for place in range(begin, end, _READ_BYTES):
                try:
                    memory.seek(place)
                    part = memory.read(min(_READ_BYTES, end - place))
                except (OSError, ValueError):
                    break  # not there any more, or of the kernel
                found |= in_bytes(kept + part, words)
                kept = part[-longest:]
    return found


def _regions(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        where, rights = line.split()[:2]
        if rights.startswith("rw") and "[vvar" not in line:
            begin, _, end = where.partition("-")
            yield int(begin, 16), int(end, 16)


@contextlib.contextmanager
def overheard(file: Path) -> Iterator[None]:
    """Write every frame that passes the switch to a file, while the block lasts."""
    words = ["ip", "netns", "exec", SWITCH, sys.executable, "-m", "tests.system.canaries", str(file)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ear:
        assert ear.stdout is not None
        assert ear.stdout.readline() == b"ready\n", "nobody listens at the switch"
        try:
            yield
        finally:
            ear.communicate(timeout=_ENDED_S_MAX)


def streams(file: Path) -> bytes:
    """What was overheard: all frames as they came, then each TCP stream put together."""
    frames = list(_frames(file.read_bytes()))
    parts: defaultdict[bytes, dict[int, bytes]] = defaultdict(dict)
    for frame in frames:
        if len(frame) < 34 or struct.unpack_from("!H", frame, 12)[0] != _IPV4 or frame[23] != _TCP:
            continue
        begin = 14 + (frame[14] & 15) * 4
        end = 14 + struct.unpack_from("!H", frame, 16)[0]
        payload = frame[begin + (frame[begin + 12] >> 4) * 4 : end if end > begin else None]
        number = struct.unpack_from("!I", frame, begin + 4)[0]
        flow = frame[26:34] + frame[begin : begin + 4]
        if len(payload) > len(parts[flow].get(number, b"")):
            parts[flow][number] = payload
    put_together = [b"".join(pieces[number] for number in sorted(pieces)) for pieces in parts.values()]
    return b"\n".join([*frames, *put_together])


def _frames(raw: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(raw):
        (length,) = struct.unpack_from("!I", raw, place)
        yield raw[place + 4 : place + 4 + length]
        place += 4 + length


def _listen(file: str) -> None:
    """Until standard input is closed. A process of its own, since it lives in the switch's namespace."""
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    with heard as ear, Path(file).open("wb") as out:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([ear, sys.stdin], [], [])
            if ear in ready:
                frame = ear.recv(_FRAME_BYTES_MAX)
                out.write(struct.pack("!I", len(frame)) + frame)
            elif sys.stdin in ready:
                return


if __name__ == "__main__":
    _listen(sys.argv[1])
