"""Leave to hold a bind, given and taken by the test."""

from __future__ import annotations

import math

import trio


class FakeTenure:
    """Held after ``grant``, until ``lose``; ``limit`` is until when it may be written to (boot seconds)."""

    def __init__(self) -> None:
        self.limit = math.inf
        self.returns = 0
        self._held = False
        self._wanted = False
        self._changed = trio.Event()

    def grant(self) -> None:
        self._set(held=True, wanted=False)

    def lose(self) -> None:
        self._set(held=False, wanted=False)

    def ask_back(self) -> None:
        self._set(held=self._held, wanted=True)

    def _set(self, *, held: bool, wanted: bool) -> None:
        self._held, self._wanted = held, wanted
        self._changed.set()
        self._changed = trio.Event()

    def until(self) -> float:
        return self.limit if self._held else -math.inf

    async def granted(self) -> None:
        while not self._held:
            await self._changed.wait()

    async def lost(self) -> None:
        while self._held:
            await self._changed.wait()

    async def wanted_back(self) -> None:
        while not self._wanted:
            await self._changed.wait()

    def returned(self) -> None:
        self.returns += 1
        self._set(held=False, wanted=False)
