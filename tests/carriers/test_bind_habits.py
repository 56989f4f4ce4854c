"""What carriers do around the bind itself: refusals that somebody must act on, outbind, one account on two binds."""

from __future__ import annotations

import pytest
import structlog
import trio
from trio.testing import MockClock

from gateway.carriers.observer import MetricsObserver
from gateway.model.messages import Receipt
from gateway.smpp.constants import Status
from gateway.smpp.pdu import DeliverSm
from gateway.telemetry.metrics import Metrics
from tests.carriers.rig import Rig, settle
from tests.kit.smsc import Ledger, Smsc

RECEIPT = DeliverSm(
    source_addr="12125550101",
    destination_addr="85700",
    esm_class=4,
    short_message=b"id:7 sub:001 dlvrd:001 submit date:2611220415 done date:2611220415 stat:DELIVRD err:000 text:",
)


@pytest.mark.checklist("B2")
async def test_a_refusal_is_shown_until_the_bind_is_up(autojump_clock: MockClock) -> None:
    metrics = Metrics()
    rig = Rig(observer=MetricsObserver(metrics), refused_gap_s=30)
    answers = [Status.ESME_RINVPASWD, Status.ESME_RALYBND, Status.ESME_RSYSERR, Status.ESME_RBINDFAIL, 0]
    shown: list[str] = []

    def look() -> None:
        lines = metrics.exposition().decode().splitlines()
        shown.extend(
            line[-3:] for line in lines if line.startswith('gateway_bind_refused{bind="acme/0",carrier="acme"}')
        )

    def prepare(smsc: Smsc) -> None:
        look()  # what the attempt before this one left behind
        smsc.bind_status = answers[len(rig.dialled) - 1]

    rig.prepare = prepare
    async with rig.running():
        await trio.sleep(600)
        assert rig.bind.bound
    look()
    assert shown == ["0.0", "1.0", "1.0", "0.0", "1.0", "0.0"], "a busy carrier needs nobody to act"


@pytest.mark.checklist("B2", "B5")
async def test_whatever_it_answers_a_carrier_is_neither_given_up_nor_hammered(autojump_clock: MockClock) -> None:
    """A week of refusals: the distance grows to its cap and stays there."""
    rig = Rig(refused_gap_s=30, refused_max_s=600)
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", Status.ESME_RINVPASWD)
    async with rig.running():
        await trio.sleep(7 * 86_400)
    gaps = [later - earlier for earlier, later in zip(rig.dialled, rig.dialled[1:], strict=False)]
    assert min(gaps) >= 30
    assert gaps[10:] == pytest.approx([600] * len(gaps[10:]), abs=1)
    assert len(gaps) > 900


@pytest.mark.checklist("B8")
@pytest.mark.parametrize("bound", [False, True])
async def test_outbind_is_logged_and_changes_nothing(autojump_clock: MockClock, bound: bool) -> None:
    rig = Rig()
    rig.ledger.answer = Ledger.ack_all
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", 0 if bound else None)
    outbind = bytes.fromhex("0000001d 0000000b 00000000 00000005") + b"smsc\0secret7\0"
    with structlog.testing.capture_logs() as logs:
        async with rig.running():
            await settle()
            before = bytes(rig.wire.taken)
            await rig.smsc.send(outbind)
            await settle()
            assert bytes(rig.wire.taken) == before, "it has no response"
            if not bound:
                await rig.smsc.send(rig.smsc.session.accept_bind(1, trio.current_time(), "SMSC"))
            await rig.smsc.text("JOIN")
            await settle()
            assert rig.ledger.texts == ["JOIN"]
            assert len(rig.dialled) == 1
    assert [line["log_level"] for line in logs if line.get("command") == "outbind"] == ["warning"]
    assert "secret7" not in str(logs)


@pytest.mark.checklist("B9")
@pytest.mark.parametrize("mode", ["transceiver", "transmitter+receiver"])
async def test_texts_and_receipts_are_taken_and_answered_on_any_bind(autojump_clock: MockClock, mode: str) -> None:
    rig = Rig(mode=mode, binds=2)
    rig.ledger.answer = Ledger.ack_all
    async with rig.running():
        await settle()
        receiving = [smsc for smsc in rig.smscs if smsc.session.can_send]
        assert len(receiving) == 2
        for smsc in receiving:
            await smsc.text("JOIN")
            await smsc.ask(RECEIPT)
        await settle()
        assert [len(smsc.responses) for smsc in receiving] == [2, 2]
    assert [type(arrival) for arrival in rig.ledger.arrivals].count(Receipt) == 2
    assert rig.ledger.texts == ["JOIN", "JOIN"]
    assert len({arrival.session for arrival in rig.ledger.arrivals}) == 2
