"""Attacks around people: pairing, the local network, files that are handed over, disks that lie or fill up."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.errors import Forged, MeshError, Refused
from mesh.events.chains import check_body
from mesh.events.event import decode_header
from mesh.events.founding import request_text
from mesh.events.pake import ENTROPY_BYTES
from mesh.events.tags import tagged
from mesh.limits import KIB, MIB, PAIRING_TRIES_MAX, TAG_NONCE_BYTES, TAGS_REMEMBERED_MAX
from mesh.names import Digest, device_text
from mesh.node.log import silent
from mesh.node.moving import archive
from mesh.node.nearby.beacon import read_text
from mesh.node.nearby.beacon_memory import MemoryAir
from mesh.node.nearby.finding import Finding
from mesh.node.pairing import Caller
from mesh.node.paths import database_path
from mesh.node.ports import Sighting
from mesh.sync.messages import Want
from mesh.sync.pairing import Invitation, Inviter, Joiner
from mesh.sync.pairing_frames import LENGTH_BYTES, Code, framed
from tests.attacks.catalogue import pure, real
from tests.attacks.on_statements import devices
from tests.attacks.town import Town, asleep
from tests.system.harness import Device
from tests.system.pairs import Command
from tests.system.test_full_disks import fill
from tests.system.test_restores import backed_up, restored
from tests.unit.node.engines import founded, joined_by
from tests.unit.node.nearby.test_finding import Served
from tests.unit.small_mesh import request

_FLOOD = 10_000
_DISK_BYTES = 160 * MIB
_CODE = Code(7, "orbit-velvet-canoe")


def awake(town: Town, device: Device) -> None:
    """A third honest device starts and is linked to alder."""
    device.start()
    town.fleet.link(device, town.alder)


@real(10, "a new chain, no fork; nothing is lost", slow=True)
async def restored_phone_with_a_stale_head(town: Town) -> str:
    """Holds nothing: elder's home is lost, and its person restores an old backup of it."""

    def story() -> None:
        forks = [device.status()["forks"] for device in town.honest]
        awake(town, town.elder)
        town.elder.note("before the backup")
        town.wait("alder shows it", lambda: "before the backup" in town.alder.titles())
        file = backed_up(town.elder, f"elder-{secrets.token_hex(3)}.mesh")
        town.elder.note("after the backup")
        town.wait("alder shows it", lambda: "after the backup" in town.alder.titles())
        town.elder.stop()
        shutil.rmtree(town.elder.home)
        restored(town.elder, file)
        awake(town, town.elder)
        town.elder.note("after the restore")
        wanted = {"before the backup", "after the backup", "after the restore"}
        for device in (*town.honest, town.elder):
            town.wait(f"{device.name} shows all three", lambda d=device: wanted <= d.titles())
        town.elder.stop()
        town.mark()
        assert [device.status()["forks"] for device in town.honest] == forks

    await asyncio.to_thread(story)
    return "all three notes everywhere, no alarm"


@pure(45, "a hint at most, and bounded; whoever sits there must prove its key")
def rogue_announcements() -> str:
    """Is on the local network. Announces 10,000 services, repeats a member's tag, writes escapes."""
    return asyncio.run(_announced())


async def _announced() -> str:
    async with founded() as small, joined_by(small, "laptop") as laptop:
        device, member = (device_text(one.engine.own.admission) for one in (small, laptop))
        bus = Served(device)
        finding = Finding(small.engine, bus, MemoryAir().beacon("192.0.2.1"), silent)
        repeated = {}
        for key in finding._tag_keys().values():  # noqa: SLF001 - what the member would announce
            repeated = dict(tagged(key, member, secrets.token_bytes(TAG_NONCE_BYTES)))
        finding.sighted(Sighting("device", ("192.0.2.66:1",), repeated))
        for number in range(_FLOOD):
            text = {"v": b"1", "n": number.to_bytes(TAG_NONCE_BYTES), "t": secrets.token_bytes(8)}
            finding.sighted(Sighting("device", (f"192.0.2.66:{1 + number}",), text))
        for raw in (b"\x05v=\x1b[2", b"\xff" * 300, b"\x00" * 5000, b"\x03\x1b=1", b"\x09n=\xe2\x80\xaeabcd"):
            finding.sighted(Sighting("device", ("192.0.2.66:1",), read_text(raw)))
        assert {one for one, _ in bus.sightings} == {member}, (
            "only the repeated tag leads to a dial, to that member's key"
        )
        assert len(bus.sightings) == 1
        assert len(finding._known) <= TAGS_REMEMBERED_MAX  # noqa: SLF001 - what it costs
        return f"{_FLOOD:,} announcements, one hint, at most {TAGS_REMEMBERED_MAX:,} remembered"


# ---------------------------------------------------------------- pairing


