"""From a permit to a submit_sm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.compose import LONGEST_VALIDITY_S, Composer, absolute_validity, validity
from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Quirk, Request, Validity, load
from gateway.model.address import Msisdn
from gateway.model.permit import SegmentStyle
from gateway.smpp.codec import decode, encode
from gateway.smpp.pdu import DataSm, SubmitSm, Tlv
from tests.kit.permits import permit

STANDARD = Composer(CarrierOptions(name="acme"), load("standard"))


def test_a_short_text_from_a_short_code() -> None:
    assert STANDARD.submit(permit(1, data_coding=8), wall=0) == SubmitSm(
        source_addr_ton=3,
        source_addr="85700",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="12125550101",
        registered_delivery=1,
        data_coding=8,
        short_message=b"hello",
    )


SEGMENT = permit(1, body=b"part", segment=2, segments=3, reference=0x1A2B)


def of_style(style: SegmentStyle, **quirk: Any) -> SubmitSm | DataSm:
    """The second of three segments."""
    composer = Composer(CarrierOptions(name="acme"), replace(load("standard"), **quirk))
    return composer.submit(replace(SEGMENT, style=style), wall=0)


@pytest.mark.checklist("G5")
@pytest.mark.parametrize(
    "style, esm_class, octets, tlvs",
    [
        (SegmentStyle.UDH8, 0x40, b"\5\0\3\x2b\3\2part", ()),
        (SegmentStyle.UDH16, 0x40, b"\6\x08\4\x1a\x2b\3\2part", ()),
        (SegmentStyle.SAR, 0, b"part", (Tlv(0x020C, b"\x1a\x2b"), Tlv(0x020E, b"\3"), Tlv(0x020F, b"\2"))),
    ],
)
def test_a_segment_says_where_it_belongs(
    style: SegmentStyle, esm_class: int, octets: bytes, tlvs: tuple[Tlv, ...]
) -> None:
    pdu = of_style(style)
    assert isinstance(pdu, SubmitSm)
    assert (pdu.esm_class, pdu.short_message, pdu.tlvs) == (esm_class, octets, tlvs)
    assert decode(encode(pdu, 1)).pdu == pdu
    data = of_style(style, request=Request.DATA_SM)
    assert isinstance(data, DataSm)
    assert (data.esm_class, data.tlvs) == (esm_class, (*tlvs, Tlv(0x0424, octets)))
    assert decode(encode(data, 1)).pdu == data


@pytest.mark.parametrize("style", SegmentStyle)
def test_what_fits_into_one_short_message_has_no_place(style: SegmentStyle) -> None:
    assert STANDARD.submit(permit(1, style=style, reference=7), wall=0) == STANDARD.submit(permit(1), wall=0)


@pytest.mark.parametrize(
    "style, octets, by_tlv",
    [
        (SegmentStyle.UDH8, 254, False),
        (SegmentStyle.UDH8, 255, True),
        (SegmentStyle.PAYLOAD, 140, False),
        (SegmentStyle.PAYLOAD, 141, True),
        (SegmentStyle.PAYLOAD, 39_015, True),
    ],
)
def test_what_short_message_cannot_hold_goes_as_payload(style: SegmentStyle, octets: int, *, by_tlv: bool) -> None:
    pdu = STANDARD.submit(permit(1, body=b"x" * octets, style=style), wall=0)
    assert isinstance(pdu, SubmitSm)
    assert pdu.tlvs == ((Tlv(0x0424, b"x" * octets),) if by_tlv else ())
    assert pdu.short_message == (b"" if by_tlv else b"x" * octets)
    assert decode(encode(pdu, 1)).pdu == pdu


def test_many_segments_as_payload_are_one_without_a_place() -> None:
    pdu = of_style(SegmentStyle.PAYLOAD)
    assert isinstance(pdu, SubmitSm)
    assert (pdu.esm_class, pdu.short_message, pdu.tlvs) == (0, b"part", ())


def test_data_sm_says_all_that_submit_sm_does() -> None:
    quirk = replace(load("standard"), request=Request.DATA_SM, service_type="OMV4", registered_delivery=0)
    pdu = Composer(CarrierOptions(name="acme"), quirk).submit(permit(1, data_coding=8, expires_at=1_300), wall=1_000)
    assert pdu == DataSm(
        service_type="OMV4",
        source_addr_ton=3,
        source_addr="85700",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="12125550101",
        data_coding=8,
        tlvs=(Tlv(0x0017, (300).to_bytes(4, "big")), Tlv(0x0424, b"hello")),
    )


def test_a_carrier_may_take_gsm_under_another_coding() -> None:
    composer = Composer(CarrierOptions(name="acme"), replace(load("standard"), gsm_coding=4))
    assert [composer.submit(permit(1, data_coding=coding), wall=0).data_coding for coding in (0, 8)] == [4, 8]


@pytest.mark.parametrize(
    "habit, period, ttl",
    [
        (Validity.RELATIVE, "000000000500000R", True),
        (Validity.ABSOLUTE, "261122000500000+", True),
        (Validity.NONE, "", False),
    ],
)
def test_until_when_is_told_as_the_carrier_wants_it(habit: Validity, period: str, *, ttl: bool) -> None:
    now = 1_795_305_600.0  # 2026-11-22 00:00 UTC
    ends = permit(1, expires_at=now + 300)
    quirk = replace(load("standard"), validity=habit)
    pdu = Composer(CarrierOptions(name="acme"), quirk).submit(ends, now)
    assert isinstance(pdu, SubmitSm)
    assert pdu.validity_period == period
    data = Composer(CarrierOptions(name="acme"), replace(quirk, request=Request.DATA_SM)).submit(ends, now)
    assert [tlv.tag for tlv in data.tlvs] == ([0x0017, 0x0424] if ttl else [0x0424])


@pytest.mark.parametrize("line, ton, npi", [("85700", 3, 0), ("857001", 3, 0), ("12125550100", 1, 1), ("Acme", 5, 0)])
def test_our_addresses_are_numbered_by_kind(line: str, ton: int, npi: int) -> None:
    for _ in range(2):  # the second time from memory
        pdu = STANDARD.submit(permit(1, line=line), wall=0)
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == (line, ton, npi)


def test_the_configuration_outranks_the_quirk() -> None:
    composer = Composer(CarrierOptions(name="a", source_ton=0, source_npi=1, service_type="CMT"), load("standard"))
    pdu = composer.submit(permit(1), wall=0)
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.service_type) == (0, 1, "CMT")
    wanted = replace(load("standard"), service_type="OMV4")
    for service_type, sent in (("CMT", "CMT"), ("", "OMV4")):
        composer = Composer(CarrierOptions(name="a", service_type=service_type), wanted)
        assert composer.submit(permit(1), wall=0).service_type == sent


def test_a_quirk_may_want_a_plus_and_what_is_no_number_stays_as_it_is() -> None:
    composer = Composer(CarrierOptions(name="acme"), Quirk("plus", "wants a plus", plus=True))
    assert composer.submit(permit(1), wall=0).destination_addr == "+12125550101"
    pdu = STANDARD.submit(permit(1, subscriber=Msisdn("22000")), wall=0)
    assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi) == ("22000", 0, 0)


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-5, "000000000001000R"),
        (0.5, "000000000001000R"),
        (59.9, "000000000059000R"),
        (300, "000000000500000R"),
        (86_399, "000000235959000R"),
        (90_061, "000001010101000R"),
        (1e9, "000030000000000R"),
    ],
)
def test_validity_is_relative(seconds: float, text: str) -> None:
    assert validity(seconds) == text


def test_validity_is_counted_from_now() -> None:
    pdu = STANDARD.submit(permit(1, expires_at=1_300), wall=1_000)
    assert isinstance(pdu, SubmitSm)
    assert pdu.validity_period == "000000000500000R"


@pytest.mark.parametrize(
    "left, text", [(-5, "700101000001000+"), (59.9, "700101000059000+"), (1e9, "700131000000000+")]
)
def test_an_absolute_time_has_the_same_bounds(left: float, text: str) -> None:
    assert absolute_validity(left, 0) == text


@given(st.floats(1, LONGEST_VALIDITY_S))
def test_validity_never_lasts_longer_than_it_should(seconds: float) -> None:
    text = validity(seconds)
    days, hours, minutes, rest = (int(text[at : at + 2]) for at in (4, 6, 8, 10))
    assert seconds - 1 < ((days * 24 + hours) * 60 + minutes) * 60 + rest <= seconds
    assert len(text) == 16


def in_alphabet(alphabet: str, body: bytes, **more: Any) -> SubmitSm | DataSm:
    quirk = replace(load("standard"), alphabet=alphabet, **more.pop("quirk", {}))
    return Composer(CarrierOptions(name="acme"), quirk).submit(permit(1, body=body, **more), wall=0)


AT = b"\0 \x02 \x1b<"  # "@ $ [" in septets


@pytest.mark.checklist("F1", "F5")
@pytest.mark.parametrize(
    "alphabet, octets",
    [
        ("gsm", AT),
        ("latin-1", b"@ $ ["),
        ("ascii", b"@ $ ["),
        ("utf-8", b"@ $ ["),
        ("gsm-packed", bytes.fromhex("009000b4e101")),
    ],
)
def test_gsm_is_spelled_as_the_carrier_reads_it(alphabet: str, octets: bytes) -> None:
    pdu = in_alphabet(alphabet, AT)
    assert isinstance(pdu, SubmitSm)
    assert (pdu.data_coding, pdu.esm_class, pdu.tlvs) == (0, 0, ())
    assert pdu.short_message == octets
    wide = in_alphabet(alphabet, b"\x04\x16", data_coding=8)
    assert isinstance(wide, SubmitSm)
    assert (wide.data_coding, wide.short_message) == (8, b"\x04\x16"), "UCS-2 is the same everywhere"


@pytest.mark.checklist("F1", "F5")
@pytest.mark.parametrize(
    "alphabet, style, octets",
    [
        ("latin-1", SegmentStyle.UDH8, b"\5\0\3\1\2\1@"),
        ("latin-1", SegmentStyle.SAR, b"@"),
        ("gsm-packed", SegmentStyle.UDH8, b"\5\0\3\1\2\1\0"),
        ("gsm-packed", SegmentStyle.UDH16, b"\6\x08\4\0\1\2\1\0"),
        ("gsm-packed", SegmentStyle.SAR, b"\0"),
    ],
)
def test_the_place_is_told_in_octets(alphabet: str, style: SegmentStyle, octets: bytes) -> None:
    pdu = in_alphabet(alphabet, b"\0", segment=1, segments=2, reference=1, style=style)
    assert isinstance(pdu, SubmitSm)
    assert pdu.short_message == octets


@pytest.mark.checklist("F5")
@pytest.mark.parametrize(
    "style, packed",
    [(SegmentStyle.UDH8, "a6d42714"), (SegmentStyle.UDH16, "53ea130a"), (SegmentStyle.SAR, "53ea130a")],
)
def test_packed_septets_begin_at_a_septet_behind_a_header(style: SegmentStyle, packed: str) -> None:
    pdu = in_alphabet("gsm-packed", b"STOP", segment=1, segments=2, style=style)
    assert isinstance(pdu, SubmitSm)
    assert pdu.short_message.hex().endswith(packed)


@pytest.mark.checklist("F1")
def test_a_coding_for_gsm_outranks_the_alphabet_but_packed_is_packed_in_every_one() -> None:
    for alphabet, octets in (("ascii", AT), ("latin-1", AT), ("ucs-2", AT), ("gsm-packed", "009000b4e101")):
        pdu = in_alphabet(alphabet, AT, quirk={"gsm_coding": 4})
        assert isinstance(pdu, SubmitSm)
        assert pdu.data_coding == 4
        assert pdu.short_message == (octets if isinstance(octets, bytes) else bytes.fromhex(octets))


@pytest.mark.checklist("F1")
@pytest.mark.parametrize("alphabet", ["latin-1", "ascii", "ucs-2"])
def test_what_the_alphabet_lacks_goes_as_ucs2_and_never_as_wrong_letters(alphabet: str) -> None:
    """The gate makes no such permit; the carrier may have got its alphabet since then."""
    pdu = in_alphabet(alphabet, b"5 \x1be")
    assert isinstance(pdu, SubmitSm)
    assert (pdu.data_coding, pdu.short_message) == (8, "5 €".encode("utf-16-be"))


@pytest.mark.checklist("F1")
def test_a_text_of_utf8_that_short_message_cannot_hold_goes_as_payload() -> None:
    pdu = in_alphabet("utf-8", b"\x05" * 153, segment=1, segments=2, style=SegmentStyle.UDH8)
    assert isinstance(pdu, SubmitSm)
    assert pdu.short_message == b""
    assert pdu.tlvs == (Tlv(0x0424, b"\5\0\3\0\2\1" + ("é" * 153).encode()),)
