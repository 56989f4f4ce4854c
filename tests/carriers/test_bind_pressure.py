"""Peers that stop reading, subscribers who say STOP meanwhile, and conversations that are cut at every octet."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.conversation import ANSWERS_OCTETS
from gateway.carriers.wire import WireError
from gateway.model.permit import Fate
from gateway.smpp.constants import Status
from tests.carriers.rig import Rig, settle
from tests.kit.permits import ANNE, BOB, permit
from tests.kit.smsc import Ledger, Smsc
from tests.kit.wire import MemoryWire


@pytest.mark.checklist("I2")
async def test_revoke_takes_back_what_waits_and_nothing_of_it_is_ever_written(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.wire.allow(0)
        rig.bind.offer([permit(1), permit(2, subscriber=BOB), permit(3), permit(4, line_id=2)])
        await settle()
        revocation = rig.bind.revoke(1, ANNE)
        assert [revoked.id for revoked in revocation.revoked] == [1, 3]
        assert revocation.pending is None
        rig.wire.allow(None)
        await settle()
        assert [submit.destination_addr for submit in rig.smsc.submits] == ["12125550102", "12125550101"]
        assert rig.ledger.fates == {2: Fate.ACCEPTED, 4: Fate.ACCEPTED}
        assert rig.bind.free_urgent() == 102, "two ahead, for the two answered"


async def submit_octets(rig: Rig) -> int:
    """Return how many octets one submit_sm takes on this rig, by sending one."""
    before = len(rig.wire.taken)
    rig.bind.offer([permit(900, body=b"hello")])
    await settle()
    return len(rig.wire.taken) - before


@pytest.mark.checklist("I2")
async def test_revoke_while_each_octet_is_half_way(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        whole = await submit_octets(rig)
        for cut in range(whole + 1):
            seen = len(rig.smsc.submits)
            rig.wire.allow(cut)
            rig.bind.offer([permit(2 * cut), permit(2 * cut + 1)])
            await settle()
            revocation = rig.bind.revoke(1, ANNE)
            begun = cut > 0
            assert [revoked.id for revoked in revocation.revoked] == [2 * cut, 2 * cut + 1][begun:]
            assert (revocation.pending is not None) == (0 < cut < whole)
            if revocation.pending is not None:
                await settle()
                assert not revocation.pending.is_set()
                rig.wire.allow(whole - cut - 1)
                await settle()
                assert not revocation.pending.is_set()
            rig.wire.allow(None)
            await settle()
            if revocation.pending is not None:
                assert revocation.pending.is_set()
            assert len(rig.smsc.submits) == seen + begun
        assert rig.bind.bound


async def test_a_half_written_submit_whose_reader_stays_away_is_let_go_by_closing(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.wire.allow(20)
        rig.bind.offer([permit(1)])
        await settle()
        revocation = rig.bind.revoke(1, ANNE)
        assert revocation.pending is not None
        rig.bind.close_now("an opt-out does not wait")
        assert revocation.pending.is_set()
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}
        await trio.sleep(2)
        assert rig.smscs[0].submits == []


@pytest.mark.checklist("C5")
async def test_texts_are_acked_while_submits_cannot_leave(autojump_clock: MockClock) -> None:
    """The peer reads little by little: what little it takes are acks, then the session's own, and no more submits."""
    rig = Rig()
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        rig.wire.allow(5)
        rig.bind.offer([permit(number) for number in range(50)])
        await settle()
        for number in range(20):
            await rig.smsc.text(f"text {number}")
        await settle()
        rig.wire.allow(20 * 17 + 64)
        await settle()
        assert len(rig.smsc.responses) == 20
        assert len(rig.smsc.submits) <= 2


