"""Bytes of files by plain HTTP at a real door: a phone brings chunks of its own, plays ranges, and nobody else does."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from yarl import URL

from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.speaking import Draft
from mesh.limits import CHUNK_BYTES_MAX
from mesh.names import DocumentId
from mesh.node import clock
from mesh.node.engine import Engine
from mesh.node.gateway import blobs
from mesh.state import records
from mesh.state.drops import KIND, Chunk, packed, registers
from mesh.sync.messages import encode
from tests.system.door_lines import LIMIT_S, Phone
from tests.system.doors import Companion, Door, companion
from tests.system.phones import Here
from tests.unit.node.closing import close

pytestmark = pytest.mark.system

MEMO = random.Random(7).randbytes(2 * CHUNK_BYTES_MAX + 1000)
CHUNKS = [MEMO[at : at + CHUNK_BYTES_MAX] for at in range(0, len(MEMO), CHUNK_BYTES_MAX)]
LISTED = packed([Chunk.of(data) for data in CHUNKS])
WHOLE = hashlib.sha256(MEMO).hexdigest()


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Any
    body: bytes
    told: Any


@dataclass
class Asking:
    """A phone at the door with a signature for each request."""

    door: Door
    phone: Phone
    document: DocumentId
    session: aiohttp.ClientSession

    async def ask(
        self,
        method: str,
        data: bytes,
        *,
        piece: int | None = None,
        row: int | None = None,
        digest: str = "",
        late_ms: int = 0,
        headers: dict[str, str] | None = None,
        signer: Phone | None = None,
        bare: bool = False,
    ) -> Answer:
        """GET, or PUT `data`, at the digest of `data`."""
        place = "".join(f"&{name}={value}" for name, value in (("piece", piece), ("row", row)) if value is not None)
        named = digest or hashlib.sha256(data).hexdigest()
        at_ms = clock.now_ms() - late_ms
        target = f"/api/blob/{named}?drop={self.document}{place}&by={self.phone.device}&at={at_ms}"
        said = blobs.signed(self.door.agent.engine.own.mesh, method, target)
        signature = (signer or self.phone).keys.sign(said).hex()
        url = target + ("" if bare else f"&signature={signature}")
        origin = {"Origin": self.door.url} if method == "PUT" else {}
        body = data if method == "PUT" else None
        sent = {**origin, **(headers or {})}
        async with self.session.request(method, URL(url, encoded=True), data=body, headers=sent) as answer:
            raw = await answer.read()
            told = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, answer.headers, raw, told)

    async def bring(self) -> None:
        """All of the memo."""
        asked = await self.ask("PUT", LISTED, piece=0)
        for row in asked.told["lacks"]:
            assert (await self.ask("PUT", CHUNKS[row], piece=0, row=row)).status == 204


async def captured(held: Companion, opened: Door, sender: str = "") -> DocumentId:
    """A drop of the phone's, whose record has come to the door by plain HTTP and whose bytes have not."""
    said = registers(
        name="memo.webm",
        size=len(MEMO),
        digest=bytes.fromhex(WHOLE),
        pieces=[hashlib.sha256(LISTED).digest()],
        sender=sender or held.phone.device,
        to="",
        at_ms=clock.now_ms(),
        mime="audio/webm",
    )
    birth = records.birth(KIND, said, "", secrets.token_bytes(16))
    document = document_of("personal", KIND, birth)

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(birth, document),)

    await held.engine.say(Lane.DATA, make)
    headers = {"Origin": opened.url}
    async with (
        opened.browsing() as session,
        session.post("/api/ev", data=encode(await held.outbox()), headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
    return document


@contextlib.asynccontextmanager
async def asking_at(opened: Door, phone: Phone, sender: str = "") -> AsyncIterator[Asking]:
    """A phone in flight mode whose memo's record has arrived, on one connection: handshakes are counted."""
    connector = aiohttp.TCPConnector(resolver=Here(), ssl=opened.trusting())
    async with (
        companion(opened, phone, online=False) as held,
        aiohttp.ClientSession(opened.url, connector=connector) as session,
    ):
        yield Asking(opened, phone, await captured(held, opened, sender), session)


@pytest.fixture
async def asking(opened: Door, phone: Phone) -> AsyncIterator[Asking]:
    """The same, for its own memo."""
    async with asking_at(opened, phone) as made:
        yield made


async def test_chunks_come_without_a_link_and_go_on_where_they_were(asking: Asking) -> None:
    """The list says what is lacking; after a cut only that is asked for; with the last chunk the node has the file."""
    first = await asking.ask("PUT", LISTED, piece=0)
    assert (first.status, first.told) == (200, {"lacks": [0, 1, 2]})
    assert (await asking.ask("PUT", CHUNKS[1], piece=0, row=1)).status == 204
    again = await asking.ask("PUT", LISTED, piece=0)
    assert again.told == {"lacks": [0, 2]}
    await asking.bring()
    agent = asking.door.agent

    async def got() -> bool:
        status: Any = await agent.call("drop.status", {"id": str(asking.document)})
        return agent.device in {one["device"] for one in status["got"]}

    async with asyncio.timeout(LIMIT_S):
        while not await got():  # noqa: ASYNC110 - what it looks at tells no event
            await asyncio.sleep(0.05)
    assert (await asking.ask("PUT", LISTED, piece=0)).told == {"lacks": []}


@pytest.mark.parametrize(
    ("said", "span"),
    [
        ("bytes=0-", (0, len(MEMO))),
        ("bytes=0-0", (0, 1)),
        (f"bytes={CHUNK_BYTES_MAX - 3}-{CHUNK_BYTES_MAX + 4}", (CHUNK_BYTES_MAX - 3, CHUNK_BYTES_MAX + 5)),
        ("bytes=-1500", (len(MEMO) - 1500, len(MEMO))),
        (f"bytes={len(MEMO) - 1}-9999999999", (len(MEMO) - 1, len(MEMO))),
    ],
)
async def test_a_range_of_a_whole_file(asking: Asking, said: str, span: tuple[int, int]) -> None:
    """Exactly those bytes, across chunks."""
    await asking.bring()
    found = await asking.ask("GET", MEMO, headers={"Range": said})
    assert found.status == 206
    assert found.headers["Content-Range"] == f"bytes {span[0]}-{span[1] - 1}/{len(MEMO)}"
    assert found.body == MEMO[span[0] : span[1]]


async def test_a_whole_file_and_what_is_no_range(asking: Asking) -> None:
    """All of it, as a kind that runs nothing; ranges that are none, or of something else, are passed over."""
    await asking.bring()
    found = await asking.ask("GET", MEMO)
    assert (found.status, found.body) == (200, MEMO)
    assert found.headers["ETag"] == f'"{WHOLE}"'
    assert found.headers["Content-Type"] == "audio/webm"
    assert found.headers["Cache-Control"] == "no-store"
    assert "sandbox" in found.headers["Content-Security-Policy"]
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    for said in ("bytes=0-1,5-6", "items=0-1", "bytes=9-3", "bytes=-"):
        assert (await asking.ask("GET", MEMO, headers={"Range": said})).status == 200, said
    same = {"Range": "bytes=0-9", "If-Range": f'"{WHOLE}"'}
    other = {"Range": "bytes=0-9", "If-Range": '"something else"'}
    assert (await asking.ask("GET", MEMO, headers=same)).status == 206
    assert (await asking.ask("GET", MEMO, headers=other)).status == 200
    for said in (f"bytes={len(MEMO)}-", "bytes=-0"):
        beyond = await asking.ask("GET", MEMO, headers={"Range": said})
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(MEMO)}")
    chunk = await asking.ask("GET", CHUNKS[1], piece=0, row=1, headers={"Range": "bytes=10-19"})
    assert (chunk.status, chunk.body) == (206, CHUNKS[1][10:20])


async def test_what_is_not_here_is_not_begun(asking: Asking) -> None:
    """A file of which a chunk is lacking is refused where that is asked for, and served where it is not."""
    await asking.ask("PUT", LISTED, piece=0)
    assert (await asking.ask("GET", MEMO)).status == 503
    await asking.ask("PUT", CHUNKS[0], piece=0, row=0)
    assert (await asking.ask("GET", MEMO)).status == 503
    assert (await asking.ask("GET", MEMO, headers={"Range": "bytes=5-99"})).body == MEMO[5:100]


async def test_only_what_a_place_names_is_taken(asking: Asking) -> None:
    """Other bytes, another place, too much, another phone's file: nothing of it is kept."""
    await asking.ask("PUT", LISTED, piece=0)
    right = hashlib.sha256(CHUNKS[0]).hexdigest()
    wrong = b"x" * CHUNK_BYTES_MAX
    refusals = {
        "other bytes": await asking.ask("PUT", wrong, piece=0, row=0, digest=right),
        "too few": await asking.ask("PUT", CHUNKS[0][:-1], piece=0, row=0, digest=right),
        "too many": await asking.ask("PUT", CHUNKS[0] + b"x", piece=0, row=0, digest=right),
        "another place": await asking.ask("PUT", wrong, piece=0, row=0),
        "no such row": await asking.ask("PUT", wrong, piece=0, row=3),
        "no such piece": await asking.ask("PUT", wrong, piece=1),
        "another list": await asking.ask("PUT", wrong[:72], piece=0),
        "no place": await asking.ask("PUT", CHUNKS[0]),
        "no number": await asking.ask("PUT", CHUNKS[0], piece=0, row=-1),
        "no digest": await asking.ask("PUT", CHUNKS[0], piece=0, row=0, digest="0" * 63),
    }
    statuses = {what: answer.status for what, answer in refusals.items()}
    assert statuses == {
        "other bytes": 403,
        "too few": 403,
        "too many": 413,
        "another place": 404,
        "no such row": 404,
        "no such piece": 404,
        "another list": 404,
        "no place": 400,
        "no number": 400,
        "no digest": 400,
    }
    assert (await asking.ask("PUT", LISTED, piece=0)).told == {"lacks": [0, 1, 2]}


async def test_another_devices_file_is_not_brought(opened: Door, phone: Phone) -> None:
    """A phone brings what it dropped itself; it may read what others did."""
    async with asking_at(opened, phone, sender=opened.agent.device) as asking:
        assert (await asking.ask("PUT", LISTED, piece=0)).status == 403


async def test_who_is_no_phone_gets_nothing(asking: Asking) -> None:
    """No signature, somebody else's, an old one, another method's, another origin; and a phone that was removed."""
    await asking.bring()
    assert (await asking.ask("GET", MEMO, bare=True)).status == 403
    assert (await asking.ask("GET", MEMO, signer=Phone("stranger"))).status == 403
    assert (await asking.ask("GET", MEMO, late_ms=3_600_000)).status == 400
    assert (await asking.ask("PUT", LISTED, piece=0, headers={"Origin": "https://evil.example"})).status == 403
    assert (await asking.ask("GET", MEMO, headers={"Host": "evil.example"})).status == 421
    assert (await asking.ask("GET", b"something else that is here")).status == 404
    stranger = Asking(asking.door, Phone("stranger"), asking.document, asking.session)
    assert (await stranger.ask("GET", MEMO)).status == 403
    assert (await asking.ask("GET", MEMO)).status == 200
    await close(asking.door.agent.engine, asking.phone.admission)
    assert (await asking.ask("GET", MEMO)).status == 403
    assert (await asking.ask("PUT", LISTED, piece=0)).status == 403
