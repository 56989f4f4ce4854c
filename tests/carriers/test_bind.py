"""A bind's life against an SMSC, over a wire in memory, with time that jumps."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.interface import BindState
from gateway.carriers.statuses import UNSENDABLE
from gateway.model.messages import Mo
from gateway.model.permit import Fate
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.pdu import BindTransceiver, DataSm, EnquireLink, Tlv
from tests.carriers.rig import Rig, settle
from tests.kit.permits import ANNE, BOB, permit
from tests.kit.smsc import Ledger


@pytest.mark.checklist("B6", "B7")
async def test_it_binds_as_it_is_told(autojump_clock: MockClock) -> None:
    rig = Rig(password="longer-than-eight", system_type="VMA", address_range="85700", address_ton=3)
    async with rig.bound():
        (asked,) = [event.frame.pdu for event in rig.smsc.events]  # type: ignore[union-attr]  # a bind came first
        assert asked == BindTransceiver(
            system_id="demo", password="longer-than-eight", system_type="VMA", address_range="85700", addr_ton=3
        )
        assert rig.ledger.states == [BindState.BINDING, BindState.UP]
        assert rig.bind.session == "gw1-7-acme/0-1"
        assert (rig.bind.name, rig.bind.carrier, repr(rig.bind)) == ("acme/0", "acme", "<Bind acme/0 up>")
        (row,) = rig.carrier.rows()
        assert (row.state, row.mode, row.window, row.detail) == ("up", "transceiver", 100, "bound")


async def test_a_text_comes_in_and_its_ack_leaves_when_it_is_told_to(autojump_clock: MockClock) -> None:
    rig = Rig()
    async with rig.bound():
        sequence = await rig.smsc.text("JOIN")
        await settle()
        (mo,) = rig.ledger.arrivals
        assert isinstance(mo, Mo)
        assert (mo.text, mo.line, mo.subscriber, mo.session) == ("JOIN", "85700", ANNE, rig.bind.session)
        assert rig.smsc.responses == []
        rig.bind.acknowledge(mo.session, [(mo.sequence, 0)])
        rig.bind.acknowledge(mo.session, [(mo.sequence, 0)])  # answered already
        rig.bind.acknowledge("another-session", [(mo.sequence, 0)])
        await settle()
        assert rig.smsc.responses == [(sequence, 0)]
        assert rig.ledger.acks == [(mo.session, sequence)]


async def test_acks_and_submits_that_wait_together_leave_in_one_send(autojump_clock: MockClock) -> None:
    rig = Rig()
    async with rig.bound():
        for text in ("JOIN", "HELP", "STOP"):
            await rig.smsc.text(text)
        await settle()
        sends = len(rig.wire.log)
        Ledger.ack_all(rig.bind, rig.ledger.arrivals)
        rig.bind.offer([permit(1), permit(2)])
        await settle()
        assert len(rig.wire.log) == sends + 1
        assert len(rig.smsc.responses) == 3
        assert rig.ledger.fates == {1: Fate.ACCEPTED, 2: Fate.ACCEPTED}


async def test_outcomes_carry_what_the_carrier_said(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1), permit(2), permit(3)])
        await settle()
        first, second, third = rig.smsc.open_submits
        await rig.smsc.answer(third)
        await rig.smsc.answer(first, Status.ESME_RINVDSTADR)
        nack = bytes.fromhex("00000010 80000000 00000003") + second.to_bytes(4, "big")
        await rig.smsc.send(nack)
        await settle()
        accepted, rejected, nacked = rig.ledger.outcomes
        assert (accepted.permit.id, accepted.fate, accepted.carrier_id) == (3, Fate.ACCEPTED, f"id-{third}")
        assert (rejected.permit.id, rejected.fate, rejected.status) == (1, Fate.REJECTED, Status.ESME_RINVDSTADR)
        assert "RINVDSTADR" in rejected.detail
        assert (nacked.permit.id, nacked.fate, nacked.status) == (2, Fate.REJECTED, Status.ESME_RINVCMDID)
        assert rig.ledger.states[-1] is BindState.UP  # slots came free


async def test_a_nack_for_nobody_touches_no_permit(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        await rig.smsc.send(bytes.fromhex("00000010 80000000 00000003 00000000"))
        await settle()
        assert rig.ledger.outcomes == []
        assert rig.bind.bound


@pytest.mark.checklist("C3", "D6")
async def test_no_response_is_uncertain_and_a_late_one_settles_it(autojump_clock: MockClock) -> None:
    rig = Rig(response_timeout_s=10)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await trio.sleep(9.9)
        assert rig.ledger.outcomes == []
        await trio.sleep(1)
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}
        assert rig.bind.free_slots() == 99
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await settle()
        late = rig.ledger.outcomes[-1]
        assert (late.late, late.fate, late.carrier_id) == (True, Fate.ACCEPTED, f"id-{rig.smsc.open_submits[0]}")


async def test_the_window_keeps_one_slot_for_urgent_ones(autojump_clock: MockClock) -> None:
    rig = Rig(window=3)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (2, 3)
        rig.bind.offer([permit(1), permit(2)])
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (0, 1)
        rig.bind.offer([permit(3, urgent=True)])
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (0, 0)
        rig.bind.offer([permit(4)])  # too many: it waits for a slot
        await settle()
        assert len(rig.smsc.submits) == 3
        await rig.smsc.answer(rig.smsc.open_submits[0])  # the urgent one: its slot is kept for the next
        await settle()
        assert len(rig.smsc.submits) == 3
        rig.bind.offer([permit(5, urgent=True)])
        await settle()
        assert len(rig.smsc.submits) == 4
        await rig.smsc.answer(rig.smsc.open_submits[1])
        await settle()
        assert len(rig.smsc.submits) == 5


async def test_an_urgent_one_takes_the_kept_slot_and_gives_it_back(autojump_clock: MockClock) -> None:
    rig = Rig(window=3)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1, urgent=True)])
        await settle()
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (2, 2)
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await settle()
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (3, 4), "one ahead, for the one answered"


async def test_a_window_of_one_has_no_slot_to_keep(autojump_clock: MockClock) -> None:
    async with Rig(window=1).bound() as rig:
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (1, 1)


async def test_permits_whose_life_ends_unwritten_are_returned_though_nobody_rings(autojump_clock: MockClock) -> None:
    rig = Rig()
    async with rig.bound():
        rig.wire.allow(0)
        rig.bind.offer([permit(1, dies_at=5_000 + trio.current_time() + 2)])
        await trio.sleep(1.9)
        assert rig.ledger.outcomes == []
        await trio.sleep(1)
        assert rig.ledger.fates == {1: Fate.RETURNED}
        rig.wire.allow(None)
        await settle()
        assert rig.smsc.submits == []


async def test_what_no_pdu_can_hold_is_refused_and_the_bind_lives(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.bind.offer([permit(1, line="1" * 30), permit(2)])
        await settle()
        assert rig.ledger.fates == {1: Fate.REJECTED, 2: Fate.ACCEPTED}
        assert rig.ledger.outcomes[0].status == UNSENDABLE, "no status of a carrier's, whatever those mean to it"
        assert "cannot be sent" in rig.ledger.outcomes[0].detail


async def test_not_bound_returns_at_once(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", None)
    async with rig.running():
        await settle()
        rig.bind.offer([])
        rig.bind.offer([permit(1)])
        assert rig.ledger.fates == {1: Fate.RETURNED}
        assert (rig.bind.bound, rig.bind.can_submit, rig.bind.free_slots(), rig.bind.free_urgent()) == (
            False,
            False,
            0,
            0,
        )
    assert rig.bind.revoke(1, ANNE).revoked == ()
    rig.bind.close_now("nothing there")
    rig.bind.acknowledge(rig.bind.session, [(1, 0)])


async def test_data_sm_is_a_text_and_gets_its_own_response(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        await rig.smsc.ask(
            DataSm(source_addr="12125550101", destination_addr="85700", tlvs=(Tlv(0x0424, b"a long one"),))
        )
        await settle()
        assert rig.ledger.texts == ["a long one"]
        (answered,) = [event for event in rig.smsc.events if type(event).__name__ == "Response"]
        assert answered.frame.command_id == CommandId.DATA_SM_RESP  # type: ignore[union-attr]  # it is a Response


async def test_a_sequence_number_used_twice_is_answered_twice(autojump_clock: MockClock) -> None:
    rig = Rig()
    deliver = (
        "00000035 00000005 00000000 00000000 00 01 01 31323132353535303130 3100 00 00 383537303000"
        "00 00 00 00 00 00 00 00 00 02 4849"
    )
    async with rig.bound():
        raw = bytes.fromhex(deliver)
        raw = len(raw).to_bytes(4, "big") + raw[4:]
        await rig.smsc.send(raw + raw)
        await settle()
        assert rig.ledger.texts == ["HI", "HI"]
        Ledger.ack_all(rig.bind, rig.ledger.arrivals)
        await settle()
        assert rig.smsc.kinds["UnexpectedResponse"] == 2  # the number was ours to give back, both times
        assert rig.ledger.acks == [(rig.bind.session, 0)] * 2


async def test_a_tap_sees_every_octet_both_ways(autojump_clock: MockClock) -> None:
    rig = Rig()
    seen: dict[str, bytes] = {"in": b"", "out": b""}

    def tap(direction: str, data: bytes) -> None:
        seen[direction] += data

    rig.bind.tap = tap
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await rig.smsc.ask(EnquireLink())
        await settle()
        assert seen["out"] == bytes(rig.wire.taken)
        assert isinstance(rig.smsc.wire, type(rig.wire))
        assert seen["in"] == bytes(rig.smsc.wire.taken)


async def test_close_now_settles_before_it_returns_and_the_bind_comes_back(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        rig.bind.offer([permit(2, subscriber=BOB)])
        taken = bytes(rig.wire.taken)
        rig.bind.close_now("an operator said so")
        assert rig.ledger.fates == {1: Fate.UNCERTAIN, 2: Fate.RETURNED}
        assert not rig.bind.bound
        await trio.sleep(5)
        assert bytes(rig.wires[0].taken) == taken
        assert rig.bind.bound
        assert rig.bind.session == "gw1-7-acme/0-2"
        assert rig.ledger.states == [BindState.BINDING, BindState.UP, BindState.DOWN, BindState.BINDING, BindState.UP]


async def test_closing_from_inside_a_callback_is_safe(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.ledger.answer = lambda bind, arrivals: bind.close_now("traffic had enough")
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await rig.smsc.text("JOIN")
        await settle()
        assert set(rig.ledger.fates) == {1}
        assert not rig.bind.bound
        assert rig.carrier.rows()[0].detail == "traffic had enough"


async def test_an_smsc_that_answers_before_it_is_asked_fools_nobody(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.wire.allow(0)
        rig.bind.offer([permit(1)])
        await settle()
        await rig.smsc.send(bytes.fromhex("00000012 80000004 00000000 00000002 3100"))
        await settle()
        assert rig.ledger.fates == {1: Fate.RETURNED}
        rig.wire.allow(None)
        await settle()
        assert rig.smsc.submits == []
