"""Permits in a row become requests in that row, whichever way each takes, as far as slots and room go."""

from __future__ import annotations

import pytest

from gateway.carriers.compose import Composer
from gateway.carriers.encoder import LinkEncoder
from gateway.carriers.entries import Entry
from gateway.carriers.habits import habits
from gateway.carriers.options import CarrierOptions
from gateway.carriers.slots import Slots
from gateway.model.permit import SegmentStyle
from gateway.smpp.codec import encode
from gateway.smpp.constants import HEADER_LENGTH
from gateway.smpp.session import SessionOptions
from gateway.smpp.states import Role, State
from tests.kit.permits import permit
from tests.smpp.machines import bound_session

COMPOSER = Composer(CarrierOptions(name="acme"), habits(CarrierOptions(name="acme")))
ROW = [
    permit(1),
    permit(2),
    permit(3, segments=3, style=SegmentStyle.SAR),  # the long way
    permit(4, line="x" * 21),  # no PDU can hold it
    permit(5, body=b"x" * 255),  # the long way
    permit(6),
]


def encoder(window: int) -> LinkEncoder:
    session = bound_session(Role.ESME, State.BOUND_TRX, SessionOptions(window=window))
    return LinkEncoder(session, COMPOSER, Slots(window, 0))


def test_each_is_what_composer_and_codec_make_of_it_and_in_order() -> None:
    entries = [Entry(one) for one in ROW]
    count, unencodable = encoder(10).encode(entries, 10_000, 0)
    assert (count, [entry for entry, _ in unencodable]) == (5, [entries[3]])
    assert "source_addr" in unencodable[0][1]
    numbers = [entry.sequence for entry in entries if entry is not entries[3]]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    for entry in entries:
        expected = None if entry is entries[3] else encode(COMPOSER.submit(entry.permit, 0.0), entry.sequence)
        assert entry.data == expected


@pytest.mark.parametrize("window", range(1, 7))
def test_one_slot_is_left_to_urgent_ones(window: int) -> None:
    entries = [Entry(permit(number)) for number in range(9)]
    count, _ = encoder(window).encode(entries, 10_000, 0)
    assert count == max(1, window - 1)
    assert [entry.data is not None for entry in entries] == [number < count for number in range(9)]
    urgent = [Entry(permit(number, urgent=True)) for number in range(9)]
    assert encoder(window).encode(urgent, 10_000, 9)[0] == window


@pytest.mark.parametrize("octets", [0, 1, 99, 100, 101, 500])
def test_the_room_is_left_by_the_last_one_alone(octets: int) -> None:
    entries = [Entry(permit(number)) for number in range(9)]
    count, _ = encoder(20).encode(entries, octets, 0)
    each = len(encode(COMPOSER.submit(permit(1), 0.0), 1))
    assert each > HEADER_LENGTH
    assert count == min(9, -(-octets // each))
