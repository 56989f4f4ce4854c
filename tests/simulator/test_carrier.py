"""The simulated carrier over real sockets: binds, texts, submits, receipts."""

from __future__ import annotations

import pytest
import trio

from gateway.base.listening import ListenError
from gateway.simulator import (
    Arrived,
    BindDown,
    BindRefused,
    BindUp,
    Happening,
    Manners,
    SimulatedCarrier,
    SimulatorError,
)
from gateway.smpp.constants import RESPONSE_BIT, CommandId, Status, Tag
from gateway.smpp.parts import SmeAddress
from gateway.smpp.pdu import (
    CancelSm,
    DeliverSmResp,
    EnquireLinkResp,
    Pdu,
    QuerySm,
    ReplaceSm,
    SubmitMulti,
    SubmitSm,
    Tlv,
    tlv,
)
from gateway.sms import decode_text, segment, split_udh
from tests.kit.clock import FakeClock
from tests.kit.esme import esme

PHONE = "12125550101"


def to(
    phone: str, text: bytes = b"Hello", *, registered_delivery: int = 0, data_coding: int = 0, esm_class: int = 0
) -> SubmitSm:
    return SubmitSm(
        source_addr="85700",
        destination_addr=phone,
        short_message=text,
        registered_delivery=registered_delivery,
        data_coding=data_coding,
        esm_class=esm_class,
    )


@pytest.mark.parametrize("mode", ["transceiver", "receiver", "transmitter"])
async def test_each_kind_of_bind_comes_and_goes(nursery: trio.Nursery, mode: str) -> None:
    carrier, seen = SimulatedCarrier(), list[Happening]()
    stop_watching = carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with esme(port, mode):
        assert [link.mode for link in carrier.binds] == [mode]
        assert repr(carrier.link()) == f"<Link 1 demo {mode}>"
    await carrier.until(lambda carrier: not carrier.links)
    assert seen == [BindUp("1", "demo", mode), BindDown("1", "the peer closed the connection")]
    stop_watching()
    async with esme(port, mode):
        assert len(seen) == 2


@pytest.mark.parametrize(
    "system_id, password, status",
    [
        ("demo", "secret", Status.ESME_ROK),
        ("demo", "wrong", Status.ESME_RINVPASWD),
        ("other", "secret", Status.ESME_RINVSYSID),
    ],
)
async def test_credentials(nursery: trio.Nursery, system_id: str, password: str, status: int) -> None:
    carrier, seen = SimulatedCarrier(system_id="demo", password="secret"), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with esme(port, None) as one:
        assert await one.bind("transceiver", system_id, password) == status
        assert isinstance(seen[0], BindRefused) == bool(status)