@pytest.mark.checklist("C5")
async def test_a_peer_that_writes_and_never_reads_is_stopped_and_memory_stays_bounded(
    autojump_clock: MockClock,
) -> None:
    rig = Rig(enquire_link_s=30, response_timeout_s=10, read_timeout_s=1_000)
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        rig.wire.allow(0)
        smsc: Smsc = rig.smsc

        async def flood() -> None:
            deliver = (
                bytes.fromhex("00000010 00000005 00000000 00000001") + b"\0\1\0011\0\0\0002\0" + b"\0" * 9 + b"\1A"
            )
            deliver = len(deliver).to_bytes(4, "big") + deliver[4:]
            with suppress(WireError):
                while True:
                    await smsc.send(deliver * 100)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood)
            await trio.sleep(5)
            assert rig.bind.bound
            talk = rig.bind._talk
            assert talk is not None
            assert ANSWERS_OCTETS < talk.link.answer_octets < 10 * ANSWERS_OCTETS
            stuck = talk.link.answer_octets
            await trio.sleep(5)
            assert talk.link.answer_octets == stuck
            assert len(rig.ledger.arrivals) < 10 * ANSWERS_OCTETS / 17
            await trio.sleep(60)  # nothing is heard from it any more: it counts as gone
            assert len(rig.dialled) > 1


