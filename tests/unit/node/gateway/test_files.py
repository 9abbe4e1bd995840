"""What a Shortcut hands in, at a true home: files and texts with a token, nothing without one, nothing half."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest

from mesh.events.founding import request_text
from mesh.node import timing
from mesh.node.agent import Agent
from mesh.node.drops import pool
from mesh.node.gateway import files, tokens
from mesh.node.gateway.files import Files
from tests.unit.node.families import ask, family
from tests.unit.node.gateway.asking import Client, client_of
from tests.unit.small_mesh import browser_request

LIMIT_S = 45
FILE = b'Content-Disposition: form-data; name="f"; filename="a"\r\n\r\n'


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """A device with a phone."""
    async with family(tmp_path / "homes") as (alder,):
        await ask(alder, "admit", request=request_text(browser_request("phone")), rank="member")
        yield alder


@pytest.fixture
async def token(agent: Agent) -> dict[str, str]:
    """What the Shortcut sends with each request."""
    return {"Authorization": f"Bearer {(await ask(agent, 'phone.token'))['token']}"}


@pytest.fixture
async def client(agent: Agent) -> AsyncIterator[Client]:
    """Somebody who asks."""
    async with client_of(Files(agent).routes()) as made:
        yield made


async def put(agent: Agent, folder: Path) -> dict[str, bytes]:
    """All files that were handed in, put down."""
    found = {}
    for one in (await ask(agent, "drop.list"))["drops"]:  # type: ignore[attr-defined]
        told = await ask(agent, "drop.get", id=one["document"], into=str(folder))
        found[str(one["title"])] = await asyncio.to_thread(Path(str(told["path"])).read_bytes)
    return found


async def test_a_file(agent: Agent, client: Client, token: dict[str, str], tmp_path: Path) -> None:
    """Alone with its name, or in a form; byte by byte, under a name that leads nowhere."""
    photo = bytes(range(256)) * 2000
    async with client.post("/api/drop?name=a%20photo.jpg", data=photo, headers=token) as answer:
        assert (answer.status, (await answer.json())["size"]) == (200, len(photo))
    form = aiohttp.FormData()
    form.add_field("note", "no file")
    form.add_field("file", b"memo", filename="../../memo.m4a", content_type="audio/mp4")
    async with client.post("/api/drop", data=form, headers=token) as answer:
        assert answer.status == 200
    async with client.post("/api/drop", data=b"x", headers={**token, "Content-Type": "image/png"}) as answer:
        assert answer.status == 200
    assert await put(agent, tmp_path) == {"a photo.jpg": photo, ".._.._memo.m4a": b"memo", "dropped file": b"x"}
    (used,) = await tokens.listed(agent)
    assert used.used_ms is not None


async def test_a_text_is_a_note(agent: Agent, client: Client, token: dict[str, str]) -> None:
    """Its first line is the title, all of it the body; with a name it is a file."""
    async with client.post("/api/drop", data="https://example.org/\nto read", headers=token) as answer:
        assert answer.status == 200
        document = (await answer.json())["document"]
    shown = await ask(agent, "note.show", document=document)
    assert (shown["title"], shown["body"]) == ("https://example.org/", "https://example.org/\nto read")
    async with client.post("/api/drop?name=a.txt", data="text", headers=token) as answer:
        assert answer.status == 200
    assert [one["title"] for one in (await ask(agent, "drop.list"))["drops"]] == ["a.txt"]  # type: ignore[attr-defined]


async def test_nothing_without_a_token(agent: Agent, client: Client, token: dict[str, str]) -> None:
    """Nor with another one, nor with one that has ended."""
    (made,) = await tokens.listed(agent)
    text = token["Authorization"]
    await tokens.revoked(agent, made.id)
    for said in ("", "Bearer ", "Bearer mesh-drop-x", text, text.removeprefix("Bearer ")):
        async with client.post("/api/drop?name=a", data=b"x", headers={"Authorization": said}) as answer:
            assert answer.status == 403
    assert (await ask(agent, "drop.list"))["drops"] == []


async def test_nothing_half(
    agent: Agent, client: Client, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is empty, too large, no form, or no text leaves nothing."""
    monkeypatch.setattr(files, "HANDED_BYTES_MAX", 1000)
    monkeypatch.setattr(files, "HANDED_TEXT_BYTES_MAX", 1000)
    binary = {**token, "Content-Type": "image/png"}
    multipart = {**token, "Content-Type": "multipart/form-data; boundary=b"}
    plain = {**token, "Content-Type": "text/plain"}
    cases = [
        (b"", binary, 400), (bytes(1001), binary, 413), (b"x" * 1001, plain, 413), (b"\xff", plain, 400),
        (b" \n", plain, 400), (b"--b--\r\n", multipart, 400), (b"nonsense", multipart, 400),
        (b"--b\r\n" + FILE + b"cut", multipart, 400),
        (b"--b\r\n" + b"X: y\r\n" * 999, multipart, 400), (b"--b\r\nX: " + b"y" * 99_999, multipart, 400),
    ]  # fmt: skip
    for data, headers, status in cases:
        async with client.post("/api/drop", data=data, headers=headers) as answer:
            assert answer.status == status, (data, await answer.text())
    assert (await ask(agent, "drop.list"))["drops"] == []
    assert (await ask(agent, "note.list"))["notes"] == []


async def test_a_form_without_end(client: Client, token: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that go on and on, and no file among them: it has the time of any other body."""
    monkeypatch.setattr(timing, "DOOR_BODY_S", 0.5)

    async def fields() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n'
        while True:
            yield bytes(1000)
            await asyncio.sleep(0.01)

    multipart = {**token, "Content-Type": "multipart/form-data; boundary=b"}
    async with asyncio.timeout(LIMIT_S), client.post("/api/drop", data=fields(), headers=multipart) as answer:
        assert answer.status == 400
        assert "no file began" in await answer.text()


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), None])
async def test_a_disk_that_is_full(
    error: OSError | None, agent: Agent, client: Client, token: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or nearly: a sentence, and nothing of it stays."""
    if error is None:
        monkeypatch.setattr(pool, "DISK_LOW_BYTES", 1 << 60)
    else:
        monkeypatch.setattr(tempfile, "TemporaryFile", Mock(side_effect=error))
    async with client.post("/api/drop?name=a", data=b"x", headers=token) as answer:
        assert (answer.status, (await answer.json())["error"]["family"]) == (503, "DiskFull")
    assert (await ask(agent, "drop.list"))["drops"] == []
