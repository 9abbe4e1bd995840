"""Calls about dropped files: dropping one, listing them, putting one down in a folder, and taking one away.

Paths are of this machine and absolute; the command line makes them so. A file is put down where somebody asks, or by
itself in the one folder that a person named.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mesh.errors import Misuse, NotGranted, Unreachable
from mesh.limits import LIST_MAX, WORD_REGISTER_BYTES_MAX
from mesh.names import DocumentId, device_text, shown
from mesh.node import agents, clock, keeping, subjects
from mesh.node.arguments import Arguments, needed, number, text, yes
from mesh.node.drops.cutting import Cut, Cutting
from mesh.node.drops.drops import Drops
from mesh.node.drops.joining import Joining, Lacking, lacking, safe_name
from mesh.node.keeping import New, Told
from mesh.node.storage.store_port import RecordRow
from mesh.node.vaults.keeper import must_not_hold
from mesh.state import drops as records
from mesh.state.drops import KIND, Drop, drop_of
from mesh.state.records import STATE

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 100
FILES = "files"
_STATES: dict[str, tuple[str, ...]] = {FILES: ("",), "transcripts": (records.TRANSCRIPT,), "all": ()}


async def add(agent: Agent, arguments: Arguments) -> object:
    """Drop a file: its bytes are kept here, and its record names them. For one device, or for all."""
    name, said = agents.name_in(arguments), text(arguments, "to")
    if agent.engine.is_relay:
        raise NotGranted("this device is a relay: it holds what it cannot read, and drops nothing")
    to = device_text(subjects.device_of(agent, said).digest) if said else ""
    path = _absolute(needed(arguments, "path"))
    file = await asyncio.to_thread(_opened, path)
    try:
        return await dropped(agent, name, file, path.name, to=to, project=text(arguments, "project") or "")
    finally:
        file.close()


async def dropped(
    agent: Agent, name: str, file: BinaryIO, called: str, *, to: str = "", project: str = ""
) -> dict[str, object]:
    """Drop an open file of this name, which is read as it is now, and may change or go afterwards. Raises MeshError."""
    async with agent.drops.filling:
        cut = await _cut(agent.drops, file)
        given = records.registers(
            name=safe_name(called),
            size=cut.size,
            digest=cut.digest,
            pieces=cut.pieces,
            sender=agent.device,
            to=to,
            at_ms=clock.now_ms(),
            mime=(mimetypes.guess_type(called)[0] or "")[:WORD_REGISTER_BYTES_MAX],
        )
        document = await keeping.made(agent, name, New(KIND, records.in_project(given, project)))
    row = await agent.store.record(document)
    told = _told(agent, row) if row is not None else {"document": str(document)}
    return {**told, "chunks": cut.chunks, "new_bytes": cut.new_bytes}


async def _cut(drops: Drops, file: BinaryIO) -> Cut:
    """The file in the pool."""
    size = os.fstat(file.fileno()).st_size
    await asyncio.to_thread(drops.pool.must_have_room, size)
    cutting = Cutting(file, drops.pool)
    await _stepped(cutting.step)
    return await asyncio.to_thread(cutting.done)


def _opened(path: Path) -> BinaryIO:
    """A regular file to read; a pipe would be waited for. Raises Misuse."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise Misuse(f"{shown(str(path))} cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Misuse(f"{shown(str(path))} is no file", hint="Put a folder into an archive first: tar, zip.")
    return os.fdopen(file, "rb")


def _absolute(said: str) -> Path:
    path = Path(said)
    if not path.is_absolute() or "\0" in said:
        raise Misuse("a path is absolute here", hint="The command line makes it so.")
    return path


async def _stepped(step: Callable[[], bool]) -> None:
    """Long work in steps, each in a thread, so that it ends soon when the call is cancelled."""
    while await asyncio.to_thread(step):
        continue


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Drops, the latest first: files, the transcripts of sessions, or all. Transcripts are a person's to look for."""
    name, what = agents.name_in(arguments), text(arguments, "what") or FILES
    if what not in _STATES:
        raise Misuse(f"{what!r} is no kind of drop", hint=f"It is one of {', '.join(_STATES)}.")
    if name and what != FILES:
        raise NotGranted("no agent looks for what others were told", hint="A person does: `mesh drop list --what all`.")
    limit = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    rows = await keeping.listed(agent, name, {KIND}, states=_STATES[what], limit=limit)
    return {"what": what, "drops": [_told(agent, row) for row in rows]}


async def status(agent: Agent, arguments: Arguments) -> object:
    """One drop, and how far it is on this device."""
    row = await _chosen(agent, arguments)
    return {**_told(agent, row), "lacking": await _lacking(agent, drop_of(row.record))}


async def _lacking(agent: Agent, drop: Drop) -> int:
    """How many bytes are not here: as fetching knows while it goes on, else as the disk says."""
    progress = agent.drops.fetching.progress.get(drop.document)
    if progress is not None and progress.here < drop.size:
        return drop.size - progress.here
    return await asyncio.to_thread(lacking, agent.drops.pool, drop)


