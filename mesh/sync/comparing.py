"""Where two devices differ that hold the same events: five messages down their trees to one document and one event.

Each message is answered by the next one, or by nothing where no difference is seen: nodes, buckets, leaves, document,
finding. Digests are cut short, since nothing is decided by them. The store is not read here, and nothing is mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mesh.errors import Malformed, TooLarge
from mesh.events import cbor
from mesh.limits import (
    COMPARE_BRANCHES,
    COMPARE_BYTES_MAX,
    COMPARE_EVENTS_MAX,
    COMPARE_KEY_BYTES,
    COMPARE_LEAVES_MAX,
    COMPARE_NODES,
    COMPARE_PRINT_BYTES,
    DIGEST_BYTES,
)
from mesh.names import ZERO, Digest, DocumentId

VERB = "compare"
"""What these messages are asked under; of each two the second is the answer, and the fifth has none."""

_LEAF_BYTES = COMPARE_KEY_BYTES + COMPARE_PRINT_BYTES


@dataclass(frozen=True, slots=True)
class Nodes:
    """All nodes of one tree at its second level. `views`: of the tree over what is shown, instead of the state's."""

    views: bool
    prints: bytes


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets under the first node that differs."""

    views: bool
    node: int
    prints: bytes


@dataclass(frozen=True, slots=True)
class Leaves:
    """The documents of the first bucket that differs: cut keys, ascending, each with its cut leaf."""

    views: bool
    bucket: int
    leaves: bytes


@dataclass(frozen=True, slots=True)
class Events:
    """The first document that differs, where it is known by name, and which of its events count, by their stamps."""

    views: bool
    key: bytes
    document: DocumentId | None
    prints: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """The first difference: a document, and the event that counts on one side only. `honoured`: on the teller's side.

    Without an event the same ones count on both sides, and yet the two do not show the same.
    """

    views: bool
    document: DocumentId | None
    event: Digest | None
    honoured: bool


Message = Nodes | Buckets | Leaves | Events | Finding


# ---------------------------------------------------------------- what the next message is made of


def packed(digests: Iterable[bytes]) -> bytes:
    """Digests cut short, one after the other."""
    return b"".join(digest[:COMPARE_PRINT_BYTES] for digest in digests)


def differing(mine: Sequence[bytes], prints: bytes) -> int | None:
    """The first place at which my digests are other ones; None when all are equal."""
    pairs = zip(mine, _pieces(prints, COMPARE_PRINT_BYTES), strict=True)
    return next((place for place, (own, cut) in enumerate(pairs) if own[:COMPARE_PRINT_BYTES] != cut), None)


def packed_leaves(leaves: Mapping[Digest, Digest]) -> bytes:
    """Leaves by the keys of their documents; of more than fit the first ones."""
    filled = sorted((key, leaf) for key, leaf in leaves.items() if leaf != ZERO)
    return b"".join(key[:COMPARE_KEY_BYTES] + leaf[:COMPARE_PRINT_BYTES] for key, leaf in filled[:COMPARE_LEAVES_MAX])


def differing_leaf(mine: Mapping[Digest, Digest], leaves: bytes) -> bytes | None:
    """The cut key of the first document whose leaf is another one, or that only one side has."""
    theirs = _leaves(leaves)
    own = _leaves(packed_leaves(mine))
    ends = [max(side) for side in (own, theirs) if len(side) == COMPARE_LEAVES_MAX]  # there may be more behind it
    keys = sorted(key for key in own.keys() | theirs.keys() if all(key <= end for end in ends))
    return next((key for key in keys if own.get(key) != theirs.get(key)), None)


def packed_events(events: Sequence[Digest]) -> bytes:
    """Events by their stamps; of more than fit the first ones."""
    return packed(events[:COMPARE_EVENTS_MAX])


def differing_events(mine: Sequence[Digest], prints: bytes) -> tuple[Digest | None, bytes | None]:
    """The first event that counts on this side only, and, cut short, the first that counts on the other side only."""
    theirs = _pieces(prints, COMPARE_PRINT_BYTES)
    own, known = {event[:COMPARE_PRINT_BYTES]: event for event in mine}, set(theirs)
    told = list(own)
    if len(theirs) == COMPARE_EVENTS_MAX and theirs[-1] in own:
        told = told[: told.index(theirs[-1])]  # there may be more behind it that was not told
    here = next((own[cut] for cut in told if cut not in known), None)
    return here, next((cut for cut in theirs if cut not in own), None)


# ---------------------------------------------------------------- bytes


def encode(message: Message) -> bytes:
    """A message's canonical bytes."""
    match message:
        case Nodes(views, prints):
            return cbor.encode(["nodes", views, prints])
        case Buckets(views, node, prints):
            return cbor.encode(["buckets", views, node, prints])
        case Leaves(views, bucket, leaves):
            return cbor.encode(["leaves", views, bucket, leaves])
        case Events(views, key, document, prints):
            return cbor.encode(["events", views, key, str(document or ""), prints])
        case Finding(views, document, event, honoured):
            return cbor.encode(["finding", views, str(document or ""), event or b"", honoured])


