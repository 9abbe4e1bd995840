"""The parsers of foreign bytes in the shell and in documents: changes, snapshots, backups, addresses, socket lines."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import ssl
import tarfile
import tempfile
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mesh.cli.reading import decoded
from mesh.cli.words import read_code
from mesh.errors import Damaged, Malformed, MeshError, Misuse, Refused, Unreachable
from mesh.events.lockbox import lock, unlock
from mesh.limits import BACKUP_BOX_BYTES, CHANGE_BYTES_MAX, INFO_BYTES_MAX, KEY_BYTES, SALT_BYTES
from mesh.names import shown
from mesh.node import presence
from mesh.node.moving import archive
from mesh.node.nearby import whereabouts
from mesh.node.socket_client import Connection
from mesh.node.socket_server import _parsed as socket_line
from mesh.node.transport.tls import write_files
from mesh.node.transport.visits import _found as found_at
from mesh.node.transport.visits import split_address
from mesh.node.transport.wires import read_answer
from mesh.state import changes, columns, encoding, snapshot
from mesh.state.documents import Document
from mesh.state.edits import Put, Splice
from mesh.state.genesis import body_of
from mesh.state.operations import Change
from mesh.state.shapes import gate
from mesh.sync.pairing_frames import Code
from tests.fuzz.parsers import Parser, core, text_of
from tests.unit.state import writers
from tests.vectors.wrong_changes import body_of as inside
from tests.vectors.wrong_changes import deflated, sealed

WORDS = "correct horse"

# ---------------------------------------------------------------- Automerge changes


def _change_again(value: object) -> bytes | None:
    """What was read, written as Automerge writes it; a deflated one has several forms, and counts as the plain one."""
    assert isinstance(value, Change), value
    made = encoding.encode(value.dependencies, value.actor, value.sequence, value.start, value.operations)
    assert made == value, "it would be written otherwise"
    return None


def _deflated_body(body: bytes) -> bytes:
    raw = sealed(body)
    packed = zlib.compress(body, wbits=-15)
    return raw[:8] + b"\x02" + columns.write_unsigned(len(packed)) + packed


@cache
def _written() -> tuple[Change, ...]:
    return tuple(writers.honest(3, steps=6))


def changes_good() -> list[bytes]:
    """Changes that can be read, in both forms."""
    return [*(change.raw for change in _written()), *(deflated(change) for change in _written()), _bomb()]


@cache
def _bomb() -> bytes:
    """A change that inflates to twice what it may."""
    packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packed.compress(bytes(2 * CHANGE_BYTES_MAX)) + packed.flush()
    return encoding.MAGIC + bytes(4) + bytes([encoding.DEFLATED]) + columns.write_unsigned(len(body)) + body


def _applied(raw: bytes) -> object:
    """A change as far as a document takes it; it ends up in, waits, or is refused, and others go on as before."""
    change = changes.decode(raw)
    body = body_of(writers.DOCUMENT, writers.BIRTH)
    gate(change, admission=writers.ADMISSION, kind="note", body=body)
    honest = [(bytes([n + 1]) * 32, one) for n, one in enumerate(_written())]
    for void in ({change.hash}, {_written()[1].hash}, set[bytes]()):
        document = Document.fold(writers.DOCUMENT, writers.BIRTH, [(bytes(32), change), *honest], void)
        _works(document)
    return document.change_count


def _works(document: Document) -> None:
    """A document goes on: it is edited, shown, kept and read again, and both ways to show it agree."""
    document.take([document.edit(writers.ADMISSION[:8] + b"\xee" * 8, [Splice(0, 0, "x"), Put("title", "after")])])
    shown(document.text())
    document.registers()
    loaded = Document.load(document.save())
    assert (loaded.text(), loaded.heads) == (document.text(), document.heads)
    assert not document.disagreements()


def documents() -> Iterable[Parser]:
    """Changes, and documents at rest."""
    bodies = [inside(change) for change in _written()]
    yield Parser("change", changes.decode, changes_good(), _change_again, structured=False)
    yield Parser("change-body", changes.decode, bodies, _change_again, structured=False, dress=sealed)
    yield Parser("change-packed", changes.decode, bodies, _change_again, structured=False, dress=_deflated_body)
    yield Parser("change-applied", _applied, bodies, structured=False, dress=sealed, share=0.3)
    document = Document.born(writers.DOCUMENT, writers.BIRTH)
    document.take(_written())
    masked = Document.fold(
        *(writers.DOCUMENT, writers.BIRTH),
        [(bytes([n + 1]) * 32, one) for n, one in enumerate(_written())],
        {_written()[1].hash, _written()[-1].hash},
    )
    saved, void = document.save(), masked.save()
    yield Parser("snapshot", snapshot.decode, [saved, void], share=0.5)
    yield Parser("document-at-rest", _loaded, [saved, void], errors=(Damaged,), share=0.2)


def _loaded(raw: bytes) -> object:
    document = Document.load(raw)
    return document.text(), document.registers(), document.heads


# ---------------------------------------------------------------- files


@cache
def _backup(passphrase: str) -> bytes:
    contents = {"machine": b"here\n", "secrets": b"s" * 30, "mesh.db": b"d" * (BACKUP_BOX_BYTES // 16)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for member, content in contents.items():
            (folder / member).write_bytes(content)
        members = tuple(archive.member(member, folder / member) for member in archive.MEMBERS)
        manifest = archive.Manifest("m" * 64, "device", "mac", 3, 1, "d" * 64, "0", members)
        file = io.BytesIO()
        list(archive.write(file, manifest, folder, passphrase))
    return file.getvalue()


def _restored(raw: bytes) -> object:
    taken = 0

    def take(_name: str, part: bytes) -> None:
        nonlocal taken
        taken += len(part)

    manifest = list(archive.read(io.BytesIO(raw), WORDS, take))[-1]
    assert taken <= len(raw), "nothing grows"
    return manifest


def _manifest_within(raw: bytes) -> bytes:
    """A backup with another manifest, and all else as it was."""
    whole = _backup("")
    head = archive._header(archive.MANIFEST, len(raw)) + raw + archive._padding(len(raw))  # noqa: SLF001 - the true writer's
    return head + whole[len(archive._header(archive.MANIFEST, 0)) + tarfile.BLOCKSIZE * _blocks(_manifest()) :]  # noqa: SLF001


def _manifest() -> bytes:
    inside = _backup("")[tarfile.BLOCKSIZE :]
    return inside[: inside.index(b"\0")]


def _blocks(raw: bytes) -> int:
    return -(-len(raw) // tarfile.BLOCKSIZE)


def files() -> Iterable[Parser]:
    """Backups, boxes, texts."""
    whole = _backup("")
    yield Parser("backup", _restored, [whole], structured=False)
    yield Parser("backup-manifest", _restored, [_manifest()], structured=False, dress=_manifest_within)
    yield Parser("backup-sealed", _restored, [_backup(WORDS)], structured=False, share=0.05)  # scrypt: 0.1 s each
    box = lock(b"secrets", WORDS, bytes(SALT_BYTES + 12))
    yield Parser("box", lambda raw: unlock(raw, WORDS), [box], structured=False, share=0.05)
    yield Parser("text-file", lambda raw: decoded(raw, "it"), [b"text\n", "\ufeffé".encode()], structured=False)


# ---------------------------------------------------------------- lines and addresses


def _told(raw: bytes) -> object:
    """A line from the agent, as a command hears it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw[:100_000].replace(b"\n", b" ") + b"\n")
        theirs.shutdown(socket.SHUT_WR)
        return Connection(ours).call("status", {}, answer_s=5.0)