async def get(agent: Agent, arguments: Arguments) -> object:
    """Put a drop down in a folder, where all of it is here; else see to it that it comes, and tell how far it is."""
    row = await _chosen(agent, arguments)
    drop, folder = drop_of(row.record), _absolute(needed(arguments, "into"))
    if not await _lacking(agent, drop):
        try:
            path = await _put_down(agent.drops, drop, folder)
            return {**_told(agent, row), "path": str(path)}
        except Lacking:  # what was damaged on the disk is missing now
            if agent.bus is None:
                raise
    if agent.bus is None:
        hint = "Start the agent with `mesh up`: then it comes from a device that has it."
        raise Unreachable(f"not all of {shown(drop.name)!r} is on this device", hint=hint)
    await agent.drops.want(drop.document)
    return {**_told(agent, row), "path": ""}


async def _put_down(drops: Drops, drop: Drop, folder: Path) -> Path:
    joining = await asyncio.to_thread(Joining, drops.pool, drop, folder)
    try:
        await _stepped(joining.step)
        return await asyncio.to_thread(joining.done)
    finally:
        joining.close()


async def folder(agent: Agent, arguments: Arguments) -> object:
    """The folder where dropped files appear by themselves; `folder` chooses one and makes it, or chooses none."""
    said, chosen = text(arguments, "folder"), agent.drops.folder
    if said:
        path = await asyncio.to_thread(_made_folder, _absolute(said), agent.home)
        if path != chosen.path:
            await chosen.choose(path)
    elif said is not None and chosen.path is not None:
        await chosen.choose(None)
    return {
        "folder": str(chosen.path) if chosen.path else None,
        "since_ms": chosen.since_ms or None,
        "put_down": chosen.count,
        "problem": chosen.problem,
        "hint": chosen.hint,
    }


def _made_folder(path: Path, home: Path) -> Path:
    """A folder by its real path. Raises Misuse."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = path.resolve()
    except OSError as error:
        raise Misuse(
            f"the folder {shown(str(path))} cannot be made: {error.strerror}", hint="Take another one."
        ) from error
    must_not_hold(path, home)
    return path


async def remove(agent: Agent, arguments: Arguments) -> object:
    """Take a drop away: from all lists, and its bytes from every device that no other drop needs them on."""
    row = await _chosen(agent, arguments)
    name = agents.name_in(arguments)
    event = await keeping.changed(agent, name, row.record.document, lambda _: {"deleted": True})
    busy = agent.drops.filling.locked()  # then the hourly sweep takes them
    swept = 0 if busy else await agent.drops.sweep()
    return {"document": str(row.record.document), "title": drop_of(row.record).name, "event": event, "swept": swept}


async def _chosen(agent: Agent, arguments: Arguments) -> RecordRow:
    row = await keeping.chosen(agent, agents.name_in(arguments), needed(arguments, "id"), {KIND})
    if row.record.deleted and not yes(arguments, "deleted"):
        raise Misuse(f"{row.record.document} was taken away", hint="`mesh drop list` shows what there is.")
    return row


async def say_got(agent: Agent, document: DocumentId) -> None:
    """Say that this device has the whole of a drop."""
    key = records.got_by(agent.engine.own.admission)
    await keeping.changed(agent, "", document, lambda record: {} if record.number(key) else {key: clock.now_ms()})


def _told(agent: Agent, row: RecordRow) -> Told:
    """What a drop is, and how it stands on this device."""
    drop = drop_of(row.record)
    progress = agent.drops.fetching.progress.get(drop.document)
    here = agent.device in drop.got
    moving = progress is not None and not progress.problem
    state = "here" if here else ("fetching" if moving else "waiting") if agent.drops.is_owed(drop) else "elsewhere"
    return {
        **keeping.told(agent, row),
        "state": state,
        "transcript": row.record.word(STATE) == records.TRANSCRIPT,
        "size": drop.size,
        "mime": drop.mime,
        "digest": drop.digest.hex(),
        "from": _device(agent, drop.sender),
        "to": _device(agent, drop.to) if drop.to else None,
        "at_ms": drop.at_ms,
        "got": [{**_device(agent, name), "at_ms": when} for name, when in sorted(drop.got.items())],
        "here_bytes": drop.size if here else progress.here if progress else 0,
        "received_bytes": progress.received if progress else 0,
        "served_bytes": agent.drops.serving.bytes.get(drop.document, 0),
        "still_s": round(time.monotonic() - progress.moved_s, 1) if progress else None,
        "peer": progress.peer if progress and moving and not here else "",
        "problem": progress.problem if progress and not here else "",
        "hint": progress.hint if progress and not here else "",
    }


def _device(agent: Agent, name: str) -> Told:
    """A device that a drop names, which its author wrote."""
    admission = agent.engine.replica.devices.get(name)
    return {"device": shown(name), "name": subjects.name_of(agent, admission) if admission else shown(name)}
