"""What the flows count and say: bounded labels, masked numbers, and only after the fact."""

from __future__ import annotations

import ast
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from gateway.base import mask
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Writing
from gateway.telemetry.metrics import Metrics
from gateway.traffic import gate, hub
from tests.traffic.bench import ANNE, BOB, CARL, LINE, mo, unreadable
from tests.traffic.world import World, settle, world

Logs = list[MutableMapping[str, Any]]


def counted(here: World, series: str) -> float:
    """Return the value of one series, 0 where it does not exist yet."""
    for line in here.metrics.exposition().decode().splitlines():
        if line.startswith(f"{series} "):
            return float(line.rpartition(" ")[2])
    return 0.0


async def test_texts_by_line_and_outcome(autojump_clock: MockClock, tmp_path: Path, logs: Logs) -> None:
    async with world(tmp_path) as here:
        here.say("JOIN", "JOIN")
        here.bring(unreadable())
        await settle()
        assert counted(here, 'gateway_mo_total{line="85700",outcome="keyword"}') == 1
        assert counted(here, 'gateway_mo_total{line="85700",outcome="duplicate"}') == 1
        assert counted(here, "gateway_duplicates_total") == 1
        assert counted(here, "gateway_quarantine_total") == 1
        assert counted(here, "gateway_ack_seconds_count") == 2
    assert not any(ANNE in str(entry) for entry in logs), "numbers are masked"
    assert sum(entry["event"] == "text received" for entry in logs) == 2


async def test_numbers_are_masked_wherever_a_message_is_spoken_of(
    autojump_clock: MockClock, tmp_path: Path, logs: Logs
) -> None:
    """Sent, refused, and for an address that is no line of ours, which may be somebody's number, too."""
    nobody = "12125550199"
    async with world(tmp_path, up=False) as here:
        await here.send("stale", BOB)
        await here.tx(lambda tx: tx.execute("update message set opt_outs = 7"))
        await here.send("fine")
        here.bind.come_up()
        await settle()
        here.bind.settle(*here.bind.write())
        here.bring(mo("hello", CARL, line=nobody), mo("hello", CARL))
        await settle()
    said = [(entry["event"], entry.get("line"), entry["subscriber"]) for entry in logs if "subscriber" in entry]
    assert said == [
        ("message refused", None, mask(BOB)),
        ("message sent", None, mask(ANNE)),
        ("text received for an address that is no line", mask(nobody), mask(CARL)),
        ("text received", LINE, mask(CARL)),
    ]
    assert not any(number.removeprefix("+") in str(logs) for number in (ANNE, BOB, CARL, nobody))


async def test_submits_by_lane_and_status(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        ends = [(Fate.ACCEPTED, 0), (Fate.REJECTED, 0x0B), (Fate.REJECTED, 0x4F1), (Fate.UNCERTAIN, 0)]
        for (fate, status), who in zip(ends, (ANNE, BOB, CARL, ANNE), strict=True):
            await here.send(subscriber=who)
            await settle()
            here.bind.settle(*here.bind.write(), fate=fate, status=status)
            await settle()
        await here.send(lane=Lane.BULK)
        await settle()
        here.say("STOP")
        await settle()
        for result, count in (("accepted", 1), ("rejected", 2), ("uncertain", 1)):
            assert counted(here, f'gateway_submit_total{{carrier="acme",lane="normal",result="{result}"}}') == count
        assert counted(here, 'gateway_submit_total{carrier="acme",lane="bulk",result="revoked"}') == 1
        for status_name in ("ESME_ROK", "ESME_RINVDSTADR", "other"):
            assert counted(here, f'gateway_submit_status_total{{carrier="acme",status="{status_name}"}}') == 1
        assert counted(here, "gateway_uncertain_total") == 1
        assert counted(here, "gateway_permits_revoked_total") == 1


async def test_replies_are_timed_once(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.say("HELP")
        await settle()
        here.bind.settle(*here.bind.write(), fate=Fate.RETURNED)
        await settle()
        assert len(here.bind.offered) == 2
        assert counted(here, "gateway_reply_seconds_count") == 1


async def test_refusals_of_the_gate(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, up=False) as here:
        await here.send("dated", expires_at=here.clock.wall() + 0.0001)
        await here.send("stale", BOB)
        await here.tx(lambda tx: tx.execute("update message set opt_outs = 7 where text = 'stale'"))
        await here.tx(lambda tx: tx.execute("update message set expires_at = 1 where text = 'dated'"))
        here.bind.come_up()
        await settle()
        assert counted(here, "gateway_expired_total") == 1
        assert counted(here, 'gateway_refusals_total{reason="stale"}') == 1


def test_the_metric_of_temporary_errors_names_its_reasons() -> None:
    """Those that the hub gives, as they stand in its calls."""
    given = {
        node.args[1].value
        for node in ast.walk(ast.parse(Path(hub.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._reject"
        if isinstance(node.args[1], ast.Constant)
    }
    (text,) = [text for name, _, _, text in Metrics().declared if name == "gateway_mo_rejected_total"]
    assert set(re.findall(r"\((\w+)\)", text)) == given


async def test_a_message_that_cannot_be_cut_fails_alone(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    """A bug of ours: the others go, and it is said."""
    real = gate.__dict__["fitting"]

    def fitting(text: str, writing: Writing, most: int) -> Any:
        if text == "poison":
            raise ZeroDivisionError("a bug of ours")
        return real(text, writing, most)

    monkeypatch.setattr(gate, "fitting", fitting)
    async with world(tmp_path) as here:
        bad = await here.send("poison", BOB)
        await here.send("good")
        await settle()
        assert here.texts() == ["good"]
        assert await here.state(bad) is MessageState.FAILED
        assert await here.one("select reason from message where id = ?", bad) == "internal error"
    assert [entry["id"] for entry in logs if entry["event"] == "message failed: our bug"] == [bad]


async def test_what_a_commit_brings_leaves_before_it_is_counted(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await settle()
        series = 'gateway_mo_total{line="85700",outcome="help"}'
        left: list[tuple[int, int, float]] = []
        here.bind.on_flush = lambda: left.append(
            (len(here.bind.answers), len(here.bind.offered), counted(here, series))
        )
        here.say("HELP")
        await settle()
        assert left[0] == (1, 1, 0), "ack and reply are given to the bind, and nothing is counted yet"
        assert counted(here, series) == 1
