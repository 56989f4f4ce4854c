"""Properties: what is written is read back; the fast paths are the table; only our two errors leave the reader."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.smpp.codec import decode, decode_body, encode, encode_body, encode_header
from gateway.smpp.errors import BadBody, LocalProtocolError, LostFraming
from gateway.smpp.pdu import Frame, Header, Pdu
from tests.smpp.samples import BUSY, BUSY_PDUS, PDUS, PLAIN_SAMPLES, SAMPLES, SEQUENCES

Reading = Frame | tuple[Header, int, str, Pdu | None]


def by_decode(data: bytes) -> Reading:
    try:
        return decode(data)
    except BadBody as bad:
        return bad.header, bad.status, bad.reason, bad.salvage


def by_table(data: bytes) -> Reading:
    header = Header(*(int.from_bytes(data[at : at + 4], "big") for at in (4, 8, 12)))
    try:
        return Frame(*header, decode_body(data, header))
    except BadBody as bad:
        return bad.header, bad.status, bad.reason, bad.salvage


def framed(command_id: int, body: bytes) -> bytes:
    return encode_header(command_id, 7, 0, body)


@given(pdu=PDUS, sequence=SEQUENCES, status=SEQUENCES)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_back(pdu: Pdu, sequence: int, status: int) -> None:
    assert decode(encode(pdu, sequence, status)) == Frame(pdu.command_id, status, sequence, pdu)


@given(pdu=BUSY_PDUS)
@settings(max_examples=300, deadline=None)
def test_the_fast_writer_writes_what_the_table_writes(pdu: Pdu) -> None:
    assert encode(pdu, 9, 3) == encode_header(pdu.command_id, 9, 3, encode_body(pdu))


@given(
    pdu=BUSY_PDUS,
    name=st.sampled_from(["source_addr", "destination_addr", "message_id", "short_message", "esm_class", "tlvs"]),
    misfit=st.sampled_from(["x" * 21, "x" * 65, "\0", "ł", b"x" * 255, -1, 256, ((70_000, b""),)]),
)
@settings(max_examples=150, deadline=None)
def test_the_fast_writer_refuses_what_the_table_refuses(pdu: Pdu, name: str, misfit: object) -> None:
    current = getattr(pdu, name, None)
    if type(current) is not type(misfit):
        return
    object.__setattr__(pdu, name, misfit)
    try:
        expected = encode_header(pdu.command_id, 9, 3, encode_body(pdu))
    except LocalProtocolError as error:
        expected = str(error).encode()
    try:
        found = encode(pdu, 9, 3)
    except LocalProtocolError as error:
        found = str(error).encode()
    assert found == expected


@given(command_id=st.sampled_from(BUSY), body=st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
@example(command_id=BUSY[0], body=b"\0" * 17)
@example(command_id=BUSY[0], body=b"\0" * 21)
@example(command_id=BUSY[2], body=b"\0\0")
def test_the_fast_reader_reads_random_octets_as_the_table_does(command_id: int, body: bytes) -> None:
    data = framed(command_id, body)
    assert by_decode(data) == by_table(data)


def mutations(seed: int, count: int) -> list[bytes]:
    """Return well-formed PDUs with a few octets changed, cut out or put in, their command_length put right again."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        sample = chance.choice(SAMPLES + PLAIN_SAMPLES)
        body = bytearray(encode_body(sample))
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(body))
            match chance.randint(0, 3):
                case 0:
                    body[at : at + 1] = bytes((chance.choice((0, 1, 2, 0x7F, 0xFF, chance.randrange(256))),))
                case 1:
                    del body[at : at + chance.randint(1, 8)]
                case 2:
                    body[at:at] = chance.randbytes(chance.randint(1, 8))
                case _:
                    del body[at:]
        found.append(framed(sample.command_id, bytes(body)))
    return found


def test_thousands_of_mutated_pdus_raise_nothing_but_bad_body_and_read_alike_on_both_paths() -> None:
    refusals = 0
    for data in mutations(seed=1, count=5000):
        reading = by_decode(data)
        assert reading == by_table(data)
        if isinstance(reading, tuple):
            refusals += 1
            header, status, reason, _ = reading
            assert header.command_id < 0x80000000
            assert status
            assert reason
    assert refusals > 500  # the mutations do reach the complaints


def test_thousands_of_broken_frames_raise_nothing_but_our_two_errors() -> None:
    chance = random.Random(2)
    fates = []
    for data in mutations(seed=3, count=2000):
        broken = bytearray(data)
        broken[chance.randrange(16)] ^= 1 << chance.randrange(8)
        try:
            decode(broken)
        except (LostFraming, BadBody) as error:
            fates.append(type(error))
    assert fates.count(LostFraming) > 100
    assert fates.count(BadBody) > 100
