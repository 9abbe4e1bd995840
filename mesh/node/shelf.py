"""The shelf: from events that are held to what they amount to: standings, documents, notes.

It reads and weighs each event, folds changes into the documents they belong to, loads those on demand and keeps a
bounded number, and collects everything for one commit. It writes nothing itself and decides nothing about chains.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mesh.errors import Damaged, Malformed, Misuse, Refused
from mesh.events.bodies import document_named_after
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Born, Changed
from mesh.events.reading import Reading
from mesh.events.seal import Keyring
from mesh.events.verdict import Standing, Verdict
from mesh.limits import DOCUMENTS_CACHED_MAX, ROWS_READ_MAX, SNAPSHOT_CHANGES
from mesh.names import Digest, DocumentId
from mesh.node.scales import Scales
from mesh.node.storage.store_port import Batch, Kept, NoteRow, Row, Snapshot, Store, Weighed
from mesh.state import notes
from mesh.state.changes import decode
from mesh.state.documents import Document
from mesh.state.intake import Taken
from mesh.state.operations import ACTOR_BYTES, Change
from mesh.state.shapes import check_birth, gate

_A_TURN = 32  # events after which others get their turn: 2 to 6 ms
_LATER = "rests on something that is not here yet"
_NO_BIRTH = "its document's birth is not here yet"


@dataclass(slots=True)
class Loaded:
    """A document in memory. `aside`: changes that are held but wait, by hash, with their events."""

    document: Document
    row: NoteRow | None = None
    aside: dict[bytes, Placed] = field(default_factory=dict)
    actor: bytes = b""  # fresh for this document and this run of the agent
    unsaved: int = 0  # changes since the last snapshot


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of a document, on its way in."""

    placed: Placed
    change: Change
    time_ms: int


