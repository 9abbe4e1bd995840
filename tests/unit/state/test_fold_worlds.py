"""Seeded worlds of one document whose writers are closed, restricted and adopted after others built on their work."""

import pytest

from tests.world.masks import play

CHUNKS = 8  # `scripts/world --masks` plays as many as it is asked for
SIZE = 10


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_is_seen_is_what_the_honoured_wrote(chunk: int) -> None:
    """Text, registers, order and intention are those of the oracle, everywhere and in any order; edits too."""
    masked = 0
    for seed in range(chunk * SIZE, (chunk + 1) * SIZE):
        try:
            masked += play(seed)
        except Exception as error:
            error.add_note(f"seed {seed}: from tests.world.masks import play; play({seed})")
            raise
    assert masked >= SIZE // 4