def decode(raw: bytes) -> Message:
    """Read a message. Raises Refused."""
    value = cbor.decode(raw, COMPARE_BYTES_MAX, "a comparison")
    match value:
        case ["nodes", bool() as views, bytes() as prints]:
            return Nodes(views, _sized(prints, COMPARE_NODES))
        case ["buckets", bool() as views, int() as node, bytes() as prints]:
            return Buckets(views, _index(node, COMPARE_NODES), _sized(prints, COMPARE_BRANCHES))
        case ["leaves", bool() as views, int() as bucket, bytes() as leaves]:
            return Leaves(views, _index(bucket, COMPARE_NODES * COMPARE_BRANCHES), _ascending(leaves))
        case ["events", bool() as views, bytes() as key, str() as name, bytes() as prints]:
            _expect(len(key) == COMPARE_KEY_BYTES and len(prints) % COMPARE_PRINT_BYTES == 0)
            _within(len(prints) // COMPARE_PRINT_BYTES, COMPARE_EVENTS_MAX, "events")
            return Events(views, key, _document(name), prints)
        case ["finding", bool() as views, str() as name, bytes() as event, bool() as honoured]:
            _expect(len(event) == DIGEST_BYTES or not (event or honoured))
            return Finding(views, _document(name), Digest(event) if event else None, honoured)
    message = "a comparison is of no known form"
    raise Malformed(message)


def _pieces(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def _leaves(raw: bytes) -> dict[bytes, bytes]:
    return {piece[:COMPARE_KEY_BYTES]: piece[COMPARE_KEY_BYTES:] for piece in _pieces(raw, _LEAF_BYTES)}


def _document(name: str) -> DocumentId | None:
    return DocumentId.parse(name) if name else None


def _sized(prints: bytes, count: int) -> bytes:
    _expect(len(prints) == count * COMPARE_PRINT_BYTES)
    return prints


def _index(index: int, count: int) -> int:
    _expect(type(index) is int and 0 <= index < count)
    return index


def _ascending(leaves: bytes) -> bytes:
    _expect(len(leaves) % _LEAF_BYTES == 0)
    keys = [piece[:COMPARE_KEY_BYTES] for piece in _pieces(leaves, _LEAF_BYTES)]
    _within(len(keys), COMPARE_LEAVES_MAX, "leaves")
    _expect(keys == sorted(set(keys)))
    return leaves


def _within(count: int, most: int, what: str) -> None:
    if count > most:
        message = f"{count} {what} in one comparison; at most {most} are allowed"
        raise TooLarge(message)


def _expect(fits: bool) -> None:  # noqa: FBT001 - what must hold
    if not fits:
        message = "a comparison's parts are not of the sizes that they must have"
        raise Malformed(message)
