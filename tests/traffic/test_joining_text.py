"""Long texts as octets: tables and packing that differ by part, and what they might say instead."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.carriers.quirks import load
from gateway.carriers.translate import Origin, Translator
from gateway.model.consent import ConsentStatus
from gateway.model.messages import Mo
from gateway.smpp.pdu import DeliverSm
from gateway.sms.gsm import pack
from gateway.traffic.overdue import PARTS_WAIT_S, overdue_texts
from tests.traffic.bench import SESSION, Bench
from tests.traffic.test_joining import journal

OUT = ConsentStatus.OPTED_OUT
QUIRK = load("standard")
TURKISH = b"\x25\x01\x01"


def read(
    bench: Bench, *parts: bytes, coding: int = 0, alphabet: str = "gsm", also: bytes = b"", total: int = 0
) -> list[Mo]:
    """Parts as a carrier delivers them: their user data behind a header with ``also``."""
    quirk = type(QUIRK)(name="test", summary="", alphabet=alphabet)
    translator = Translator("acme", quirk, lambda _: "US")
    found = []
    for number, octets in enumerate(parts, 1):
        body = bytes((0, 3, 9, total or len(parts), number)) + also
        udh = bytes((len(body),)) + body
        pdu = DeliverSm(
            source_addr="12125550101",
            destination_addr="85700",
            esm_class=0x40,
            data_coding=coding,
            short_message=udh + octets,
        )
        arrival = translator.read(pdu, 100 + number, b"", Origin("acme/0", SESSION), bench.clock.wall())
        assert isinstance(arrival, Mo)
        found.append(arrival)
    return found


@pytest.mark.checklist("F5", "G2", "G3")
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    "parts, facts, text",
    [
        ((b"ya\x1dl\x07\x1b", b"s"), {"also": TURKISH + b"\x24\x01\x01"}, "yaşlış"),
        ((pack(b"hello \x1b", 1), pack(b"e there", 1)), {"alphabet": "gsm-packed"}, "hello € there"),
        ((pack(b"\x0b\x0c", 5), pack(b"\x07", 5)), {"alphabet": "gsm-packed", "also": TURKISH}, "Ğğı"),
        ((b"\xd8\x3d", b"\xde\x00"), {"coding": 8}, "😀"),
        ((b"a\0b\0c", b"\0d\0"), {"coding": 8}, "abcd"),
    ],
)
def test_parts_keep_how_they_are_read(
    bench: Bench, parts: tuple[bytes, ...], facts: dict[str, Any], text: str, backwards: bool, restart: bool
) -> None:
    for part in sorted(read(bench, *parts, **facts), key=lambda mo: mo.sequence, reverse=backwards):
        bench.take(part)
        if restart:
            bench.restart()
    assert journal(bench) == [(text, 2, 0)]


@pytest.mark.checklist("F1", "G4")
@pytest.mark.parametrize(
    "parts, facts",
    [
        ((b"ST", b"OP"), {"coding": 8}),
        ((b"STO", b"P"), {"coding": 8}),
        ((b"ST", b"OP"), {"alphabet": "gsm-packed"}),
        ((b"S\0T", b"\0O\0P\0"), {"coding": 8}),
        ((b"\0S\0T", b"\0O\0P"), {}),
    ],
)
def test_a_long_stop_that_was_declared_wrongly(bench: Bench, parts: tuple[bytes, ...], facts: dict[str, Any]) -> None:
    for part in read(bench, *parts, **facts):
        bench.take(part)
    assert bench.standing().status is OUT


@pytest.mark.checklist("F1", "G1", "G4")
def test_a_stop_alone_in_time_out_that_was_declared_wrongly(bench: Bench) -> None:
    bench.take(read(bench, b"STOP", coding=8, total=2)[0])
    assert bench.standing().status is not OUT, "it must not fire until joined"
    bench.clock.advance(PARTS_WAIT_S + 1)
    assert [taken.outcome for taken in bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken] == ["opt_out"]
    assert bench.standing().status is OUT
    assert journal(bench) == [("協佐", 1, 1)]
    kept = bench.one("select raw from evidence where kind = 'opt_out'")
    assert kept == b"STOP"
