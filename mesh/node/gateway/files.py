"""What a Shortcut of a phone hands in, with a token that lets it do that and nothing else: files, and texts as notes.

It comes in whole and is kept as this device's own drop or note, since a Shortcut has no key of a device. A name leads
nowhere: it is only what the file is called. Nothing is ever read out by this way.
"""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import unquote

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError

from mesh.errors import Malformed, NotGranted, TooLarge
from mesh.limits import HANDED_BYTES_MAX, HANDED_TEXT_BYTES_MAX
from mesh.names import shown
from mesh.node import calls_drops, calls_notes, timing, whole
from mesh.node.drops.pool import Pool
from mesh.node.gateway import tokens
from mesh.node.gateway.replies import Routes, body_of

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_BEARER = "Bearer "
_BROKEN = (ValueError, AssertionError, RuntimeError, HttpProcessingError, web.RequestPayloadError)
"""What aiohttp makes of a body or a form that is none."""
_STEP_BYTES = 65_536
_TITLE_CHARACTERS = 80
_UNKEPT = {"Cache-Control": "no-store"}


class _Bytes(Protocol):
    """What comes in, piece by piece; an empty one is the end."""

    async def __call__(self) -> bytes:
        """The next piece."""


class Files:
    """Takes them for one agent."""

    def __init__(self, agent: Agent) -> None:
        """Use `routes`."""
        self._agent = agent

    def routes(self) -> Routes:
        """What is answered."""
        return [("POST", "/api/drop", self.drop)]

    async def drop(self, request: web.Request) -> web.Response:
        """Take one file, alone or as the first of a form; or a text. Raises NotGranted, TooLarge, Malformed."""
        said = request.headers.get("Authorization", "")
        if not said.startswith(_BEARER):
            message = "nothing is taken here without a token"
            raise NotGranted(message, hint="On the computer: mesh phone token")
        token = await tokens.of(self._agent, said.removeprefix(_BEARER).strip())
        name = request.query.get("name", "")
        if request.content_type.startswith("multipart/"):
            form, part = await _first_file(request)

            async def piece() -> bytes:
                data = await part.read_chunk(_STEP_BYTES)
                if not data:
                    await form.next()  # a boundary must follow: without one the file is cut off
                return data

            told = await self._file(piece, unquote(part.filename or "") or name)
        elif request.content_type.startswith("text/") and not name:
            told = await self._text(await body_of(request, HANDED_TEXT_BYTES_MAX))
        else:
            told = await self._file(lambda: request.content.read(_STEP_BYTES), name)
        self._agent.log("phone.handed", token=token.id, document=told["document"])
        return web.json_response(told, headers=_UNKEPT)

    async def _file(self, piece: _Bytes, name: str) -> dict[str, object]:
        try:
            with tempfile.TemporaryFile(dir=self._agent.home) as file:
                await _taken(piece, file, self._agent.drops.pool)
                told = await calls_drops.dropped(self._agent, "", file, name)
        except OSError as error:
            raise whole.cannot_write(self._agent.home, error) from error
        return {"document": told["document"], "size": told["size"]}

    async def _text(self, raw: bytes) -> dict[str, object]:
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            message = "the text is not in UTF-8"
            raise Malformed(message, hint="Hand it in as a file, with its name.") from error
        if not text.strip():
            message = "there is nothing in it"
            raise Malformed(message)
        title = shown(text.strip().splitlines()[0], _TITLE_CHARACTERS)
        told = await calls_notes.add(self._agent, {"title": title, "body": text})
        assert isinstance(told, dict), "a note is told as a map"
        return {"document": told["document"], "size": len(raw)}


async def _first_file(request: web.Request) -> tuple[MultipartReader, BodyPartReader]:
    """A form, and the first file of it. Raises Malformed."""
    try:
        async with asyncio.timeout(timing.DOOR_BODY_S):
            form = await request.multipart()
            while (part := await form.next()) is not None:
                if isinstance(part, BodyPartReader) and part.filename:
                    return form, part
    except TimeoutError as error:
        message = f"no file began within {timing.DOOR_BODY_S:g} seconds"
        raise Malformed(message) from error
    except _BROKEN as error:
        message = "the form cannot be read"
        raise Malformed(message) from error
    message = "there is no file in the form"
    raise Malformed(message)


async def _taken(piece: _Bytes, file: BinaryIO, pool: Pool) -> None:
    """Take a body into a file, while the disk has room. Raises TooLarge, DiskFull; Malformed when nothing comes."""
    size = 0

    def write() -> None:
        pool.must_have_room(len(data))
        file.write(data)

    try:
        while True:
            async with asyncio.timeout(timing.DOOR_BODY_S):
                data = await piece()
            if not data:
                break
            size += len(data)
            if size > HANDED_BYTES_MAX:
                message = f"more than {HANDED_BYTES_MAX:,} bytes at once"
                raise TooLarge(message, hint="Hand it in on a computer: mesh drop FILE")
            await asyncio.to_thread(write)
        await asyncio.to_thread(file.seek, 0)  # what is still to be written is written first
    except TimeoutError as error:
        message = "the file did not come to its end"
        raise Malformed(message) from error
    except _BROKEN as error:
        message = "the file is cut off"
        raise Malformed(message) from error
    if not size:
        message = "there is nothing in it"
        raise Malformed(message)
