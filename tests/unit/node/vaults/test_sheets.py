"""Notes as files and back: bytes, note, bytes are the same; what somebody edits is what changes, and nothing else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Misuse
from mesh.events.bodies import document_of
from mesh.events.kinds import Value
from mesh.limits import TEXT_BYTES_MAX
from mesh.node.vaults import sheets
from mesh.node.vaults.reading import Sheet, parsed
from mesh.state import notes, past
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put
from mesh.state.past import Past
from mesh.state.shapes import check_birth
from tests.unit.state.writers import actor

PATH = "garden/Seeds.md"
FILE = b"---\ntitle: Old\nkept: {a: 1}\ntags: [x]\n---\n# Seeds\r\n[[link]] ![](a.png)\n"
PIECES = [
    "---\n",
    "title: a\n",
    "title: 'b'\n",
    "tags: [x, y]\n",
    "tags:\r\n  - z\r\n",
    "k: v\n",
    "text\r\n",
    "é🌱",
    "\n",
]
FILES = st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode())


def born(raw: bytes, path: str = PATH) -> Document:
    """The document that a file is."""
    birth = sheets.birth(parsed(raw), path)
    check_birth(notes.KIND, birth)
    return Document.born(document_of("home", notes.KIND, birth), birth)


def written(document: Document, path: str = PATH) -> bytes:
    """The file that a document is."""
    return sheets.sheet_of(past.today(document), path).raw()


def changed(document: Document, edits: tuple[Edit, ...]) -> Document:
    """A document after some edits."""
    if edits:
        document.take([document.edit(actor(1), edits)])
    return document


def edited(document: Document, raw: bytes, path: str = PATH, now: str = PATH) -> tuple[Edit, ...]:
    """What it means that somebody left its file so."""
    return sheets.edits(past.today(document), path, parsed(raw), now, is_text=document.body is not None)


@given(FILES)
def test_a_file_comes_back_byte_for_byte(raw: bytes) -> None:
    """As it was born, and as a document."""
    document = born(raw)
    assert written(document) == raw
    assert edited(document, raw) == ()


@given(FILES, FILES)
def test_an_edited_file_comes_back_byte_for_byte(before: bytes, after: bytes) -> None:
    """Whatever was done to it."""
    document = born(before)
    assert written(changed(document, edited(document, after))) == after


def test_equal_files_are_one_document() -> None:
    """And those of another path or content are others."""
    assert born(FILE).id == born(FILE).id
    assert len({born(FILE).id, born(FILE, "b.md").id, born(FILE + b"\n").id, born(b"\xef\xbb\xbf" + FILE).id}) == 4


def test_the_name_of_a_file_s_note_never_changes() -> None:
    """Or a later version would take the same file for another note: these are for good."""
    assert str(born(FILE).id) == "home/note/3ifcrkay36kq42juiu2kxsilve"
    assert str(born(b"\xef\xbb\xbfx\r\n", "a/b.md").id) == "home/note/z7v5vqvl2v2zrdeq4tfqzateaq"


def test_the_birth_says_what_the_file_says() -> None:
    """Title and tags by the front matter; the title else by the name."""
    birth = sheets.birth(parsed(FILE), PATH)
    assert birth.registers["title"] == "Old"
    assert birth.registers["tag/x"] is True
    assert birth.registers["path"] == PATH
    assert birth.text.startswith("# Seeds\r\n")
    assert sheets.birth(parsed(b""), PATH).registers == {"title": "Seeds", "path": PATH}


def test_title_and_tags_of_the_mesh_come_into_the_front_matter() -> None:
    """And back out of it nothing changes."""
    document = changed(born(FILE), (Put("title", "New"), Put("tag/y", value=True), Delete("tag/x")))
    raw = written(document)
    assert raw == FILE.replace(b"title: Old", b"title: New").replace(b"[x]", b"[y]")
    assert edited(document, raw) == ()
    bare = changed(born(b"text"), (Put("title", "New"),))
    assert written(bare) == b"---\ntitle: New\n---\ntext"
    assert edited(bare, written(bare)) == ()


def test_an_edit_names_only_what_changed() -> None:
    """So that whoever changes something else meanwhile is not in its way."""
    document = born(FILE)
    assert edited(document, FILE.replace(b"Old", b"Older"))[:1] == (Put("title", "Older"),)
    assert [type(edit) for edit in edited(document, FILE + b"more")] == [type(edited(document, FILE + b"x")[0])]
    (tag,) = [e for e in edited(document, FILE.replace(b"[x]", b"[x, z]")) if isinstance(e, Put) and e.key != "front"]
    assert tag == Put("tag/z", value=True)


def test_a_renamed_file_is_the_same_note_elsewhere() -> None:
    """Its title follows, unless the front matter has one."""
    assert edited(born(FILE), FILE, now="b/c.md") == (Put("path", "b/c.md"),)
    assert edited(born(b"text"), b"text", now="b/c.md") == (Put("path", "b/c.md"), Put("title", "c"))


def test_a_text_that_begins_like_front_matter_becomes_it() -> None:
    """Written by somebody in the mesh: the file reads so, and an edit of it goes to its places."""
    note = notes.birth("Seeds", "---\nk: v\n---\ntext", (), PATH, b"")
    document = Document.born(document_of("home", notes.KIND, note), note)
    raw = written(document)
    assert raw == note.text.encode()
    after = raw + b" more"
    assert written(changed(document, edited(document, after))) == after


def test_a_long_text_is_replaced_as_one() -> None:
    """It was born so."""
    long = b"a" * (TEXT_BYTES_MAX + 1)
    document = born(long)
    assert written(changed(document, edited(document, long + b"b"))) == long + b"b"


@pytest.mark.parametrize("seed", range(20))
def test_random_registers_make_a_file_that_reads_the_same(seed: int) -> None:
    """Whatever other devices wrote: reading the file again changes nothing."""
    lots = random.Random(seed)
    texts = ["", "a", "a: b", "- x", "---\nk: v\n---\n", "\ufeffx", "é🌱", "'", '"', "2024", "null", "\\"]
    registers: dict[str, Value] = {
        "title": lots.choice(texts[1:]),
        "front": lots.choice(texts),
        "encoding": lots.choice(["", "utf-16-le", "?"]),
    }
    registers |= {"tag/" + lots.choice(texts[1:4]): True}
    note = Past(registers, (), lots.choice(texts), 1)
    raw = sheets.sheet_of(note, PATH).raw()
    again = parsed(raw)
    assert again.raw() == raw
    assert sheets.sheet_of(note, PATH).raw() == raw


def test_what_no_note_can_have_is_refused() -> None:
    """By the rules of notes."""
    with pytest.raises(Misuse):
        sheets.birth(Sheet("", "", "a\0b"), PATH)
