"""The pool: chunks of dropped files in the home, each in a file named by its digest, so that none is there twice.

What is read is checked: a chunk that is not what its name says is removed, and is missing from then on. Chunks are in
clear, as is the database beside them. This module knows no drop; its calls block, so they belong in threads.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import threading
from collections import deque
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from mesh.errors import DiskFull
from mesh.limits import CHUNK_BYTES_MAX, DISK_LOW_BYTES
from mesh.node import whole
from mesh.state.drops import Chunk

_DRAFT = "."
_NAME = re.compile(r"[0-9a-f]{64}\Z")
SHARES = tuple("0123456789abcdef")
"""What a sweep takes at a time: the chunks whose digests begin with this digit, so that few are in memory at once."""


class Pool:
    """All chunks that this device has."""

    def __init__(self, folder: Path) -> None:
        """In a folder, which is made when the first chunk comes."""
        self.folder = folder
        self._unsettled: deque[Path] = deque()
        self._settling = threading.Lock()  # who comes second returns when all is on the disk too

    def path(self, digest: bytes) -> Path:
        """Where a chunk is, if it is here."""
        return self.folder / digest.hex()

    def has(self, chunk: Chunk) -> bool:
        """Whether a chunk is here, by its length alone: what a power failure cut short is not."""
        try:
            return self.path(chunk.digest).stat().st_size == chunk.size
        except OSError:
            return False

    def read(self, digest: bytes) -> bytes | None:
        """The bytes of a chunk; None when it is not here, or was not what its name says."""
        path = self.path(digest)
        try:
            with path.open("rb") as file:
                data = file.read(CHUNK_BYTES_MAX + 1)
        except OSError:
            return None
        if hashlib.sha256(data).digest() == digest:
            return data
        path.unlink(missing_ok=True)
        return None

    def keep(self, chunk: Chunk, data: bytes) -> bool:
        """Keep a chunk; whether it was not here before. `settle` has it on the disk. Raises DiskFull or Refused."""
        if self.has(chunk):
            return False
        path = self.path(chunk.digest)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(whole.Draft(self.folder)) as draft:
                draft.file.write(data)
                draft.replace(path)
        except OSError as error:
            raise whole.cannot_write(path, error) from error
        self._unsettled.append(path)
        return True

    def settle(self) -> None:
        """Have on the disk what was kept: done before anybody is told of it. Raises DiskFull or Refused.

        Many at a time are cheaper than each by itself. What a power failure spoils before is noticed when it is read.
        """
        with self._settling:
            count = len(self._unsettled)
            try:
                for _ in range(count):
                    with contextlib.suppress(FileNotFoundError):  # nobody wanted it any more
                        whole.sync(self._unsettled.popleft())
                if count:
                    whole.sync(self.folder)
            except OSError as error:
                raise whole.cannot_write(self.folder, error) from error

    def must_have_room(self, size: int) -> None:
        """Raise DiskFull when so many more bytes would leave the disk nearly full."""
        place = next(path for path in (self.folder, *self.folder.parents) if path.is_dir())
        free = shutil.disk_usage(place).free
        if free < size + DISK_LOW_BYTES:
            raise DiskFull(f"a dropped file needs {size:,} bytes, and this disk has {free:,}")

    def sweep(self, share: str, wanted: Collection[bytes], before_s: float) -> int:
        """Remove the chunks of a share that nobody wants any more, and drafts that a crash left; how many.

        What came since `before_s` stays: it may be wanted by now.
        """
        count = 0
        for path in self.folder.glob("*"):
            chunk = _NAME.match(path.name) is not None
            ours = path.name.startswith(share) if chunk else path.name.startswith(_DRAFT)
            if not ours or path.stat().st_mtime >= before_s or (chunk and bytes.fromhex(path.name) in wanted):
                continue
            path.unlink(missing_ok=True)
            count += 1
        return count
