"""An edit of a document as it was: what somebody wrote who had not seen what came since.

Such a change stands on what its writer had, and is concurrent with the rest: both count, and where they overlap it is
a conflict like any other. This module changes no document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from mesh.errors import Misuse, TooLarge
from mesh.limits import BODY_PLAIN_BYTES_MAX
from mesh.state.documents import Document
from mesh.state.edits import Delete, Draft, Edit, Letters
from mesh.state.encoding import encode
from mesh.state.operations import Change, OperationId

_FIRST = 1
_WRAPPING_BYTES = 16  # what an event's body adds to a change, rounded up


def knows(document: Document, heads: Iterable[bytes]) -> bool:
    """Whether all these changes are in a document, so that it can be edited as it was then."""
    return all(document.contains(head) for head in heads)


def branch(document: Document, heads: Sequence[bytes], actor: bytes, edits: Sequence[Edit]) -> Change:
    """The change that these edits are, made when a document had these heads; without any, when it was born.

    The heads are in the document. `actor` is as for `Document.edit`, and has written nothing yet. Raises Misuse or
    TooLarge.
    """
    history = document.history
    known = tuple(sorted(heads)) or (history.first,)
    if history.next_sequence(actor) != _FIRST:
        raise Misuse("this actor has written already", hint="Take a new random actor.")
    later = frozenset(history.difference(history.reach(history.heads), history.reach(known)))
    view = document.folded().view(later | document.hidden)
    start = 1 + max(history.age(head)[0] for head in known)

    def replaced(edit: Edit, key: str) -> Iterable[OperationId]:
        seen = view.live.get(key, {})
        return () if isinstance(edit, Delete) and not seen else tuple(seen)

    letter: Callable[[int], OperationId] = view.letters.__getitem__
    draft = Draft(start, actor, document.body, Letters(len(view.letters), letter))
    for edit in edits:
        draft.apply(edit, partial(replaced, edit))
    if not draft.operations:
        raise Misuse("nothing would change")
    change = encode(known, actor, _FIRST, start, draft.operations)
    if len(change.raw) > BODY_PLAIN_BYTES_MAX - _WRAPPING_BYTES:
        raise TooLarge(f"an edit has {len(change.raw):,} bytes", hint="Make it in several steps.")
    assert history.fault(change) is None, history.fault(change)
    return change
