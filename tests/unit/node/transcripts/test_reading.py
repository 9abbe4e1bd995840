"""Reading transcripts: each line as it is or without its secret, no line twice, and nothing that is no transcript."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from mesh.errors import Refused
from mesh.node.transcripts import reading
from mesh.node.transcripts.reading import Read, Reading, without_secrets

ROUNDS, NEVER = 10_000, Read()
TOKEN = "ghp_" + "a1B2c3D4e5" * 4


def read(path: Path, before: Read = NEVER, kept: bytes = b"") -> tuple[bytes, Read]:
    """All of a file."""
    found = Reading(path, before, kept)
    while found.step():
        continue
    return found.done(), found.read


def line(**said: object) -> bytes:
    """A line of a transcript, with blanks as no writer here makes them."""
    return json.dumps(said, separators=(" , ", " : "), ensure_ascii=False).encode()


def test_a_line_stays_as_it_is_unless_it_has_a_secret() -> None:
    """Byte for byte; a secret goes by its form or the name beside it, however deep, and the line is JSON still."""
    plain = line(type="user", message={"content": "größer, please", "tokens": 12})
    assert without_secrets(plain) == plain
    for said in (
        {"output": f"export GH={TOKEN}"},
        {"tool": {"input": [{"password": "hunter2hunter2"}]}},
        {"text": f"first\nAPI_KEY={TOKEN}\nlast"},
    ):
        clean = without_secrets(line(**said))
        assert TOKEN.encode() not in clean
        assert b"hunter2" not in clean
        assert json.loads(clean).keys() == said.keys()
    assert b"hunter2" not in without_secrets(b'{"text":"hunter2: the token ' + TOKEN.encode() + b'","text":"b"}')


def test_a_line_that_is_too_long_is_left_out_and_said() -> None:
    """It is not read through: that would take long."""
    assert json.loads(without_secrets(line(image="A" * 70_000))) == {"left_out": "a line of 70014 bytes"}


@pytest.mark.parametrize(
    "wrong", [b"root:x:0:0\n", b"[1]\n", b'{"a":1}\n\xff\n', b"[" * 50_000 + b"\n", b'{"a":' + b"1" * 5000 + b"}\n"]
)
def test_what_is_no_transcript_is_not_kept(tmp_path: Path, wrong: bytes) -> None:
    """Not even in part."""
    (path := tmp_path / "a.jsonl").write_bytes(line(a=1) + b"\n" + wrong)
    with pytest.raises(Refused, match="no transcript"):
        read(path)


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    """No link, pipe or folder: whoever names a file could name another one by it."""
    (tmp_path / "a.jsonl").write_bytes(line(a=1) + b"\n")
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "missing"):
        with pytest.raises(Refused):
            read(tmp_path / name)


def test_a_long_file_keeps_its_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whole lines, the same ones each time."""
    monkeypatch.setattr(reading, "TRANSCRIPT_BYTES_MAX", 100)
    (path := tmp_path / "a.jsonl").write_bytes(
        line(a="x" * 30) * 1 + b"\n" + line(a="y" * 30) + b"\n" + line(a="z" * 90)
    )
    data, far = read(path)
    assert data == line(a="x" * 30) + b"\n" + line(a="y" * 30) + b"\n"
    assert read(path, far, data) == (data, far)


def test_ten_thousand_rounds_lose_and_double_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal (story I): grown by whole and half lines, forgotten, cut, rewritten: what comes of it is the file's lines.

    A line that was read is not read through again while the file only grows.
    """
    lots, path, looked = random.Random(6), tmp_path / "a.jsonl", 0
    kept, far, wrote = b"", Read(), b""
    real = reading.without_secrets

    def counting(raw: bytes) -> bytes:
        nonlocal looked
        looked += 1
        return real(raw)

    monkeypatch.setattr(reading, "without_secrets", counting)
    for number in range(ROUNDS):
        lines_before = wrote.count(b"\n")
        match lots.choices(("grow", "half", "nothing", "crash", "cut", "anew"), (60, 20, 8, 8, 2, 2))[0]:
            case "half":
                wrote += line(n=number)[: lots.randrange(9)] if wrote.endswith(b"\n") or not wrote else b""
                grew = True
            case "grow":
                tail = wrote[wrote.rfind(b"\n") + 1 :]
                wrote = wrote[: len(wrote) - len(tail)] + line(n=number, token=TOKEN if number % 7 == 0 else "") + b"\n"
                grew = True
            case "crash":  # what was kept is there, how far it read is not known any more
                far, grew = Read(), False
            case "cut":
                wrote, grew = wrote[: lots.randrange(len(wrote) + 1)], False
            case "anew":
                wrote, grew = line(anew=number) + b"\n", False
            case _:
                grew = True
        path.write_bytes(wrote)
        looked = 0
        data, read_to = read(path, far, kept)
        whole = wrote[: wrote.rfind(b"\n") + 1]
        assert data == b"".join(real(one) + b"\n" for one in whole.split(b"\n")[:-1]), number
        if grew and far.digest:
            assert looked <= max(whole.count(b"\n") - lines_before, 0), "only what is new"
        kept, far = data, read_to
        if len(wrote) > 1500:
            wrote, kept, far = b"", b"", Read()
