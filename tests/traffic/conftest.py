from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.traffic.bench import Bench, fresh


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A store of its own for each test; there are many, and each syncs often."""
    with fresh() as directory:
        yield directory


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()
