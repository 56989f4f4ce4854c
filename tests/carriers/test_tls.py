"""TLS: a bind over it, who is believed and who is not, and that *written* keeps its meaning.

The certificates in ``certificates/`` belong to nobody: a test authority, ``carrier.test`` (also 127.0.0.1) and
``gateway.test`` that it signed, another authority, and a ``carrier.test`` that signed itself for the year 2020.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from pydantic import ValidationError
from trio.testing import MockClock

from gateway.base import SystemClock
from gateway.carriers.carrier import Carrier
from gateway.carriers.interface import BindState
from gateway.carriers.options import CarrierOptions
from gateway.carriers.tls import TlsWire, make_context
from gateway.carriers.wire import SocketWire, WireError
from gateway.model.permit import Fate
from tests.carriers.rig import settle
from tests.kit.permits import permit
from tests.kit.smsc import Ledger, Smsc
from tests.kit.wire import MemoryWire, memory_wires

HERE = Path(__file__).parent / "certificates"
CA, CARRIER, GATEWAY, ANOTHER_CA = (str(HERE / f"{name}.pem") for name in ("ca", "carrier", "gateway", "another-ca"))
EXPIRED = str(HERE / "expired.pem")
CA_OCTETS = Path(CA).read_bytes()


def server_context(*, wants_client: bool = False, cert: str = CARRIER) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    if wants_client:
        context.load_verify_locations(CA)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def pair(
    client: ssl.SSLContext, server: ssl.SSLContext, name: str = "carrier.test", capacity: int = 1 << 20
) -> tuple[TlsWire, TlsWire, MemoryWire]:
    """Return both ends and the wire in memory under ours."""
    inner, other = memory_wires(capacity)
    ours = TlsWire(inner, partial(client.wrap_bio, server_hostname=name))
    return ours, TlsWire(other, partial(server.wrap_bio, server_side=True)), inner


async def shake(ours: TlsWire, theirs: TlsWire) -> None:
    """Both shake hands; what ours raises comes out."""

    async def accept() -> None:
        try:
            await theirs.handshake()
        except WireError:
            theirs.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept)
        try:
            with trio.fail_after(10):
                await ours.handshake()
        except WireError as error:
            ours.close()
            failure: WireError | None = error
        else:
            failure = None
    if failure is not None:
        raise failure


@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
async def test_octets_pass_both_ways_and_the_end_is_empty(autojump_clock: MockClock, minimum: str) -> None:
    ours, theirs, _ = pair(make_context(CA, "", "", minimum), server_context())
    await shake(ours, theirs)
    assert ours.send_some(b"hello") == 5
    assert await theirs.receive() == b"hello"
    assert theirs.send_some(memoryview(b"x" * 16_384)) == 16_384
    received = b""
    while len(received) < 16_384:
        received += await ours.receive()
    theirs.close()
    assert await ours.receive() == b""
    ours.close()


async def test_nothing_gathers_behind_the_engine(autojump_clock: MockClock) -> None:
    """What it has deciphered would not wake the reader: so that is never asked to wait, and nobody reads beside it."""
    ours, theirs, inner = pair(make_context(CA, "", "", "1.3"), server_context())
    await shake(ours, theirs)
    ours.let_gather(1_000)
    assert inner.gathers == 1
    theirs.send_some(b"one")
    assert ours.receive_now() is None
    assert await ours.receive() == b"one"
    ours.close()


async def test_a_stream_that_just_ends_is_an_end(autojump_clock: MockClock) -> None:
    ours, theirs, _ = pair(make_context(CA, "", "", "1.2"), server_context())
    await shake(ours, theirs)
    theirs._inner.close()
    assert await ours.receive() == b""
    ours.close()
    ours.close()


@pytest.mark.parametrize(
    "ca, name, complaint",
    [
        (ANOTHER_CA, "carrier.test", "certificate is not accepted: .*"),
        ("", "carrier.test", "certificate is not accepted: .*"),
        (CA, "somebody.else", "certificate is not accepted: Hostname mismatch"),
    ],
)
async def test_who_is_not_the_carrier_is_not_spoken_to(
    autojump_clock: MockClock, ca: str, name: str, complaint: str
) -> None:
    ours, theirs, _ = pair(make_context(ca, "", "", "1.2"), server_context(), name)
    with pytest.raises(WireError, match=complaint):
        await shake(ours, theirs)


async def test_a_version_too_old_is_refused(autojump_clock: MockClock) -> None:
    server = server_context()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    ours, theirs, _ = pair(make_context(CA, "", "", "1.3"), server)
    with pytest.raises(WireError, match=r"TLS failed: .*VERSION"):
        await shake(ours, theirs)


async def test_a_carrier_that_speaks_no_tls_on_this_port(autojump_clock: MockClock) -> None:
    ours, theirs, _ = pair(make_context(CA, "", "", "1.2"), server_context())
    theirs._inner.send_some(b"\x00\x00\x00\x10\x80\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00")  # a generic_nack
    with pytest.raises(WireError, match="does not speak TLS on this port"):
        await ours.handshake()


async def test_a_carrier_that_hangs_up_in_the_handshake(autojump_clock: MockClock) -> None:
    ours, theirs, _ = pair(make_context(CA, "", "", "1.2"), server_context())
    theirs._inner.close()
    with pytest.raises(WireError, match="closed"):
        await ours.handshake()


async def test_our_own_certificate_is_shown_where_it_is_asked_for(autojump_clock: MockClock) -> None:
    ours, theirs, _ = pair(make_context(CA, GATEWAY, GATEWAY, "1.2"), server_context(wants_client=True))
    await shake(ours, theirs)
    theirs.send_some(b"welcome")
    assert await ours.receive() == b"welcome"
    assert theirs._engine.getpeercert()


async def test_the_engine_takes_one_chunk_and_no_more_until_the_kernel_has_it(autojump_clock: MockClock) -> None:
    ours, theirs, inner = pair(make_context(CA, "", "", "1.2"), server_context())
    await shake(ours, theirs)
    inner.allow(100)
    assert ours.send_some(b"a" * 16_384) == 16_384
    assert ours.unsent
    assert ours.send_some(b"b") == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.wait_writable)
        await settle()
        assert ours.unsent
        inner.allow(None)
    assert not ours.unsent
    assert ours.send_some(b"b") == 1
    await ours.wait_writable()
    received = b""
    while len(received) < 16_385:
        received += await theirs.receive()
    assert received == b"a" * 16_384 + b"b"


async def test_a_broken_record_is_a_wire_error(autojump_clock: MockClock) -> None:
    ours, theirs, _ = pair(make_context(CA, "", "", "1.2"), server_context())
    await shake(ours, theirs)
    theirs._inner.send_some(b"this is no TLS record, as anybody can see")
    with pytest.raises(WireError, match="TLS failed"):
        await ours.receive()


@asynccontextmanager
async def tls_smsc(server: ssl.SSLContext) -> AsyncIterator[tuple[int, list[Smsc]]]:
    """Listen on a real socket; give its port, and the SMSCs that were reached."""
    smscs: list[Smsc] = []

    async def serve(stream: trio.SocketStream) -> None:
        inner = SocketWire(socket.socket(fileno=stream.socket.detach()))
        wire = TlsWire(inner, partial(server.wrap_bio, server_side=True))
        with suppress(WireError):
            await wire.handshake()
            smscs.append(Smsc(wire))
            await smscs[-1].run()
        wire.close()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield listener.socket.getsockname()[1], smscs
        nursery.cancel_scope.cancel()


def carrier(ledger: Ledger, **keys: Any) -> Carrier:
    options = CarrierOptions.model_validate({"name": "acme", "tls": True, "tls_ca": CA, "reconnect_gap_s": 0.1} | keys)
    return Carrier(options, inward=ledger, clock=SystemClock(), life="gw1-1", region_of=lambda line: "US")


async def test_a_bind_over_tls_on_real_sockets() -> None:
    ledger = Ledger(answer=Ledger.ack_all)
    async with tls_smsc(server_context()) as (port, smscs), trio.open_nursery() as nursery:
        ours = carrier(ledger, port=port)
        nursery.start_soon(ours.run)
        bind = ours.binds[0]
        await ledger.until(lambda: bind.can_submit)
        (smsc,) = smscs
        bind.offer([permit(number, body=b"x" * 150) for number in range(99)])
        for number in range(200):
            await smsc.text(f"text {number}")
        await smsc.until(lambda: len(smsc.submits) == 99 and len(smsc.responses) == 200)
        await ours.stop()
    assert set(ledger.fates.values()) == {Fate.ACCEPTED}
    assert len(ledger.texts) == len(ledger.acks) == 200


def tls_1_2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize(
    "server, keys, complaint",
    [
        (server_context(), {"tls_ca": ANOTHER_CA}, "certificate is not accepted: .*issuer"),
        (server_context(), {"tls_ca": ""}, "certificate is not accepted: .*issuer"),
        (server_context(), {"tls_server_name": "somebody.else"}, "certificate is not accepted: Hostname mismatch"),
        (server_context(cert=EXPIRED), {"tls_ca": EXPIRED}, "certificate is not accepted: certificate has expired"),
        (tls_1_2(server_context()), {"tls_minimum": "1.3"}, "TLS failed: .*VERSION"),
        (tls_1_2(server_context(wants_client=True)), {}, "TLS failed: .*ALERT_HANDSHAKE_FAILURE"),
        (server_context(wants_client=True), {}, "TLS failed: .*CERTIFICATE_REQUIRED"),
        (
            server_context(wants_client=True),
            {"tls_cert": EXPIRED, "tls_key": EXPIRED},
            "TLS failed: .*(UNKNOWN_CA|CERTIFICATE_EXPIRED)",
        ),
    ],
)
async def test_who_is_not_believed_is_not_bound_to(
    server: ssl.SSLContext, keys: dict[str, str], complaint: str
) -> None:
    """On real sockets, and not once only: it is tried again, and refused again."""
    ledger = Ledger()
    async with tls_smsc(server) as (port, smscs), trio.open_nursery() as nursery:
        ours = carrier(ledger, port=port, **keys)
        nursery.start_soon(ours.run)
        await ledger.until(lambda: ledger.states.count(BindState.DOWN) == 2)
        assert re.search(complaint, ours.rows()[0].detail)
        nursery.cancel_scope.cancel()
    assert BindState.UP not in ledger.states
    assert not any(smsc.events for smsc in smscs), "nobody took our bind"


@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
@pytest.mark.parametrize("name", ["", "carrier.test"])
async def test_our_name_for_it_and_our_certificate_are_told(name: str, minimum: str) -> None:
    """SNI is the name that is asked of its certificate; an address is none, and is not sent (RFC 6066 section 3)."""
    asked: list[str | None] = []
    server = server_context(wants_client=True)
    server.sni_callback = lambda _engine, told, _context: asked.append(told)
    ledger = Ledger(answer=Ledger.ack_all)
    async with tls_smsc(server) as (port, smscs), trio.open_nursery() as nursery:
        keys = {"tls_server_name": name, "tls_minimum": minimum, "tls_cert": GATEWAY, "tls_key": GATEWAY}
        ours = carrier(ledger, port=port, **keys)
        nursery.start_soon(ours.run)
        await ledger.until(lambda: ours.binds[0].can_submit)
        await smscs[0].text("JOIN")
        await smscs[0].until(lambda: bool(smscs[0].responses))
        await ours.stop()
    assert asked == [name or None]
    assert ledger.texts == ["JOIN"]


async def test_files_that_vanish_are_told_and_tried_again(tmp_path: Path) -> None:
    copy = tmp_path / "ca.pem"
    copy.write_bytes(CA_OCTETS)
    ledger = Ledger()
    async with tls_smsc(server_context()) as (port, _), trio.open_nursery() as nursery:
        ours = carrier(ledger, port=port, tls_ca=str(copy))
        copy.unlink()
        nursery.start_soon(ours.run)
        await ledger.until(lambda: len(ledger.states) >= 2)
        assert "cannot be read: No such file" in ours.rows()[0].detail
        copy.write_bytes(CA_OCTETS)
        await ledger.until(lambda: ours.binds[0].bound)
        nursery.cancel_scope.cancel()


async def test_a_handshake_that_nobody_answers_ends_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ledger = Ledger()
        async with trio.open_nursery() as nursery:
            ours = carrier(ledger, port=listener.getsockname()[1], bind_timeout_s=0.05)
            nursery.start_soon(ours.run)
            await ledger.until(lambda: len(ledger.states) >= 2)
            assert "the TLS handshake with 127.0.0.1 took over 0.05 s" in ours.rows()[0].detail
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "keys, complaint",
    [
        ({"tls_ca": CA}, "tls_ca is set, but tls is false"),
        ({"tls": True, "tls_key": GATEWAY}, "tls_key is set, but tls_cert is not"),
        ({"tls": True, "tls_ca": "/nowhere/ca.pem"}, 'tls_ca: "/nowhere/ca.pem" cannot be read: No such file'),
        ({"tls": True, "tls_ca": __file__}, "tls_ca: .* holds no certificate; name a PEM file"),
        ({"tls": True, "tls_cert": CA}, "tls_cert: .* holds no certificate, or no key that can be read; name"),
        ({"tls": True, "tls_minimum": "1.1"}, "tls_minimum"),
    ],
)
def test_what_cannot_work_is_said_before_the_start(keys: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CarrierOptions.model_validate({"name": "acme"} | keys)
