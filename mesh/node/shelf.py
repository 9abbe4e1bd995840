"""The shelf: from events that are held to what they amount to: standings, documents, notes.

It reads and weighs each event, has changes folded into their documents, and gathers everything for one commit. Where
the verdict changed it finds what counts otherwise than the log says. It writes nothing itself and decides nothing about
chains.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from mesh.errors import Refused
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Born, Carrier
from mesh.events.reading import BODY_MISSING, KEY_MISSING, Reading
from mesh.events.seal import Keyring
from mesh.events.verdict import Standing, Verdict
from mesh.events.weigh import CLOSED, FORGOTTEN, NOT_ADMITTED, NOT_GRANTED, UNGRANTED, UNSURE
from mesh.limits import COMMIT_STANDINGS_MAX, DISPUTED_MAX
from mesh.names import Digest, DocumentId
from mesh.node.disputes import may_settle_itself
from mesh.node.folding import Folding, born, step_of
from mesh.node.gathered import Gathered, Loaded, Step
from mesh.node.scales import Fallen, Scales
from mesh.node.showing import as_born
from mesh.node.storage.store_port import Author, Batch, Row, Store

_A_TURN = 32  # events after which others get their turn: 2 to 6 ms
_UNALLOWED = frozenset({NOT_ADMITTED, NOT_GRANTED, CLOSED, UNGRANTED, UNSURE})
_UNREAD = frozenset({KEY_MISSING, BODY_MISSING})
_LIFTED = _UNALLOWED | _UNREAD | {FORGOTTEN, ""}
"""Why an event may not count that could count one day without another one of its document."""

Commit = Callable[[], Awaitable[None]]


class Shelf:
    """What all events amount to, on this device."""

    def __init__(self, store: Store, keyring: Keyring, verdict: Verdict) -> None:
        """Start with nothing loaded. The owner turns the scales to each verdict and keeps `last_row` up to date."""
        self.store, self.scales = store, Scales(store, keyring, verdict)
        self.last_row = 0
        self._forgot = False  # whether anything is forgotten, as the store has it
        self.gathered = Gathered()
        self.folding = Folding(store, self.scales, self.gathered)
        self.disputed: dict[DocumentId, None] = {}
        """Documents with a conflict that is new and may settle itself, for whoever sees to that."""

    async def open(self) -> None:
        """Learn which documents have events that wait or are void."""
        after = 0
        while rows := await self.store.unsettled(after=after):
            self.gathered.unsettled |= {row.document for row in rows if row.document}
            self.gathered.waiting |= {row.document for row in rows if row.document and row.standing is Standing.WAITS}
            after = rows[-1].id

    # ── one commit ───────────────────────────────────────────────────────────────────────────────

    @property
    def full(self) -> bool:
        """Whether so much was gathered that it is time to commit."""
        return self.folding.full or len(self.gathered.weighed) > COMMIT_STANDINGS_MAX

    async def batch(self, settings: Mapping[str, bytes], time_ms: int = 0) -> Batch:
        """Everything gathered since the last commit, which is at that time."""
        await self.folding.finish()
        return self.gathered.batch(self.folding.snapshots, settings, time_ms)

    def committed(self, last_row: int) -> None:
        """The batch is durable: begin the next one."""
        self.last_row = last_row
        self.folding.committed(last_row)
        fresh = self.gathered.conflicts.items()
        self.disputed |= {name: None for name, rows in fresh if any(may_settle_itself(row) for row in rows)}
        while len(self.disputed) > DISPUTED_MAX:
            self.disputed.pop(next(iter(self.disputed)))
        self.gathered.begin()

    def dropped(self) -> None:
        """The batch could not be written: forget it, and everything that was folded from it."""
        self.folding.dropped()
        self.gathered.begin()

    # ── documents ────────────────────────────────────────────────────────────────────────────────

    async def load(self, document: DocumentId) -> Loaded | None:
        """A document in memory, None when its birth is not here."""
        return await self.folding.load(document)

    def actor(self, loaded: Loaded, admission: Digest) -> bytes:
        """Who writes into a document in this run."""
        return self.folding.actor(loaded, admission)

    async def authors(self, loaded: Loaded, changes: Collection[bytes]) -> dict[bytes, Author]:
        """Who wrote these changes of a document, as far as it is known."""
        return await self.folding.disputes.authors(loaded, changes)

    async def events_of(self, document: DocumentId) -> dict[bytes, Placed]:
        """The events of a document's changes, by the hash of the change."""
        return await self.folding.events_of(document)

    async def birth(self, document: DocumentId) -> Born:
        """How a document was born. Raises Misuse when there is none."""
        return await self.folding.birth(document)

    async def hidden(self, document: DocumentId) -> tuple[Row, ...]:
        """The events of a document that are not seen since nothing allows them; an adoption lifts that."""
        found, after = list[Row](), 0
        if document not in self.gathered.unsettled:
            return ()
        while rows := await self.store.unsettled(document, after):
            found += [row for row in rows if row.reason in _UNALLOWED]
            after = rows[-1].id
        return tuple(found)

    # ── events ───────────────────────────────────────────────────────────────────────────────────

    async def take(self, placed: Iterable[Placed]) -> None:
        """Events that are new here."""
        new = tuple(placed)
        self.gathered.arrived(new)
        await self._settle(new)
        if ended := {event.chain for event in new if event.digest in self.scales.marked}:
            await self._marks_came(ended)

    async def take_bodies(self, rows: Sequence[Row], bodies: Iterable[tuple[Digest, bytes]]) -> None:
        """Bodies that were missing came."""
        self.gathered.bodies |= dict(bodies)
        await self.weigh_again(rows)

    async def weigh_again(self, rows: Iterable[Row]) -> None:
        """Rows that were not honoured, one by one, as if they had come just now."""
        await self._settle(self.gathered.read(rows))

    async def _marks_came(self, chains: set[Digest]) -> None:
        """Places at which chains end are held now: what waits for them counts or does not."""
        waiting = [kept.placed for kept in self.gathered.events.values() if kept.reason == UNSURE]
        after = 0
        while rows := await self.store.unsettled(after=after):
            waiting += self.gathered.read(row for row in rows if row.reason == UNSURE)
            after = rows[-1].id
        await self._settle([event for event in waiting if event.chain in chains])

    async def _settle(self, events: Sequence[Placed]) -> None:
        data = [event for event in events if event.lane is Lane.DATA]
        for event in events:
            if event.lane is Lane.CONTROL:
                self.gathered.stand(event, None, Standing.HONOURED)
        steps: dict[DocumentId, list[Step]] = {}
        again: set[DocumentId] = set()
        readings = await self.scales.read(data, self.gathered.events)
        for number, (event, reading) in enumerate(zip(data, readings, strict=True), 1):
            if number % _A_TURN == 0:
                await asyncio.sleep(0)  # the question for the next page goes out, a command is answered
            document = reading.inner.document if reading.inner else None
            self.gathered.stand(event, document, reading.standing, reading.reason)
            content = self._content(event, document, reading) if document else None
            if document and isinstance(content, Step):
                steps.setdefault(document, []).append(content)
            elif document and content:
                again.add(document)
        await self.folding.fresh([document for document in steps if document in self.gathered.births])
        for document in again:
            await self.folding.refold(document)
        for document, found in steps.items():
            await self.folding.take(document, found)

    def _content(self, event: Placed, document: DocumentId, reading: Reading) -> Step | bool:
        """A change; or whether a birth has its document folded again. What is neither is void, or could not be read."""
        counts = reading.standing is Standing.HONOURED
        try:
            if isinstance(reading.body, Carrier) and reading.inner:
                step = step_of(event, reading.inner, reading.body, counts=counts)
                self.gathered.steps[event.digest] = (self.scales.turns, step, reading)
                self.gathered.carries(step)
                return step
            return self._born(event, document, reading)
        except Refused as error:
            if counts:
                self.gathered.stand(event, document, Standing.VOID, str(error))
            return False

    def _born(self, event: Placed, document: DocumentId, reading: Reading) -> bool:
        """Take a birth in. Returns whether its document must be folded again. Raises Refused."""
        birth = born(event, reading)
        if birth is None:
            return False
        if not birth.counts:
            return document in self.gathered.waiting  # what counts may stand on it
        if document in self.gathered.births:
            return False  # one birth said twice: two devices took in the same file
        self.gathered.births[document] = birth
        self.gathered.born[document] = as_born(document, birth)
        return document in self.gathered.unsettled

    # ── after the verdict or the keys changed ────────────────────────────────────────────────────

    async def weigh_all_again(self, fallen: Fallen, commit: Commit) -> None:
        """Everything that is not honoured, and what may not be any more."""
        again: set[DocumentId] = set()
        after = 0
        while rows := await self.store.unsettled(after=after):
            await self._weigh(rows, again)
            after = rows[-1].id
        for admission, marks in sorted(fallen.ends):
            after = 0
            while rows := await self.store.beyond(admission, marks, after):
                await self._weigh(rows, again)
                after = rows[-1].id
        for event in fallen.events:
            await self._weigh(await self.store.event(event), again)
        if self.scales.verdict.forgotten or self._forgot:
            self._forget()
        await self._fold_all(again | fallen.documents, commit)

    async def weigh_everything(self, commit: Commit) -> None:
        """All data events, where it is not known what they were weighed by."""
        again: set[DocumentId] = set()
        after = 0
        while rows := await self.store.replay(after):
            await self._weigh(rows, again)
            after = rows[-1].id
        self._forget()
        await self._fold_all(again, commit)

    def _forget(self) -> None:
        self.gathered.forgotten = tuple(sorted(self.scales.verdict.forgotten))
        self._forgot = bool(self.gathered.forgotten)

    async def _weigh(self, rows: Sequence[Row], again: set[DocumentId]) -> None:
        """Find the documents of which an event counts otherwise than the log says; of other events say why."""
        data = [row for row in rows if row.placed.lane is Lane.DATA]
        events = self.gathered.read(data)
        await asyncio.sleep(0)
        for row, event, reading in zip(data, events, await self.scales.read(events), strict=True):
            document = row.document or (reading.inner.document if reading.inner else None)
            was, counts = row.standing is Standing.HONOURED, reading.standing is Standing.HONOURED
            if document is None or was == counts:
                if not (was and counts):
                    self.gathered.stand(event, document, reading.standing, reading.reason)
                    if row.reason in _UNREAD and document in self.gathered.waiting:
                        again.add(document)  # what counts may stand on it
                continue
            if counts and row.reason not in _LIFTED and row.standing is not Standing.OPAQUE:
                continue  # its document does not take it
            if row.document is None:  # what cannot be read belongs nowhere; now the log learns where this does
                self.gathered.stand(event, document, Standing.WAITS, KEY_MISSING)
            again.add(document)

    async def _fold_all(self, again: Iterable[DocumentId], commit: Commit) -> None:
        """Fold documents again. Each is committed whole: until then the log says what it said before."""
        for document in sorted(again):
            await asyncio.sleep(0)
            await self.folding.refold(document)
            if self.full:
                await commit()
