"""Rows that are kept as numbers are the rows that went in."""

import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antigrad.core.compact import CompactRows

VALUES = st.one_of(
    st.floats(allow_nan=False), st.integers(), st.booleans(), st.none(), st.text(max_size=4), st.lists(st.floats(0, 1)),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), VALUES), max_size=20))
def test_rows_come_back_as_they_were(rows: list[dict[str, object]]) -> None:
    kept = CompactRows(iter(rows))
    assert list(kept) == rows
    assert [[*map(type, row.values())] for row in kept] == [[*map(type, row.values())] for row in rows]
    assert [list(row) for row in kept] == [list(row) for row in rows]
    assert kept[1:-1] == rows[1:-1]


def test_equal_values_of_other_types_stay_apart() -> None:
    rows = [{"a": True}, {"a": 1}, {"a": 1.0}, {"a": 2**60}, {"a": 2**60 + 1}, {"a": "1"}, {"a": None}, {"a": False}]
    assert [type(row["a"]) for row in CompactRows(rows)] == [type(row["a"]) for row in rows]
    assert list(CompactRows(rows)) == rows


def test_not_a_number_and_infinity_stay() -> None:
    assert math.isnan(CompactRows([{"a": math.nan}])[0]["a"])
    assert CompactRows([{"a": -math.inf}])[-1] == {"a": -math.inf}


def test_beyond_the_last_row() -> None:
    with pytest.raises(IndexError):
        CompactRows([{"a": 1}])[1]


def test_a_fraction_of_the_memory_of_dictionaries() -> None:
    def rows(count: int) -> object:
        return ({"step": n, "rule": f"{n % 3}"} | {f"figure {k}": n / (k + 1) for k in range(10)} for n in range(count))

    def peak(make: type) -> int:
        tracemalloc.start()
        kept = make(rows(5_000))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(kept) == 5_000
        return most

    assert peak(CompactRows) < 0.2 * peak(list)
