"""The file of a backup: what was written is read, and nothing else is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.errors import Refused
from mesh.limits import BACKUP_BOX_BYTES, BACKUP_MANIFEST_BYTES_MAX
from mesh.node.moving import archive

WORDS = "correct horse"
SIZES = (0, 1, 512, BACKUP_BOX_BYTES, 3 * BACKUP_BOX_BYTES + 7)


def made(folder: Path, size: int, passphrase: str) -> tuple[bytes, archive.Manifest]:
    """A backup whose database is so long."""
    contents = {"machine": b"here\n", "secrets": b"s" * 300, "mesh.db": Random(size).randbytes(size)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    members = tuple(archive.member(name, folder / name) for name in archive.MEMBERS)
    manifest = archive.Manifest("m" * 64, "device", "mac", 3, 1, "d" * 64, "0", members)
    file = io.BytesIO()
    assert sum(archive.write(file, manifest, folder, passphrase)) == sum(map(len, contents.values()))
    return file.getvalue(), manifest


def read(raw: bytes, passphrase: str = "") -> tuple[archive.Manifest, dict[str, bytes]]:
    """All that is in a backup."""
    taken: dict[str, bytes] = {}

    def take(name: str, part: bytes) -> None:
        taken[name] = taken.get(name, b"") + part

    manifests = list(archive.read(io.BytesIO(raw), passphrase, take))
    return manifests[-1], taken


@pytest.mark.parametrize("passphrase", ["", WORDS])
@pytest.mark.parametrize("size", SIZES)
def test_what_was_written_is_read(tmp_path: Path, size: int, passphrase: str) -> None:
    """Every byte and every field, whether it is empty, or ends with a box, or in the middle of one."""
    raw, manifest = made(tmp_path, size, passphrase)
    assert archive.is_sealed(io.BytesIO(raw)) is bool(passphrase)
    found, taken = read(raw, passphrase)
    assert found == manifest
    assert taken.get("mesh.db", b"") == (tmp_path / "mesh.db").read_bytes()
    assert taken["secrets"] == b"s" * 300


def test_a_clear_one_is_plain_tar_and_a_sealed_one_shows_nothing(tmp_path: Path) -> None:
    """Readable without mesh, or not at all."""
    raw, _ = made(tmp_path, 5000, "")
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        assert tar.getnames() == [archive.MANIFEST, *archive.MEMBERS]
        member = tar.extractfile("mesh.db")
        assert member
        assert member.read() == (tmp_path / "mesh.db").read_bytes()
    sealed, _ = made(tmp_path, 5000, WORDS)
    assert b"manifest" not in sealed
    assert b"s" * 20 not in sealed


def test_the_passphrase_must_fit(tmp_path: Path) -> None:
    """Another one opens nothing."""
    raw, _ = made(tmp_path, 5000, WORDS)
    with pytest.raises(Refused, match="passphrase"):
        read(raw, WORDS + " ")


def _boxes(raw: bytes, order: Callable[[list[bytes]], list[bytes]]) -> bytes:
    head = len(b"mesh-backup-1-sealed\n") + 16
    step = BACKUP_BOX_BYTES + 16
    boxes = [raw[place : place + step] for place in range(head, len(raw), step)]
    return raw[:head] + b"".join(order(boxes))


@pytest.mark.parametrize(
    "order",
    [
        lambda boxes: boxes[:-1],
        lambda boxes: [boxes[1], boxes[0], *boxes[2:]],
        lambda boxes: [*boxes[:2], *boxes[3:]],
        lambda boxes: [*boxes, boxes[-1]],
        lambda boxes: [boxes[0], *boxes],
        lambda boxes: boxes[:1],
        lambda _: [],
    ],
    ids=["last_missing", "swapped", "one_missing", "last_twice", "first_twice", "first_only", "none"],
)
def test_boxes_cannot_be_left_out_or_moved(tmp_path: Path, order: Callable[[list[bytes]], list[bytes]]) -> None:
    """The number and the end are part of each seal."""
    raw, manifest = made(tmp_path, 3 * BACKUP_BOX_BYTES, WORDS)
    assert read(_boxes(raw, list), WORDS)[0] == manifest
    with pytest.raises(Refused):
        read(_boxes(raw, order), WORDS)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A clear backup and a sealed one, made once."""
    return {words: made(tmp_path_factory.mktemp("once"), 2000, words)[0] for words in ("", WORDS)}


