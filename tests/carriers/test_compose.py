"""From a permit to a submit_sm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.compose import LONGEST_VALIDITY_S, Composer, validity
from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Quirk, load
from gateway.model.address import Msisdn
from gateway.smpp.codec import decode, encode
from gateway.smpp.pdu import SubmitSm, Tlv
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


def test_a_header_sets_the_indicator() -> None:
    pdu = STANDARD.submit(permit(1, udh=b"\5\0\3\1\2\1", body=b"part"), wall=0)
    assert (pdu.esm_class, pdu.short_message) == (0x40, b"\5\0\3\1\2\1part")


@pytest.mark.parametrize("octets, by_tlv", [(254, False), (255, True)])
def test_what_short_message_cannot_hold_goes_as_payload(octets: int, *, by_tlv: bool) -> None:
    pdu = STANDARD.submit(permit(1, body=b"x" * octets), wall=0)
    assert pdu.tlvs == ((Tlv(0x0424, b"x" * octets),) if by_tlv else ())
    assert pdu.short_message == (b"" if by_tlv else b"x" * octets)
    assert decode(encode(pdu, 1)).pdu == pdu


@pytest.mark.parametrize("line, ton, npi", [("85700", 3, 0), ("857001", 3, 0), ("12125550100", 1, 1), ("Acme", 5, 0)])
def test_our_addresses_are_numbered_by_kind(line: str, ton: int, npi: int) -> None:
    for _ in range(2):  # the second time from memory
        pdu = STANDARD.submit(permit(1, line=line), wall=0)
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == (line, ton, npi)


def test_the_configuration_outranks_the_quirk() -> None:
    composer = Composer(CarrierOptions(name="a", source_ton=0, source_npi=1, service_type="CMT"), load("standard"))
    pdu = composer.submit(permit(1), wall=0)
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.service_type) == (0, 1, "CMT")


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
    assert STANDARD.submit(permit(1, expires_at=1_300), wall=1_000).validity_period == "000000000500000R"


@given(st.floats(1, LONGEST_VALIDITY_S))
def test_validity_never_lasts_longer_than_it_should(seconds: float) -> None:
    text = validity(seconds)
    days, hours, minutes, rest = (int(text[at : at + 2]) for at in (4, 6, 8, 10))
    assert seconds - 1 < ((days * 24 + hours) * 60 + minutes) * 60 + rest <= seconds
    assert len(text) == 16
