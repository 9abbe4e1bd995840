"""Columns: one way to write each value, and no expansion that was not counted first."""

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed, TooLarge
from mesh.limits import CHANGE_OPERATIONS_MAX, SEQ_MAX
from mesh.state import columns

NUMBERS = st.integers(0, SEQ_MAX)
SIGNED = st.integers(-SEQ_MAX, SEQ_MAX)
SMALL = st.one_of(st.none(), st.integers(0, 3), NUMBERS)


@given(NUMBERS)
def test_a_number_comes_back(value: int) -> None:
    """Every number that a phone can hold, too."""
    raw = columns.write_unsigned(value)
    assert columns.unsigned(raw + b"\x01", 0) == (value, len(raw))


@given(SIGNED)
def test_a_signed_number_comes_back(value: int) -> None:
    """Below zero as well."""
    raw = columns.write_signed(value)
    assert columns.signed(raw + b"\x01", 0) == (value, len(raw))


@pytest.mark.parametrize(
    "raw", ["8000", "ff00", "808000", "80808080808080808001", "ffffffffffffffffff7f", "8080808080808010"]
)
def test_a_number_is_not_written_long_or_out_of_range(raw: str) -> None:
    """Two ways to write a number would be two hashes of one change."""
    with pytest.raises(Malformed):
        columns.unsigned(bytes.fromhex(raw), 0)


@pytest.mark.parametrize(
    "raw", ["8000", "ff7f", "80808000", "ffffff7f", "808080808080808080808000", "80808080808080f000"]
)
def test_a_signed_number_is_not_written_long_or_out_of_range(raw: str) -> None:
    """The sign has one place."""
    with pytest.raises(Malformed):
        columns.signed(bytes.fromhex(raw), 0)


@given(st.lists(SMALL, max_size=60))
def test_a_column_of_numbers_comes_back(values: list[int | None]) -> None:
    """Runs, absences and single values; a column of absences only is not written."""
    expected = () if all(value is None for value in values) else tuple(values)
    assert columns.numbers(columns.write_numbers(values)) == expected


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30))
def test_a_column_of_texts_comes_back(values: list[str | None]) -> None:
    """Keys of registers."""
    expected = () if all(value is None for value in values) else tuple(values)
    assert columns.texts(columns.write_texts(values)) == expected


@given(st.lists(SMALL, max_size=60))
def test_a_column_of_differences_comes_back(values: list[int | None]) -> None:
    """Counters, which mostly grow by one."""
    expected = () if all(value is None for value in values) else tuple(values)
    assert columns.deltas(columns.write_deltas(values)) == expected


@given(st.lists(st.booleans(), max_size=60))
def test_a_column_of_truth_values_comes_back(values: list[bool]) -> None:
    """Which operations insert."""
    assert columns.booleans(columns.write_booleans(values)) == tuple(values)


@given(st.binary(max_size=20))
def test_bytes_are_read_in_one_way_or_not_at_all(raw: bytes) -> None:
    """What is accepted is exactly what would be written."""
    with contextlib.suppress(Malformed, TooLarge, IndexError):
        assert columns.write_numbers(columns.numbers(raw)) == raw
    with contextlib.suppress(Malformed, TooLarge, IndexError):
        assert columns.write_texts(columns.texts(raw)) == raw
    with contextlib.suppress(Malformed, TooLarge, IndexError):
        assert columns.write_booleans(columns.booleans(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        "0101",  # a run of one
        "7e0505",  # equal values as a literal
        "02050205",  # two runs of one value
        "7f057f06",  # two literals in a row
        "0001" + "0001" + "7f05",  # two absences in a row
        "0005",  # nothing but absences
        "00007f05",  # an absence of nothing
    ],
)
def test_a_run_is_not_written_in_another_way(raw: str) -> None:
    """Automerge would write other bytes when it loads the document, and find that the hash is wrong."""
    with pytest.raises(Malformed):
        columns.numbers(bytes.fromhex(raw))


@pytest.mark.parametrize("raw", ["00", "0100", "000001", "01000001"])
def test_truth_values_are_not_written_in_another_way(raw: str) -> None:
    """Empty runs stand only at the beginning."""
    with pytest.raises(Malformed):
        columns.booleans(bytes.fromhex(raw))


def test_a_run_is_counted_before_it_is_expanded() -> None:
    """Nine bytes must not cost gigabytes."""
    many = columns.write_signed(SEQ_MAX)
    for raw in (many + b"\x05", b"\x00" + columns.write_unsigned(SEQ_MAX), columns.write_signed(-SEQ_MAX) + b"\x05"):
        with pytest.raises(TooLarge):
            columns.numbers(raw)
    with pytest.raises(TooLarge):
        columns.booleans(columns.write_unsigned(SEQ_MAX))
    once = columns.write_signed(2 * CHANGE_OPERATIONS_MAX) + b"\x05"
    assert len(columns.numbers(once)) == 2 * CHANGE_OPERATIONS_MAX
    with pytest.raises(TooLarge):
        columns.numbers(once + b"\x02\x06")


def test_a_difference_below_zero_is_refused() -> None:
    """There is no counter below zero."""
    with pytest.raises(Malformed):
        columns.deltas(b"\x7f" + columns.write_signed(-1))


def test_a_text_that_is_no_utf8_is_refused() -> None:
    """Half a character cannot be shown, and other languages would not read it."""
    for raw in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80"):
        with pytest.raises(Malformed):
            columns.utf8(raw)


@given(st.lists(st.integers(0, 2), max_size=30))
def test_runs_never_repeat_their_neighbour(values: list[int]) -> None:
    """Runs are as long as they can be."""
    found = columns.runs(values)
    assert [value for value, count in found for _ in range(count)] == values
    assert all(a[0] != b[0] for a, b in pairwise(found))
