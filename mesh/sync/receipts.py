"""Convergence receipts: what a device says, signed, that it holds and shows; and the check of what another one says.

Nothing in the signed bytes comes from whoever asks for them: a device signs only what it worked out itself. A receipt
says what its device claims, no more (THREATS). Nothing is looked up here, and nothing is compared but digests.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import NamedTuple

from mesh.clocks.frontier import Frontier, window
from mesh.errors import Malformed, Stranger
from mesh.events import cbor
from mesh.events.keys import SecretKeys, verify
from mesh.events.verdict import Verdict
from mesh.limits import CHAIN_HEADS_MAX, HAVE_CHAINS_MAX, RECEIPT_BYTES_MAX, SEQ_MAX, SIGNATURE_BYTES
from mesh.names import Digest
from mesh.sync.messages import Have, as_digest, frontier_list

VERB = "receipt"
"""What a device asks for with its own."""

_DOMAIN = b"mesh/receipt/1"
_FRONTIER = b"mesh/frontier/1"
_TYPES = (bytes, bytes, bytes, bytes, bytes, int, int, bytes)


class Shown(NamedTuple):
    """What a device holds and shows, in four digests: all tips, what counts, what follows of it, what people see."""

    frontier: Digest
    verdict: Digest
    state: Digest
    view: Digest

    def same_log(self, other: Shown) -> bool:
        """Whether both hold the same events, and judge them alike."""
        return self[:2] == other[:2]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one device says that it shows, and how much it lacks to show all: bodies of events, keys of epochs."""

    admission: Digest
    shown: Shown
    bodies: int = 0
    keys: int = 0
    signature: bytes = b""

    @property
    def whole(self) -> bool:
        """Whether its device has everything that it needs to show what counts."""
        return not self.bodies and not self.keys


def frontier_digest(control: Frontier, data: Frontier) -> Digest:
    """One digest of all tips in both lanes."""
    return Digest(hashlib.sha256(_FRONTIER + cbor.encode([frontier_list(control), frontier_list(data)])).digest())


def signed(receipt: Receipt, mesh: Digest, keys: SecretKeys) -> Receipt:
    """The same, with the signature of the device that it speaks of."""
    return replace(receipt, signature=keys.sign(_said(receipt, mesh)))


def encode(receipt: Receipt) -> bytes:
    """A receipt as it travels."""
    return cbor.encode([*_fields(receipt), receipt.signature])


def decode(raw: bytes) -> Receipt:
    """Read a receipt. Raises Refused. Its signature is not checked here."""
    *digests, bodies, keys, signature = cbor.fields(raw, RECEIPT_BYTES_MAX, "a receipt", _TYPES)
    admission, frontier, verdict, state, view = map(as_digest, digests)
    counts = (int(bodies), int(keys))  # type: ignore[call-overload]
    signed_by = bytes(signature)  # type: ignore[call-overload]
    if not all(0 <= count <= SEQ_MAX for count in counts) or len(signed_by) != SIGNATURE_BYTES:
        message = "a receipt's counts or its signature are not allowed"
        raise Malformed(message)
    return Receipt(admission, Shown(frontier, verdict, state, view), *counts, signed_by)


def check(receipt: Receipt, mesh: Digest, verdict: Verdict, teller: Digest) -> None:
    """Raise Refused unless the live device that tells it signed this receipt, for this mesh."""
    if receipt.admission != teller or not verdict.is_live(teller):
        message = "a receipt does not speak of the device that told it, or that one does not belong to this mesh"
        raise Stranger(message)
    verify(verdict.admissions[teller].sign_key, _said(receipt, mesh), receipt.signature)


def agree(mine: Shown, theirs: Shown, *, both_show: bool) -> bool:
    """Whether two devices hold the same and show the same. A relay shows nothing, so with one the log alone counts."""
    return mine == theirs if both_show else mine.same_log(theirs)


def alike(control: Frontier, data: Frontier, have: Have) -> bool:
    """Whether a Have names the tips that are held here. Of a frontier that does not fit, nothing else may be named."""
    return _alike(control, have.control, HAVE_CHAINS_MAX // 2) and _alike(data, have.data, HAVE_CHAINS_MAX)


def _alike(mine: Frontier, theirs: Frontier, tips_max: int) -> bool:
    if window(mine, tips_max, CHAIN_HEADS_MAX, 0) == mine:
        return mine == theirs
    return all(set(heads) <= set(mine.get(chain, ())) for chain, heads in theirs.items())


def _said(receipt: Receipt, mesh: Digest) -> bytes:
    return _DOMAIN + cbor.encode([mesh, *_fields(receipt)])


def _fields(receipt: Receipt) -> list[object]:
    return [receipt.admission, *receipt.shown, receipt.bodies, receipt.keys]
