"""For all tests: hypothesis judges what is true, not how fast a shared machine was; and what we encode is recorded.

The recording (``tests.kit.recording``) is judged by ``tests/e2e/test_tshark.py``, which therefore runs last. Where the
tests run in several processes, or in several runs, the folder of the recording is one that the environment names.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kit.recording import sitecustomize as recording

settings.register_profile("gateway", deadline=None)
settings.load_profile("gateway")

_LONG = frozenset({"e2e", "torture", "nodes", "fuzz"})
"""Folders whose files take long; of the others, none takes more than a few seconds."""
_IS_OURS = recording.FOLDER_KEY not in os.environ
_FOLDER = tempfile.mkdtemp(prefix="gateway-pdus-") if _IS_OURS else os.environ[recording.FOLDER_KEY]
os.environ[recording.FOLDER_KEY] = _FOLDER
_PLUGIN = str(Path(recording.__file__).parent)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_PLUGIN, os.environ.get("PYTHONPATH"))))
recording.install(_FOLDER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes long come first, so that several processes end together, and the judge last."""
    items.sort(key=lambda item: (item.path.name == "test_tshark.py", item.path.parent.name not in _LONG))


def pytest_unconfigure() -> None:
    """Throw the recording away, if nobody else is to have it."""
    if _IS_OURS:
        shutil.rmtree(_FOLDER, ignore_errors=True)
