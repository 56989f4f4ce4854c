"""What the log says when a carrier does not take a message: which one, on which bind, with which status."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from trio.testing import MockClock

from gateway.base import mask
from gateway.carriers.statuses import UNSENDABLE
from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome
from gateway.store.hot_messages import Move
from gateway.telemetry.metrics import Metrics
from gateway.traffic.reports import Reports
from gateway.traffic.settle import Settled
from tests.kit.clock import FakeClock
from tests.traffic.bench import ANNE, LINE, Bench
from tests.traffic.test_upstream import mint, refuse
from tests.traffic.world import settle, world

Logs = list[MutableMapping[str, Any]]


@pytest.mark.parametrize(
    "fate,status,event,said",
    [
        (Fate.REJECTED, 0x0B, "message failed", "ESME_RINVDSTADR (0x0000000B): Invalid Destination Address"),
        (Fate.REJECTED, UNSENDABLE, "message failed", "no PDU can hold it"),
        (Fate.UNCERTAIN, 0, "message uncertain", None),
    ],
)
async def test_a_message_that_was_not_taken(
    autojump_clock: MockClock, tmp_path: Path, logs: Logs, fate: Fate, status: int, event: str, said: str | None
) -> None:
    async with world(tmp_path) as here:
        await here.send()
        await settle()
        here.bind.settle(*here.bind.write(), fate=fate, status=status)
        await settle()
    entry = next(entry for entry in logs if entry["event"] == event)
    assert entry["log_level"] == "warning"
    assert (entry["carrier"], entry["bind"]) == ("acme", "acme/0")
    assert entry.get("status", "").startswith(said or "")
    assert entry["reason"] == ("rejected" if said else None)
    assert entry["subscriber"] == mask(ANNE)


def test_an_opt_out_that_a_carrier_told_of(bench: Bench) -> None:
    settled = refuse(bench, mint(bench, bench.queue()))
    with structlog.testing.capture_logs() as logs:
        Reports(Metrics(node="gw1"), FakeClock()).learned(settled.learned)
    (entry,) = logs
    assert (entry["event"], entry["line"], entry["carrier"]) == ("opt-out learned from a carrier", LINE, "acme")
    assert entry["status"].startswith("0x00000450: ")
    assert entry["subscriber"] == mask(ANNE)


def test_a_late_acceptance_names_no_refusal(bench: Bench) -> None:
    """A message that had failed, and of which a segment was taken after all."""
    permit = mint(bench, bench.queue())
    refuse(bench, permit, status=0x0B)
    outcomes = [Outcome(permit, Fate.ACCEPTED, late=True)]
    late = Move(permit.message_id, MessageState.PARTIAL, "late", None, 0)
    messages = {permit.message_id: bench.mt(permit.message_id)}
    with structlog.testing.capture_logs() as logs:
        settled = Settled(messages, {permit.message_id: late})
        Reports(Metrics(node="gw1"), FakeClock()).settled(outcomes, settled, [None])
    assert [(entry["event"], entry["reason"], "carrier" in entry) for entry in logs] == [
        ("message partial", "late", False)
    ]