def _address_again(value: object) -> bytes | None:
    assert isinstance(value, tuple), value
    host, port = value
    text_of(str(host).encode())  # a host that cannot be written down is none
    assert str(host).isprintable(), "it would be shown, and written into a configuration"
    assert 0 < port < 1 << 16
    return None


@cache
def _spoken() -> ssl.SSLObject:
    """The client's side of a TLS connection to somebody with a certificate of the mesh, made in memory."""
    with tempfile.TemporaryDirectory() as name:
        files = write_files(Path(name), bytes(KEY_BYTES), bytes(KEY_BYTES))
        serving, calling = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        serving.load_cert_chain(files.certificate, files.key)
    calling.check_hostname, calling.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = calling.wrap_bio(to_client, to_server), serving.wrap_bio(to_server, to_client, server_side=True)
    for end in ends * 2:
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return ends[0]


def _greeted(raw: bytes) -> object:
    return found_at(_spoken(), raw[:INFO_BYTES_MAX])


def _code(raw: bytes) -> object:
    return Code.parse(read_code(text_of(raw)))


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def lines() -> Iterable[Parser]:
    """What comes over the local socket, over NATS, and from a person's keyboard."""
    calls = [
        _json({"call": "note.add", "arguments": {"title": "a"}}),
        _json({"call": "status", "version": 1}),
        b"[[[1]]]",
    ]
    yield Parser("socket-line", socket_line, calls, errors=(Misuse,), structured=False)
    told = [_json({"result": {"a": 1}}), _json({"error": {"class": "Refused", "message": "no", "hint": "", "exit": 3}})]
    yield Parser("socket-answer", _told, told, errors=(MeshError,), structured=False, share=0.5)
    answers = [b"\0body", b"\1refused", b"\2busy", b"\3"]
    yield Parser("answer", read_answer, answers, errors=(Refused, Unreachable), structured=False)
    addresses = [b"192.0.2.7:4222", b"[2001:db8::7]:4222", b"host.example:1", b"[fe80::1%2]:4222"]
    yield Parser(
        "address", lambda raw: split_address(text_of(raw)), addresses, _address_again, (Unreachable,), structured=False
    )
    greetings = [b'INFO {"server_name":"alderalderalder2","version":"2.11"}\r\n', b'INFO {"server_name":7}', b"INFO []"]
    yield Parser("greeting", _greeted, greetings, errors=(Malformed,), structured=False)
    where = [whereabouts.encode([address.decode() for address in addresses])]
    yield Parser("where", whereabouts.decode, where, whereabouts.encode)  # type: ignore[arg-type]
    working = presence.AtWork(f"home/session/{'a' * 26}", "claude", "mesh", "working", 1_762_000_000_000)
    yield Parser("presence", presence.decode, [presence.encode([working])], presence.encode)  # type: ignore[arg-type]
    yield Parser(
        "typed-code", _code, [b"7-orbit-velvet-canoe", b"7 Orbit velv canoe", b"999_abandon-zoo-able"], structured=False
    )


def everything() -> dict[str, Parser]:
    """All parsers by name."""
    from tests.fuzz.dropped import dropped  # noqa: PLC0415 - as below
    from tests.fuzz.phones import phones  # noqa: PLC0415 - as below
    from tests.fuzz.whole import whole  # noqa: PLC0415 - it uses what stands here

    found = (*core(), *documents(), *files(), *lines(), *dropped(), *phones(), *whole())
    named = {parser.name: parser for parser in found}
    assert len(named) == len(found), "two parsers of one name"
    return named
