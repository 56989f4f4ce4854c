"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FakeClock:
    """``gateway.base.Clock`` by hand: set the fields, or ``advance`` all three."""

    wall_: float = 1_800_000_000.0
    monotonic_: float = 1_000.0
    boot_: float = 5_000.0

    def wall(self) -> float:
        return self.wall_

    def monotonic(self) -> float:
        return self.monotonic_

    def boot(self) -> float:
        return self.boot_

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on all three clocks."""
        self.wall_ += seconds
        self.monotonic_ += seconds
        self.boot_ += seconds
