"""Listening: addresses that cannot be had are named; the Unix socket is ours, closed to others, and replaced safely."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
import trio

from gateway.base.listening import ListenError
from gateway.web.sockets import identity, open_tcp, open_unix, peer_of, remove_unix, spelt


async def test_an_address_in_use_is_named_and_nothing_stays_open() -> None:
    (first,) = await open_tcp(["127.0.0.1:0"])
    taken = spelt(first)
    with socket.create_server(("127.0.0.1", 0)) as spare:
        free = spare.getsockname()[1]
    with pytest.raises(ListenError, match=f"cannot listen on {taken}: another process does") as caught:
        await open_tcp([f"127.0.0.1:{free}", taken])
    assert caught.value.exit_code == 69
    (again,) = await open_tcp([f"127.0.0.1:{free}"])
    await again.aclose()
    await first.aclose()


@pytest.mark.parametrize(
    "address,words",
    [("192.0.2.1:8080", "Cannot assign requested address"), ("no-such-host.invalid:80", "is not a known host")],
)
async def test_an_address_that_is_not_ours(address: str, words: str) -> None:
    with pytest.raises(ListenError, match=words) as caught:
        await open_tcp([address])
    assert caught.value.exit_code == 71


async def test_both_families() -> None:
    listeners = await open_tcp(["127.0.0.1:0", "[::1]:0"])
    assert [spelt(listener).rpartition(":")[0] for listener in listeners] == ["127.0.0.1", "[::1]"]
    for listener in listeners:
        await listener.aclose()


async def test_the_unix_socket_is_closed_to_others_and_names_its_peer(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    listener = open_unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    client = await trio.open_unix_socket(path)
    stream = await listener.accept()
    peer = peer_of(stream)
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.geteuid(), os.getegid())
    for closable in (client, stream, listener):
        await closable.aclose()


async def test_a_dead_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    (tmp_path / "gw.sock.new").write_text("left behind")
    first = open_unix(path)
    with pytest.raises(ListenError, match="another gateway does") as caught:
        open_unix(path)
    assert caught.value.exit_code == 69
    await first.aclose()  # as after kill -9: the file stays
    old = identity(path)
    second = open_unix(path)
    assert identity(path) != old
    await (await trio.open_unix_socket(path)).aclose()
    remove_unix(path, old)
    assert path.exists()
    remove_unix(path, identity(path))
    assert not path.exists()
    remove_unix(path, old)
    await second.aclose()


async def test_a_full_backlog_is_a_living_owner(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    owner = socket.socket(socket.AF_UNIX)
    owner.bind(os.fspath(path))
    owner.listen(0)
    callers = []
    for _ in range(4):
        caller = socket.socket(socket.AF_UNIX)
        caller.setblocking(False)
        caller.connect_ex(os.fspath(path))
        callers.append(caller)
    with pytest.raises(ListenError, match="another gateway does"):
        open_unix(path)
    for each in (owner, *callers):
        each.close()


async def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    path.write_text("precious")
    with pytest.raises(ListenError, match="something that is no socket is there") as caught:
        open_unix(path)
    assert caught.value.exit_code == 71
    assert path.read_text() == "precious"


async def test_a_socket_of_another_kind_is_not_ours_to_take(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(os.fspath(path))
        with pytest.raises(ListenError, match="Protocol wrong type"):
            open_unix(path)


@pytest.mark.parametrize("name", ["x" * 200, "missing/gw.sock", "file/gw.sock"])
async def test_a_path_that_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ListenError, match="cannot listen on"):
        open_unix(tmp_path / name)
