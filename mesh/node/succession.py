"""A device whose admission was replaced: it goes on under the new one, with the same keys and its whole log.

Another rank is a close and a new admission in one commit; the device itself may hear of it at any later time. Who was
closed and not let in again stays what it is. This module asks nobody and changes no authority.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mesh.events.verdict import Verdict
from mesh.names import Digest
from mesh.node import vault


def successor(verdict: Verdict, admission: Digest, sign_key: bytes) -> Digest | None:
    """The live admission of the same key that a closed one was replaced by; of several the most senior."""
    if admission not in verdict.closes:
        return None
    again = [(found.rank, name) for name, found in verdict.live.items() if found.sign_key == sign_key]
    return min(again)[1] if again else None


def succeed(home: Path, held: vault.Secrets, admission: Digest) -> vault.Secrets:
    """Take over the new admission for good. Raises DiskFull or Refused; then nothing has changed."""
    after = replace(held, admission=admission)
    vault.save(home, after)
    return after
