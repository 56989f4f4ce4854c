from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.traffic.bench import Bench, fresh


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A store of its own for each test; there are many, and each syncs often."""
    with fresh() as directory:
        yield directory


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged, instead of printing it."""
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()
