"""A folder of Markdown files: looked through, read and written so that no byte of anybody else is lost.

No link is followed, nothing hidden is looked at, and nothing outside is reached; what is passed over so is named. A
file is replaced only as it was when it was read last; what is found there instead is handed back. This module knows no
note.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mesh.limits import VAULT_FILE_BYTES_MAX
from mesh.node.vaults import paths, swapping

_DRAFT, _NEW_DRAFT = ".mesh-", ".mesh-new-"
_LEFT = re.compile(re.escape(_NEW_DRAFT) + "[0-9a-f]{16}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE, _FOLDER_MODE = 0o644, 0o755
_DRAFT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Stat:
    """What tells a file that was not touched, without reading it."""

    inode: int
    size: int
    changed_ns: int
    mode: int = _MODE

    @property
    def writable(self) -> bool:
        """Whether its owner may write it."""
        return bool(self.mode & stat.S_IWUSR)


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was read."""

    raw: bytes
    stat: Stat

    @property
    def digest(self) -> str:
        """What names its content."""
        return digest_of(self.raw)


def digest_of(raw: bytes) -> str:
    """What names a content."""
    return hashlib.sha256(raw).hexdigest()


class Folder:
    """One folder, by its real path."""

    def __init__(self, root: Path) -> None:
        """Nothing is made."""
        self.root = root
        self.passed: dict[str, str] = {}  # what was not looked into when all files were looked through last, and why
        self._tidies = False

    def tidied(self) -> None:
        """The next time that all files are looked through, remove drafts of new files that a crash left."""
        self._tidies = True

    def files(self) -> Iterator[tuple[str, Stat]]:
        """All Markdown files below, by their paths as the disk spells them; then `passed` has what is left out."""
        waiting, passed = [""], dict[str, str]()
        while waiting:
            inside = waiting.pop()
            for entry in self._entries(inside, passed):
                path = f"{inside}/{entry.name}" if inside else entry.name
                if reason := _why_passed(entry):
                    passed[path] = reason
                elif entry.name.startswith(".") or entry.is_symlink():
                    continue
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif paths.is_markdown(entry.name) and entry.is_file(follow_symlinks=False):
                    try:
                        yield path, _stat(entry.stat(follow_symlinks=False))
                    except OSError as error:
                        passed[path] = f"it cannot be looked at: {error.strerror}"
        self._tidies, self.passed = False, passed

    def _entries(self, inside: str, passed: dict[str, str]) -> list[os.DirEntry[str]]:
        """What is in one folder, in order."""
        try:
            with os.scandir(self.root / inside) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            passed[inside or "."] = f"it cannot be looked into: {error.strerror}"
            return []
        for entry in found if self._tidies else ():
            if _LEFT.fullmatch(entry.name):  # the mesh has what is in it
                with contextlib.suppress(OSError):
                    (self.root / inside / entry.name).unlink()
        return found

    def stat(self, path: str) -> Stat | None:
        """What is at a path; None without a plain file there."""
        try:
            with self._inside(path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None
        return _stat(found) if stat.S_ISREG(found.st_mode) else None

    def lacks(self, path: str) -> bool:
        """Whether there certainly is no plain file; not where that cannot be found out."""
        try:
            with self._inside(path) as (folder, name):
                return not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False

    def read(self, path: str) -> File | None:
        """A file, whole; None without one, or while somebody writes it. Raises OSError."""
        try:
            with self._inside(path) as (folder, name):
                return _read(folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def create(self, path: str, raw: bytes) -> Stat:
        """Write a new file. Raises FileExistsError when there is one, and OSError."""
        with self._inside(path, make=True) as (folder, name):
            draft = _NEW_DRAFT + secrets.token_hex(_DRAFT_BYTES)
            try:
                found = _written(folder, draft, raw, _MODE)
                swapping.take(folder, draft, folder, name)
            except BaseException:
                _gone(folder, draft)
                raise
            os.fsync(folder)
            return found

    def replace(self, path: str, draft: str, raw: bytes, expected: str) -> tuple[Stat | None, File | None]:
        """Replace a file that still has the expected content, else leave it: the new file, or what was found instead.

        Neither: somebody writes it right now. After a replacement the draft holds what was replaced, until `drop`:
        somebody may have it open. Raises OSError.
        """
        with self._inside(path) as (folder, name):
            before = os.stat(name, dir_fd=folder, follow_symlinks=False)
            try:
                made = _written(folder, draft, raw, stat.S_IMODE(before.st_mode))
                ours = swapping.exchange(folder, draft, name)
            except BaseException:
                _gone(folder, draft)
                raise
            os.fsync(folder)
            found = _read(folder, draft)
            if ours and found is not None and found.digest == expected:
                return made, None
            if ours:
                swapping.exchange(folder, draft, name)
                again = _read(folder, draft)
                if again is None or again.raw != raw:  # saved once more meanwhile: the newest stays in place
                    swapping.exchange(folder, draft, name)
            if found is not None:
                _gone(folder, draft)
            return None, found if found is None or found.digest != expected else None

    def remove(self, path: str, draft: str, expected: str) -> File | None:
        """Take a file away that still has the expected content: it is the draft until `drop`. Raises OSError.

        Otherwise it is put back, and what it has is handed back.
        """
        with self._inside(path) as (folder, name):
            swapping.take(folder, name, folder, draft)
            found = _read(folder, draft)
            if found is not None and found.digest == expected:
                os.fsync(folder)
                return None
            with contextlib.suppress(FileExistsError):  # somebody saved it anew: then the draft is kept as it is
                swapping.take(folder, draft, folder, name)
            return found or self.read(path)

    def move(self, path: str, to: str) -> None:
        """Rename a file. Raises FileExistsError when there is another one of that name, and OSError."""
        with self._inside(path) as (folder, name), self._inside(to, make=True) as (other_folder, other):
            try:
                swapping.take(folder, name, other_folder, other)
            except FileExistsError:
                one = os.stat(name, dir_fd=folder, follow_symlinks=False)
                two = os.stat(other, dir_fd=other_folder, follow_symlinks=False)
                if (one.st_dev, one.st_ino) != (two.st_dev, two.st_ino):
                    raise
                os.rename(name, other, src_dir_fd=folder, dst_dir_fd=other_folder)  # only its case, or its spelling
                if name in os.listdir(folder) and other in os.listdir(other_folder):  # noqa: PTH208 - an open folder
                    os.unlink(name, dir_fd=folder)  # two names of one file: a move that was begun
            os.fsync(other_folder)

    def draft(self, path: str, draft: str) -> File | None:
        """What a draft holds; None without one, or while somebody writes it."""
        try:
            with self._inside(path) as (folder, _):
                return _read(folder, draft)
        except OSError:
            return None

    def put_back(self, path: str, draft: str) -> bool:
        """Give a file that was put aside its name again, if that is free."""
        try:
            with self._inside(path) as (folder, name):
                swapping.take(folder, draft, folder, name)
        except OSError:
            return False
        return True

    def drop(self, path: str, draft: str) -> None:
        """Delete a draft, if there is one."""
        with contextlib.suppress(OSError), self._inside(path) as (folder, _):
            _gone(folder, draft)

    def tidy(self, path: str) -> None:
        """Remove the folders that a file was in, as far as nothing else is in them."""
        inside = Path(path).parent
        while inside.parts:
            try:
                (self.root / inside).rmdir()
            except OSError:
                return
            inside = inside.parent

    @contextmanager
    def _inside(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder that a path leads to, and the last part of the path. Raises OSError; no link is followed."""
        *folders, name = path.split("/")
        opened = os.open(self.root, _FOLDER)
        try:
            for part in folders:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, _FOLDER_MODE, dir_fd=opened)
                below = os.open(part, _FOLDER, dir_fd=opened)
                os.close(opened)
                opened = below
            yield opened, name
        finally:
            os.close(opened)


def new_draft() -> str:
    """A name for a draft: hidden, and nobody else's."""
    return f"{_DRAFT}{secrets.token_hex(_DRAFT_BYTES)}"


def _why_passed(entry: os.DirEntry[str]) -> str:
    """Why what may be notes is passed over, for whoever put it there; empty for what is looked at, and all else."""
    if entry.name.startswith(_DRAFT):
        return ""
    with contextlib.suppress(OSError):
        if (link := entry.is_symlink()) or entry.name.startswith("."):
            what = "it is a link" if link else "it is hidden"
            if entry.is_dir():
                return f"{what}, and so nothing in it is a note"
            return f"{what}, and so no note" if paths.is_markdown(entry.name) else ""
    return ""


def _stat(found: os.stat_result) -> Stat:
    return Stat(found.st_ino, found.st_size, found.st_mtime_ns, stat.S_IMODE(found.st_mode))


def _read(folder: int, name: str) -> File | None:
    """A plain file; None when it changed while it was read, is no plain file, or is much too large."""
    opened = os.open(name, _READ, dir_fd=folder)
    try:
        before = os.fstat(opened)
        if not stat.S_ISREG(before.st_mode):
            return None
        raw = _bytes(opened, min(before.st_size, VAULT_FILE_BYTES_MAX) + 1)
        after = os.fstat(opened)
    finally:
        os.close(opened)
    found = _stat(after)
    same = _stat(before) == found and len(raw) in {after.st_size, VAULT_FILE_BYTES_MAX + 1}
    return File(raw, found) if same else None


def _bytes(opened: int, most: int) -> bytes:
    """At most so many bytes; one more than a file should have tells that it has more."""
    raw = os.read(opened, most)
    while raw and len(raw) < most and (more := os.read(opened, most - len(raw))):
        raw += more
    return raw


def _written(folder: int, draft: str, raw: bytes, mode: int) -> Stat:
    opened = os.open(draft, _NEW, mode, dir_fd=folder)
    with os.fdopen(opened, "wb") as stream:
        stream.write(raw)
        stream.flush()
        os.fchmod(opened, mode)
        os.fsync(opened)
        return _stat(os.fstat(opened))


def _gone(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