@pytest.mark.checklist("C5")
async def test_the_reader_goes_on_once_the_peer_reads_again(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        rig.wire.allow(0)
        for number in range(6_000):
            await rig.smsc.text(f"{number}")
            if number % 500 == 0:
                await settle()
        await settle()
        rig.wire.allow(None)
        await settle()
        assert len(rig.smsc.responses) == 6_000
        assert {status for _, status in rig.smsc.responses} == {Status.ESME_ROK}


async def converse(cut: int, *, ours: bool) -> Rig:
    """Play a conversation of which the kernel takes ``cut`` octets, of ours or of the carrier's."""
    rig = Rig()
    rig.ledger.answer = Ledger.ack_all

    def prepare(smsc: Smsc) -> None:
        if len(rig.dialled) == 1:
            assert isinstance(smsc.wire, MemoryWire)
            (rig.wire if ours else smsc.wire).allow(cut)

    rig.prepare = prepare
    async with rig.running():
        await settle()
        if rig.bind.can_submit:
            rig.bind.offer([permit(number, body=b"text %d." % number) for number in (1, 2, 3)])
            with trio.move_on_after(0.1):
                await rig.smsc.text("JOIN")
                await rig.smsc.text("STOP")
        await settle()
        rig.smscs[0].wire.close()
        await settle()
    return rig


@pytest.mark.parametrize("ours", [True, False])
async def test_a_conversation_cut_at_every_octet(autojump_clock: MockClock, *, ours: bool) -> None:
    """Cut what we write, or what we read, after each octet: each permit has the one fate that the octets tell."""
    uncut = await converse(1 << 20, ours=ours)
    wire = uncut.wires[0] if ours else uncut.smscs[0].wire
    assert isinstance(wire, MemoryWire)
    assert set(uncut.ledger.fates.values()) == {Fate.ACCEPTED}
    for cut in range(len(wire.taken) + 1):
        rig = await converse(cut, ours=ours)
        taken = bytes(rig.wires[0].taken)
        half = 0
        assert len(rig.ledger.fates) in (0, 3)
        for number, fate in rig.ledger.fates.items():
            written = b"text %d." % number in taken
            assert not (written and fate is Fate.RETURNED)
            half += fate is not Fate.RETURNED and not written
        assert half <= 1
        submitted = [submit.short_message for submit in rig.smscs[0].submits]
        assert len(submitted) == len(set(submitted))
        acked = {sequence for _, sequence in rig.ledger.acks}
        assert acked >= {sequence for sequence, _ in rig.smscs[0].responses}


async def test_what_comes_while_traffic_rests_is_read_together(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.bind.let_gather(10_000)
        for text in ("one", "two", "three"):
            await rig.smsc.text(text)
            await settle()
        assert rig.ledger.texts == []
        rig.bind.read_on()
        assert rig.ledger.texts == ["one", "two", "three"], "before it returns"
        await rig.smsc.text("four")
        await settle()
        assert rig.ledger.texts[3:] == ["four"], "at once again"


async def test_enough_is_read_though_nobody_says_so(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.bind.let_gather(100)
        await rig.smsc.text("one")
        await settle()
        assert rig.ledger.texts == []
        await rig.smsc.text("x" * 100)
        await settle()
        assert rig.ledger.texts == ["one", "x" * 100]


async def test_the_carrier_that_hangs_up_during_a_rest_is_not_read_twice(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.bind.let_gather(10_000)
        await rig.smsc.text("one")
        rig.smsc.wire.close()
        rig.bind.read_on()
        assert rig.ledger.texts == ["one"]
        await settle()
        assert not rig.bind.bound
        rig.bind.let_gather(1)
        rig.bind.read_on()


async def test_a_bind_that_may_not_read_does_not(autojump_clock: MockClock) -> None:
    async with Rig(max_unacked=1).bound() as rig:
        await rig.smsc.text("one")
        await settle()
        rig.bind.let_gather(10_000)
        await rig.smsc.text("two")
        rig.bind.read_on()
        assert rig.ledger.texts == ["one"]


async def test_what_is_flushed_leaves_before_the_next_step_and_once(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.bind.flush()
        before = len(rig.wire.log)
        rig.bind.offer([permit(1), permit(2, subscriber=BOB)])
        rig.bind.flush()
        assert len(rig.wire.log) == before + 1
        written = len(rig.wire.taken)
        await settle()
        assert len(rig.wire.taken) == written
        assert rig.ledger.fates == {1: Fate.ACCEPTED, 2: Fate.ACCEPTED}


async def test_what_the_kernel_does_not_take_at_a_flush_follows_when_it_does(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        whole = await submit_octets(rig)
        for cut in range(whole + 1):
            rig.wire.allow(cut)
            rig.bind.offer([permit(cut)])
            rig.bind.flush()
            offered = len(rig.wire.log)
            if cut < whole:
                await settle()
                rig.bind.flush()
                assert len(rig.wire.log) <= offered + 1, "who waits for the kernel is left alone"
            rig.wire.allow(None)
            await settle()
            assert rig.ledger.fates[cut] is Fate.ACCEPTED
        assert len(rig.smsc.submits) == whole + 2


async def test_a_wire_that_breaks_at_a_flush_ends_the_session(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        rig.wire.break_down("the cable was cut")
        rig.bind.offer([permit(1)])
        rig.bind.flush()
        assert not rig.bind.bound
        assert rig.ledger.fates == {1: Fate.RETURNED}
        rig.bind.flush()


async def test_a_carrier_that_sends_as_fast_as_we_read_does_not_keep_us(autojump_clock: MockClock) -> None:
    async with Rig(max_unacked=10).bound() as rig:
        rig.bind.let_gather(1 << 20)
        for _ in range(1_500):
            await rig.smsc.text("hello")
        unread = len(rig.wire._in.buffer)
        assert unread > 65_536
        rig.bind.read_on()
        assert unread - len(rig.wire._in.buffer) == 65_536, "one read"
        read = len(rig.ledger.texts)
        await settle()
        assert len(rig.ledger.texts) <= 2 * read, "the reader read once more, and found that enough wait for answers"


async def test_time_goes_on_when_the_texts_of_a_rest_are_answered(autojump_clock: MockClock) -> None:
    async with Rig(max_unacked=1, enquire_link_s=5).bound() as rig:
        for number in (1, 2):
            rig.bind.let_gather(10_000)
            await rig.smsc.text("hello")
            rig.bind.read_on()
            rig.bind.read_on()
            rig.bind.acknowledge(rig.bind.session, [(number, 0)])
            await settle()
        await trio.sleep(6)
        assert rig.bind.bound
        assert rig.bind._talk is not None
        assert rig.bind._talk.link._time.runs


@pytest.mark.parametrize("flushed", [True, False])
async def test_permits_that_died_before_a_wire_that_breaks_are_settled(
    autojump_clock: MockClock, *, flushed: bool
) -> None:
    async with Rig(window=5).bound() as rig:
        rig.wire.break_down("the cable was cut")
        rig.bind.offer([permit(1, dies_at=rig.carrier._clock.boot() - 1), permit(2, subscriber=BOB)])
        if flushed:
            rig.bind.flush()
        await settle()
        assert rig.ledger.fates == {1: Fate.RETURNED, 2: Fate.RETURNED}
