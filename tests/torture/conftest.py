"""One launcher and one conversation without faults, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.torture.cases import TRIED, WHOLE, Reference, refer
from tests.torture.lives import Launcher


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many places were tried, where all of them were."""
    if WHOLE and TRIED:
        terminalreporter.section("places at which something went wrong")
        for (fault, series), places in TRIED.items():
            terminalreporter.write_line(f"{places:5} {fault:32} {series}")
        terminalreporter.write_line(f"{sum(TRIED.values()):5} in all")


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
