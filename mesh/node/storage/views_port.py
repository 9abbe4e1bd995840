"""What the agent asks of its store about documents as they are shown: the half of the port that reads views.

The values that cross it stand with the rest of the port in `store_port.py`. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from mesh.limits import LIST_MAX, ROWS_READ_MAX
from mesh.names import Digest, DocumentId

if TYPE_CHECKING:
    from mesh.node.storage.store_port import ConflictRow, NoteRow, RecordRow, Row, SettlementRow, Snapshot


class Views(Protocol):
    """What a device shows, as its store has it."""

    async def snapshot(self, document: DocumentId) -> Snapshot | None:
        """The newest snapshot of a document."""

    async def note(self, document: DocumentId) -> NoteRow | None:
        """One note."""

    async def titles(self, documents: Collection[DocumentId]) -> dict[DocumentId, str]:
        """What these documents are called; those that are not shown are left out."""

    async def notes(
        self,
        *,
        tag: str | None = None,
        search: str | None = None,
        at: tuple[str, str] | None = None,
        deleted: bool = False,
        limit: int,
        after: NoteRow | None = None,
    ) -> tuple[NoteRow, ...]:
        """Notes, the latest first (by Lamport number, then by document). `deleted`: those, instead of the living.

        `search`: every word must begin a word of title, body or tags; nothing in it is syntax. `at`: a space, and a
        path in it. `after`: the last one of the page before.
        """

    async def record(self, document: DocumentId) -> RecordRow | None:
        """One record."""

    async def records(
        self,
        *,
        types: Collection[str],
        project: str = "",
        states: Collection[str] = (),
        search: str = "",
        deleted: bool = False,
        limit: int,
        after: RecordRow | None = None,
    ) -> tuple[RecordRow, ...]:
        """Records of some types, the latest first (by Lamport number of the last touch, then by document).

        `project`: whose register of that name is this; `states`: whose `state` is one of these; `search` as for notes,
        in titles, texts and what registers say. `after`: the last one of the page before.
        """

    async def hits(
        self, search: str, *, types: Collection[str] = (), project: str = "", limit: int
    ) -> tuple[DocumentId, ...]:
        """Notes and records in which every word begins a word, the best first; none that were put away.

        Those with all words in the title stand before others, and within each those with whole words before beginnings;
        the latest first. Of more than SEARCH_CANDIDATES_MAX that are equally good, those that came here last.
        """

    async def conflicts(
        self,
        *,
        document: DocumentId | None = None,
        kind: str | None = None,
        device: Digest | None = None,
        limit: int = LIST_MAX,
        after: ConflictRow | None = None,
    ) -> tuple[ConflictRow, ...]:
        """Open conflicts, the latest first (lamport, then name); several notes at one path are among them.

        `device`: only those in which that admission has a side.
        """

    async def conflict(self, prefix: str) -> tuple[ConflictRow, ...]:
        """The open conflicts whose name begins with these hex digits, a few of them."""

    async def settlements(
        self, *, document: DocumentId | None = None, conflict: str = "", limit: int = LIST_MAX, before: int = 0
    ) -> tuple[SettlementRow, ...]:
        """Settlements, the latest first; `conflict`: of conflicts whose name begins with these hex digits.

        `before`: only those with a smaller Lamport number, 0 for all; so a page is never cut between equal ones.
        """

    async def of_changes(self, document: DocumentId, changes: Collection[bytes]) -> dict[bytes, Row]:
        """The event of each change of a document; of several one that is honoured. Unknown ones are left out."""

    async def view_root(self) -> Digest:
        """The root over what all documents show: equal on two devices that show the same (PROTOCOL, view root)."""

    async def view_children(self, level: int, index: int) -> tuple[Digest, ...]:
        """As `digest_children`, of the tree over views."""

    async def leaves(self, bucket: int, *, views: bool) -> tuple[tuple[DocumentId, Digest], ...]:
        """The documents of a bucket, each with its leaf in the state tree, or in the tree over views."""

    async def find_documents(self, prefix: str, limit: int = ROWS_READ_MAX) -> tuple[DocumentId, ...]:
        """Documents that a person may mean: `space/type/name`, `type/name` or `name`, the name from its beginning."""
