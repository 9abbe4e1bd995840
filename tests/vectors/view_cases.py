"""Makes the vectors for the view root: `python -m tests.vectors.view_cases` writes them, a test holds the files to it.

Each has notes as document, title, text, tags, path, whether deleted, and the names of open conflicts in any order; and
records as document, registers, text, and such names.
"""

import json
import random
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from mesh.events.kinds import Value
from mesh.names import Digest, DocumentId
from mesh.state import digest
from mesh.state.notes import Note
from mesh.state.records import Record
from mesh.state.view_digest import content_of, view_leaf

Case = dict[str, object]
Shown = tuple[Note | Record, Sequence[bytes]]

FOLDER = Path(__file__).resolve().parent / "views"


def note(number: int, title: str, body: str = "", **parts: object) -> Note:
    """A note; parts are fields of Note."""
    name = sha256(b"note %d" % number).digest()[:16]
    filled: dict[str, object] = {"tags": (), "path": None, "deleted": False, **parts}
    return Note(DocumentId("home", "note", name), title, body, **filled)  # type: ignore[arg-type]


def record(number: int, text: str = "", **registers: Value) -> Record:
    """A task."""
    name = sha256(b"record %d" % number).digest()[:16]
    return Record(DocumentId("home", "task", name), registers, text)


def views() -> dict[str, list[Shown]]:
    """What is shown in each case."""
    lots = random.Random(4)
    names = [sha256(b"conflict %d" % number).digest()[:16] for number in range(3)]
    whole = note(1, "Žluťoučký 🌱", "a\nb", tags=("garden", "ü"), path="a/b.md", deleted=True)
    many: list[Shown] = [(note(n, f"note {n}", "x" * n), lots.sample(names, n % 4)) for n in range(2, 60)]
    odd = record(
        1, "a\nb", title="Žluťoučký 🌱", z="", aa=-(2**53) + 1, no=None, yes=True, **{"tag/ü": True, "b": False}
    )
    both: list[Shown] = [(record(n, "x" * n, title=f"task {n}", n=n), names[: n % 3]) for n in range(2, 9)]
    return {
        "valid_a_whole_record": [(odd, names[::-1])],
        "valid_notes_and_records": [(whole, names), (record(9), []), *both],
        "valid_nothing": [],
        "valid_one_note": [(note(0, ""), [])],
        "valid_a_whole_note": [(whole, names[::-1])],
        "valid_many_notes": [(whole, names), *many],
    }


def case(shown: Sequence[Shown]) -> Case:
    """One vector."""
    leaves = {n.document: view_leaf(digest.key(n.document), content_of(n), names) for n, names in shown}
    pairs = sorted((digest.key(document), leaf) for document, leaf in leaves.items())
    buckets = {digest.bucket(key) for key, _ in pairs}
    tree = digest.Trie((b, digest.bucket_digest(p for p in pairs if digest.bucket(p[0]) == b)) for b in buckets)
    return {
        "notes": [
            [str(n.document), n.title, n.body, list(n.tags), n.path, n.deleted, [name.hex() for name in names]]
            for n, names in shown
            if isinstance(n, Note)
        ],
        "records": [
            [str(r.document), dict(r.registers), r.text, [name.hex() for name in names]]
            for r, names in shown
            if isinstance(r, Record)
        ],
        "contents": {str(n.document): content_of(n).hex() for n, _ in shown},
        "leaves": {str(document): leaf.hex() for document, leaf in leaves.items()},
        "root": Digest(tree.root()).hex(),
    }


def files() -> dict[Path, str]:
    """Every file of these vectors, with what stands in it."""
    made = {name: case(shown) for name, shown in views().items()}
    return {FOLDER / f"{name}.json": json.dumps(one, indent=1, sort_keys=True) + "\n" for name, one in made.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
