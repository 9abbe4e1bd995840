"""The journal of a vault's files: what it says after any end, torn or whole, is what was said last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mesh.node.vaults import table as tables
from mesh.node.vaults.folder import Stat
from mesh.node.vaults.table import Entry, Pending, Table

ENTRY = Entry("a/Ä.md", "home/note/x", "digest", ("ab", "cd"), Stat(1, 2, 3, 0o644))
OTHER = replace(ENTRY, path="b.md", document="home/note/y")


def opened(folder: Path) -> Table:
    """The journal here."""
    return Table(folder / "vault" / "files.jsonl")


def test_what_was_said_is_there_again(tmp_path: Path) -> None:
    """Files by path, by note, and by what their names are like; what is pending."""
    first = opened(tmp_path)
    pending = Pending(".mesh-1", ENTRY, replace(ENTRY, digest="next"))
    first.put(ENTRY, OTHER)
    first.begin(pending)
    first.begin(Pending(".mesh-2", OTHER, None))
    first.over(".mesh-2")
    first.drop(OTHER.path)
    first.close()
    again = opened(tmp_path)
    assert again.all() == [ENTRY]
    assert again.of(ENTRY.document) == ENTRY == again.get(ENTRY.path)
    assert again.like("A/a\u0308.MD") == ENTRY.path
    assert again.pending == {".mesh-1": pending}
    assert again.of(OTHER.document) is None
    assert (tmp_path / "vault" / "files.jsonl").stat().st_mode & 0o777 == 0o600
    again.close()


def test_a_note_has_one_file_and_a_file_one_note(tmp_path: Path) -> None:
    """Whoever moves takes nothing along."""
    table = opened(tmp_path)
    table.put(ENTRY)
    table.put(replace(ENTRY, path="c.md"))
    assert table.get(ENTRY.path) is None
    table.put(replace(OTHER, path="c.md"))
    assert table.of(ENTRY.document) is None
    assert len(table) == 1
    table.close()
    again = opened(tmp_path)
    assert again.all() == [replace(OTHER, path="c.md")]
    again.close()


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_line_is_none(cut: int, tmp_path: Path) -> None:
    """And the lines behind it are whole."""
    table = opened(tmp_path)
    table.put(ENTRY)
    table.put(OTHER)
    table.close()
    file = tmp_path / "vault" / "files.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    table = opened(tmp_path)
    assert table.get(ENTRY.path) == ENTRY
    assert table.get(OTHER.path) in ({None, OTHER} if cut == 1 else {None})
    third = replace(ENTRY, path="c.md", document="home/note/z")
    table.put(third)
    table.close()
    table = opened(tmp_path)
    assert table.get("c.md") == third
    table.close()


def test_foreign_lines_are_ignored(tmp_path: Path) -> None:
    """Whatever they are."""
    file = tmp_path / "vault" / "files.jsonl"
    file.parent.mkdir()
    file.write_bytes(
        b'\n[]\n{}\nnull\n["entry"]\n["entry","a",1,"d",[],[]]\n["draft","x",[],null]\n\xff\n[[1]]\n["gone"]\n'
    )
    table = opened(tmp_path)
    assert table.all() == []
    assert table.pending == {}
    table.close()


def test_it_is_written_anew_when_it_grew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what counts."""
    monkeypatch.setattr(tables, "VAULT_JOURNAL_SPARE_LINES", 5)
    table = opened(tmp_path)
    for number in range(20):
        table.put(replace(ENTRY, digest=str(number)))
    table.begin(Pending(".mesh-1", ENTRY, None))
    table.close()
    table = opened(tmp_path)
    assert table.all() == [replace(ENTRY, digest="19")]
    table.put(OTHER)
    table.close()
    assert len((tmp_path / "vault" / "files.jsonl").read_bytes().splitlines()) == 3
    table = opened(tmp_path)
    assert len(table) == 2
    assert list(table.pending) == [".mesh-1"]
    table.close()
