"""Notes: what is written is shown, what two people write at once merges, and what makes no sense is told."""

import pytest

from mesh.errors import Misuse, TooLarge
from mesh.events.bodies import encode_body
from mesh.events.kinds import Born
from mesh.limits import BODY_PLAIN_BYTES_MAX, PATH_BYTES_MAX, TAG_BYTES_MAX, TAGS_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX
from mesh.names import DocumentId
from mesh.state import notes
from mesh.state.documents import Document
from mesh.state.edits import Delete, Put
from mesh.state.shapes import check_birth, gate
from tests.unit.state.writers import ADMISSION, actor

DOCUMENT = DocumentId("home", "note", bytes(16))
SALT = bytes(16)
BIRTH = notes.birth("Garden", "Buy seeds.\n\nWater beans.\n", ["todo", "été"], "garden.md", SALT)


def born(birth: Born = BIRTH) -> Document:
    """The note of these tests, ready to be edited."""
    check_birth(notes.KIND, birth)
    return Document.born(DOCUMENT, birth)


def test_a_note_is_read_from_its_birth_alone() -> None:
    """And shows the same as the document that Automerge makes of it."""
    note = notes.view(DOCUMENT, BIRTH)
    assert note == notes.Note(
        DOCUMENT, "Garden", "Buy seeds.\n\nWater beans.\n", ("todo", "été"), "garden.md", deleted=False
    )
    assert notes.view_of(born()) == note


def test_edits_do_what_they_say() -> None:
    """Every part at once, and the change passes the gate."""
    document = born()
    wanted = notes.edits(
        document, title="G", body="Buy no seeds.\n", add_tags=["x"], remove_tags=["todo"], path="", deleted=True
    )
    change = document.edit(actor(1), wanted)
    gate(change, admission=ADMISSION, kind=notes.KIND, body=document.body)
    document.take([change])
    assert notes.view_of(document) == notes.Note(DOCUMENT, "G", "Buy no seeds.\n", ("x", "été"), None, deleted=True)
    document.take([document.edit(actor(1), notes.edits(document, deleted=False, path="new.md"))])
    assert notes.view_of(document).path == "new.md"
    assert not notes.view_of(document).deleted


def test_what_is_already_so_needs_no_edit() -> None:
    """Saving twice makes no event."""
    same = notes.edits(
        born(),
        title="Garden",
        body=BIRTH.text,
        add_tags=["todo"],
        remove_tags=["none"],
        path="garden.md",
        deleted=False,
    )
    assert same == ()


def test_edits_of_different_paragraphs_and_tags_merge() -> None:
    """Two devices offline, nothing is lost and nobody is asked."""
    left, right = born(), born()
    one = left.edit(actor(1), notes.edits(left, body="Buy ten seeds.\n\nWater beans.\n", add_tags=["a"]))
    two = right.edit(actor(2), notes.edits(right, body="Buy seeds.\n\nWater all beans.\n", add_tags=["a", "b"]))
    left.take([one])
    left.take([two])
    note = notes.view_of(left)
    assert note.body == "Buy ten seeds.\n\nWater all beans.\n"
    assert note.tags == ("a", "b", "todo", "été")
    assert note.conflicts == ()


def test_two_titles_are_a_conflict_until_one_is_chosen() -> None:
    """Choosing the one that is shown settles it, too."""
    document = born()
    document.take([document.edit(actor(n), notes.edits(document, title=f"title {n}")) for n in (1, 2)])
    note = notes.view_of(document)
    assert document.conflicts() == ("title",)
    document.take([document.edit(actor(1), notes.edits(document, title=note.title))])
    assert document.conflicts() == ()


def test_a_tag_set_while_it_is_taken_away_stays() -> None:
    """The other device meant it anew."""
    document = born()
    away = document.edit(actor(1), [Delete("tag/todo")])
    anew = document.edit(actor(2), [Put("tag/todo", value=True)])
    document.take([away, anew])
    assert "todo" in notes.view_of(document).tags