@contextmanager
def invitation(town: Town, *words: str) -> Iterator[tuple[Command, Code, str]]:
    """An open invitation of alder: the command, its code, and where it listens."""
    inviting = Command(town.fleet._spawn, town.alder, "--json", "invite", *words)  # noqa: SLF001 - ends with the town
    try:
        told = inviting.told()
        addresses = told["addresses"]
        assert isinstance(addresses, list)
        yield inviting, Code.parse(str(told["code"])), str(addresses[0])
    finally:
        if inviting.process.poll() is None:
            inviting.interrupt()


async def called(code: Code, address: str, name: str = "intruder") -> str:
    """Join as a device with these words; the sentence that it gets."""
    asking = request_text(request(name))

    async def keep(_admission: str) -> str:
        return "let in"

    try:
        return await Caller(code, asking, lambda: None).called([[address]], keep)
    except MeshError as error:
        return str(error)


@real(47, "three wrong proofs kill the code; the right one comes too late")
async def guesses_at_a_code(town: Town) -> str:
    """Holds nothing. Calls at an open invitation with wrong words three times, then has learned the right ones."""
    before = devices(town.alder)
    with invitation(town, "--yes") as (inviting, code, address):
        said = [await called(Code(code.nameplate, f"zoo-zoo-{word}"), address) for word in ("able", "abuse", "actor")]
        right = await called(code, address)
        ended = await asyncio.to_thread(inviting.ended)
    assert len(said) == PAIRING_TRIES_MAX
    assert all("not the one" in one or "dead" in one for one in said), said
    assert right != "let in"
    assert ended.code != 0
    assert devices(town.alder) == before
    return f"then: {right}"


@real(48, "refused")
async def replays_and_races_a_pairing(town: Town) -> str:
    """Saw the code once a device had used it. Comes second with the right words, replays the first one's frames."""
    before = devices(town.alder)
    with invitation(town) as (inviting, code, address):
        first = Joiner(code, request_text(request("first")), secrets.token_bytes(ENTROPY_BYTES))
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        spoken: list[bytes] = []
        step = first.begin()
        for _ in range(2):
            spoken += step.send
            writer.write(b"".join(framed(frame) for frame in step.send))
            step = first.heard(await _frame(reader))
        spoken += step.send
        writer.write(b"".join(framed(frame) for frame in step.send))
        second = await called(code, address, "second")
        replay_reader, replay_writer = await asyncio.open_connection(host, int(port))
        replay_writer.write(b"".join(framed(frame) for frame in spoken))
        heard = await replay_reader.read(KIB)
        replay_writer.close()
        writer.close()
        inviting.says("no\n")
        await asyncio.to_thread(inviting.ended)
    assert "used" in second, second
    assert b"used" in heard, heard
    assert devices(town.alder) == before
    return f"second: {second}; replayed: used"


async def _frame(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES))
    return await reader.readexactly(length)


@pure(80, "both sides fail, and one try is gone")
def man_in_the_middle_of_a_pairing() -> str:
    """Stands between two devices that pair. Exchanges either point, the nameplate, the version, or a proof."""
    asking = request_text(request("laptop"))
    for altered in range(3):
        invitation_ = Invitation(_CODE, 0.0)
        inviter = Inviter(invitation_, secrets.token_bytes(ENTROPY_BYTES))
        joiner = Joiner(_CODE, asking, secrets.token_bytes(ENTROPY_BYTES))
        other = Joiner(Code(7, "a-b-c"), asking, secrets.token_bytes(ENTROPY_BYTES))
        first = joiner.begin().send[0] if altered else other.begin().send[0]
        answer = inviter.heard(first, 1.0).send[0]
        if altered == 1:
            rogue = Inviter(Invitation(Code(7, "a-b-c"), 0.0), secrets.token_bytes(ENTROPY_BYTES))
            answer = rogue.heard(first, 1.0).send[0]
        proof = joiner.heard(answer).send[0]
        if altered == 2:
            proof = proof[:-1] + bytes([proof[-1] ^ 1])
        step = inviter.heard(proof, 1.0)
        assert step.over is not None, altered
        assert invitation_.tries_left == PAIRING_TRIES_MAX - 1
        assert not inviter.proven
        try:
            joiner.heard(answer)
        except Refused:
            continue
        raise AssertionError(altered)
    return "three ways, each costs a try and gives nothing"


# ---------------------------------------------------------------- files


@real(51, "refused before anything is written (a backup is the only file with names in it that is read)", slow=True)
async def backup_with_paths_and_links(town: Town) -> str:
    """Hands over a backup. Its members climb out of the folder, are links or devices, come twice or are not named."""
    names = ["../../evil", "/evil", "mesh.db/../../evil", "secrets\0x", "Secrets", "mesh.db"]
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
    files = [_backup(name=name) for name in names] + [_backup(kind=kind) for kind in kinds]
    with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
        for number, raw in enumerate(files):
            file = Path(folder) / f"{number}.mesh"
            file.write_bytes(raw)
            device = town.fleet.empty(f"restored{number}")
            town.fleet.devices.remove(device)
            answer = await asyncio.to_thread(device.mesh, "--json", "restore", file)
            assert answer.code == Refused.exit_code, (number, answer)
            assert "Traceback" not in answer.err
            assert not (device.home / "mesh.db").exists()
        assert not [name for name in (*os.listdir(folder), *os.listdir(town.folder)) if "evil" in name]  # noqa: PTH208
    return f"{len(files)} refused"


