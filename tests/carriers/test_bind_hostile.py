"""Peers that mean harm, or behave as if they did: one lives and does not read, another answers what nobody asked."""

from __future__ import annotations

import pytest
import structlog
import trio
from trio.testing import MockClock

from gateway.carriers.interface import BindState
from gateway.carriers.link import UNACKED_OCTETS
from gateway.model.permit import Fate
from gateway.smpp.codec import encode, encode_header
from gateway.smpp.constants import CommandId, Tag
from gateway.smpp.pdu import DeliverSm, SubmitSmResp, Tlv
from tests.carriers.rig import Rig, settle
from tests.kit.permits import permit
from tests.kit.smsc import Ledger

DEAD: int = 5_003
"""A permit that dies a moment after the tests' beginning, on the boot clock."""


@pytest.mark.checklist("C5")
async def test_a_bind_whose_carrier_does_not_read_takes_no_more_permits_until_it_does(
    autojump_clock: MockClock,
) -> None:
    async with Rig().bound() as rig:
        rig.wire.allow(10)
        rig.bind.offer([permit(number, dies_at=DEAD) for number in (1, 2, 3)])
        await settle()
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (96, 97)
        await trio.sleep(5)
        assert rig.ledger.fates == {2: Fate.RETURNED, 3: Fate.RETURNED}, "1 is half-way"
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (0, 0)

        rig.ledger.states.clear()
        rig.wire.allow(1)  # a trickle is no reading
        await settle()
        assert rig.bind.free_urgent() == 0
        assert rig.ledger.states == []

        rig.wire.allow(None)
        await settle()
        assert rig.ledger.fates[1] is Fate.ACCEPTED
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (100, 101), "one ahead, for the one answered"
        assert rig.ledger.states[0] is BindState.UP, "the dispatcher is rung"


@pytest.mark.checklist("C5")
async def test_mos_that_wait_are_bounded_by_their_octets_too(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        giant = DeliverSm(
            source_addr="12125550101", destination_addr="85700", tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, b"x" * 65_000),)
        )
        fit = -(-UNACKED_OCTETS // len(encode(giant, 1)))
        for _ in range(fit + 3):
            await rig.smsc.ask(giant)
            await settle()
        assert len(rig.ledger.arrivals) == fit
        assert rig.smsc.responses == []
        await rig.smsc.text("JOIN")
        Ledger.ack_all(rig.bind, rig.ledger.arrivals[:])
        await settle()
        assert len(rig.smsc.responses) == fit
        assert rig.ledger.texts[-1] == "JOIN"


async def test_a_freeze_of_ours_is_no_stall(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.bind.offer([permit(1, dies_at=4_000), permit(2)])  # as if the process had slept between mint and offer
        await settle()
        assert rig.ledger.fates == {1: Fate.RETURNED, 2: Fate.ACCEPTED}
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (100, 101), "one ahead, for the one answered"


@pytest.mark.parametrize(
    "octets, event",
    [
        (encode(SubmitSmResp(message_id="1"), 77), "response that nobody awaits"),
        (encode_header(0x7777, 77, 0), "request refused"),
        (encode_header(CommandId.UNBIND, 77, 0), "carrier unbinds"),
    ],
)
async def test_a_flood_of_nonsense_is_no_flood_of_log_lines(
    autojump_clock: MockClock, octets: bytes, event: str
) -> None:
    rig = Rig()
    with structlog.testing.capture_logs() as lines:
        async with rig.bound():
            await rig.smsc.send(octets * 1_000)
            await settle()
    told = [line["times"] for line in lines if line["event"] == event]
    assert told == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256, 512]
