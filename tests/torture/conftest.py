"""One launcher and one conversation without faults, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.torture.cases import Reference, refer
from tests.torture.lives import Launcher


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Return the process that daemons are forked from."""
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def reference(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Return what the conversation leads to."""
    folder: Path = tmp_path_factory.mktemp("reference")
    return trio.run(refer, launcher, folder / "run")