class Shelf:
    """What all events amount to, on this device."""

    def __init__(self, store: Store, keyring: Keyring, verdict: Verdict) -> None:
        """Start with nothing loaded. The owner turns the scales to each verdict and keeps `last_row` up to date."""
        self.store, self.scales = store, Scales(store, keyring, verdict)
        self.last_row = 0
        self.waiting: set[DocumentId] = set()  # documents of which an event waits
        self._loaded: OrderedDict[DocumentId, Loaded] = OrderedDict()
        self._snapshots: list[Snapshot] = []
        self._begin()

    async def open(self) -> None:
        """Learn which documents have events that wait."""
        after = 0
        while rows := await self.store.unsettled(after=after):
            self.waiting |= {row.document for row in rows if row.document and row.standing is Standing.WAITS}
            after = rows[-1].id

    def _begin(self) -> None:
        self._events: dict[Digest, Kept] = {}  # in the order of arrival, which is that of each chain
        self._weighed: list[Weighed] = []
        self._bodies: list[tuple[Digest, bytes]] = []
        self._births: dict[DocumentId, tuple[Born, Placed, int]] = {}
        self._born_notes: list[NoteRow] = []
        self._touched: dict[DocumentId, Loaded] = {}

    # ── one commit ───────────────────────────────────────────────────────────────────────────────

    @property
    def full(self) -> bool:
        """Whether more documents are in memory than should be, so that it is time to commit."""
        return len(self._loaded) > DOCUMENTS_CACHED_MAX

    def batch(self, settings: Mapping[str, bytes], time_ms: int = 0) -> Batch:
        """Everything collected since the last commit, which is at that time."""
        rows = tuple(loaded.row for loaded in self._touched.values() if loaded.row)
        return Batch(
            tuple(self._events.values()), tuple(self._bodies), tuple(self._weighed), tuple(self._born_notes), rows,
            tuple(self._snapshots), tuple(settings.items()), time_ms,
        )  # fmt: skip

    def committed(self, last_row: int) -> None:
        """The batch is durable: begin the next one, and let go of documents that were not used lately."""
        self.last_row = last_row
        self._snapshots = [
            self._saved(loaded) for loaded in self._touched.values() if loaded.unsaved >= SNAPSHOT_CHANGES
        ]
        while len(self._loaded) > DOCUMENTS_CACHED_MAX:
            _, loaded = self._loaded.popitem(last=False)
            if loaded.unsaved:
                self._snapshots.append(self._saved(loaded))
        self._begin()

    def dropped(self) -> None:
        """The batch could not be written: forget it, and everything that was folded from it."""
        self._loaded.clear()
        self._snapshots.clear()
        self._begin()

    def _saved(self, loaded: Loaded) -> Snapshot:
        loaded.unsaved = 0
        return Snapshot(loaded.document.id, loaded.document.save(), self.last_row)

    # ── events ───────────────────────────────────────────────────────────────────────────────────

    async def take(self, placed: Iterable[Placed]) -> None:
        """Events that are new here."""
        new = tuple(placed)
        # A change stands only after all births of this message, yet the log takes each event after its parent.
        self._events |= {event.digest: Kept(event, None, Standing.WAITS) for event in new}
        await self._settle(new, fresh=True)

    async def take_bodies(self, rows: Sequence[Row], bodies: Sequence[tuple[Digest, bytes]]) -> None:
        """Bodies that were missing came; the rows carry them already."""
        self._bodies += bodies
        await self._settle((row.placed for row in rows), fresh=False)

    async def weigh_again(self, rows: Iterable[Row]) -> None:
        """Rows that were not honoured, after the verdict, the keys or the births changed."""
        await self._settle((row.placed for row in rows), fresh=False)

    async def weigh_all_again(self) -> None:
        """Everything that is not honoured, after the verdict or the keys changed."""
        after = 0
        while rows := await self.store.unsettled(after=after):
            await self.weigh_again(rows)
            after = rows[-1].id

    async def _settle(self, placed: Iterable[Placed], *, fresh: bool) -> None:
        steps: dict[DocumentId, list[_Step]] = {}
        data = []
        for event in placed:
            if event.lane is Lane.CONTROL:
                self._stand(event, None, Standing.HONOURED, "", fresh=fresh)
            else:
                data.append(event)
        for number, (event, reading) in enumerate(zip(data, await self._read_all(data), strict=True), 1):
            if number % _A_TURN == 0:
                await asyncio.sleep(0)  # the question for the next page goes out, a command is answered
            document = reading.inner.document if reading.inner else None
            if reading.standing is not Standing.HONOURED or reading.inner is None or document is None:
                self._stand(event, document, reading.standing, reading.reason, fresh=fresh)
            elif isinstance(reading.body, Born):
                await self._born(event, document, reading, fresh=fresh)
            elif isinstance(reading.body, Changed) and (step := self._decoded(event, document, reading, fresh=fresh)):
                steps.setdefault(document, []).append(step)
        for document, found in steps.items():
            await self._changed(document, found, fresh=fresh)

    async def _read_all(self, events: Sequence[Placed]) -> list[Reading]:
        return await self.scales.read(events, self._events)

    def _stand(self, event: Placed, document: DocumentId | None, standing: Standing, why: str, *, fresh: bool) -> None:
        if standing is Standing.WAITS and document:
            self.waiting.add(document)
        if fresh:
            self._events[event.digest] = Kept(event, document, standing, why)
        else:
            self._weighed.append(Weighed(event.digest, standing, why, document))

    async def _born(self, event: Placed, document: DocumentId, reading: Reading, *, fresh: bool) -> None:
        birth = reading.body
        assert isinstance(birth, Born) and reading.inner, reading  # noqa: PT018 - one fact about the caller
        time_ms = reading.inner.time_ms
        try:
            check_birth(document.type, birth)
            if document_named_after(document.space, document.type, reading.plain) != document:
                raise Malformed("its document is not named after this birth")
        except Refused as error:
            self._stand(event, document, Standing.VOID, str(error), fresh=fresh)
            return
        self._stand(event, document, Standing.HONOURED, "", fresh=fresh)
        if document in self._births:
            return  # one birth said twice: two devices took in the same file
        self._births[document] = (birth, event, time_ms)
        if document.type == notes.KIND:
            self._born_notes.append(_row(notes.view(document, birth), event, time_ms))
        if document in self.waiting:
            came = {event.digest, *(digest for digest, _ in self._bodies)}  # the store does not know these bodies yet
            rows = await self.store.unsettled(document)
            await self.weigh_again(r for r in rows if r.standing is Standing.WAITS and r.placed.digest not in came)

    def _decoded(self, event: Placed, document: DocumentId, reading: Reading, *, fresh: bool) -> _Step | None:
        assert isinstance(reading.body, Changed) and reading.inner, reading  # noqa: PT018 - one fact about the caller
        try:
            return _Step(event, decode(reading.body.change), reading.inner.time_ms)
        except Refused as error:
            self._stand(event, document, Standing.VOID, str(error), fresh=fresh)
            return None

    # ── changes ──────────────────────────────────────────────────────────────────────────────────

    async def _changed(self, document: DocumentId, steps: list[_Step], *, fresh: bool) -> None:
        loaded = await self.load(document)
        if loaded is None:
            for step in steps:
                self._stand(step.placed, document, Standing.WAITS, _NO_BIRTH, fresh=fresh)
            return
        allowed = [step for step in steps if self._allowed(loaded.document, step, fresh=fresh)]
        try:
            taken = loaded.document.take([step.change for step in allowed])
        except Malformed:
            taken = Taken(doubled=True)
        if taken.doubled:
            loaded, taken = await self._refolded(document, allowed)
        self._stand_as(taken, loaded, allowed, fresh=fresh)

    def _allowed(self, document: Document, step: _Step, *, fresh: bool) -> bool:
        try:
            gate(step.change, admission=step.placed.admission, kind=document.id.type, body=document.body)
        except Refused as error:
            self._stand(step.placed, document.id, Standing.VOID, str(error), fresh=fresh)
            return False
        return True

    def _stand_as(self, taken: Taken, loaded: Loaded, steps: Sequence[_Step], *, fresh: bool) -> None:
        """Give each change of these steps, and each that waited before, the standing that the document gives it."""
        waiting, refused, document = set(taken.waiting), dict(taken.refused), loaded.document.id
        for digest, event in list(loaded.aside.items()):
            if digest not in waiting:
                del loaded.aside[digest]
                standing = Standing.VOID if digest in refused else Standing.HONOURED
                self._stand(event, document, standing, refused.get(digest, ""), fresh=False)
        for step in steps:
            digest = step.change.hash
            if digest in waiting:
                loaded.aside[digest] = step.placed
                self._stand(step.placed, document, Standing.WAITS, _LATER, fresh=fresh)
            elif digest in refused:
                self._stand(step.placed, document, Standing.VOID, refused[digest], fresh=fresh)
            else:
                self._stand(step.placed, document, Standing.HONOURED, "", fresh=fresh)
        loaded.unsaved += len(steps)
        self._touched[document] = loaded
        self._show(loaded, steps)

    def _show(self, loaded: Loaded, steps: Sequence[_Step]) -> None:
        if loaded.document.id.type != notes.KIND:
            return
        view, old = notes.view_of(loaded.document), loaded.row
        newest = max((s for s in steps if loaded.document.contains(s.change.hash)), key=_order, default=None)
        if newest and (old is None or newest.placed.header.lamport >= old.lamport):
            loaded.row = _row(view, newest.placed, newest.time_ms)
        elif old:
            loaded.row = NoteRow(view, old.updated_ms, old.updated_by, old.lamport)

    # ── documents ────────────────────────────────────────────────────────────────────────────────

    async def load(self, document: DocumentId) -> Loaded | None:
        """A document in memory, None when its birth is not here or does not count."""
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
        if fresh := self._births.get(document):
            birth, event, time_ms = fresh
            row = _row(notes.view(document, birth), event, time_ms) if document.type == notes.KIND else None
            return Loaded(Document.born(document, birth), row)
        snapshot = await self.store.snapshot(document)
        row = await self.store.note(document) if document.type == notes.KIND else None
        if snapshot is None:
            found = await self._fold(document, ())
            if found:
                found.row = row
            return found
        loaded = Loaded(Document.load(snapshot.data), row)
        if document in self.waiting:
            rows = await self.store.unsettled(document)
            loaded.aside = {s.change.hash: s.placed for s in await self._steps(rows)}
        later = await self._steps(await self.store.rows(document, snapshot.upto))
        taken = loaded.document.take([step.change for step in later])
        return await self._fold(document, ()) if taken.doubled else loaded

    async def _refolded(self, document: DocumentId, fresh: Sequence[_Step]) -> tuple[Loaded, Taken]:
        """Fold a document again from all its events, where one change more could not simply be added."""
        old = self._loaded.pop(document)
        loaded = await self._fold(document, fresh)
        if loaded is None:
            raise Damaged(f"the birth of {document} is not in the log any more")
        loaded.row, loaded.actor = old.row, b""
        self._loaded[document] = loaded
        return loaded, loaded.document.take(())

    async def _fold(self, document: DocumentId, fresh: Sequence[_Step]) -> Loaded | None:
        rows = await self.store.rows(document)
        birth = self._births[document][0] if document in self._births else await self._birth(rows)
        if birth is None:
            return None
        held = {step.placed.digest: step for step in (*await self._steps(rows), *await self._pending(document), *fresh)}
        body = Document.born(document, birth).body
        fit = {digest: s for digest, s in held.items() if _passes(s, document, body)}
        made = Document.fold(document, birth, ((digest, step.change) for digest, step in fit.items()))
        loaded = Loaded(made)
        self._restand(loaded, rows, [s for s in fit.values() if s not in fresh])
        return loaded

    def _restand(self, loaded: Loaded, rows: Sequence[Row], steps: Sequence[_Step]) -> None:
        """Where folding gave a kept change another standing than it has in the log, say so in this commit."""
        taken = loaded.document.take(())
        waiting, refused, was = set(taken.waiting), dict(taken.refused), {r.placed.digest: r.standing for r in rows}
        for step in steps:
            digest = step.change.hash
            standing = (
                Standing.WAITS if digest in waiting else Standing.VOID if digest in refused else Standing.HONOURED
            )
            if standing is Standing.WAITS:
                loaded.aside[digest] = step.placed
            if was.get(step.placed.digest) is not standing:
                why = _LATER if standing is Standing.WAITS else refused.get(digest, "")
                self._stand(step.placed, loaded.document.id, standing, why, fresh=False)

    async def events_of(self, document: DocumentId) -> dict[bytes, Placed]:
        """The events of a document's changes, by the hash of the change."""
        steps = (*await self._steps(await self.store.rows(document)), *await self._pending(document))
        return {step.change.hash: step.placed for step in steps}

    async def _steps(self, rows: Iterable[Row]) -> list[_Step]:
        """The changes among rows that authority allows and that can be read."""
        return await self._changes_of([row.placed for row in rows])

    async def _pending(self, document: DocumentId) -> list[_Step]:
        """The changes of a document among the events that are not committed yet."""
        return await self._changes_of([kept.placed for kept in self._events.values() if kept.document == document])

    async def _changes_of(self, placed: Sequence[Placed]) -> list[_Step]:
        found = []
        for event, reading in zip(placed, await self._read_all(placed), strict=True):
            if isinstance(reading.body, Changed) and reading.inner and reading.standing is Standing.HONOURED:
                try:
                    found.append(_Step(event, decode(reading.body.change), reading.inner.time_ms))
                except Refused:
                    continue  # it is void in the log, with the reason
        return found

    async def _birth(self, rows: Iterable[Row]) -> Born | None:
        for row in rows:
            if row.standing is Standing.HONOURED:
                body = (await self.scales.read_one(row.placed)).body
                if isinstance(body, Born):
                    return body
        return None

    async def birth(self, document: DocumentId) -> Born:
        """How a document was born. Raises Misuse when there is none."""
        after = 0
        while rows := await self.store.rows(document, after):
            found = await self._birth(rows[:ROWS_READ_MAX])
            if found:
                return found
            after = rows[-1].id
        raise Misuse(f"there is no document {document}")


def _passes(step: _Step, document: DocumentId, body: object) -> bool:
    try:
        gate(step.change, admission=step.placed.admission, kind=document.type, body=body)  # type: ignore[arg-type]
    except Refused:
        return False
    return True


def _order(step: _Step) -> tuple[int, Digest]:
    return step.placed.header.lamport, step.placed.chain


def _row(view: notes.Note, event: Placed, time_ms: int) -> NoteRow:
    return NoteRow(view, time_ms, event.admission, event.header.lamport)
