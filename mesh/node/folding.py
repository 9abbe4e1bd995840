"""Documents from their events: loaded on demand, folded again where standings changed, a bounded number in memory.

A change that counts may stand on void ones; then these are in the document too, and nothing of them is seen. This
module decides nothing about authority: whether an event counts is what the scales say.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence

from mesh.errors import Malformed, Misuse, Refused
from mesh.events.bodies import document_named_after
from mesh.events.event import Inner, Placed
from mesh.events.kinds import Born, Carrier
from mesh.events.reading import Reading
from mesh.events.verdict import Standing
from mesh.limits import DOCUMENTS_CACHED_LETTERS_MAX, DOCUMENTS_CACHED_MAX, ROWS_READ_MAX, SNAPSHOT_CHANGES
from mesh.names import Digest, DocumentId
from mesh.node.disputes import Disputes
from mesh.node.gathered import Birth, Gathered, Loaded, Step
from mesh.node.scales import Scales
from mesh.node.showing import as_born, as_kept, conflicts_in, show
from mesh.node.storage.store_port import Row, Snapshot, Store
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.genesis import derive
from mesh.state.intake import Taken
from mesh.state.operations import ACTOR_BYTES
from mesh.state.shapes import check_birth, gate

LATER = "rests on something that is not here yet"
NO_BIRTH = "its document's birth is not here yet"


class Folding:
    """The documents of a shelf."""

    def __init__(self, store: Store, scales: Scales, gathered: Gathered) -> None:
        """Start with none loaded."""
        self.store, self.scales, self.gathered = store, scales, gathered
        self.disputes = Disputes(store, scales, gathered)
        self.snapshots: list[Snapshot] = []
        """For the next commit: what they hold is committed by now."""
        self._loaded: OrderedDict[DocumentId, Loaded] = OrderedDict()
        self._touched: dict[DocumentId, Loaded] = {}  # since the last commit

    # ── a bounded number ─────────────────────────────────────────────────────────────────────────

    @property
    def full(self) -> bool:
        """Whether more documents are in memory than should be."""
        loaded = self._loaded.values()
        return len(loaded) > DOCUMENTS_CACHED_MAX or (
            len(loaded) > 1 and sum(one.letters for one in loaded) > DOCUMENTS_CACHED_LETTERS_MAX
        )

    async def finish(self) -> None:
        """Before a commit: find what the documents that it touches have in conflict now."""
        for document, loaded in self._touched.items():
            await self.disputes.look(loaded)
            self.gathered.rows[document] = loaded.row

    def committed(self, last_row: int) -> None:
        """What was gathered is durable up to that row: let go of documents that were not used lately."""
        touched, self._touched = self._touched.values(), {}
        self.snapshots = [_saved(loaded, last_row) for loaded in touched if loaded.unsaved >= SNAPSHOT_CHANGES]
        while self.full:
            _, loaded = self._loaded.popitem(last=False)
            if loaded.unsaved:
                self.snapshots.append(_saved(loaded, last_row))

    def dropped(self) -> None:
        """What was gathered could not be written: forget everything that was folded from it."""
        self._loaded.clear()
        self._touched.clear()
        self.snapshots.clear()

    # ── loading ──────────────────────────────────────────────────────────────────────────────────

    async def load(self, document: DocumentId) -> Loaded | None:
        """A document in memory, None when its birth is not here."""
        loaded = self._loaded.get(document) or await self._read(document)
        if loaded is not None:
            self._loaded[document] = loaded
            self._loaded.move_to_end(document)
        return loaded

    def actor(self, loaded: Loaded, admission: Digest) -> bytes:
        """Who writes into this document: fresh for each document and run, so restored or cloned homes never collide."""
        if not loaded.actor:
            half = ACTOR_BYTES // 2
            loaded.actor = admission[:half] + secrets.token_bytes(half)
        return loaded.actor

    async def _read(self, document: DocumentId) -> Loaded | None:
        birth = self.gathered.births.get(document)
        if birth and document not in self.gathered.unsettled and await self.fresh([document]):
            return Loaded(Document.born(document, birth.born), as_born(document, birth), birth.author, conflicts=())
        snapshot = None if document in self.gathered.stale else await self.store.snapshot(document)
        if snapshot is None:
            return await self._fold(document)
        loaded = Loaded(Document.load(snapshot.data), await as_kept(self.store, document))
        if loaded.row is None:
            return await self._fold(document)  # nothing of it was shown
        loaded.conflicts = None if conflicts_in(loaded.row) else ()
        await self.disputes.recall(loaded)
        _, later = await self._evidence(self.gathered.read(await self.store.rows(document, snapshot.upto)))
        taken = _given(loaded, [step for step in later if step.counts and _fault(step, loaded) is None])
        if taken is None:
            return await self._fold(document)
        if taken.waiting:
            waiting = set(taken.waiting)
            loaded.aside = {s.placed.digest: s for s in await self._unsettled(loaded) if s.change.hash in waiting}
        return loaded

    async def fresh(self, documents: Collection[DocumentId]) -> bool:
        """Whether all of these, of which this commit says a birth, are new: a birth may be said twice."""
        unknown = [document for document in documents if document not in self.gathered.fresh]
        if unknown:
            self.gathered.fresh |= set(unknown) - (await self.store.titles(unknown)).keys()
        return self.gathered.fresh.issuperset(documents)

    async def _unsettled(self, loaded: Loaded) -> list[Step]:
        """The changes of a document that do not count, or wait, those of this commit included."""
        document, rows = loaded.document.id, list[Row]()
        while some := await self.store.unsettled(document, rows[-1].id if rows else 0):
            rows += some
        _, steps = await self._evidence(self.gathered.of(document, rows))
        return [step for step in steps if _fault(step, loaded) is None]

    async def _evidence(
        self, events: Sequence[Placed], document: DocumentId | None = None
    ) -> tuple[list[Birth], list[Step]]:
        """The births and changes among events that can be read, whether they count or not.

        `document`: whose events they are, to give each of them the standing that it has before the document is asked.
        """
        births, steps = [], list[Step]()
        read = [event for event in events if not self._known(event, document, steps)]
        for event, reading in zip(read, await self.scales.read(read, self.gathered.events), strict=True):
            counts, fault = reading.standing is Standing.HONOURED, ""
            try:
                if isinstance(reading.body, Carrier) and reading.inner:
                    steps.append(step_of(event, reading.inner, reading.body, counts=counts))
                    self.gathered.carries(steps[-1])
                elif (birth := born(event, reading)) is not None:
                    births.append(birth)
            except Refused as error:
                fault = str(error)
            if document and counts and fault:
                self.gathered.stand(event, document, Standing.VOID, fault)
            elif document:
                self.gathered.stand(event, document, reading.standing, reading.reason)
        return births, steps

    def _known(self, event: Placed, document: DocumentId | None, steps: list[Step]) -> bool:
        """Take a change that was read for this very commit; whether it was."""
        turns, step, reading = self.gathered.steps.get(event.digest, (-1, None, None))
        if step is None or reading is None or turns != self.scales.turns:
            return False
        steps.append(step)
        if document:
            self.gathered.stand(event, document, reading.standing, reading.reason)
        return True

    async def birth(self, document: DocumentId) -> Born:
        """How a document was born. Raises Misuse when there is none."""
        after = 0
        while rows := await self.store.rows(document, after):
            births, _ = await self._evidence(self.gathered.read(rows[:ROWS_READ_MAX]))
            found = next((birth.born for birth in births if birth.counts), None)
            if found:
                return found
            after = rows[:ROWS_READ_MAX][-1].id
        raise Misuse(f"there is no document {document}")

    async def events_of(self, document: DocumentId) -> dict[bytes, Placed]:
        """The events of a document's changes, by the hash of the change; of several one that counts."""
        events = self.gathered.of(document, await self.store.rows(document))
        _, steps = await self._evidence(events)
        return {s.change.hash: s.placed for s in sorted(steps, key=lambda step: step.counts)}

    # ── changes ──────────────────────────────────────────────────────────────────────────────────

    async def take(self, document: DocumentId, steps: Sequence[Step]) -> None:
        """Changes of a document that are new here, or count since just now."""
        if not any(step.counts for step in steps) and document not in self.gathered.waiting:
            if loaded := self._loaded.get(document):
                loaded.whole = False
            return  # nothing that counts can stand on them
        loaded = await self.load(document)
        if loaded is None:
            self._orphans(document, steps)
            return
        fit = self._fitting(loaded, steps)
        taken = _given(loaded, [step for step in fit if step.counts or loaded.whole])
        if taken and taken.waiting and not loaded.whole:
            loaded.whole = True
            void = [step for step in await self._unsettled(loaded) if not step.counts]
            taken = _given(loaded, void) if void else taken
        if taken is None:
            await self.refold(document)
            return
        self.disputes.said(loaded, self._stand_as(taken, loaded, fit))
        loaded.unsaved += len(steps)
        self._touched[document] = loaded
        self.gathered.rows[document] = loaded.row

    def _orphans(self, document: DocumentId, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.counts:
                self.gathered.stand(step.placed, document, Standing.WAITS, NO_BIRTH)

    def _fitting(self, loaded: Loaded, steps: Iterable[Step]) -> list[Step]:
        """Those that the document's type may hold; the others are void."""
        found = []
        for step in steps:
            fault = _fault(step, loaded)
            if fault is None:
                found.append(step)
            elif step.counts:
                self.gathered.stand(step.placed, loaded.document.id, Standing.VOID, fault)
        return found

    def _stand_as(self, taken: Taken, loaded: Loaded, steps: Iterable[Step]) -> Sequence[Step]:
        """Give each of these that counts, and each that waited before, the standing that the document gives it.

        Returns those that are in it now.
        """
        waiting, refused, document = set(taken.waiting), dict(taken.refused), loaded.document.id
        entered: list[Step] = []
        counting = {step.placed.digest: step for step in (*loaded.aside.values(), *steps) if step.counts}
        for step in counting.values():
            digest = step.change.hash
            if digest in waiting:
                loaded.aside[step.placed.digest] = step
                self.gathered.stand(step.placed, document, Standing.WAITS, LATER)
                continue
            loaded.aside.pop(step.placed.digest, None)
            if digest in refused:
                self.gathered.stand(step.placed, document, Standing.VOID, refused[digest])
            else:
                entered.append(step)
                self.gathered.stand(step.placed, document, Standing.HONOURED)
        show(loaded, entered)
        loaded.entered += entered
        for step in entered:
            loaded.settlements.add(step.placed.digest, step.body, step.change.hash)
        return entered

    # ── folding ──────────────────────────────────────────────────────────────────────────────────

    async def refold(self, document: DocumentId) -> None:
        """Fold a document again from all its events: one counts or does not that did not or did before."""
        self._loaded.pop(document, None)
        self._touched.pop(document, None)
        self.gathered.stale[document] = self.gathered.rows[document] = None
        self.gathered.conflicts[document] = ()
        self.gathered.settles(document, (), whole=True)
        births, steps = await self._weighed(document)
        counting = next((birth for birth in births if birth.counts), None)
        if not any(step.counts for step in steps):  # most are notes that were born, and no more
            self.gathered.rows[document] = as_born(document, counting) if counting else None
        elif loaded := self._built(document, births, steps):
            loaded.unsaved = loaded.document.change_count - 1
            loaded.conflicts = ()
            self.disputes.said(loaded, loaded.entered)
            self._loaded[document] = self._touched[document] = loaded
            self.gathered.rows[document] = loaded.row

    async def _fold(self, document: DocumentId) -> Loaded | None:
        return self._built(document, *await self._weighed(document))

    async def _weighed(self, document: DocumentId) -> tuple[list[Birth], list[Step]]:
        """All that can be read of a document; each of its events has the standing that authority gives it."""
        self.gathered.waiting.discard(document)  # who still waits says so now
        events = self.gathered.of(document, await self.store.rows(document))
        return await self._evidence(events, document)

    def _built(self, document: DocumentId, births: Sequence[Birth], steps: Sequence[Step]) -> Loaded | None:
        birth = next((b for b in births if b.counts), None) or next(iter(births), None)
        if birth is None:
            self._orphans(document, steps)
            return None
        row = as_born(document, birth) if birth.counts else None
        loaded = Loaded(Document.born(document, birth.born), row, birth.author)
        fit = self._fitting(loaded, steps)
        loaded.document, loaded.whole = _folded(document, birth, fit)
        self._stand_as(loaded.document.take(()), loaded, fit)
        return loaded


def born(event: Placed, reading: Reading) -> Birth | None:
    """The birth that an event is, None when it is none. Raises Refused when it is not one of its document."""
    birth, inner = reading.body, reading.inner
    if not isinstance(birth, Born) or inner is None or inner.document is None:
        return None
    document = inner.document
    check_birth(document.type, birth)
    if document_named_after(document.space, document.type, reading.plain) != document:
        raise Malformed("its document is not named after this birth")
    return Birth(event, birth, inner.time_ms, reading.standing is Standing.HONOURED, inner.agent)


def step_of(event: Placed, inner: Inner, body: Carrier, *, counts: bool) -> Step:
    """The change that an event carries. Raises Refused."""
    return Step(event, decode(body.change), inner.time_ms, counts, body, inner.agent)


def _folded(document: DocumentId, birth: Birth, steps: Sequence[Step]) -> tuple[Document, bool]:
    """A document from its changes, with its void ones only where something waits, which may stand on one of them."""
    counting = {step.change.hash for step in steps if step.counts}
    void = {step.change.hash for step in steps} - counting
    first = frozenset() if birth.counts else frozenset({derive(document, birth.born).hash})
    events = [(step.placed.digest, step.change) for step in steps if step.counts]
    made = Document.fold(document, birth.born, events, first)
    if not void or not made.take(()).waiting:
        return made, False
    events += [(step.placed.digest, step.change) for step in steps if step.change.hash in void]
    return Document.fold(document, birth.born, events, first | void), True


def _given(loaded: Loaded, steps: Sequence[Step]) -> Taken | None:
    """Give changes to a document; None when it must be folded again."""
    document = loaded.document
    counting = {step.change.hash for step in steps if step.counts}
    void: set[bytes] = set()
    if len(counting) < len(steps):
        known, aside = document.void, {step.change.hash for step in loaded.aside.values()}
        for step in steps:
            digest = step.change.hash
            counts_already = digest in aside or (document.contains(digest) and digest not in known)
            if digest not in counting and not counts_already:
                void.add(digest)
    try:
        taken = document.take([s.change for s in steps if s.counts or s.change.hash in void], void)
    except Malformed:
        return None
    return None if taken.doubled else taken


def _fault(step: Step, loaded: Loaded) -> str | None:
    document = loaded.document
    try:
        gate(step.change, admission=step.placed.admission, kind=document.id.type, body=document.body)
    except Refused as error:
        return str(error)
    return None


def _saved(loaded: Loaded, last_row: int) -> Snapshot:
    loaded.unsaved = 0
    return Snapshot(loaded.document.id, loaded.document.save(), last_row)
