"""What each test of the daemon gets: a configuration on disk, and logging as it was before."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.kit.daemon import write_config


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """A gateway that runs configures the logs of the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A line over a carrier that does not answer, and a store that waits 50 ms for a lock."""
    made = write_config(tmp_path, 1)
    made.write_text(made.read_text() + "\n[store]\nbusy_timeout_s = 0.05\n")
    return made
