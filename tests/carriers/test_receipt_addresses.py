"""The addresses of a receipt: in the spelling of a subscriber, whichever of the two is one."""

from __future__ import annotations

import pytest

from gateway.model.messages import Receipt
from gateway.smpp.pdu import DataSm, Tlv
from tests.carriers.test_translate import HERE, deliver, translator


def addresses(**fields: object) -> tuple[str, ...]:
    arrival = translator().read(deliver(b"id:7 stat:DELIVRD", esm_class=4, **fields), 7, b"raw", HERE, 1_000.0)
    assert isinstance(arrival, Receipt)
    return arrival.addresses


@pytest.mark.checklist("H9")
@pytest.mark.parametrize("spelling", ["+12125550101", "12125550101", "2125550101", "01112125550101"])
def test_the_subscriber_has_one_spelling_on_either_side(spelling: str) -> None:
    assert addresses(source_addr=spelling) == ("+12125550101", "85700")
    assert addresses(source_addr="85700", destination_addr=spelling) == ("85700", "+12125550101")


@pytest.mark.checklist("H9")
def test_a_national_number_is_read_in_the_region_of_the_line_on_the_other_side() -> None:
    german, line = "015112345678", "60777"
    hers = "+4915112345678"
    assert addresses(source_addr=german, source_addr_ton=2, destination_addr=line)[0] == hers
    assert addresses(source_addr=line, destination_addr=german, dest_addr_ton=2)[1] == hers


@pytest.mark.checklist("H9")
@pytest.mark.parametrize("nobodys", ["", " ", "1" * 65, "two words", "nbsp\xa0here"])
def test_what_is_no_address_is_left_out(nobodys: str) -> None:
    assert addresses(source_addr=nobodys) == ("85700",)
    assert addresses(destination_addr=nobodys) == ("+12125550101",)
    assert addresses(source_addr=nobodys, destination_addr=nobodys) == ()


def test_a_receipt_by_data_sm_has_them_too() -> None:
    tlvs = (Tlv(0x1E, b"7\0"), Tlv(0x427, b"\2"))
    pdu = DataSm(source_addr="12125550101", destination_addr="85700", esm_class=4, tlvs=tlvs)
    arrival = translator().read(pdu, 7, b"raw", HERE, 1_000.0)
    assert isinstance(arrival, Receipt)
    assert arrival.addresses == ("+12125550101", "85700")
