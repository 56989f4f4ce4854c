"""Cutting the stream: each case all at once, octet by octet, and with octets of the next PDU behind it (A1 to A5)."""

from __future__ import annotations

import random

import pytest

from gateway.smpp.codec import encode
from gateway.smpp.errors import LostFraming
from gateway.smpp.framing import MAX_PDU, Framer
from gateway.smpp.pdu import DeliverSm, EnquireLink, Tlv
from gateway.smpp.reader import Reader

LINK_CHECK = encode(EnquireLink(), 1)
MO = encode(DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP"), 2)
LARGE = encode(DeliverSm(tlvs=(Tlv(0x0424, b"x" * 65_535),)), 3)
STREAMS = {
    "one": [LINK_CHECK],
    "two": [MO, LINK_CHECK],
    "fifty": [MO, LINK_CHECK] * 25,
    "large": [LARGE, MO],
}


@pytest.mark.checklist("A1")
@pytest.mark.parametrize("pdus", STREAMS.values(), ids=STREAMS)
def test_a1_whole(pdus: list[bytes]) -> None:
    framer = Framer()
    assert framer.feed(b"".join(pdus)) == pdus
    assert framer.holding == 0


@pytest.mark.checklist("A1")
@pytest.mark.parametrize("pdus", STREAMS.values(), ids=STREAMS)
def test_a1_octet_by_octet(pdus: list[bytes]) -> None:
    framer = Framer()
    found = []
    for octet in b"".join(pdus):
        found += framer.feed(bytes((octet,)))
    assert found == pdus
    assert framer.holding == 0


@pytest.mark.checklist("A1")
@pytest.mark.parametrize("pdus", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("trailing", [1, 3, 4, 15, 16, 40])
def test_a1_with_trailing_octets(pdus: list[bytes], trailing: int) -> None:
    framer = Framer()
    assert framer.feed(b"".join(pdus) + MO[:trailing]) == pdus
    assert framer.holding == trailing
    assert framer.feed(MO[trailing:]) == [MO]


@pytest.mark.checklist("A1")
@pytest.mark.parametrize("cut", range(len(MO + LINK_CHECK) + 1))
def test_a1_cut_in_two_at_every_octet(cut: int) -> None:
    stream = MO + LINK_CHECK
    framer = Framer()
    assert framer.feed(stream[:cut]) + framer.feed(stream[cut:]) == [MO, LINK_CHECK]


@pytest.mark.checklist("A1")
def test_a1_cut_at_random() -> None:
    chance = random.Random(3)
    stream = b"".join([MO, LINK_CHECK] * 50)
    for _ in range(50):
        framer, found, at = Framer(), list[bytes](), 0
        while at < len(stream):
            step = chance.randint(0, 90)
            found += framer.feed(stream[at : at + step])
            at += step
        assert found == [MO, LINK_CHECK] * 50


BAD_LENGTHS = [0, 4, 15, MAX_PDU + 1, 0x80000010, 0xFFFFFFFF]


@pytest.mark.checklist("A2", "A3")
@pytest.mark.parametrize("length", BAD_LENGTHS)
def test_a2_a3_a_bad_length_loses_framing_at_once_for_good(length: int) -> None:
    framer = Framer()
    with pytest.raises(LostFraming, match=f"command_length is {length}; it must be 16 to {MAX_PDU}"):
        framer.feed(length.to_bytes(4, "big"))
    with pytest.raises(LostFraming, match="command_length"):
        framer.feed(MO)
    assert framer.lost is not None


@pytest.mark.checklist("A2")
@pytest.mark.parametrize("length", BAD_LENGTHS)
def test_a2_good_pdus_before_a_bad_length_are_given_first(length: int) -> None:
    framer = Framer()
    assert framer.feed(MO + LINK_CHECK + length.to_bytes(4, "big") + MO) == [MO, LINK_CHECK]
    assert framer.lost is not None
    with pytest.raises(LostFraming, match="command_length"):
        framer.feed(b"")


@pytest.mark.checklist("A2")
@pytest.mark.parametrize("length", BAD_LENGTHS)
def test_a2_octet_by_octet(length: int) -> None:
    framer = Framer()
    found = []
    stream = MO + length.to_bytes(4, "big")
    for octet in stream[:-1]:
        found += framer.feed(bytes((octet,)))
    assert found == [MO]
    with pytest.raises(LostFraming, match="command_length"):
        framer.feed(stream[-1:])


@pytest.mark.parametrize("length", [16, 17, MAX_PDU])
def test_lengths_at_the_edges_are_lawful(length: int) -> None:
    pdu = length.to_bytes(4, "big") + b"\0" * (length - 4)
    assert Framer().feed(pdu) == [pdu]


@pytest.mark.checklist("A5")
@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00"])
def test_a5_garbage_loses_framing(garbage: bytes) -> None:
    with pytest.raises(LostFraming, match="command_length"):
        Framer().feed(garbage)


def test_the_cap_takes_a_whole_64_kb_tlv() -> None:
    assert len(LARGE) < MAX_PDU


def test_reader_notes_since_when_a_pdu_is_unfinished() -> None:
    reader = Reader(MAX_PDU)
    assert reader.feed(MO, 1.0) == [MO]
    assert reader.partial_since is None
    reader.feed(MO[:5], 2.0)
    assert reader.partial_since == 2.0
    reader.feed(MO[5:9], 3.0)
    assert reader.partial_since == 2.0  # trickling does not help
    reader.feed(MO[9:] + MO[:3], 4.0)
    assert reader.partial_since == 4.0  # another PDU began
    reader.feed(MO[3:], 5.0)
    assert reader.partial_since is None
    assert reader.feed(b"\xff" * 4, 6.0) == []
    assert reader.lost is not None
