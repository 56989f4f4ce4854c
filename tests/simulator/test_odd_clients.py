"""The simulated carrier with clients that are old, hasty or unusual: what an SMSC must put up with."""

from __future__ import annotations

import pytest
import trio

from gateway.simulator import BindRefused, Happening, Manners, SimulatedCarrier
from gateway.smpp.constants import CommandId, Status, Tag
from gateway.smpp.pdu import (
    BindResp,
    BindTransceiver,
    DataSm,
    DataSmResp,
    DeliverSm,
    EnquireLink,
    SubmitSm,
    Tlv,
)
from tests.kit.esme import Esme, esme
from tests.kit.raw_smsc import pdu

PHONE = "12125550101"
BIND, ENQUIRE_LINK = 0x09, 0x15


async def bound_as(one: Esme, version: int) -> BindResp:
    await one.send(BindTransceiver("demo", "secret", interface_version=version))
    answer = await one.response(CommandId.BIND_TRANSCEIVER_RESP)
    assert answer.status == 0
    assert isinstance(answer.pdu, BindResp)
    return answer.pdu


@pytest.mark.checklist("B4")
async def test_link_checks_before_a_bind_and_with_it_are_answered(nursery: trio.Nursery) -> None:
    port = await nursery.start(SimulatedCarrier().serve)
    async with esme(port, None) as one:
        await one.send(EnquireLink(), sequence=77)
        assert (await one.response(CommandId.ENQUIRE_LINK_RESP)).sequence == 77
        bind = pdu(BIND, 78, b"demo\0secret\0\0\x34\0\0\0")
        await one.stream.send_all(pdu(ENQUIRE_LINK, 1) + bind + pdu(ENQUIRE_LINK, 2))
        frames = [await one.next() for _ in range(3)]
        assert sorted(frame.sequence for frame in frames if frame is not None) == [1, 2, 78]
        assert (await one.submit(SubmitSm(source_addr="85700", destination_addr=PHONE)))[0] == 0


@pytest.mark.checklist("B1")
@pytest.mark.parametrize("version, tlvs", [(0x00, 0), (0x33, 0), (0x34, 2), (0x50, 2)])
async def test_who_speaks_an_older_smpp_is_sent_no_tlvs(nursery: trio.Nursery, version: int, tlvs: int) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port, None) as one:
        assert bool((await bound_as(one, version)).tlvs) == bool(tlvs)
        submit = SubmitSm(source_addr="85700", destination_addr=PHONE, registered_delivery=1, short_message=b"hi")
        status, message_id = await one.submit(submit)
        assert status == 0
        _, receipt = await one.delivered()
        assert len(receipt.tlvs) == tlvs
        assert receipt.short_message.startswith(f"id:{message_id} ".encode())
        carrier.post(octets=b"a test's own", tlvs=(Tlv(0x1500, b"x"),))
        _, text = await one.delivered()
        assert text.tlvs == (Tlv(0x1500, b"x"),)


@pytest.mark.checklist("B1", "B6")
@pytest.mark.parametrize(
    "body, status",
    [
        (b"demo\0secret\0\0\x34\0\0\0", 0),
        (b"demo\0secret\0\0\x34\x05\x0085700\0", 0),
        (b"a_name_of_twenty_two_c\0a password of more than eight\0\0\x34\0\0\0", 0),
        (b"demo\0secret\0\0\x34\0\0\0" + bytes.fromhex("150000027878"), 0),
        (b"demo\0secret\0\0\x34\0\0", None),
        (b"demo\0secret", None),
        (b"demo", None),
        (b"", None),
    ],
    ids=["usual", "with a short code", "long names", "a TLV", "no end", "no more", "no NUL", "nothing"],
)
async def test_binds_of_every_make(nursery: trio.Nursery, body: bytes, status: int | None) -> None:
    """A bind that cannot be read is refused with some status; the same connection may bind properly then."""
    port = await nursery.start(SimulatedCarrier().serve)
    async with esme(port, None) as one:
        await one.stream.send_all(pdu(BIND, 5, body))
        answer = await one.response(CommandId.BIND_TRANSCEIVER_RESP)
        assert answer.sequence == 5
        assert answer.status == 0 if status == 0 else answer.status != 0
        await one.send(BindTransceiver("demo", "secret"))
        again = (await one.response(CommandId.BIND_TRANSCEIVER_RESP)).status
        assert again == (Status.ESME_RALYBND if status == 0 else 0)


@pytest.mark.checklist("B1")
@pytest.mark.parametrize("status", [Status.ESME_RBINDFAIL, Status.ESME_RALYBND, 0x4FF])
async def test_a_refusal_is_a_header_alone_and_the_next_bind_is_judged_anew(nursery: trio.Nursery, status: int) -> None:
    carrier, seen = SimulatedCarrier(manners=Manners(refuse_binds=status)), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with esme(port, None) as one:
        assert await one.bind() == status
        assert seen == [BindRefused("1", "demo", status)]
        carrier.manners.refuse_binds = 0
        assert await one.bind() == 0


async def test_data_sm_is_taken_answered_and_has_its_receipt(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    data = DataSm(
        source_addr="85700",
        dest_addr_ton=1,
        destination_addr=PHONE,
        registered_delivery=1,
        data_coding=8,
        tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, ("long and 😀 " * 30).encode("utf-16-be")),),
    )
    async with esme(port) as one:
        await one.send(data)
        answer = await one.response(CommandId.DATA_SM_RESP)
        assert answer.pdu == DataSmResp(message_id="0000000001")
        (arrived,) = carrier.arrived
        assert (arrived.text, arrived.subscriber, arrived.line) == ("long and 😀 " * 30, f"+{PHONE}", "85700")
        assert carrier.submitted[0].command_id == CommandId.DATA_SM
        frame, receipt = await one.delivered()
        assert isinstance(frame.pdu, DeliverSm)
        assert receipt.short_message.endswith(b"text:long and ? long and ")
        carrier.manners.status_for[PHONE] = Status.ESME_RTHROTTLED
        await one.send(data)
        refused = await one.response(CommandId.DATA_SM_RESP)
        assert (refused.status, len(carrier.arrived)) == (Status.ESME_RTHROTTLED, 1)
