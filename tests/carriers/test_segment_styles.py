"""A long text over a bind in each style and with each command: its segments, its answers, and a STOP between them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.quirks import Request
from gateway.model.permit import Fate, Permit, SegmentStyle
from gateway.smpp.codec import encode
from gateway.smpp.constants import Status, Tag
from gateway.smpp.pdu import DataSm, DataSmResp, SubmitSm, Tlv, tlv
from gateway.sms import concat_of, split_udh
from tests.carriers.rig import Rig, settle
from tests.kit.permits import ANNE, BOB, permit

BODIES = (b"a" * 150, b"b" * 150, b"c")
WAYS = list(product(SegmentStyle, Request))
CUT = [(style, request) for style, request in WAYS if style is not SegmentStyle.PAYLOAD]


def rig(style: SegmentStyle, request: Request, **keys: Any) -> Rig:
    return Rig(segments=style.value, submit_with=request.value, **keys)


def long_text(style: SegmentStyle) -> list[Permit]:
    """The permits of one long text, as the gate mints them for a carrier of this style."""
    bodies = (b"".join(BODIES),) if style is SegmentStyle.PAYLOAD else BODIES
    return [
        permit(number, body=body, segment=number, segments=len(bodies), style=style, reference=0xBEEF)
        for number, body in enumerate(bodies, 1)
    ]


def came(there: Rig, request: Request) -> list[SubmitSm] | list[DataSm]:
    assert not (there.smsc.submits if request is Request.DATA_SM else there.smsc.data), "with the other command"
    return there.smsc.data if request is Request.DATA_SM else there.smsc.submits


def read(pdu: SubmitSm | DataSm) -> tuple[tuple[int, int, int] | None, bytes]:
    """Return (reference, total, number) and the text, as an SMSC reads them."""
    octets = pdu.short_message if isinstance(pdu, SubmitSm) else b""
    octets = octets or tlv(pdu, Tag.MESSAGE_PAYLOAD) or b""
    sar = [tlv(pdu, tag) for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)]
    if all(sar):
        reference, total, number = (int.from_bytes(value or b"", "big") for value in sar)
        return (reference, total, number), octets
    if not pdu.esm_class & 0x40:
        return None, octets
    udh, text = split_udh(octets)
    concat = concat_of(udh)
    assert concat is not None
    return (concat.reference, concat.total, concat.number), text


def composed(there: Rig, one: Permit) -> SubmitSm | DataSm:
    """Return what the carrier's composer makes of a permit."""
    return Composer(there.carrier.options, habits(there.carrier.options)).submit(one, 0)


@pytest.mark.checklist("G5", "D1")
@pytest.mark.parametrize("style, request_", WAYS)
async def test_all_segments_go_and_are_settled(
    autojump_clock: MockClock, style: SegmentStyle, request_: Request
) -> None:
    async with rig(style, request_).bound() as there:
        permits = long_text(style)
        there.bind.offer(permits)
        await settle()
        seen = [read(pdu) for pdu in came(there, request_)]
        assert b"".join(text for _, text in seen) == b"".join(BODIES)
        reference = 0xEF if style is SegmentStyle.UDH8 else 0xBEEF
        places = [(reference, 3, number) for number in (1, 2, 3)]
        assert [place for place, _ in seen] == ([None] if style is SegmentStyle.PAYLOAD else places)
        assert [(o.permit.id, o.fate, o.carrier_id) for o in there.ledger.outcomes] == [
            (one.id, Fate.ACCEPTED, f"id-{number}") for number, one in enumerate(permits, 2)
        ]


@pytest.mark.checklist("G5", "D5", "I2")
@pytest.mark.parametrize("style, request_", CUT)
@pytest.mark.parametrize("written", [0, 1, 2])
async def test_a_stop_between_segments_takes_the_rest_back(
    autojump_clock: MockClock, style: SegmentStyle, request_: Request, written: int
) -> None:
    """The SMSC reads ``written`` whole segments, then nothing: the STOP's fence takes back those that are not begun."""
    async with rig(style, request_).bound() as there:
        permits = long_text(style)
        sizes = [len(encode(composed(there, one), 1)) for one in permits]
        there.wire.allow(sum(sizes[:written]))
        there.bind.offer([*permits, permit(9, subscriber=BOB)])
        await settle()
        revocation = there.bind.revoke(1, ANNE)
        assert revocation.pending is None
        assert [one.segment for one in revocation.revoked] == [1, 2, 3][written:]
        there.wire.allow(None)
        await settle()
        assert [read(pdu)[1] for pdu in came(there, request_)] == [*BODIES[:written], b"hello"]
        assert there.ledger.fates == {**dict.fromkeys(range(1, written + 1), Fate.ACCEPTED), 9: Fate.ACCEPTED}


@pytest.mark.checklist("I2")
@pytest.mark.parametrize("style, request_", WAYS)
async def test_a_segment_that_is_half_way_is_finished_and_no_more(
    autojump_clock: MockClock, style: SegmentStyle, request_: Request
) -> None:
    async with rig(style, request_).bound() as there:
        there.wire.allow(30)
        permits = long_text(style)
        there.bind.offer(permits)
        await settle()
        revocation = there.bind.revoke(1, ANNE)
        assert revocation.pending is not None
        assert [one.segment for one in revocation.revoked] == [one.segment for one in permits][1:]
        there.wire.allow(None)
        await settle()
        assert revocation.pending.is_set()
        assert len(came(there, request_)) == 1


@pytest.mark.checklist("D1", "D2", "D3", "D4")
async def test_a_data_sm_resp_says_all_that_a_submit_sm_resp_says(autojump_clock: MockClock) -> None:
    there = Rig(submit_with="data_sm", statuses={"0x44d": "throttle"})
    there.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with there.bound():
        there.bind.offer([permit(number) for number in range(1, 6)])
        await settle()
        bare, named, refused, throttled, _silent = there.smsc.open_submits
        await there.smsc.send(bytes.fromhex("00000010 80000103 00000000") + bare.to_bytes(4, "big"))
        await there.smsc.send(encode(DataSmResp(message_id="7f"), named))
        reason = Tlv(Tag.ADDITIONAL_STATUS_INFO_TEXT, b"number ported\0")
        await there.smsc.send(encode(DataSmResp(tlvs=(reason,)), refused, Status.ESME_RINVDSTADR))
        await there.smsc.answer_data(throttled, 0x44D)
        await settle()
        assert [(o.permit.id, o.fate, o.status, o.carrier_id) for o in there.ledger.outcomes] == [
            (1, Fate.ACCEPTED, 0, ""),
            (2, Fate.ACCEPTED, 0, "7f"),
            (3, Fate.REJECTED, Status.ESME_RINVDSTADR, ""),
            (4, Fate.REJECTED, 0x44D, ""),
        ]
        assert there.ledger.outcomes[2].detail.endswith(": number ported")
        assert there.carrier.throttle.rate < 100, "its own status for throttling slows the carrier down"


@pytest.mark.checklist("C3", "D6")
async def test_an_unanswered_data_sm_is_uncertain_and_a_late_answer_settles_it(autojump_clock: MockClock) -> None:
    there = Rig(submit_with="data_sm", response_timeout_s=2)
    there.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with there.bound():
        there.bind.offer([permit(1)])
        await settle()
        (sequence,) = there.smsc.open_submits
        await trio.sleep(3)
        assert there.ledger.fates == {1: Fate.UNCERTAIN}
        await there.smsc.answer_data(sequence)
        await settle()
        assert [(o.fate, o.late) for o in there.ledger.outcomes[1:]] == [(Fate.ACCEPTED, True)]
