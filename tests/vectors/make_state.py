"""Makes the vectors for changes, documents, void work, overlaps and the state digest; other programs share them.

Run it to write them again; a test holds the files to what it makes. Values are hex, and texts are JSON.
"""

import json
import random
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from mesh.events.kinds import Born
from mesh.limits import TEXT_BYTES_MAX
from mesh.names import Digest, DocumentId
from mesh.state import digest
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice, Swap
from mesh.state.encoding import encode
from mesh.state.genesis import derive
from mesh.state.operations import Action, Change, Operation, OperationId
from tests.vectors.mask_cases import masks
from tests.vectors.overlap_cases import overlaps
from tests.vectors.shape_cases import ACTOR, ADMISSION, BAD, BODY, GOOD, TIP
from tests.vectors.wrong_changes import INSERT, PUT, WRONG, change_of, deflated

Case = dict[str, object]

FOLDER = Path(__file__).resolve().parent
DOCUMENT = DocumentId("home", "note", bytes(range(16)))
BIRTH = Born({"title": "seeds", "tag/garden": True}, "beans, pe\u0301as 🌱", b"")
LONG = Born({"title": "long"}, "é" * (TEXT_BYTES_MAX // 2) + "x", b"")


def actor(number: int) -> bytes:
    """The actor of one writer."""
    return ADMISSION[:8] + bytes([number]) * 8


# ---------------------------------------------------------------- changes


def changes() -> Iterator[tuple[str, Case]]:
    """Single changes: bytes that are read or not, and operations that a note may have or not."""
    single = {"one_put": change_of(PUT), "one_letter": change_of(INSERT), "no_operations": change_of()}
    for name, change in single.items():
        yield f"valid_{name}", {"read": True, "change": change.raw.hex(), "hash": change.hash.hex()}
    whole = change_of(PUT)
    yield "valid_deflated", {"read": True, "change": deflated(whole).hex(), "hash": whole.hash.hex()}
    for name, make in WRONG.items():
        yield name, {"read": False, "change": make().hex()}
    for allowed, cases in ((True, GOOD), (False, BAD)):
        for name, operation in cases.items():
            change = encode([TIP], ACTOR, 1, 5, [Operation(Action.PUT, None, "title", value="fine"), operation])
            body = [BODY.counter, BODY.actor.hex()]
            case: Case = {"read": True, "allowed": allowed, "change": change.raw.hex(), "hash": change.hash.hex()}
            case |= {"type": "note", "admission": ADMISSION.hex(), "body": body}
            yield f"note_valid_{name}" if allowed else f"note_{name}", case


# ---------------------------------------------------------------- documents


def documents() -> Iterator[tuple[str, Case]]:
    """A birth and changes in some order, with the document that they are."""
    start = Document.born(DOCUMENT, BIRTH)
    titles = [start.edit(actor(n), [Put("title", f"by {n}"), Put("path", "same")]) for n in (1, 2)]
    removed = [start.edit(actor(1), [Delete("tag/garden")]), start.edit(actor(2), [Put("tag/garden", value=True)])]
    words = [start.edit(actor(1), [Splice(0, 5, "Peas")]), start.edit(actor(2), [Splice(12, 1, "🌻🌻")])]
    same_place = [start.edit(actor(n), [Splice(5, 0, "abc"[:n] * 2)]) for n in (1, 2, 3)]
    yield "valid_born", document_case(DOCUMENT, BIRTH, [])
    yield "valid_born_empty", document_case(DOCUMENT, Born({}, "", b""), [])
    yield "valid_born_long", document_case(DOCUMENT, LONG, [])
    yield "valid_two_titles", document_case(DOCUMENT, BIRTH, titles)
    yield "valid_tag_removed_and_set", document_case(DOCUMENT, BIRTH, removed)
    yield "valid_words_far_apart", document_case(DOCUMENT, BIRTH, words)
    yield "valid_letters_at_one_place", document_case(DOCUMENT, BIRTH, same_place)
    yield "valid_values_side_by_side", document_case(DOCUMENT, BIRTH, _side_by_side(start))
    yield "valid_a_change_that_does_nothing", document_case(DOCUMENT, BIRTH, _looked_at())
    yield "valid_conversation", document_case(DOCUMENT, BIRTH, _conversation())
    yield "a_number_given_twice", document_case(DOCUMENT, BIRTH, _twice(start))
    for name, change in _unfit(start):
        yield name, document_case(DOCUMENT, BIRTH, [change])


def _conversation() -> list[Change]:
    lots = random.Random(7)
    held = [Document.born(DOCUMENT, BIRTH) for _ in range(3)]
    written: list[Change] = []
    for step in range(24):
        document = held[step % 3]
        document.take(written[: lots.randint(0, len(written))])
        length = len(document.text())
        position = lots.randint(0, length)
        splice = Splice(position, min(length - position, lots.randint(0, 2)), "".join(lots.choices("aé🌱\n", k=2)))
        edits: list[Edit] = [splice]
        if step % 2:
            edits.append(Put("title", f"t{step}"))
        written.append(document.edit(actor(step % 3 + 1), edits))
        document.take(written[-1:])
    return written


def _side_by_side(start: Document) -> list[Change]:
    """One change puts three values beside each other, another takes one of them out and puts two in."""
    title = OperationId(2, derive(DOCUMENT, BIRTH).actor)
    several = start.edit(actor(1), [Swap("title", (title,), ("a", "b", 3))])
    document = Document.born(DOCUMENT, BIRTH)
    document.take([several])
    second = OperationId(several.start + 1, several.actor)
    return [several, document.edit(actor(2), [Swap("title", (second,), ("é", None)), Swap("path", (), ("p", "q"))])]


def _looked_at() -> list[Change]:
    """Two titles, of which somebody only says that both were seen; and somebody goes on from there."""
    document = Document.born(DOCUMENT, BIRTH)
    titles = [document.edit(actor(n), [Put("title", f"by {n}")]) for n in (1, 2)]
    document.take(titles)
    bare = document.edit(actor(3), [], bare=True)
    document.take([bare])
    return [*titles, bare, document.edit(actor(3), [Splice(0, 0, "after ")])]


def _twice(start: Document) -> list[Change]:
    left, right = (start.edit(actor(1), [Put("title", side)]) for side in ("left", "right"))
    after = Document.born(DOCUMENT, BIRTH)
    after.take([left])
    return [left, right, after.edit(actor(2), [Put("path", "on left")])]


def _unfit(start: Document) -> Iterator[tuple[str, Change]]:
    fits = start.edit(actor(1), [Put("path", "x")])
    body, first = start.body, derive(DOCUMENT, BIRTH).actor
    assert body is not None

    def changed(operation: Operation, sequence: int = 1, more: int = 0, tips: Sequence[bytes] = start.heads) -> Change:
        return encode(tips, fits.actor, sequence, fits.start + more, [operation])

    put = fits.operations[0]
    yield "a_hole_in_the_sequence", changed(put, sequence=2)
    yield "counts_from_too_high", changed(put, more=1)
    yield "counts_from_too_low", changed(put, more=-1)
    yield "waits_for_what_is_not_there", changed(put, tips=[bytes(32)])
    yield "replaces_a_value_of_another_register", changed(put._replace(before=(OperationId(1, first),)))
    yield "replaces_a_letter", changed(put._replace(before=(OperationId(4, first),)))
    yield "replaces_itself", changed(put._replace(before=(OperationId(fits.start, fits.actor),)))
    beyond = OperationId(fits.start + 5, first)
    yield "deletes_a_letter_that_is_not_there", changed(Operation(Action.DELETE, body, beyond, before=(beyond,)))
    yield "stands_on_the_text_itself", changed(Operation(Action.PUT, body, body, insert=True, value="x"))


def document_case(name: DocumentId, birth: Born, written: Sequence[Change]) -> Case:
    """The vector of a birth and changes, each its own event."""
    events = [(sha256(change.raw).digest(), change) for change in written]
    document = Document.fold(name, birth, events)
    genesis, taken = derive(name, birth), document.take([])
    whole = genesis.body is not None and genesis.letters < 100
    live = {key: [[v.value, v.change.hex()] for v in document.live(key)] for key in document.registers()}
    text = document.text()
    return {
        "document": str(name),
        "birth": {"registers": dict(birth.registers), "text": birth.text if whole else [birth.text[0], birth.text[-1]]},
        "birth_characters": len(birth.text),
        "genesis_hash": genesis.hash.hex(),
        "genesis": genesis.raw.hex() if whole else None,
        "body": None if genesis.body is None else [genesis.body.counter, genesis.body.actor.hex()],
        "events": [[event.hex(), change.raw.hex()] for event, change in sorted(events, key=lambda pair: pair[0])],
        "text": text if whole else None,
        "text_sha256": sha256(text.encode()).hexdigest(),
        "live": live if whole else None,
        "conflicts": list(document.conflicts()),
        "heads": [head.hex() for head in document.heads],
        "waiting": [digest_.hex() for digest_ in taken.waiting],
        "refused": [digest_.hex() for digest_, _ in taken.refused],
    }


# ---------------------------------------------------------------- digest


def digests() -> Iterator[tuple[str, Case]]:
    """Honoured events as document, chain, seq, digest, in any order, and the digest of the state that they are."""
    lots = random.Random(3)
    one = [(DOCUMENT, _name("chain"), seq, _name(seq)) for seq in range(3)]
    many = [(_some(lots.randrange(40)), _name("chain", n % 3), n // 3, _name("event", n)) for n in range(200)]
    forked = [*one, (DOCUMENT, _name("chain"), 1, _name("other branch")), (DOCUMENT, _name("chain"), 2, _name("more"))]
    yield "valid_nothing", _digest([])
    yield "valid_one_document", _digest(one)
    yield "valid_a_forked_chain", _digest(lots.sample(forked, len(forked)))
    yield "valid_many_documents", _digest(lots.sample(many, len(many)))


def _name(*parts: object) -> Digest:
    return Digest(sha256(repr(parts).encode()).digest())


def _some(number: int) -> DocumentId:
    return DocumentId("home", "note", _name("document", number)[:16])


def _digest(events: Sequence[tuple[DocumentId, Digest, int, Digest]]) -> Case:
    leaves = {}
    for document in {event[0] for event in events}:
        mine = [event for event in events if event[0] == document]
        chains = {event[1] for event in mine}
        parts = [digest.part(chain, [(e[2], e[3]) for e in mine if e[1] == chain]) for chain in chains]
        leaves[document] = digest.leaf(digest.key(document), parts)
    pairs = sorted((digest.key(document), leaf) for document, leaf in leaves.items())
    buckets = {digest.bucket(key) for key, _ in pairs}
    tree = digest.Trie((b, digest.bucket_digest(p for p in pairs if digest.bucket(p[0]) == b)) for b in buckets)
    return {
        "events": [[str(document), chain.hex(), seq, event.hex()] for document, chain, seq, event in events],
        "leaves": {str(document): leaf.hex() for document, leaf in leaves.items()},
        "root": tree.root().hex(),
    }


# ---------------------------------------------------------------- files


def files() -> dict[Path, str]:
    """Every file of these vectors, with what stands in it."""
    kinds = {
        "changes": changes(),
        "documents": documents(),
        "masks": masks(),
        "overlaps": overlaps(),
        "digest": digests(),
    }
    return {
        FOLDER / kind / f"{name}.json": json.dumps(case, indent=1, sort_keys=True) + "\n"
        for kind, cases in kinds.items()
        for name, case in cases
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