@st.composite
def alterations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """One byte changed, or cut or added anywhere."""
    part, bit, kind = draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(1, 255)), draw(st.integers(0, 2))

    def altered(raw: bytes) -> bytes:
        place = int(part * len(raw))
        ways = (
            raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :],
            raw[:place],
            raw[:place] + b"x" + raw[place:],
        )
        return ways[kind]

    return altered


@settings(max_examples=25)  # each of them costs a key
@given(altered=alterations())
def test_a_sealed_backup_cannot_be_altered(once: dict[str, bytes], altered: Callable[[bytes], bytes]) -> None:
    """The seal covers every byte."""
    with pytest.raises(Refused):
        read(altered(once[WORDS]), WORDS)


@given(altered=alterations())
def test_a_damaged_clear_backup_gives_what_was_written_or_nothing(
    once: dict[str, bytes], altered: Callable[[bytes], bytes]
) -> None:
    """Digests cover the members; times and owners in the headers mean nothing."""
    try:
        _, taken = read(altered(once[""]))
    except Refused:
        return
    assert taken == {"machine": b"here\n", "secrets": b"s" * 300, "mesh.db": Random(2000).randbytes(2000)}


@given(st.binary(max_size=3000))
def test_garbage_is_refused(raw: bytes) -> None:
    """Whatever the bytes are."""
    with pytest.raises(Refused):
        read(raw)


@settings(max_examples=10)  # each of them costs a key
@given(st.binary(max_size=300))
def test_garbage_under_a_seal_is_refused(raw: bytes) -> None:
    """Whatever follows the head."""
    with pytest.raises(Refused):
        read(b"mesh-backup-1-sealed\n" + raw, WORDS)


def tar(name: str, content: bytes, kind: bytes = tarfile.REGTYPE, size: int | None = None) -> bytes:
    """One member of an archive that somebody else made."""
    info = tarfile.TarInfo(name)
    info.size, info.type = len(content) if size is None else size, kind
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


FOREIGN = {
    "a link": tar(archive.MANIFEST, b"", tarfile.SYMTYPE),
    "another name": tar("../manifest.json", b"{}"),
    "no JSON": tar(archive.MANIFEST, b"{"),
    "a list": tar(archive.MANIFEST, b"[]"),
    "deep JSON": tar(archive.MANIFEST, b"[" * 16_000),
    "no members": tar(archive.MANIFEST, b'{"format": 1, "members": []}'),
    "another format": tar(archive.MANIFEST, b'{"format": 2, "members": []}'),
    "endless": tar(archive.MANIFEST, b"{}", size=10**12),
    "a long manifest": tar(archive.MANIFEST, b" " * (BACKUP_MANIFEST_BYTES_MAX + 1)),
    "a number too large": tar(
        archive.MANIFEST, b'{"format": 1, "members": [{"name": "secrets", "bytes": 1e400, "sha256": ""}]}'
    ),
}


@pytest.mark.parametrize("raw", FOREIGN.values(), ids=FOREIGN)
def test_foreign_archives_are_refused(raw: bytes) -> None:
    """Names, kinds and sizes are exactly those that we write; nothing is unpacked by anybody else's word."""
    with pytest.raises(Refused):
        read(raw + bytes(1024))


def test_a_member_may_not_be_longer_than_promised(tmp_path: Path) -> None:
    """The manifest's sizes bind."""
    raw, manifest = made(tmp_path, 1000, "")
    longer = raw.replace(b'"bytes": 1000', b'"bytes": 1001')
    assert longer != raw
    with pytest.raises(Refused):
        read(longer)
    assert manifest.members[-1].bytes == 1000
