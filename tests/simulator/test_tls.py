"""The simulated carrier over TLS, to a client that believes it, one that does not, and one that speaks none."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trio

from gateway.simulator import SimulatedCarrier
from gateway.simulator.happenings import Happening, TlsFailed
from gateway.simulator.shown import shown
from gateway.simulator.tls import PATIENCE_S, CertificateError, server_context
from gateway.smpp.pdu import SubmitSm
from tests.kit.esme import Esme, esme

HERE = Path(__file__).parents[1] / "carriers" / "certificates"
CERT = HERE / "carrier.pem"  # with its key; signed by ca.pem


def disbelieve(port: int) -> None:
    """Connect as a client that says why it goes; Trio's just goes."""
    context = ssl.create_default_context(cafile=str(HERE / "another-ca.pem"))
    with socket.create_connection(("127.0.0.1", port)) as raw, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(raw, server_hostname="carrier.test")


async def connect(port: int) -> Esme:
    context = ssl.create_default_context(cafile=str(HERE / "ca.pem"))
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    secure = trio.SSLStream(stream, context, server_hostname="carrier.test", https_compatible=True)
    return Esme(secure)  # type: ignore[arg-type]  # it only sends and receives, which is the same here


async def test_texts_go_both_ways(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(tls=server_context(CERT))
    port = await nursery.start(carrier.serve)
    one = await connect(port)
    await one.bind()
    answer = await one.submit(SubmitSm(source_addr="85700", destination_addr="12125550101", short_message=b"Hi"))
    assert answer[0] == 0
    assert (await carrier.arrivals.receive()).text == "Hi"
    (delivery,) = carrier.post("STOP")
    await one.delivered()
    assert await delivery.wait() == 0
    carrier.cut(abort=True)
    assert await one.next() is None
    await trio.aclose_forcefully(one.stream)


def watched(carrier: SimulatedCarrier) -> list[Happening]:
    seen: list[Happening] = []
    carrier.watch(seen.append)
    return seen


async def failure(carrier: SimulatedCarrier, seen: list[Happening]) -> str:
    await carrier.until(lambda _: bool(seen))
    (one,) = seen
    assert isinstance(one, TlsFailed)
    await carrier.until(lambda carrier: not carrier.links)
    said = shown(one)
    assert said is not None
    return said


async def test_who_does_not_believe_it_is_told_of(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(tls=server_context(CERT, CERT))
    seen = watched(carrier)
    port = await nursery.start(carrier.serve)
    await trio.to_thread.run_sync(disbelieve, port)
    said = await failure(carrier, seen)
    assert said.startswith("connection 1: no TLS: ")
    assert "UNKNOWN_CA" in said


async def test_who_speaks_none_is_told_of(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(tls=server_context(CERT))
    seen = watched(carrier)
    port = await nursery.start(carrier.serve)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    await stream.send_all(bytes.fromhex("00000010 00000015 00000000 00000001"))
    assert await failure(carrier, seen) == "connection 1: no TLS: WRONG_VERSION_NUMBER"
    await stream.aclose()


async def test_who_goes_is_told_of(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(tls=server_context(CERT))
    seen = watched(carrier)
    port = await nursery.start(carrier.serve)
    with socket.create_connection(("127.0.0.1", port)):
        pass
    assert (await failure(carrier, seen)).startswith("connection 1: no TLS: ")


async def test_who_is_silent_is_not_waited_for(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    carrier = SimulatedCarrier(tls=server_context(CERT))
    seen = watched(carrier)
    port = await nursery.start(carrier.serve)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    assert await failure(carrier, seen) == f"connection 1: no TLS: nothing for {PATIENCE_S:g} s"
    await stream.aclose()


@pytest.mark.parametrize(
    "cert, key, said",
    [
        ("gone.pem", None, "gone.pem with its key cannot be used: No such file or directory; both must be PEM files"),
        ("ca.pem", None, "ca.pem with its key cannot be used: "),
        ("carrier.pem", "gateway.pem", "gateway.pem cannot be used: "),
    ],
)
def test_files_that_are_no_certificate(cert: str, key: str | None, said: str) -> None:
    with pytest.raises(CertificateError, match=said) as caught:
        server_context(HERE / cert, HERE / key if key else None)
    assert caught.value.exit_code == 64


async def test_without_a_certificate_it_speaks_none(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port):
        assert len(carrier.binds) == 1
