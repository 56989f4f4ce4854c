"""What peers do and books do not mention: bad bodies, strange answers, answers at the wrong time. The session lives."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.entries import Entry
from gateway.carriers.outbox import CHUNK_OCTETS, Outbox
from gateway.model.messages import Mo, Unreadable
from gateway.model.permit import Fate
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status, Tag
from gateway.smpp.pdu import DeliverSm, SubmitSmResp, Tlv
from tests.carriers.rig import Rig, settle
from tests.kit.permits import permit
from tests.kit.smsc import Ledger


def with_length(pdu: bytes) -> bytes:
    return len(pdu).to_bytes(4, "big") + pdu[4:]


GOOD = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"HELP")
WHOLE = encode(GOOD, 5)
BAD_BODIES = {
    "sm_length beyond the end, and no text": with_length(WHOLE[:-5] + b"\x40"),
    "no NUL anywhere": with_length(WHOLE[:16] + b"x" * 200),
    "empty body": with_length(WHOLE[:16]),
    "cut inside the addresses": with_length(WHOLE[:24]),
    "data_sm without a body": with_length(WHOLE[:4] + bytes.fromhex("00000103") + WHOLE[8:16]),
}


@pytest.mark.checklist("E4", "E9")
@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body_is_put_aside_answered_once_and_the_next_text_is_read(
    autojump_clock: MockClock, name: str
) -> None:
    rig = Rig()
    async with rig.bound():
        for _ in range(3):  # the same poison again and again
            await rig.smsc.send(BAD_BODIES[name])
        await rig.smsc.text("JOIN")
        await settle()
        *poison, good = rig.ledger.arrivals
        assert isinstance(good, Mo)
        assert len(poison) == 3
        for arrival in poison:
            assert isinstance(arrival, Unreadable)
            assert arrival.status != 0
            assert arrival.raw == BAD_BODIES[name]
            assert arrival.reason
        rig.bind.acknowledge(good.session, [(good.sequence, 0)])
        rig.bind.acknowledge(
            good.session, [(5, arrival.status) for arrival in poison if isinstance(arrival, Unreadable)]
        )
        await settle()
        assert rig.smsc.kinds["UnexpectedResponse"] == 3
        assert len(rig.smsc.responses) == 1
        assert len(rig.dialled) == 1


async def test_bad_bodies_count_against_max_unacked(autojump_clock: MockClock) -> None:
    async with Rig(max_unacked=1).bound() as rig:
        for _ in range(2):
            await rig.smsc.send(BAD_BODIES["empty body"])
            await settle()
        assert len(rig.ledger.arrivals) == 1
        (waiting,) = rig.ledger.arrivals
        rig.bind.acknowledge(waiting.session, [(waiting.sequence, Status.ESME_RINVPARLEN)])
        await settle()
        assert len(rig.ledger.arrivals) == 2


async def test_other_bad_requests_are_answered_by_the_session_and_reach_nobody(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        alert = bytes.fromhex("00000012 00000102 00000000 00000009 ffff")
        await rig.smsc.send(alert)
        await rig.smsc.text("JOIN")
        await settle()
        assert rig.ledger.texts == ["JOIN"]


@pytest.mark.checklist("C4", "D2")
async def test_an_answer_with_a_reason_passes_it_on(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1), permit(2)])
        await settle()
        first, second = rig.smsc.open_submits
        text = Tlv(Tag.ADDITIONAL_STATUS_INFO_TEXT, b"number ported\0")
        await rig.smsc.send(encode(SubmitSmResp(tlvs=(text,)), first, Status.ESME_RINVDSTADR))
        await rig.smsc.send(bytes.fromhex("00000010 80000000 00000000") + second.to_bytes(4, "big"))
        await settle()
        refused, nacked = rig.ledger.outcomes
        assert refused.detail.endswith(": number ported")
        assert (nacked.fate, nacked.status) == (Fate.REJECTED, Status.ESME_RUNKNOWNERR)


@pytest.mark.checklist("D1")
@pytest.mark.parametrize("body", ["", "00", "31", "3100ffff", "61" * 70 + "00"])
async def test_an_acceptance_counts_whatever_its_body_is(autojump_clock: MockClock, body: str) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        head = bytes.fromhex("00000000 80000004 00000000") + rig.smsc.open_submits[0].to_bytes(4, "big")
        await rig.smsc.send(with_length(head + bytes.fromhex(body)))
        await settle()
        assert rig.ledger.fates == {1: Fate.ACCEPTED}


@pytest.mark.checklist("D1")
@pytest.mark.parametrize("octets, kept", [(255, 255), (256, 0), (60_000, 0)])
async def test_an_endless_id_is_none(autojump_clock: MockClock, octets: int, kept: int) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        head = bytes.fromhex("00000000 80000004 00000000") + rig.smsc.open_submits[0].to_bytes(4, "big")
        await rig.smsc.send(with_length(head + b"a" * octets + b"\0"))
        await settle()
        [outcome] = rig.ledger.outcomes
        assert (outcome.fate, len(outcome.carrier_id)) == (Fate.ACCEPTED, kept)


@pytest.mark.checklist("C3")
async def test_a_second_answer_and_one_of_another_kind_change_nothing(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        sequence = rig.smsc.open_submits[0]
        await rig.smsc.send(bytes.fromhex("00000010 80000006 00000008") + sequence.to_bytes(4, "big"))
        await settle()
        assert rig.ledger.outcomes == []
        for status in (0, Status.ESME_RSYSERR):
            await rig.smsc.send(
                bytes.fromhex("00000010 80000004") + status.to_bytes(4, "big") + sequence.to_bytes(4, "big")
            )
        await settle()
        assert [outcome.fate for outcome in rig.ledger.outcomes] == [Fate.ACCEPTED]


async def test_an_encoded_one_that_waits_too_long_for_the_kernel_was_never_sent(autojump_clock: MockClock) -> None:
    rig = Rig(response_timeout_s=5)
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        rig.wire.allow(0)
        rig.bind.offer([permit(1)])
        await trio.sleep(4)
        assert rig.ledger.outcomes == []
        await trio.sleep(2)
        assert rig.ledger.fates == {1: Fate.RETURNED}
        rig.wire.allow(None)
        await settle()
        assert rig.smsc.submits == []
        assert rig.bind.free_urgent() == 100


async def test_acks_for_a_session_that_has_just_ended_go_nowhere(autojump_clock: MockClock) -> None:
    rig = Rig()
    async with rig.bound():
        await rig.smsc.text("STOP")
        await settle()
        talk = rig.bind._talk
        assert talk is not None
        talk.link.session.close("as a time-out does")
        Ledger.ack_all(rig.bind, rig.ledger.arrivals)
        await settle()
        assert rig.ledger.acks == []
        assert rig.smsc.responses == []


@pytest.mark.checklist("C3")
async def test_answers_come_back_in_any_order(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        for number in range(5):
            await rig.smsc.text(f"text {number}")
        await settle()
        wanted = [arrival.sequence for arrival in reversed(rig.ledger.arrivals)]
        rig.bind.acknowledge(rig.bind.session, [(sequence, sequence % 2) for sequence in wanted])
        await settle()
        assert rig.smsc.responses == [(sequence, sequence % 2) for sequence in wanted]
        assert {event.frame.command_id for event in rig.smsc.events if type(event).__name__ == "Response"} == {  # type: ignore[union-attr]  # of Response alone
            CommandId.DELIVER_SM_RESP
        }


def test_a_chunk_that_answers_have_filled_leaves_permits_for_the_next() -> None:
    class Fixed:
        def encode(self, entries: Iterable[Entry], room: int, urgent: int) -> tuple[int, list[tuple[Entry, str]]]:
            for entry in entries:
                entry.data = b"submit"
            return 1, []

        def take_back(self, entry: Entry) -> None:
            raise AssertionError("nothing is taken back here")

    outbox = Outbox(Fixed())
    outbox.put(b"a" * CHUNK_OCTETS, 1)
    outbox.offer([permit(1)])
    assert outbox.pump(len, 0).octets == CHUNK_OCTETS
    assert outbox.pump(len, 0).octets == len(b"submit")


async def test_a_carrier_that_is_reached_just_as_it_is_stopped_is_left_alone(autojump_clock: MockClock) -> None:
    rig = Rig()
    dial = rig._dial

    async def slow() -> object:
        wire = await dial()
        rig.bind._stopping.set()  # as drain does, between the last checkpoint and the return
        return wire

    object.__setattr__(rig.bind._setup, "dial", slow)
    async with rig.running():
        await settle()
        assert rig.wire.closed
        assert rig.bind._talk is None
        assert rig.carrier.rows()[0].state == "down"
