"""Poison: a text or PDU that our own code fails on. It is put aside, with a final answer; the others go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.effects import Decision
from gateway.model.messages import Mo
from gateway.policy.decide import decide as real_decide
from gateway.traffic import intake
from gateway.traffic.hub import PATIENCE_S
from tests.traffic.bench import BOB, receipt, unreadable
from tests.traffic.test_hub import FINAL, TEMPORARY, answers, stuck
from tests.traffic.world import settle, world


def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the text "poison" a bug of ours."""

    def decide(arrival: Mo, snapshot: Any) -> Decision:
        if arrival.text == "poison":
            raise ZeroDivisionError("a bug of ours")
        return real_decide(arrival, snapshot)

    monkeypatch.setattr(intake, "decide", decide)


async def test_a_poison_batch(autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one is put aside, with a final answer; the others are taken in, in their order."""
    poisoned(monkeypatch)
    async with world(tmp_path) as here:
        sequences = here.say("JOIN", "poison", "STOP")
        await settle()
        assert sorted(answers(here)) == sorted(zip(sequences, (0, FINAL, 0), strict=True))
        assert await here.rows("select text from message where direction = 0 order by id") == [("JOIN",), ("STOP",)]
        ((status, reason, raw),) = await here.rows("select status, reason, raw from quarantine")
        assert (status, raw) == (FINAL, b"poison")
        assert "a bug of ours" in reason
        await trio.sleep(PATIENCE_S + 1)
        assert not here.hub._waiting


async def test_a_poison_receipt_and_a_poison_pdu(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> str:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(intake, "take_receipt", broken)
    async with world(tmp_path) as here:
        one = receipt("id-1")
        here.bring(one)
        await settle()
        assert answers(here) == [(one.sequence, FINAL)]
        assert await here.rows("select raw from quarantine") == [(b"('id-1',)",)]
        monkeypatch.setattr(intake, "quarantine", broken)
        for answer in (True, False):
            here.bring(unreadable(answer=answer))
        await settle()
        assert [status for _, status in answers(here)[1:]] == [TEMPORARY]


async def test_poison_in_a_store_that_hangs(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answered for the moment once, it is not answered again."""
    poisoned(monkeypatch)
    async with world(tmp_path) as here:
        with stuck(here):
            sequences = here.say("JOIN", "poison")
            await trio.sleep(PATIENCE_S + 0.1)
            here.say("HELP", subscriber=BOB)
        await settle()
        assert answers(here)[:2] == [(sequence, TEMPORARY) for sequence in sequences]
        assert len(answers(here)) == 3


async def test_what_is_taken_apart_keeps_its_time(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The eight seconds count from the arrival, also for those that were in company with poison."""
    poisoned(monkeypatch)
    async with world(tmp_path) as here:
        with stuck(here) as kept:
            old = here.say("JOIN", "poison")
            await trio.sleep(4)
            (young,) = here.say("HELP", subscriber=BOB)
            kept.pop(0).failed(ZeroDivisionError("in company"))
            await trio.sleep(4.1)
            assert answers(here) == [(sequence, TEMPORARY) for sequence in old]
            await trio.sleep(4)
            assert answers(here)[2:] == [(young, TEMPORARY)]