def _backup(name: str = "secrets", kind: bytes = tarfile.REGTYPE) -> bytes:
    """A backup whose second member is called so and is of this kind."""
    content = b"s" * 30
    with tempfile.TemporaryDirectory() as folder:
        for member in archive.MEMBERS[1:]:
            (Path(folder) / member).write_bytes(content)
        members = tuple(archive.member(member, Path(folder) / member) for member in archive.MEMBERS[1:])
        file = io.BytesIO()
        list(archive.write(file, archive.Manifest("m", "d", "n", 1, 1, "d", "0", members), Path(folder), ""))
    raw = file.getvalue()
    at = raw.index(b"secrets\0")
    info = tarfile.TarInfo(name.replace("\0", "_"))
    info.size, info.mode, info.type, info.linkname = len(content), 0o600, kind, "/etc/passwd"
    return raw[:at] + info.tobuf(tarfile.GNU_FORMAT)[: tarfile.BLOCKSIZE] + raw[at + tarfile.BLOCKSIZE :]


@real(52, "found by `mesh verify`; whoever is given it refuses it (it is not fetched again by itself)", slow=True)
async def bit_flipped_in_the_log(town: Town) -> str:
    """Is a disk that lies: one bit of a body in birch's database is another one."""
    kept = town.folder / "birch.db"
    with asleep(town.birch):
        database = database_path(town.birch.home)
        shutil.copy(database, kept)
        chain, digest = _flip(database)
    try:
        told = await asyncio.to_thread(town.birch.call, "verify", deep=True)
        assert not told["ok"]
        assert told["faults"]
        async with town.thief() as thief, thief.at(town.birch) as line:
            head = next(h for c, h in _tips(town.birch) if c == chain)
            served = await line.want(Want((Span(chain, head, ()),)))
        bad = 0
        for run in served.runs:
            for event in run.events:
                try:
                    check_body(decode_header(event.header), event.body or b"")
                except Forged:
                    bad += 1
        assert bad == 1, "the flipped body is served, and seen by whoever gets it"
    finally:
        with asleep(town.birch):
            for path in database.parent.glob(f"{database.name}*"):
                path.unlink()
            shutil.copy(kept, database)
    assert digest
    await asyncio.to_thread(town.fleet.link, town.birch, town.alder)
    return "verify names the event; the hash in its header refuses it elsewhere"


def _flip(database: Path) -> tuple[Digest, Digest]:
    with closing(sqlite3.connect(database)) as db:
        row, digest, body, chain = db.execute(
            "SELECT e.id, e.digest, e.body, c.digest FROM event e JOIN branch b ON b.id = e.branch"
            " JOIN chain c ON c.id = b.chain"
            " WHERE c.lane = 1 AND e.seq > 1 AND e.body IS NOT NULL ORDER BY e.id LIMIT 1"
        ).fetchone()
        db.execute("UPDATE event SET body = ? WHERE id = ?", (body[:-1] + bytes([body[-1] ^ 1]), row))
        db.commit()
    return Digest(chain), Digest(digest)


def _tips(device: Device) -> list[tuple[Digest, Head]]:
    shown = device.status()["frontier"]
    assert isinstance(shown, dict)
    return [
        (Digest(bytes.fromhex(chain)), Head(heads[0][0], Digest(bytes.fromhex(heads[0][1]))))
        for chain, heads in shown.items()
    ]


@real(53, "no partial state; it takes up again when there is room", slow=True)
async def disk_full_while_news_come_in(town: Town) -> str:
    """Is a disk that fills up under elder while alder writes. Needs root, to mount a small disk."""
    assert os.geteuid() == 0, "not run: mounting a small disk needs root"

    def story() -> None:
        disk = town.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "mesh-attack", str(disk)]
        subprocess.run(mount, check=True, timeout=20)
        device = town.fleet.empty("disk/elder")
        try:
            shutil.copytree(town.elder.home, device.home, ignore=shutil.ignore_patterns("*.sock", "lock"))
            awake(town, device)
            town.wait("elder has everything", lambda: device.status()["in_sync"])
            ballast = fill(disk)
            titles = {f"while the disk is full {number}" for number in range(40)}
            for title in titles:
                town.alder.note(title, "some text of a note\n" * 400)
            town.wait("alder sees that elder lacks them", lambda: not town.alder.status()["in_sync"])
            ballast.unlink()
            town.wait("elder has everything again", lambda: titles <= device.titles())
            assert device.call("verify", deep=True)["ok"]
            device.stop()
            town.mark()
        finally:
            if device.pid is not None:
                device.stop()
            town.fleet.devices.remove(device)
            subprocess.run(["umount", "-l", str(disk)], check=True, timeout=20)
            disk.rmdir()

    await asyncio.to_thread(story)
    return "nothing half: 40 notes came when there was room"
