"""Everything that the simulated carrier does when it is told to be difficult."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.simulator import BindDown, Happening, Manners, SimulatedCarrier
from gateway.simulator.carrier import verdict
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.pdu import DeliverSmResp, GenericNack, SubmitSm, UnbindResp
from gateway.smpp.session import SessionOptions
from tests.kit.esme import esme

PHONE = "12125550101"
HELLO = SubmitSm(source_addr="85700", destination_addr=PHONE, short_message=b"Hello")


async def test_every_third_submit_is_throttled(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(manners=Manners(throttle_every=3))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        statuses = [(await one.submit(HELLO))[0] for _ in range(6)]
    assert statuses == [0, 0, Status.ESME_RTHROTTLED, 0, 0, Status.ESME_RTHROTTLED]
    assert [submitted.status for submitted in carrier.submitted] == statuses
    assert len(carrier.arrived) == 4


async def test_a_number_can_be_answered_with_a_status(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(manners=Manners(status_for={f"+{PHONE}": Status.ESME_RINVDSTADR}))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        assert await one.submit(HELLO) == (Status.ESME_RINVDSTADR, "")
        assert not carrier.arrived
        carrier.manners.status_for.clear()
        assert await one.submit(HELLO) == (0, "0000000001")


async def test_responses_can_be_swallowed(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(manners=Manners(swallow_responses=True))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        await one.send(HELLO)
        await carrier.until(lambda carrier: len(carrier.arrived) == 1)
        carrier.manners.swallow_responses = False
        await one.send(HELLO)
        assert (await one.response(CommandId.SUBMIT_SM_RESP)).sequence == one.sequence


async def test_responses_and_receipts_can_be_late(nursery: trio.Nursery, mock_clock: MockClock) -> None:
    carrier = SimulatedCarrier(manners=Manners(response_delay_s=3, receipt_delay_s=2))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        await one.send(SubmitSm(source_addr="85700", destination_addr=PHONE, registered_delivery=1))
        await carrier.until(lambda carrier: len(carrier.submitted) == 1)
        carrier.manners.response_delay_s = 0
        await one.submit(HELLO)  # answered before the first one
        mock_clock.jump(3)
        assert (await one.response(CommandId.SUBMIT_SM_RESP)).sequence == one.sequence - 1
        mock_clock.jump(2)
        await one.delivered()


async def test_a_late_response_may_find_nobody(nursery: trio.Nursery, mock_clock: MockClock) -> None:
    carrier = SimulatedCarrier(manners=Manners(response_delay_s=3))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        await one.send(SubmitSm(source_addr="85700", destination_addr=PHONE, registered_delivery=1))
        await carrier.until(lambda carrier: len(carrier.submitted) == 1)
    await carrier.until(lambda carrier: not carrier.links)
    mock_clock.jump(3)
    async with esme(port) as one:
        await one.delivered()  # the receipt of what nobody heard an answer to


async def test_what_was_not_acknowledged_comes_again_first_and_in_order(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        posted = [delivery for text in ("one", "two", "three") for delivery in carrier.post(text)]
        await one.delivered()
        first_try = [(await one.delivered(status=None))[1] for _ in range(2)]
        assert await posted[0].wait() == 0
    await carrier.until(lambda carrier: carrier.waiting == 2)
    posted += carrier.post("four")
    async with esme(port) as one:
        second_try = [(await one.delivered())[1] for _ in range(3)]
        assert second_try[:2] == first_try
        assert second_try[2].short_message == b"four"
        assert await verdict(posted) == 0
    assert [delivery.attempts for delivery in posted] == [1, 2, 2, 1]


async def test_a_carrier_that_forgets(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(manners=Manners(redeliver=False))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        posted = carrier.post("x" * 200)
        await one.delivered()
        await one.delivered(status=None)
        assert await posted[0].wait() == 0
    assert await verdict(posted) is None
    assert carrier.waiting == 0


async def test_a_temporary_error_brings_it_again_after_a_while(nursery: trio.Nursery, mock_clock: MockClock) -> None:
    carrier = SimulatedCarrier(manners=Manners(retry_after_s=60))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        (delivery,) = carrier.post("STOP")
        await one.delivered(status=Status.ESME_RX_T_APPN)
        await carrier.until(lambda _: bool(delivery.statuses))
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(60)
        await one.delivered()
        assert await delivery.wait() == 0
        assert delivery.statuses == [Status.ESME_RX_T_APPN, 0]
        (delivery,) = carrier.post("STOP")
        await one.delivered(status=Status.ESME_RX_P_APPN)
        assert await delivery.wait() == Status.ESME_RX_P_APPN


async def test_generic_nack_is_an_answer(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        (delivery,) = carrier.post("STOP")
        frame, _ = await one.delivered(status=None)
        await one.send(GenericNack(), sequence=frame.sequence, status=Status.ESME_RSYSERR)
        assert await delivery.wait() == Status.ESME_RSYSERR


async def test_an_answer_that_is_late_still_counts(nursery: trio.Nursery, mock_clock: MockClock) -> None:
    carrier = SimulatedCarrier(options=SessionOptions(response_timeout_s=10))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        (late, never) = (*carrier.post("late"), *carrier.post("never"))
        frame, _ = await one.delivered(status=None)
        await one.delivered(status=None)
        mock_clock.jump(10)
        await carrier.until(lambda carrier: carrier.link().session.outstanding == 0)
        await one.send(DeliverSmResp(), sequence=frame.sequence)
        assert await late.wait() == 0
        assert not never.settled
    await carrier.until(lambda carrier: carrier.waiting == 1)


async def test_forced_sequence_numbers_come_again_too(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        (delivery,) = carrier.post("STOP", sequence=0)
        await one.delivered(status=None)
    async with esme(port) as one:
        frame, _ = await one.delivered()
        assert frame.sequence == 0
        assert await delivery.wait() == 0


async def test_windows_hold_texts_back(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(options=SessionOptions(window=2))
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        posted = [delivery for text in "abcde" for delivery in carrier.post(text)]
        assert carrier.waiting == 3
        received = [(await one.delivered())[1].short_message for _ in posted]
        assert received == [b"a", b"b", b"c", b"d", b"e"]
        assert await verdict(posted) == 0


async def test_texts_wait_for_a_bind_that_can_receive(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port, "transmitter") as tx:
        (delivery,) = carrier.post("JOIN")
        assert carrier.waiting == 1
        async with esme(port, "receiver") as rx:
            _, pdu = await rx.delivered()
            assert pdu.short_message == b"JOIN"
            assert await delivery.wait() == 0
            await tx.submit(SubmitSm(source_addr="85700", destination_addr=PHONE, registered_delivery=1))
            _, pdu = await rx.delivered()
            assert pdu.esm_class == 4


async def test_a_subscriber_keeps_to_one_of_several_binds_unless_one_is_named(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(options=SessionOptions(window=1))
    port = await nursery.start(carrier.serve)
    async with esme(port) as first, esme(port) as second:
        carrier.post("a", bind="2")
        carrier.post("b", bind="2")
        carrier.post("c", bind="1")
        carrier.post("d", bind="9")
        assert (await first.delivered())[1].short_message == b"c"
        assert [(await second.delivered())[1].short_message for _ in range(2)] == [b"a", b"b"]
        await carrier.until(lambda carrier: all(not link.session.outstanding for link in carrier.binds))
        texts = {carrier.post(text)[0]: text for text in "efgh"}
        both = {link.name: link.session.outstanding for link in carrier.binds}
        assert sorted(both.values()) == [0, 1]
        one = first if both["1"] else second
        assert [(await one.delivered())[1].short_message.decode() for _ in texts] == list(texts.values())
        assert carrier.waiting == 1


@pytest.mark.parametrize("abort", [False, True])
async def test_connections_can_be_cut(nursery: trio.Nursery, *, abort: bool) -> None:
    carrier, seen = SimulatedCarrier(), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with esme(port) as one, esme(port) as two:
        assert carrier.cut(abort=abort) == 2
        assert await one.next() is None
        assert await two.next() is None
    assert [one for one in seen if isinstance(one, BindDown)] == [
        BindDown("1", "the carrier cut the connection"),
        BindDown("2", "the carrier cut the connection"),
    ]
    assert carrier.cut() == 0


async def test_a_connection_can_be_cut_inside_a_pdu_that_goes_out(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        carrier.link().cut_after(sent=21)
        carrier.post("JOIN")
        data = b""
        while more := await one.stream.receive_some():
            data += more
        assert len(data) == 21
    async with esme(port) as one:
        assert (await one.delivered())[1].short_message == b"JOIN"


async def test_a_connection_can_be_cut_inside_a_pdu_that_comes_in(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        carrier.link().cut_after(received=100)
        for _ in range(3):
            await one.send(HELLO)
        while await one.next() is not None:
            pass
    assert len(carrier.submitted) == 100 // 54


async def test_it_can_stop_reading(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(lambda task_status: carrier.serve(kernel_buffer=4096, task_status=task_status))
    async with esme(port) as one:
        link = carrier.link()
        link.stop_reading()
        link.stop_reading()
        before = len(carrier.submitted)
        enquiries = b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x07" * 1_000_000
        async with trio.open_nursery() as flooding:
            flooding.start_soon(one.stream.send_all, enquiries)
            await trio.testing.wait_all_tasks_blocked()
            assert flooding.child_tasks
            flooding.cancel_scope.cancel()
        assert len(carrier.submitted) == before
        link.resume_reading()
        link.resume_reading()
        assert (await one.response(CommandId.ENQUIRE_LINK_RESP)).sequence == 7


async def test_it_can_unbind(nursery: trio.Nursery) -> None:
    carrier, seen = SimulatedCarrier(), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        carrier.link().unbind()
        frame = await one.response(CommandId.UNBIND)
        await one.send(UnbindResp(), sequence=frame.sequence)
        assert await one.next() is None
    assert isinstance(seen[-1], BindDown)


async def test_it_can_unbind_from_everybody(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one, trio.open_nursery() as unbinding:
        unbinding.start_soon(carrier.unbind)
        frame = await one.response(CommandId.UNBIND)
        await one.send(UnbindResp(), sequence=frame.sequence)
    assert not carrier.links


async def test_an_esme_that_resets_is_noticed(nursery: trio.Nursery) -> None:
    carrier, seen = SimulatedCarrier(), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        one.stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await carrier.until(lambda carrier: not carrier.links)
    assert seen[-1] == BindDown("1", "the connection broke")


async def test_an_esme_that_does_not_read_is_dropped_in_the_end(nursery: trio.Nursery, mock_clock: MockClock) -> None:
    options = SessionOptions(window=10_000, enquire_link_s=30, response_timeout_s=10)
    carrier, seen = SimulatedCarrier(options=options), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(lambda task_status: carrier.serve(kernel_buffer=4096, task_status=task_status))
    async with esme(port):
        for _ in range(4_000):
            carrier.post(octets=b"x" * 200)
        for _ in range(3):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(30)
        await carrier.until(lambda carrier: not carrier.links)
    assert seen[-1] == BindDown("1", "link check unanswered")
    assert carrier.waiting == 4_000


async def test_old_arrivals_are_forgotten_if_nobody_reads_them(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(keep=2)
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        for text in (b"a", b"b", b"c"):
            await one.submit(SubmitSm(source_addr="85700", destination_addr=PHONE, short_message=text))
    assert [arrived.text for arrived in carrier.arrived] == ["b", "c"]
    assert [carrier.arrivals.receive_nowait().text for _ in range(2)] == ["b", "c"]


async def test_stopping_the_carrier_ends_every_connection() -> None:
    carrier = SimulatedCarrier()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(carrier.serve)
        async with esme(port) as one:
            (delivery,) = carrier.post("JOIN")
            nursery.cancel_scope.cancel()
    assert not carrier.links
    assert not delivery.settled
    assert one.sequence == 1
