"""Writes down every PDU that our code encodes, in this process and in those that it starts, for tshark to judge.

The gateway knows nothing of it: as ``gateway.smpp.codec`` is imported, its two ways to make octets are wrapped, so that
whoever takes ``encode`` by name takes the wrapped one. The test process installs this by hand (``tests.conftest``); the
others do because Python imports a ``sitecustomize`` that it finds, and this folder is first on their PYTHONPATH. Each
process has a file of its own in the folder of ``FOLDER_KEY`` and writes each line at once: some are killed.

A PDU is written once for each test that made it, whatever its sequence number.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

FOLDER_KEY = "GATEWAY_TEST_PDUS"
CODEC = "gateway.smpp.codec"


def plain(value: Any) -> Any:
    """Return a field's value for JSON: octets as {"hex": ...}, values of several fields as {name: ...}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


class Recorder:
    """Writes lines to this process's file. A child that was forked gets a file of its own."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._process = 0
        self._file = -1
        self._known: set[int] = set()

    def note(self, octets: bytes, meant: Any) -> None:
        """Write down a PDU, unless this test has made it before; ``meant`` is the value, None for a bare header."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("[")[0].partition(" ")[0]
        key = hash((test, octets[:12], octets[16:]))
        if key in self._known:
            return
        self._known.add(key)
        if self._process != os.getpid():
            self._process = os.getpid()
            self._file = os.open(f"{self._folder}/{self._process}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        line = {"test": test, "octets": octets.hex(), "meant": None if meant is None else plain(meant)}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def wrap(self, codec: ModuleType) -> None:
        """Put a recording function in the place of each that makes a PDU."""
        encode, encode_header = codec.encode, codec.encode_header
        inside = False

        @functools.wraps(encode)
        def recorded(pdu: Any, sequence: int, status: int = 0) -> bytes:
            nonlocal inside
            before, inside = inside, True
            try:
                octets: bytes = encode(pdu, sequence, status)
            finally:
                inside = before
            self.note(octets, pdu)
            return octets

        @functools.wraps(encode_header)
        def header(command_id: int, sequence: int, status: int, body: bytes = b"") -> bytes:
            octets: bytes = encode_header(command_id, sequence, status, body)
            # A test that lays a body by hand, to be read as a carrier's, does not encode.
            if not inside and not sys._getframe(1).f_globals["__name__"].startswith("tests."):
                self.note(octets, None)
            return octets

        codec.encode, codec.encode_header = recorded, header  # type: ignore[attr-defined]  # a module, to the checker


class _Loader(SourceFileLoader):
    recorder: Recorder

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        self.recorder.wrap(module)


class _Finder(MetaPathFinder):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path, target) if fullname == CODEC else None
        if found is None or found.origin is None:
            return None
        loader = _Loader(fullname, found.origin)
        loader.recorder = self._recorder
        return spec_from_file_location(fullname, found.origin, loader=loader)


def install(folder: str) -> None:
    """Record into ``folder`` from now on. Raises RuntimeError where it is too late."""
    if CODEC in sys.modules:
        raise RuntimeError(f"{CODEC} was imported before it could be recorded")
    sys.meta_path.insert(0, _Finder(Recorder(folder)))


if __name__ == "sitecustomize" and FOLDER_KEY in os.environ:
    install(os.environ[FOLDER_KEY])