def test_a_long_text_is_replaced_whole() -> None:
    """Its note reads like any other."""
    long = notes.birth("t", "x" * (TEXT_BYTES_MAX + 1), [], None, SALT)
    document = born(long)
    assert notes.view_of(document) == notes.view(DOCUMENT, long)
    document.take([document.edit(actor(1), notes.edits(document, body="short"))])
    assert notes.view_of(document).body == "short"
    assert notes.edits(document, body="short") == ()


def test_what_looks_the_same_is_the_same_tag() -> None:
    """An accent may be typed in two ways."""
    assert notes.birth("t", "", ["e\u0301te\u0301", " \u00e9t\u00e9 "], None, SALT).registers == {
        "title": "t",
        "tag/\u00e9t\u00e9": True,
    }


@pytest.mark.parametrize(
    ("title", "body", "tag", "path"),
    [
        ("a\nb", "", "t", "p"),
        ("a\0b", "", "t", "p"),
        ("\ud800", "", "t", "p"),
        ("t", "\0", "t", "p"),
        ("t", "\udc00", "t", "p"),
        ("t", "", " ", "p"),
        ("t", "", "", "p"),
        ("t", "", "a\tb", "p"),
        ("t", "", "t", "a\x1b[2J"),
    ],
)
def test_what_makes_no_sense_is_told_with_a_hint(title: str, body: str, tag: str, path: str) -> None:
    """At the first place where a person can still do something about it."""
    with pytest.raises(Misuse) as told:
        notes.birth(title, body, [tag], path, SALT)
    assert told.value.hint


@pytest.mark.parametrize(
    ("title", "body", "tags", "path"),
    [
        ("é" * (TITLE_BYTES_MAX // 2) + "x", "", [], None),
        ("t", "x" * (BODY_PLAIN_BYTES_MAX + 1), [], None),
        ("t", "x" * (BODY_PLAIN_BYTES_MAX - 10), [], None),
        ("t", "", ["x" * (TAG_BYTES_MAX + 1)], None),
        ("t", "", [str(n) for n in range(TAGS_MAX + 1)], None),
        ("t", "", [], "x" * (PATH_BYTES_MAX + 1)),
    ],
)
def test_what_is_too_large_is_told_with_a_hint(title: str, body: str, tags: list[str], path: str | None) -> None:
    """In bytes, since letters differ in size."""
    with pytest.raises(TooLarge) as told:
        notes.birth(title, body, tags, path, SALT)
    assert told.value.hint


def test_the_largest_note_fits_into_an_event() -> None:
    """And passes the check that every device makes."""
    title, tags = "é" * (TITLE_BYTES_MAX // 2), [f"{n:064}" for n in range(TAGS_MAX)]
    room = BODY_PLAIN_BYTES_MAX - len(encode_body(notes.birth(title, "", tags, "p", SALT)))
    birth = notes.birth(title, "x" * (room - 5), tags, "p", SALT)
    check_birth(notes.KIND, birth)


def test_a_text_that_surely_fits_does() -> None:
    """Whatever title, path and tags it has; one letter more, and the whole note is measured."""
    tags = [f"{n:0{TAG_BYTES_MAX}}" for n in range(TAGS_MAX)]
    letters = notes.SURELY_FITS_BYTES // len("𝄞".encode())
    birth = notes.birth("t" * TITLE_BYTES_MAX, "𝄞" * letters, tags, "p" * PATH_BYTES_MAX, SALT)
    assert len(encode_body(birth)) <= BODY_PLAIN_BYTES_MAX
    assert letters * len("𝄞".encode()) > BODY_PLAIN_BYTES_MAX * 3 // 4


def test_tags_are_counted_after_the_edit() -> None:
    """One out, one in, is allowed at the limit."""
    document = born(notes.birth("t", "", [str(n) for n in range(TAGS_MAX)], None, SALT))
    assert len(notes.edits(document, add_tags=["new"], remove_tags=["0"])) == 2
    with pytest.raises(TooLarge):
        notes.edits(document, add_tags=["new"])
    with pytest.raises(Misuse):
        notes.edits(document, add_tags=["0"], remove_tags=["0"])
