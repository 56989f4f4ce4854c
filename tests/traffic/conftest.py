from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final

import pytest
import structlog

from tests.kit.stores import KINDS, on_engine
from tests.traffic.bench import Bench, fresh

ON_BOTH: Final = frozenset(
    f"tests.traffic.test_{name}"
    for name in (
        *("accept", "claims", "desk", "dispatch", "gate", "hub", "hub_poison", "intake", "janitor", "janitor_review"),
        *("joining", "merging", "overdue", "receipts", "review", "routes", "sending", "settlement", "stop_race"),
    )
)
"""The modules whose tests run on every engine: what they hold must hold wherever it is stored.

The others judge what never reaches the store, or enumerate what these have samples of.
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on every engine what must hold on every engine."""
    if metafunc.module.__name__ in ON_BOTH:
        metafunc.parametrize("engine_kind", KINDS, indirect=True)


@pytest.fixture(autouse=True)
def engine_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """The engine that stores are made on."""
    with on_engine(getattr(request, "param", "sqlite")) as kind:
        yield kind


@pytest.fixture
def tmp_path(engine_kind: str) -> Iterator[Path]:
    """A store of its own for each test; there are many, and each syncs often."""
    with fresh() as directory:
        yield directory


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged at any level, instead of printing it."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
    with structlog.testing.capture_logs() as captured:
        yield captured
    structlog.configure(wrapper_class=before)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()
