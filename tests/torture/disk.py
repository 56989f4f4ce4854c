"""A file layer under SQLite: it writes down what is written and synced, and fails where it is told to.

SQLite asks its virtual file system for everything; here the one that the process has is given another way to open
files, whose handles then pass writes, truncations and syncs through this module (https://www.sqlite.org/vfs.html). Each
is noted in ``LOG`` before the next happens, so that after a kill ``tests.torture.image`` can tell what a disk that lost
its power would still have. It knows nothing of the gateway; it lives in the daemon's process alone.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.torture.points import AFTER, BEFORE, HALF, Fault, die

if TYPE_CHECKING:
    from tests.torture.wraps import Wraps

LOG: Final = "disk.log"
HEAD: Final = struct.Struct("<cBqI")
"""What was done, to which file (its place in ``NAMES``), where, and how many octets follow."""
CREATE, WRITE, TRUNCATE, SYNC, FAILED_SYNC, DELETE, DELETE_SYNCED = b"C", b"W", b"T", b"S", b"F", b"D", b"X"
NAMES: Final = ("", "-wal", "-journal")

_OK: Final = 0
_FULL: Final = 13
_IOERR_WRITE: Final = 10 | 3 << 8
_IOERR_FSYNC: Final = 10 | 4 << 8
_OPEN_CREATE: Final = 0x4
_OURS: Final = 0x100 | 0x800 | 0x80000  # SQLITE_OPEN_MAIN_DB, _MAIN_JOURNAL, _WAL
_CODES: Final = {"full": _FULL, "ioerr": _IOERR_WRITE, "readonly": 8}
_CANTOPEN: Final = 14

_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class _Methods(Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", _Write),
        ("xTruncate", _Truncate),
        ("xSync", _Sync),
        ("others", c_void_p * 13),  # up to version 3's xUnfetch
    )


class _File(Structure):
    _fields_ = (("pMethods", POINTER(_Methods)),)


# Names are addresses: SQLite keeps the one that it gave, so a copy of its octets would not do.
_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(_File), c_int, POINTER(c_int))
_Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)


class _Vfs(Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", _Open),
        ("xDelete", _Delete),
    )


class Disk:
    """The layer of one process. ``folder`` is where its log is; ``control`` names troubles that last."""

    def __init__(self, wraps: Wraps, folder: Path, control: Path | None) -> None:
        self._wraps = wraps
        self._control = control
        self._log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._files: dict[int, int] = {}
        self._kept: list[Any] = []
        library = ctypes.CDLL("libsqlite3.so.0")
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        vfs = library.sqlite3_vfs_find(None).contents
        self._open, self._delete = _Open(_address(vfs.xOpen)), _Delete(_address(vfs.xDelete))
        vfs.xOpen, vfs.xDelete = self._keep(_Open(self._opened)), self._keep(_Delete(self._deleted))

    def _keep(self, callback: Any) -> Any:
        self._kept.append(callback)  # what C points to must live
        return callback

    def _note(self, what: bytes, place: int, at: int = 0, data: bytes = b"") -> None:
        os.write(self._log, HEAD.pack(what, place, at, len(data)) + data)

    def _opened(self, vfs: int, name: int | None, file: Any, flags: int, out: Any) -> int:
        path = _path(name)
        if flags & _OURS and "open" in self._wanted():
            file.contents.pMethods = None  # as SQLite asks of a file that was not opened
            return _CANTOPEN
        new = bool(path) and bool(flags & _OPEN_CREATE) and not Path(path).exists()
        status: int = self._open(vfs, name, file, flags, out)
        if status == _OK and path and flags & _OURS:
            place = _place(path)
            if new:
                self._note(CREATE, place)
            self._files[ctypes.addressof(file.contents)] = place
            file.contents.pMethods = ctypes.pointer(self._methods(file.contents.pMethods.contents))
        return status

    def _methods(self, original: _Methods) -> _Methods:
        made = _Methods()
        ctypes.pointer(made)[0] = original
        self._keep(made)
        write, truncate, sync = (
            kind(_address(method))
            for kind, method in ((_Write, original.xWrite), (_Truncate, original.xTruncate), (_Sync, original.xSync))
        )

        def written(file: int, data: int, count: int, at: int) -> int:
            return self._write(write, file, data, count, at)

        def truncated(file: int, size: int) -> int:
            status: int = truncate(file, size)
            if status == _OK:
                self._note(TRUNCATE, self._files[file], size)
            return status

        def synced(file: int, flags: int) -> int:
            return self._sync(sync, file, flags)

        made.xWrite = self._keep(_Write(written))
        made.xTruncate = self._keep(_Truncate(truncated))
        made.xSync = self._keep(_Sync(synced))
        return made

    def _write(self, write: Callable[..., int], file: int, data: int, count: int, at: int) -> int:
        fault = self._passing("disk.write")
        for word in self._wanted():
            if word in _CODES:
                return _CODES[word]
        whole = count if fault is None or fault.moment != HALF else count // 2
        if fault is not None and fault.moment == BEFORE and fault.deed in _CODES:
            return _CODES[fault.deed]
        status = write(file, data, whole, at)
        if status == _OK:
            self._note(WRITE, self._files[file], at, ctypes.string_at(data, whole))
        if fault is not None and fault.moment in (HALF, AFTER):
            if fault.deed == "kill":
                die()
            return _CODES.get(fault.deed, status)
        return status

    def _sync(self, sync: Callable[..., int], file: int, flags: int) -> int:
        fault = self._passing("disk.sync")
        if (fault is not None and fault.deed == "ioerr") or "sync" in self._wanted():
            self._note(FAILED_SYNC, self._files[file])
            return _IOERR_FSYNC
        status = sync(file, flags)
        if status == _OK:
            self._note(SYNC, self._files[file])
        if fault is not None and fault.moment == AFTER and fault.deed == "kill":
            die()
        return status

    def _passing(self, point: str) -> Fault | None:
        fault = self._wraps.points.passing(point)
        if fault is not None and fault.moment == BEFORE and fault.deed == "kill":
            die()
        return fault

    def _deleted(self, vfs: int, name: int, sync_folder: int) -> int:
        path = _path(name)
        status: int = self._delete(vfs, name, sync_folder)
        if status == _OK and path.endswith(NAMES[1:]):
            self._note(DELETE_SYNCED if sync_folder else DELETE, _place(path))
        return status

    def _wanted(self) -> list[str]:
        """Return the troubles that last."""
        return self._control.read_text().split() if self._control is not None and self._control.exists() else []


def _address(function: Any) -> int:
    """Return where a C function is."""
    address = ctypes.cast(function, c_void_p).value
    assert address is not None
    return address


def _path(name: int | None) -> str:
    return os.fsdecode(ctypes.string_at(name)) if name else ""


def _place(name: str) -> int:
    return next((place for place, suffix in enumerate(NAMES) if suffix and name.endswith(suffix)), 0)


def install(wraps: Wraps, folder: Path, control: Path | None) -> None:
    """Put the layer under every connection that this process opens from now on."""
    _INSTALLED.append(Disk(wraps, folder, control))


_INSTALLED: Final[list[Disk]] = []
