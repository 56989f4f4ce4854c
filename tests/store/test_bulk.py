"""Many rows in few statements, of few sizes; what all of them have is handed over once."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from gateway.store.bulk import SIZES, Insert, Update, sql, statements
from gateway.store.chunks import SIZE, chunks
from gateway.store.tx import Tx
from tests.kit.stores import Told, committer, migrated

PAIRS = Insert("pairs", ("one", "two"))
AUDIT = Insert("audit", ("id", "verb"), (("role", "'operator'"), ("object", "''")), common=("at", "actor"))
SAID = Update(
    "audit", ("id", "verb"), "verb = {verb}, actor = {actor}, detail = {actor}", "audit.at < {at}", ("actor", "at")
)
TAKEN = Update("audit", ("id",), "actor = {actor}, at = audit.at + {at}", "audit.verb <> {actor}", ("actor", "at"))


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


@pytest.mark.usefixtures("store_engine")
@pytest.mark.parametrize("count", [1, 5, 40, 70])
def test_what_is_common_is_in_every_row(count: int, tmp_path: Path) -> None:
    made, told = committer(migrated(tmp_path)), Told()
    ids = range(1, count + 1)

    def write(tx: Tx) -> Any:
        changed = [
            tx.bulk(AUDIT, [(id_, f"verb {id_}") for id_ in ids], (7.5, "Anne")),
            tx.bulk(AUDIT, [(0, "other")], (9.5, "Zoe")),
            tx.bulk(SAID, [(id_, "was said") for id_ in (*ids, 0, -1)], ("Bob", 9.5)),
            tx.bulk(TAKEN, [(id_,) for id_ in (*ids, 0, -1)], ("other", 1.0)),
            tx.bulk(TAKEN, [], ("nobody", 1.0)),
        ]
        return changed, tx.rows("select id, at, actor, role, verb, detail from audit order by id")

    ((what, _, result),) = told.deliver(made.run([told.job("write", write)]))
    made.close()
    assert (what, result) == (
        "done",
        (
            [count, 1, count, count, 0],
            [
                (0, 9.5, "Zoe", "operator", "other", "{}"),
                *((id_, 8.5, "other", "operator", "was said", "Bob") for id_ in ids),
            ],
        ),
    )


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 16, 17, 100, 129, SIZE, SIZE + 1, 2 * SIZE])
def test_values_are_padded_to_few_sizes(count: int) -> None:
    values = list(range(count))
    found = list(chunks(values))
    assert list(dict.fromkeys(chain.from_iterable(chunk for _, chunk in found))) == values
    for marks, chunk in found:
        assert marks.count("?") == len(chunk) < 1.25 * len(set(chunk))
    sizes = {len(chunk) for n in range(SIZE) for _, chunk in chunks(range(n))}
    assert len(sizes) == 32
