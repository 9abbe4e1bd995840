"""This device's side of a comparison: what its store says to each message, and so what the next message is.

Both sides use the same code: whoever asks says nodes, leaves and the finding, the other one buckets and events. Nothing
is changed by it, here or there.
"""

from __future__ import annotations

from mesh.events.verdict import Standing
from mesh.limits import COMPARE_BRANCHES, COMPARE_KEY_BYTES
from mesh.names import Digest, DocumentId
from mesh.node.storage.store_port import Row, Store
from mesh.state.digest import bucket, key
from mesh.sync import comparing
from mesh.sync.comparing import Buckets, Events, Finding, Leaves, Message, Nodes

_TOP, _NODES = 1, 2  # levels of the tree


async def begun(store: Store, *, views: bool) -> Nodes:
    """The first message of whoever looks."""
    return Nodes(views, comparing.packed(await _nodes(store, views=views)))


async def followed(store: Store, message: Message) -> Message | None:
    """The message that follows one of the other side's; None where no difference is seen, or it was the last."""
    match message:
        case Nodes(views, prints):
            node = comparing.differing(await _nodes(store, views=views), prints)
            if node is None:
                return None
            return Buckets(views, node, comparing.packed(await _children(store, _NODES, node, views=views)))
        case Buckets(views, node, prints):
            branch = comparing.differing(await _children(store, _NODES, node, views=views), prints)
            if branch is None:
                return None
            index = node * COMPARE_BRANCHES + branch
            return Leaves(views, index, comparing.packed_leaves(await _leaves(store, index, views=views)))
        case Leaves(views, index, leaves):
            cut = comparing.differing_leaf(await _leaves(store, index, views=views), leaves)
            return None if cut is None else await _events(store, cut, views=views)
        case Events():
            return await _found(store, message)
        case Finding():
            return None


async def seen_from_here(store: Store, finding: Finding) -> Finding | None:
    """What another device found, from this side; None where it does not fit what is here."""
    if finding.event is None:
        return finding
    rows = await store.event(finding.event)
    if len(rows) != 1 or (rows[0].standing is Standing.HONOURED) is finding.honoured:
        return None
    return Finding(finding.views, rows[0].document or finding.document, finding.event, not finding.honoured)


async def _nodes(store: Store, *, views: bool) -> list[Digest]:
    return [node for top in range(COMPARE_BRANCHES) for node in await _children(store, _TOP, top, views=views)]


async def _children(store: Store, level: int, index: int, *, views: bool) -> tuple[Digest, ...]:
    return await (store.view_children if views else store.digest_children)(level, index)


async def _leaves(store: Store, index: int, *, views: bool) -> dict[Digest, Digest]:
    return {key(document): leaf for document, leaf in await store.leaves(index, views=views)}


async def _named(store: Store, cut: bytes, *, views: bool) -> DocumentId | None:
    """The document whose key begins so, where there is one here."""
    found = await store.leaves(bucket(Digest(cut)), views=views)
    return next((document for document, _ in found if key(document)[:COMPARE_KEY_BYTES] == cut), None)


async def _counting(store: Store, document: DocumentId | None) -> dict[Digest, Row]:
    """The honoured events of a document, by their stamps."""
    rows = await store.rows(document) if document else ()
    return {row.placed.digest: row for row in sorted(rows, key=_stamp) if row.standing is Standing.HONOURED}


def _stamp(row: Row) -> tuple[int, Digest, Digest]:
    return row.placed.header.lamport, row.placed.chain, row.placed.digest


async def _events(store: Store, cut: bytes, *, views: bool) -> Events:
    document = await _named(store, cut, views=views)
    return Events(views, cut, document, comparing.packed_events(list(await _counting(store, document))))


async def _found(store: Store, told: Events) -> Finding:
    """The first event, by its stamp, that counts on one side only."""
    named = told.document
    document = await _named(store, told.key, views=told.views)
    if document is None and named and key(named)[:COMPARE_KEY_BYTES] == told.key:
        document = named  # it is only there, or nothing of it counts here
    counting = await _counting(store, document)
    here, cut = comparing.differing_events(list(counting), told.prints)
    only_here = [counting[here]] if here else []
    only_there = [row for row in await store.event(cut) if row.standing is not Standing.HONOURED] if cut else []
    first = min((*only_here, *only_there), key=_stamp, default=None)
    if first is None:
        return Finding(told.views, document, None, honoured=False)
    return Finding(told.views, document or first.document, first.placed.digest, honoured=first in only_here)
