"""Putting one file in the place of another at once, so that whatever was there is in hand and nothing is written over.

Linux and macOS can exchange two names, and can rename without replacing; where a file system cannot, it takes two
steps, between which the name is free for a moment. Nothing here reads a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache

ASIDE = ".aside"
"""What is added to the name of a draft, for what it replaces, where that takes two steps."""

_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})
_KEEP, _SWAP = (4, 2) if sys.platform == "darwin" else (1, 2)

Rename = Callable[[int, bytes, int, bytes, int], int]


def exchange(folder: int, draft: str, name: str) -> bool:
    """Let a draft in an open folder take the place of a file, and have what was there instead.

    False: somebody saved the file anew in that moment, and that stays; the draft has what was there before it. Raises
    OSError when one of them is missing.
    """
    if _renamed((folder, draft), (folder, name), _SWAP):
        return True
    _linked((folder, draft), (folder, draft + ASIDE))  # where that cannot be done, nothing is touched
    os.rename(name, draft + ASIDE, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        _linked((folder, draft), (folder, name))
        ours = True
    except FileExistsError:
        ours = False
    except BaseException:
        with contextlib.suppress(OSError):  # then it stays aside, and is found there
            take(folder, draft + ASIDE, folder, name)
        raise
    os.rename(draft + ASIDE, draft, src_dir_fd=folder, dst_dir_fd=folder)
    return ours


def take(folder: int, name: str, other_folder: int, other: str) -> None:
    """Rename a file. Raises FileExistsError when there is another one of that name, and nothing happened."""
    if not _renamed((folder, name), (other_folder, other), _KEEP):
        _linked((folder, name), (other_folder, other))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def _linked(one: tuple[int, str], other: tuple[int, str]) -> None:
    os.link(one[1], other[1], src_dir_fd=one[0], dst_dir_fd=other[0], follow_symlinks=False)


def _renamed(one: tuple[int, str], other: tuple[int, str], flag: int) -> bool:
    """Rename as the system can; False where it cannot. Raises OSError."""
    rename = _rename()
    if rename is None:
        return False
    if rename(one[0], os.fsencode(one[1]), other[0], os.fsencode(other[1]), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), one[1], None, other[1])


@cache
def _rename() -> Rename | None:
    library = ctypes.CDLL(None, use_errno=True)
    found = getattr(library, "renameatx_np" if sys.platform == "darwin" else "renameat2", None)
    if found is None:
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    rename: Rename = found
    return rename
