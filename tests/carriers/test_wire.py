"""The socket wire, on real sockets; and that the wire in memory keeps the same promises."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import trio

from gateway.carriers.wire import NOTSENT_LOWAT_OCTETS, UNREAD_OCTETS, SocketWire, Wire, WireError, connect
from tests.carriers.rig import settle
from tests.kit.wire import memory_wires


def socket_wires() -> tuple[Wire, Wire]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return SocketWire(ours), SocketWire(theirs)


KINDS = pytest.mark.parametrize("make", [socket_wires, memory_wires])


@KINDS
async def test_octets_arrive_and_the_end_is_empty(make: Callable[[], tuple[Wire, Wire]]) -> None:
    ours, theirs = make()
    assert ours.send_some(b"hello") == 5
    assert await theirs.receive() == b"hello"
    ours.close()
    assert await theirs.receive() == b""
    theirs.close()
    theirs.close()


@KINDS
async def test_a_full_kernel_takes_nothing_and_says_when_it_takes_again(
    make: Callable[[], tuple[Wire, Wire]],
) -> None:
    ours, theirs = make()
    sent = 0
    while taken := ours.send_some(b"x" * 65_536):
        sent += taken
    received = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.wait_writable)
        while received < sent:
            received += len(await theirs.receive())
    assert ours.send_some(memoryview(b"more")) == 4
    ours.close()
    theirs.close()


@KINDS
async def test_closing_wakes_whoever_waits(make: Callable[[], tuple[Wire, Wire]]) -> None:
    ours, theirs = make()
    while ours.send_some(b"x" * 65_536):
        pass
    woken: list[str] = []

    async def expect(use: Callable[[], object]) -> None:
        with pytest.raises(WireError, match="closed by us"):
            await use()  # type: ignore[misc]  # both are async methods
        woken.append("one")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect, ours.receive)
        nursery.start_soon(expect, ours.wait_writable)
        await settle()
        ours.close()
    assert woken == ["one", "one"]
    with pytest.raises(WireError, match=r"closed by us|failed"):
        ours.send_some(b"x")
    with pytest.raises(WireError, match="closed by us"):
        await ours.receive()
    theirs.close()


@KINDS
async def test_what_gathers_wakes_nobody_before_it_is_enough(make: Callable[[], tuple[Wire, Wire]]) -> None:
    ours, theirs = make()
    ours.let_gather(4)
    read: list[bytes] = []

    async def reader() -> None:
        while data := await ours.receive():
            read.append(data)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        theirs.send_some(b"one")
        await settle()
        assert read == []
        assert ours.receive_now() == b"one"
        assert ours.receive_now() is None
        theirs.send_some(b"four")
        await settle()
        assert read == [b"four"]
        theirs.send_some(b"two")
        await settle()
        ours.let_gather(1)
        await settle()
        assert read == [b"four", b"two"]
        ours.let_gather(4)
        theirs.send_some(b"end")
        theirs.close()
        await settle()
        assert read == [b"four", b"two", b"end"], "the end waits for nothing"
    assert ours.receive_now() == b""
    ours.close()
    ours.let_gather(1)
    with pytest.raises(WireError):
        ours.receive_now()


async def test_a_reset_is_a_wire_error() -> None:
    ours, theirs = socket_wires()
    assert isinstance(theirs, SocketWire)
    theirs._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    with pytest.raises(WireError, match="reset"):
        await ours.receive()
    ours.close()


async def test_small_pdus_leave_at_once_and_few_octets_wait_in_the_kernel() -> None:
    ours, theirs = socket_wires()
    assert isinstance(ours, SocketWire)
    assert ours._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert ours._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == NOTSENT_LOWAT_OCTETS
    assert ours._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * UNREAD_OCTETS
    ours.close()
    theirs.close()


async def test_connect_reaches_a_listener_and_names_what_it_cannot_reach() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        wire = await connect("127.0.0.1", port, 5)
        accepted, _ = listener.accept()
        assert wire.send_some(b"hi") == 2
        assert accepted.recv(2) == b"hi"
        accepted.close()
        wire.close()
    with pytest.raises(WireError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused$"):
        await connect("127.0.0.1", port, 5)


async def test_connect_gives_up_in_time(autojump_clock: object, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(host: str, port: int) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    with pytest.raises(WireError, match=r"carrier\.example:2775 did not answer within 10 s"):
        await connect("carrier.example", 2775, 10)
