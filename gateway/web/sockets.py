"""The sockets that we listen on: opened, owned and removed here, with errors that name the address.

Owns the promises about the Unix socket: its mode is 0660 before anyone can connect, a socket that a dead daemon left
behind is replaced in one step, one that somebody listens on is never taken away, and what is not a socket is never
removed. It never accepts a connection; ``gateway.web.server`` does.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from gateway.base.listening import ListenError, listen_error
from gateway.web.access import Peer
from gateway.web.options import ListenAddress, parse_listen

SOCKET_MODE: Final = 0o660
BACKLOG: Final = 128
_UCRED: Final = struct.Struct("3i")  # pid, uid, gid: unix(7), SO_PEERCRED
_MAX_PATH: Final = 107  # octets of sun_path without its NUL: unix(7)


async def open_tcp(listen: Sequence[str]) -> list[trio.SocketListener]:
    """Listen on every address; a host name may stand for several. Either all are open or none."""
    listeners: list[trio.SocketListener] = []
    for text in listen:
        address = parse_listen(text)
        try:
            listeners += await trio.open_tcp_listeners(address.port, host=address.host, backlog=BACKLOG)
        except OSError as error:
            for listener in listeners:
                listener.socket.close()
            raise listen_error(str(address), error, "choose another address in [http] listen") from error
    return listeners


def spelt(listener: trio.SocketListener) -> str:
    """Return the address that a TCP listener has, with the port that port 0 became."""
    host, port = listener.socket.getsockname()[:2]
    return str(ListenAddress(host, port))


def open_unix(path: Path) -> trio.SocketListener:
    """Listen on a Unix socket at ``path``, mode 0660, in place of a socket that nobody listens on any more."""
    if len(os.fsencode(path)) > _MAX_PATH - len(".new"):
        raise ListenError(f"cannot listen on {path}: the path is longer than {_MAX_PATH - 4} octets; use a shorter one")
    _refuse_living(path)
    fresh = path.with_name(path.name + ".new")
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        fresh.unlink(missing_ok=True)
        raw.bind(os.fspath(fresh))
        fresh.chmod(SOCKET_MODE)  # before listen(): until then every connect is refused
        raw.listen(BACKLOG)
        raw.setblocking(False)
        fresh.rename(path)
    except OSError as error:
        raw.close()
        raise ListenError(f"cannot listen on {path}: {error.strerror}; its folder must be writable for us") from error
    return trio.SocketListener(trio.socket.from_stdlib_socket(raw))


def _refuse_living(path: Path) -> None:
    """Pass where nothing is at ``path`` or a dead socket; ListenError where it is something else or alive."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise ListenError(f"cannot listen on {path}: something that is no socket is there; move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog is a living owner, too
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise ListenError(f"cannot listen on {path}: {error.strerror}") from error
    raise ListenError(f"cannot listen on {path}: another gateway does; stop it first", taken=True)


def identity(path: Path) -> tuple[int, int]:
    """Return device and inode of what is at ``path``: is it still ours?"""
    found = path.lstat()
    return found.st_dev, found.st_ino


def remove_unix(path: Path, ours: tuple[int, int]) -> None:
    """Remove our socket; leave what somebody put in its place."""
    try:
        if identity(path) == ours:
            path.unlink()
    except FileNotFoundError:
        return


def peer_of(stream: trio.SocketStream) -> Peer:
    """Return who is at the other end of a Unix socket, as the kernel recorded it when they connected."""
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Peer(*_UCRED.unpack(raw))
