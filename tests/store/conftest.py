from __future__ import annotations

from tests.kit.stores import store_engine

__all__ = ["store_engine"]
