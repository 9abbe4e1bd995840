"""Every way in which something can fail, by whose fault it is.

    MeshError
    ├── Misuse        our caller or the person asked for something that makes no sense   exit 2
    ├── Refused       what came is not acceptable; nothing was changed                   exit 3
    │   ├── Malformed   not the form that the protocol asks for
    │   ├── TooLarge    over a named limit
    │   ├── Forged      a signature, hash or seal does not fit
    │   ├── Stranger    from another mesh, or from a device that is not in it
    │   ├── NotGranted  no grant allows it
    │   ├── NeedsPassphrase  a person has to confirm it with the passphrase of this home
    │   ├── NeedsApproval    a person has to approve it on another device
    │   └── Elsewhere   this home was made on another machine
    ├── Damaged       our own store or files are not what we wrote                       exit 4
    └── Unreachable   the world: a device, a server, a disk; trying again may help       exit 5
        ├── DiskFull    nothing more can be written; reads go on
        └── Busy        somebody else holds what we need

Each has a hint: what the person can do now. The core raises these for what others can cause and asserts only
what our own bug can cause. This module never prints and never logs.
"""

from __future__ import annotations


class MeshError(Exception):
    """The root: a sentence for the person, and a hint."""

    exit_code = 1
    hint = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keep the sentence and, where given, a hint that fits better than the family's own."""
        super().__init__(message)
        if hint:
            self.hint = hint


class Misuse(MeshError):
    """The caller asked for something that makes no sense."""

    exit_code = 2
    hint = "See --help for what the command takes."


class Refused(MeshError):
    """What came is not acceptable, and nothing was changed by it."""

    exit_code = 3
    hint = "Nothing was changed."


class Malformed(Refused):
    """Not of the form that the protocol asks for."""

    hint = "It may be truncated, or come from something else than mesh. Nothing was changed."


class TooLarge(Refused):
    """Over a limit that limits.py names."""

    hint = "Split it into smaller parts. Nothing was changed."


class Forged(Refused):
    """A signature, a hash or a seal does not fit what it stands on."""

    hint = "Somebody altered it on the way, or it was never written by who it says. Nothing was changed."


class Stranger(Refused):
    """From another mesh, or from a device that is not in this one."""

    hint = "Check which mesh it comes from with `mesh status`. Nothing was changed."


class NotGranted(Refused):
    """No grant lets this device or agent do that."""

    hint = "Ask at an admin device for a grant."


class NeedsPassphrase(Refused):
    """An act that only a person does: the passphrase of this home shows that one is there."""

    hint = "Give it on the terminal, or with --passphrase-stdin; --ask asks another device of yours instead."


class NeedsApproval(Refused):
    """An act that only a person does: it waits for the approval of another device. `approval` names the question."""

    def __init__(self, message: str, *, hint: str = "", approval: str = "") -> None:
        """Keep the sentence, the hint and the name of what is to be approved."""
        super().__init__(message, hint=hint)
        self.approval = approval


class Elsewhere(Refused):
    """The home comes from another machine, and nobody has said yet whether it moved or was copied."""

    hint = (
        "`mesh moved` if this device goes on here and the old machine no longer runs it; "
        "`mesh moved --second-device` if this is to be a device of its own."
    )


class Damaged(MeshError):
    """Our own store or files are not what we wrote."""

    exit_code = 4
    hint = "Run `mesh verify --deep`; what other devices hold can be fetched again after `mesh rebuild`."


class Unreachable(MeshError):
    """The world does not answer: a device, a server, a disk. Trying again may help."""

    exit_code = 5
    hint = "Try again, or see `mesh status` for what is wrong."


class DiskFull(Unreachable):
    """The disk takes nothing more. Reads go on; nothing half written remains."""

    hint = "Free some space on this disk; writing goes on by itself as soon as there is room."


class Busy(Unreachable):
    """Somebody else holds what we need, and does not answer."""

    hint = "Another mesh process uses this home: `mesh status` or `mesh down`, then try again."
