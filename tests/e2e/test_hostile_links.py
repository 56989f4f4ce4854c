"""A carrier that treats the connection badly: bind answers of every kind, lost framing, resets, floods, no reading.

A session may end here; the daemon comes back to the carrier, serves the next good text, and grows by nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.e2e.odd_pdus import SMUGGLED
from tests.e2e.test_hostile_pdus import Joiners
from tests.kit.daemon import Daemon, daemon, write_config
from tests.kit.raw_smsc import (
    DELIVER,
    ENQUIRE,
    GENERIC_NACK,
    PATIENCE_S,
    RESP,
    UNBIND,
    RawBind,
    RawSmsc,
    listening,
    message,
    pdu,
    tlv,
)

QUICK: Final = """
read_timeout_s = 0.5
bind_timeout_s = 0.5
response_timeout_s = 1
enquire_link_s = 0.5
reconnect_max_s = 0.1
refused_gap_s = 0.1
refused_max_s = 0.1
"""
GROWTH_MB: Final = 64
RINVCMDLEN: Final = 2

REFUSALS: Final[dict[str, Callable[[RawBind], bytes]]] = {
    "B1 an error without a body": lambda bind: bind.bind_resp(b"", 13),
    "B1 an error and a NUL": lambda bind: bind.bind_resp(b"\0", 5),
    "B1 an error and a whole body": lambda bind: bind.bind_resp(b"SMSC\0" + tlv(0x210, b"\x33"), 14),
    "B1 a vendor's error": lambda bind: bind.bind_resp(b"", 0x4FF),
    "B5 nothing": lambda bind: b"",
    "C3 the response to another bind": lambda bind: pdu(2 | RESP, 1, b"SMSC\0"),
    "C4 generic_nack for nobody": lambda bind: pdu(GENERIC_NACK, 0, status=3),
    "C4 generic_nack": lambda bind: pdu(GENERIC_NACK, 1, status=3),
    "B3 unbind": lambda bind: pdu(UNBIND, 3),
    "B3 unbind and then yes": lambda bind: pdu(UNBIND, 3) + bind.bind_resp(),
}
WELCOMES: Final[dict[str, Callable[[RawBind], bytes]]] = {
    "B1 no body": lambda bind: bind.bind_resp(b""),
    "B1 no NUL": lambda bind: bind.bind_resp(b"SMSC" + tlv(0x1500, b"xx")),
    "B1 an old version": lambda bind: bind.bind_resp(b"S\0" + tlv(0x210, b"\x33")),
    "B1 a broken TLV": lambda bind: bind.bind_resp(b"S\0" + tlv(0x210, b"\x34", length=99)),
    "B3 a text before and a text behind": lambda bind: (
        pdu(DELIVER, 50, message(b"early")) + pdu(ENQUIRE, 51) + bind.bind_resp() + pdu(DELIVER, 52, message(b"late"))
    ),
}
LOST: Final = {
    "A2 length 0": pdu(DELIVER, 1, length=0),
    "A2 length 4": pdu(DELIVER, 1, length=4),
    "A2 length 15": pdu(DELIVER, 1, length=15),
    "A2 bit 31": pdu(DELIVER, 1, length=2**31),
    "A2 all bits": pdu(DELIVER, 1, length=2**32 - 1),
    "A3 above the cap": pdu(DELIVER, 1, b"x" * 100, length=70_001),
    "A3 above the cap, and PDUs in it": pdu(DELIVER, 1, SMUGGLED * 1_300, length=70_001),
    "A3 a length of text, and PDUs in it": b"GET /" + SMUGGLED * 1_300,
    "A5 an empty line": b"\r\n\r\n",
    "A5 HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "A5 TLS": bytes.fromhex("1503010002022f"),
}


async def _over(bind: RawBind, what: str) -> None:
    with trio.move_on_after(PATIENCE_S):
        await bind.closed.wait()
    assert bind.closed.is_set(), what


def _memory(gateway: Daemon) -> int:
    """Return the resident memory of the daemon, in MB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024


@pytest.mark.checklist("A2", "A3", "A4", "A5", "B1", "B3", "B4", "B5", "C2", "C3", "C4", "C6")
async def test_the_daemon_comes_back_whatever_becomes_of_its_sessions(tmp_path: Path) -> None:
    joiners = Joiners()
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port, carrier=QUICK)) as gateway:
        for name, refusal in REFUSALS.items():
            bind = await smsc.accept()
            await bind.login()
            assert bind.seen[0].sequence == 1
            await bind.send(refusal(bind))
            await _over(bind, name)
            assert ENQUIRE not in [came.command for came in bind.seen], "B4"
        for end in (RawBind.abort, RawBind.close):
            bind = await smsc.accept()
            await bind.login()
            await end(bind)
        for name, welcome in WELCOMES.items():
            bind = await smsc.accept()
            await bind.login()
            await bind.send(welcome(bind))
            await joiners.join(bind, name)
            if name.startswith("B3"):
                statuses = [bind.answers(sequence)[0].status for sequence in (50, 51, 52)]
                assert statuses == [0x64, 0, 0], "what comes too early is to come again"
            await bind.close()
        for name, octets in LOST.items():
            bind = await smsc.bound()
            await joiners.join(bind, name)
            seen = len(bind.seen)
            await bind.send(octets)
            await _over(bind, name)
            assert [(came.command, came.status) for came in bind.seen[seen:]] == [(GENERIC_NACK, RINVCMDLEN)], name
        await _silences(smsc, joiners)
        await _unbound_with_a_full_window(smsc, gateway, joiners)
        assert await gateway.consent() == "not_defined", "no STOP was looked for inside what is no PDU"
        assert not [line for line in gateway.log if "Traceback" in line]
        assert await gateway.terminate() == 0


