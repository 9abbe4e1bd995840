"""One look of a parser at some bytes, with what it may cost and how it may end; and the corpus of what was found.

Memory is counted by tracemalloc (what Python and its extensions allocate through it), time as processor seconds of this
process: both bounds are generous, since a bomb is off by orders of magnitude, and a busy machine must fail nothing.
"""

from __future__ import annotations

import hashlib
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from mesh.limits import MIB
from tests.fuzz.parsers import Parser

CORPUS = Path(__file__).with_name("corpus")
CPU_S_MAX = 10.0
MEMORY_BYTES_MAX = 64 * MIB
MEMORY_PER_BYTE_MAX = 128  # beside that, for each byte of the input: Python's objects are that large


def look(parser: Parser, raw: bytes) -> object:
    """Let a parser read something foreign; what it took, or the error of its class that it gave.

    Fails for any other error, for what is taken but not written the same again, and for what costs too much.
    """
    result: object
    tracemalloc.start()
    began_s = time.process_time()
    try:
        result = parser.read(raw)
    except parser.errors as error:
        result = error
    finally:
        spent_s = time.process_time() - began_s
        _, grown = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert spent_s < CPU_S_MAX, f"{parser.name}: {len(raw)} bytes took {spent_s:.1f} s"
    assert grown < MEMORY_BYTES_MAX + MEMORY_PER_BYTE_MAX * len(raw), f"{parser.name}: {len(raw)} bytes took {grown}"
    if parser.again is not None and not isinstance(result, BaseException):
        written = parser.again(result)
        assert written is None or written == raw, f"{parser.name}: taken, but written differently: {written.hex()}"
    return result


def corpus(parser: Parser) -> Iterator[tuple[str, bytes]]:
    """What was found earlier for a parser: name and bytes."""
    for path in sorted((CORPUS / parser.name).glob("*.hex")):
        yield path.stem, bytes.fromhex(path.read_text("ascii"))


def keep(parser: Parser, raw: bytes) -> Path:
    """Put a case into the corpus, to be replayed from now on."""
    folder = CORPUS / parser.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(raw).hexdigest()[:16]}.hex"
    path.write_text(raw.hex() + "\n", "ascii")
    return path
