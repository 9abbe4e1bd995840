"""The catalogue of kinds: what each event's body says, as typed values.

A kind that is not in the catalogue is held, forwarded and shown raw; it is never an error. This module reads and
writes no bytes (`bodies` does) and does not know whether a statement counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesh.clocks.chain import Head
from mesh.events.event import Lane
from mesh.names import Digest, DocumentId, Short

SUITE = 1  # Ed25519, X25519, SHA-256, AES-256-GCM, HKDF-SHA256, HPKE base mode, Automerge
ANY = "*"
"""In a grant: every space, every type, or every verb."""
REASONS = ("new", "restored", "moved")

Value = str | int | bool | None
"""What a register of a document holds."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """Founds a mesh: the recovery key's public parts. Its digest is the mesh id and the admission of rank 0."""

    sign_key: bytes
    kem_key: bytes
    salt: bytes
    suite: int = SUITE


@dataclass(frozen=True, slots=True)
class Opening:
    """First event of a chain under an admission. The reason is for people only; the salt keeps two openings apart."""

    admission: Digest
    lane: Lane
    reason: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Admit:
    """Lets a device in, with its public keys, name and rank fixed for ever; `proof` is by the device's own key.

    A device in a browser serves nobody: its TLS key is its transport key again.
    """

    sign_key: bytes
    kem_key: bytes
    transport_key: bytes
    tls_key: bytes
    name: str
    proof: bytes
    rank: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a device, or one agent on it, may write: space, document types, verbs; `until_ms` when it should end."""

    admission: Digest
    agent: str
    space: str
    types: tuple[str, ...]
    verbs: tuple[str, ...]
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rekey:
    """A new epoch: the commitment SHA-256(key), the key wrapped for each recipient, earlier keys wrapped under it."""

    commitment: bytes
    wraps: tuple[tuple[Digest, bytes], ...]
    earlier: tuple[tuple[Short, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Located:
    """Where a device can be reached, newest first. A hint where to dial; no right follows from it."""

    admission: Digest
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a chain up to which something counts: the event there, and what it stands on in that chain."""

    chain: Digest
    head: Head


@dataclass(frozen=True, slots=True)
class Close:
    """Takes a device out: of all that it said, in all its chains, only what is under these marks counts.

    The reason (`lost`, `removed`, `left`, ...) is for people only.
    """

    admission: Digest
    marks: tuple[Mark, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ungrant:
    """Ends a grant: of what was said under it, only what is under these marks counts."""

    grant: Digest
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopt:
    """Makes void events count after all, in their place and by their author."""

    events: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Ends a document: none of its events counts, concurrent ones included, and its bytes may go."""

    document: DocumentId


@dataclass(frozen=True, slots=True)
class Born:
    """A document's birth: its registers and its text, whole. The document's name commits to this body."""

    registers: Mapping[str, Value]
    text: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Changed:
    """One Automerge change of a document."""

    change: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """One Automerge change, which may do nothing, and the conflict that it settles.

    `prints` name the overlapping edits of a text that somebody saw side by side; empty for other conflicts.
    `rule` says which rule settled it; empty where somebody did.
    """

    change: bytes
    conflict: bytes
    prints: tuple[bytes, ...] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Undone:
    """One Automerge change, which may do nothing, and the event of the same document that it takes back."""

    change: bytes
    event: Digest


Body = (
    Genesis
    | Opening
    | Admit
    | Grant
    | Rekey
    | Located
    | Close
    | Ungrant
    | Adopt
    | Forget
    | Born
    | Changed
    | Settled
    | Undone
)

Carrier = Changed | Settled | Undone
"""The bodies that carry a change of a document."""

_CONTROL = frozenset(
    {"genesis", "opening", "admit", "grant", "rekey", "located", "close", "ungrant", "adopt", "forget"}
)
_DATA = frozenset({"opening", "born", "changed", "settled", "undone"})

VERBS: Mapping[str, str] = {"born": "create", "changed": "edit", "undone": "edit", "settled": "resolve"}
"""Which verb a grant must allow for a kind in the data lane."""


def known(lane: Lane, kind: str) -> bool:
    """Whether this version reads such events; others are held and shown raw."""
    return kind in (_CONTROL if lane is Lane.CONTROL else _DATA)


def kind_of(body: Body) -> str:
    """The name of a body's kind, as inner headers carry it."""
    return type(body).__name__.lower()
