"""Many rows in few statements, of few sizes."""

from __future__ import annotations

from itertools import chain

import pytest

from gateway.store.bulk import SIZES, Insert, sql, statements

PAIRS = Insert("pairs", ("one", "two"))


@pytest.mark.parametrize("count", [*range(70), 127, 128, 129, 200])
def test_all_rows_in_order_in_as_few_statements_as_the_sizes_allow(count: int) -> None:
    rows = [(number, -number) for number in range(count)]
    made = statements(PAIRS, rows)
    assert list(chain.from_iterable(params for _, params in made)) == list(chain.from_iterable(rows))
    left = count
    for text, params in made:
        size = len(params) // 2
        assert size == max(size for size in SIZES if size <= left)
        assert text == sql(PAIRS, size)
        assert text.count("?") == len(params)
        left -= size
    assert left == 0
