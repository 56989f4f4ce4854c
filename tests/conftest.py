"""For all tests: hypothesis judges what is true, not how fast a shared machine was."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("gateway", deadline=None)
settings.load_profile("gateway")