async def test_binds_can_be_refused_for_a_while(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(manners=Manners(refuse_binds=Status.ESME_RBINDFAIL))
    port = await nursery.start(carrier.serve)
    async with esme(port, None) as one:
        assert await one.bind() == Status.ESME_RBINDFAIL
        carrier.manners.refuse_binds = 0
        assert await one.bind() == 0
        await carrier.wait_bound()


async def test_a_text_comes_as_carriers_spell_it_and_its_answer_comes_back(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    answers: list[int | None] = []

    async def text() -> None:
        answers.append(await carrier.text("JOIN", from_="+12125550101"))

    async with esme(port) as one, trio.open_nursery() as texting:
        texting.start_soon(text)
        _, pdu = await one.delivered(status=Status.ESME_RX_T_APPN)
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == (PHONE, 1, 1)
        assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.short_message, pdu.data_coding) == ("85700", 0, b"JOIN", 0)
    assert answers == [Status.ESME_RX_T_APPN]


@pytest.mark.parametrize("text", ["a" * 160 + "€", "жш" * 100, "👍" * 70])
async def test_a_long_text_comes_in_parts(nursery: trio.Nursery, text: str) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        posted = carrier.post(text)
        assert len(posted) > 1
        joined = ""
        for number in range(1, len(posted) + 1):
            _, pdu = await one.delivered()
            udh, body = split_udh(pdu.short_message)
            assert pdu.esm_class == 0x40
            assert udh[-2:] == bytes((len(posted), number))
            joined += decode_text(body, pdu.data_coding)
        assert joined == text
        assert [await delivery.wait() for delivery in posted] == [0] * len(posted)


async def test_raw_octets_under_any_sequence_number(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        for sequence in (0, 0x80000000, 0xFFFFFFFF):
            octets, tlvs = b"\xff\x00", (Tlv(0x1400, b"x"),)
            (delivery,) = carrier.post(octets=octets, data_coding=4, esm_class=3, tlvs=tlvs, sequence=sequence)
            frame, pdu = await one.delivered()
            assert (frame.sequence, pdu.short_message, pdu.data_coding, pdu.esm_class) == (sequence, octets, 4, 3)
            assert pdu.tlvs == tlvs
            assert await delivery.wait() == 0
        await one.send(DeliverSmResp(), sequence=12345)  # nobody waits for it
        assert (await one.submit(to(PHONE)))[0] == 0


async def test_the_identical_pdu_can_come_again(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        (first,) = carrier.post("STOP")
        frame, pdu = await one.delivered()
        await first.wait()
        second = carrier.again(first)
        frame_again, pdu_again = await one.delivered()
        assert pdu_again == pdu
        assert frame_again.sequence != frame.sequence
        assert await second.wait() == 0
        third = carrier.again(first, same_sequence=True)
        frame_same, _ = await one.delivered()
        assert frame_same.sequence == frame.sequence
        assert await third.wait() == 0
        assert repr(third) == "<Delivery 12125550101>85700 statuses=[0]>"


async def test_submits_are_taken_and_shown_as_texts(nursery: trio.Nursery) -> None:
    clock = FakeClock(wall_=1_795_000_000.0)
    carrier, seen = SimulatedCarrier(clock=clock), list[Happening]()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        carrier.watch(seen.append)
        assert await one.submit(to(PHONE, b"Hello \x1be")) == (0, "0000000001")
        arrived = Arrived("85700", "+12125550101", "Hello €", clock.wall_, 1, ("0000000001",))
        assert await carrier.arrivals.receive() == arrived
        assert seen == [carrier.submitted[0], arrived]
        assert (carrier.submitted[0].line, carrier.submitted[0].sequence) == ("85700", 2)
        assert await one.submit(to("85701", b"x")) == (0, "0000000002")
        assert carrier.arrived[-1].subscriber == "85701"


async def test_parts_are_joined_in_any_order_by_header_or_sar(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    text = "b" * 153 + "a" * 20
    first, second = segment(text, 7)
    async with esme(port) as one:
        for part in (second, first):
            assert not carrier.arrived
            await one.submit(to(PHONE, part.udh + part.body, esm_class=0x40))
        assert (carrier.arrived[0].text, carrier.arrived[0].segments) == (text, 2)
        assert carrier.arrived[0].message_ids == ("0000000002", "0000000001")
        for number in (1, 2):
            tlvs = (
                Tlv(Tag.SAR_MSG_REF_NUM, b"\x00\x09"),
                Tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
                Tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
                Tlv(Tag.MESSAGE_PAYLOAD, b"part"),
            )
            await one.submit(SubmitSm(source_addr="85700", destination_addr=PHONE, tlvs=tlvs))
        assert carrier.arrived[1].text == "partpart"


async def test_a_receipt_follows_where_it_was_asked_for(nursery: trio.Nursery) -> None:
    clock = FakeClock(wall_=1_795_000_000.0)
    manners = Manners(receipt_for={"+12125550102": "UNDELIV", "12125550103": "", "12125550104": "ODD"})
    carrier = SimulatedCarrier(clock=clock, manners=manners)
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        for phone, flag in ((PHONE, 0), (PHONE, 2), ("12125550103", 1)):
            await one.submit(to(phone, registered_delivery=flag))
        await one.submit(to(PHONE, "Grüße".encode("latin-1"), registered_delivery=1, data_coding=3))
        _, pdu = await one.delivered()
        assert (pdu.source_addr, pdu.destination_addr, pdu.esm_class) == (PHONE, "85700", 4)
        assert pdu.short_message.decode() == (
            "id:0000000004 sub:001 dlvrd:001 submit date:2611181106 done date:2611181106 "
            "stat:DELIVRD err:000 text:Gr??e"
        )
        assert tlv(pdu, Tag.RECEIPTED_MESSAGE_ID) == b"0000000004\0"
        assert tlv(pdu, Tag.MESSAGE_STATE) == b"\x02"
        await one.submit(to("12125550102", registered_delivery=2))
        _, pdu = await one.delivered()
        assert b"dlvrd:000" in pdu.short_message
        assert b"stat:UNDELIV err:001" in pdu.short_message
        await one.submit(to("12125550104", b"\x05\x00\x03\x01\x01\x01x", registered_delivery=1, esm_class=0x40))
        _, pdu = await one.delivered()
        assert pdu.short_message.endswith(b"stat:ODD err:001 text:")
        assert tlv(pdu, Tag.MESSAGE_STATE) is None
        carrier.receipt(carrier.submitted[0], "EXPIRED", "042")
        _, pdu = await one.delivered()
        assert b"id:0000000001" in pdu.short_message
        assert b"err:042" in pdu.short_message


@pytest.mark.checklist("C8")
async def test_what_it_does_not_do_it_refuses_and_goes_on(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    refusals: dict[Pdu, int] = {
        QuerySm(): Status.ESME_RQUERYFAIL,
        CancelSm(): Status.ESME_RCANCELFAIL,
        ReplaceSm(): Status.ESME_RREPLACEFAIL,
        SubmitMulti(dest_addresses=(SmeAddress(1, 1, PHONE),)): Status.ESME_RSUBMITFAIL,
    }
    async with esme(port) as one:
        for pdu, refusal in refusals.items():
            await one.send(pdu)
            assert (await one.response(CommandId(pdu.command_id | RESPONSE_BIT))).status == refusal
        good = b"\0\0\0\x14\0\0\0\x04\0\0\0\0\0\0\0\x63"
        await one.stream.send_all(good + b"\0\0\0\0")  # a submit_sm whose body ends early
        frame = await one.response(CommandId.SUBMIT_SM_RESP)
        assert (frame.sequence, frame.status != 0) == (0x63, True)
        assert (await one.submit(to(PHONE)))[0] == 0


async def test_links_can_be_checked(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    answers: list[bool] = []

    async def check() -> None:
        answers.append(await carrier.enquire_link())

    async with esme(port) as one:
        async with trio.open_nursery() as checking:
            checking.start_soon(check)
            frame = await one.response(CommandId.ENQUIRE_LINK)
            await one.send(EnquireLinkResp(), sequence=frame.sequence)
        async with trio.open_nursery() as checking:
            checking.start_soon(check)
            await one.response(CommandId.ENQUIRE_LINK)
            await one.stream.aclose()
    assert answers == [True, False]


async def test_a_port_that_is_taken_is_a_clear_error(nursery: trio.Nursery) -> None:
    port = await nursery.start(SimulatedCarrier().serve)
    with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: .*choose another --port") as caught:
        await SimulatedCarrier().serve(port)
    assert caught.value.exit_code == 69


async def test_a_link_that_is_not_there_is_a_clear_error(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    with pytest.raises(SimulatorError, match="nobody is connected"):
        carrier.link()
    port = await nursery.start(carrier.serve)
    async with esme(port):
        with pytest.raises(SimulatorError, match="there is no connection '7'; there are: 1"):
            carrier.link("7")