async def _silences(smsc: RawSmsc, joiners: Joiners) -> None:
    bind = await smsc.bound()
    await bind.send(pdu(DELIVER, 1, message(b"hi"))[:20])
    await _over(bind, "A4 a PDU stalls half-way")
    bind = await smsc.bound()
    await joiners.join(bind, "A4")
    bind.reading = False
    await bind.send(pdu(ENQUIRE, 1))
    bind = await smsc.bound()  # C6: the one that does not read is given up
    await joiners.join(bind, "C6")
    await bind.half_close()
    await _over(bind, "half closed")


async def _unbound_with_a_full_window(smsc: RawSmsc, gateway: Daemon, joiners: Joiners) -> None:
    """C2: STOP and unbind in one segment, the window full: the STOP is acked, and what was not begun goes later."""
    bind = await smsc.bound()
    bind.mute = True
    messages = [{"line": "85700", "to": f"+1212557{n:04}", "text": f"news {n}"} for n in range(12)]
    await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
    await bind.until(lambda bind: len(bind.submits) == 9)
    await bind.send(pdu(DELIVER, 1, message(b"STOP", source=b"12125570011")) + pdu(UNBIND, 2))
    await bind.answer(2)
    assert (await bind.answer(1)).status == 0
    await bind.release()
    await _over(bind, "C2")
    second = await smsc.bound()
    await joiners.join(second, "C2")
    first = [submit.text for submit in bind.submits]
    assert Counter(first + [submit.text for submit in second.submits])[b"news 8"] == 1
    assert b"news 11" not in first + second.to("12125570011")
    await second.close()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[tuple[int, trio.Event]]:
    """Forward both ways to ``port``; what is connected when the event is set stays so, and hears nothing any more."""
    vanished = trio.Event()

    async def forward(source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError):
            async for data in source:
                await sink.send_all(data)
        both.cancel()

    async def cut(both: trio.CancelScope) -> None:
        await vanished.wait()
        both.cancel()

    async def serve(ours: trio.SocketStream) -> None:
        stays = not vanished.is_set()
        async with await trio.open_tcp_stream("127.0.0.1", port) as theirs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(forward, ours, theirs, nursery.cancel_scope)
                nursery.start_soon(forward, theirs, ours, nursery.cancel_scope)
                if stays:
                    nursery.start_soon(cut, nursery.cancel_scope)
            if stays and vanished.is_set():
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield listener.socket.getsockname()[1], vanished
        nursery.cancel_scope.cancel()


@pytest.mark.checklist("C1", "C6")
async def test_a_carrier_that_vanishes_is_found_out_by_the_link_check(tmp_path: Path) -> None:
    """No reset, no end: the connection is there, and nobody at its end. What was in the window is uncertain."""
    joiners = Joiners()
    async with (
        listening() as smsc,
        relay(smsc.port) as (port, vanished),
        daemon(write_config(tmp_path, port, carrier=QUICK)) as gateway,
    ):
        first = await smsc.bound()
        await joiners.join(first, "the start")
        first.mute = True
        sent = (await gateway.send("before")).json()["id"]
        await first.until(lambda bind: len(bind.open) == 1)
        vanished.set()
        second = await smsc.bound()
        await joiners.join(second, "C6")
        assert not first.closed.is_set()
        await gateway.said("link check unanswered")
        assert await gateway.state(sent) == "uncertain"
        assert await gateway.terminate() == 0


@pytest.mark.checklist("A6", "C5", "C7")
async def test_floods_are_taken_in_bounded_memory(tmp_path: Path) -> None:
    joiners = Joiners()
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()
        await joiners.join(bind, "the start")
        before = _memory(gateway)
        await bind.close()

        bind = await smsc.accept()  # C7: 25,000 receipts with the bind_resp
        await bind.login()
        text = b"id:%08d sub:001 dlvrd:001 submit date:2001011200 done date:2001011200 stat:DELIVRD err:000 text:hello"
        numbers = range(0x100000, 0x100000 + 25_000)
        receipts = [pdu(DELIVER, n, message(text % n, esm=4)) for n in numbers]
        await bind.send(bind.bind_resp(), *receipts)
        await bind.until(lambda bind: all(bind.answers(n) for n in numbers))
        assert {answer.status for n in numbers for answer in bind.answers(n)} == {0}
        await joiners.join(bind, "25,000 receipts")

        for octets in (
            message(source=b"%d" * 9_000),
            message(line=b"%d" * 9_000),
            message(rest=tlv(0x424, b"st%dop" * 9_000)),
        ):
            giants = [bind.next() for _ in range(100)]
            await bind.send(*(pdu(DELIVER, n, octets.replace(b"%d", b"%02d" % (n % 100))) for n in giants))
            await bind.until(lambda bind, giants=giants: all(bind.answers(n) for n in giants))  # type: ignore[misc]
            await joiners.join(bind, "giants")
        lines = len(gateway.log)
        await bind.send(pdu(0x80000004, 0x7FFFFFFF, b"x\0") * 50_000, pdu(0x7777, 0x7FFFFFFF) * 50_000)
        await joiners.join(bind, "100,000 odd PDUs")
        assert len(gateway.log) - lines < 100
        assert _memory(gateway) - before < GROWTH_MB
        assert len(smsc.binds) == 2
        assert await gateway.terminate() == 0
