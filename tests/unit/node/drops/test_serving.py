"""Serving: chunks go to devices that read, and only those of drops that count."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import Malformed, Refused
from mesh.limits import MIB, NONCE_BYTES, PAGE_BYTES_MAX
from mesh.names import device_text
from mesh.node.transport.bus_memory import MemoryNetwork
from mesh.state.drops import unpacked
from mesh.sync.drops import Ask, opened_page, sealed_ask
from mesh.sync.saying import epoch_to_write
from tests.unit.node.closing import close
from tests.unit.node.drops.files import noise
from tests.unit.node.drops.sharing import Sharer, sharing
from tests.unit.node.engines import founded, joined_by


async def asked(asker: Sharer, server: Sharer, ask: Ask) -> list[tuple[int, bytes]]:
    """What one device serves another."""
    engine = asker.small.engine
    sent = sealed_ask(ask, engine.keyring, epoch_to_write(engine.replica.verdict, engine.keyring), bytes(NONCE_BYTES))
    raw = await server.drops.serving.answer(asker.name, sent)
    return list(opened_page(raw, engine.keyring).chunks)


async def test_only_places_in_drops_that_count_are_served(tmp_path: Path) -> None:
    """Another document, a drop that was taken away, a place that is not there: refused. What is not here stays out."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        document = await a.drop(noise(MIB), to="nobody")
        ((_, piece),) = await asked(b, a, Ask(document, 0))
        rows = unpacked(piece)
        page = await asked(b, a, Ask(document, 0, (0, 2)))
        assert [(row, hashlib.sha256(data).digest()) for row, data in page] == [(r, rows[r].digest) for r in (0, 2)]
        everything = await asked(b, a, Ask(document, 0, tuple(range(min(len(rows), 60)))))
        assert sum(len(data) for _, data in everything) <= PAGE_BYTES_MAX
        a.drops.pool.path(rows[0].digest).unlink()
        assert [row for row, _ in await asked(b, a, Ask(document, 0, (0, 2)))] == [2]
        for wrong in (
            Ask(document, 1),
            Ask(document, 0, (len(rows),)),
            Ask(replace(document, name=bytes(16)), 0),
            Ask(replace(document, type="note"), 0),
        ):
            with pytest.raises(Refused):
                await asked(b, a, wrong)
        await a.change(document, {"deleted": True})
        with pytest.raises(Refused, match="no such drop"):
            await asked(b, a, Ask(document, 0))


async def test_attack_who_is_out_or_a_relay_gets_nothing(tmp_path: Path) -> None:
    """A device that was taken out, one without keys by its rank, and a message that is none."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        joined_by(mac, "post", keyed=False, rank=200) as post,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        document = await a.drop(noise(MIB), to="nobody")
        assert await asked(b, a, Ask(document, 0))
        engine = a.small.engine
        epoch = epoch_to_write(engine.replica.verdict, engine.keyring)
        sent = sealed_ask(Ask(document, 0), engine.keyring, epoch, bytes(NONCE_BYTES))
        with pytest.raises(Refused, match="devices that read"):
            await a.drops.serving.answer(device_text(post.engine.own.admission), sent)
        with pytest.raises(Malformed):
            await a.drops.serving.answer(b.name, engine.keyring.seal_page(epoch, b"ask", b"\x01", bytes(NONCE_BYTES)))
        await close(engine, laptop.engine.own.admission)
        with pytest.raises(Refused, match="devices that read"):
            await a.drops.serving.answer(b.name, sent)
