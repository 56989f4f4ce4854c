"""Poison: a text or PDU that our own code fails on. It is put aside, with a final answer; the others go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.consent import ConsentStatus
from gateway.model.effects import Decision
from gateway.model.messages import Mo
from gateway.policy.decide import decide as real_decide
from gateway.traffic import intake, work
from gateway.traffic.hub import PATIENCE_S
from tests.traffic.bench import ANNE, BOB, LINE, mo, parts, receipt, unreadable
from tests.traffic.test_hub import FINAL, TEMPORARY, Breakable, answers, stuck
from tests.traffic.test_reports import counted
from tests.traffic.world import World, settle, world


def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the text "poison" a bug of ours."""

    def decide(arrival: Mo, *world: Any) -> Decision:
        if arrival.text == "poison":
            raise ZeroDivisionError("a bug of ours")
        return real_decide(arrival, *world)

    monkeypatch.setattr(work, "decide", decide)


async def test_a_poison_batch(autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one is put aside, with a final answer; the others are taken in, in their order."""
    poisoned(monkeypatch)
    async with world(tmp_path) as here:
        texts = mo("JOIN"), mo("poison", pdu=b"the whole PDU"), mo("STOP")
        here.bring(*texts)
        await settle()
        sequences = [text.sequence for text in texts]
        assert answers(here) == list(zip(sequences, (0, FINAL, 0), strict=True))
        assert await here.rows("select text from message where direction = 0 order by id") == [("JOIN",), ("STOP",)]
        assert await put_aside(here) == [(FINAL, b"the whole PDU", LINE, ANNE)]
        assert "a bug of ours" in await here.one("select reason from quarantine")
        await trio.sleep(PATIENCE_S + 1)
        assert not here.hub._waiting


async def test_a_poison_text_in_parts(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no PDU of its own, and its first parts were acked: all of its user data is kept, and whose it is."""
    poisoned(monkeypatch)
    async with world(tmp_path) as here:
        for part in parts("poison", (2,), pdu=b"the PDU of a part"):
            here.bring(part)
        await settle()
        assert [status for _, status in answers(here)] == [0, FINAL]
        assert await put_aside(here) == [(FINAL, b"poison", LINE, ANNE)]
        assert "joined parts, data_coding 0" in await here.one("select reason from quarantine")


async def put_aside(here: World) -> list[tuple[Any, ...]]:
    return await here.rows("select status, raw, line, subscriber from quarantine order by id")


def broken(*args: object) -> str:
    raise ZeroDivisionError("a bug of ours")


async def test_a_poison_receipt_and_a_poison_pdu(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "take_receipt", broken)
    async with world(tmp_path) as here:
        one = replace(receipt("id-1"), pdu=b"the whole PDU")
        here.bring(one)
        await settle()
        assert answers(here) == [(one.sequence, FINAL)]
        assert await put_aside(here) == [(FINAL, b"the whole PDU", "", "")]
        monkeypatch.setattr(intake, "quarantine", broken)
        for answer in (True, False):
            here.bring(mo("JOIN"), unreadable(answer=answer))
        here.bring(one)
        await settle()
        assert [status for _, status in answers(here)[1:]] == [0, TEMPORARY, 0, TEMPORARY]
        assert counted(here, 'gateway_internal_errors_total{where="intake"}') == 4
        assert counted(here, "gateway_quarantine_total") == 1


async def test_a_pdu_whose_text_is_poison_is_kept_as_it_came(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch)
    async with world(tmp_path) as here:
        here.bring(replace(unreadable(status=0), perhaps=mo("poison")))
        await settle()
        assert [status for _, status in answers(here)] == [FINAL]
        assert await put_aside(here) == [(FINAL, b"\0\1", LINE, ANNE)]


async def test_poison_turns_no_order(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JOIN in company with poison, and behind them STOP, in the same commit: the subscriber has left."""
    monkeypatch.setattr(intake, "take_receipt", broken)
    async with world(tmp_path) as here:
        with stuck(here):
            here.bring(mo("JOIN"), receipt("id-1"))
            here.say("STOP")
        await settle()
        assert [status for _, status in answers(here)] == [0, FINAL, 0]
        assert await here.rows("select outcome from message where direction = 0 order by id") == [
            ("keyword",),
            ("opt_out",),
        ]
        assert await here.one("select status from consent") == ConsentStatus.OPTED_OUT


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


async def test_a_store_that_fails_while_poison_is_put_aside(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's errors are not taken for ours: nothing is put aside, and all of it comes again."""
    store = Breakable(tmp_path)

    def fails(*args: object) -> str:
        store.breaks()
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(intake, "take_receipt", fails)
    async with world(tmp_path, engine=store.engine) as here:
        here.bring(mo("JOIN"), receipt("id-1"))
        await settle()
        store.mended()
        assert [status for _, status in answers(here)] == [TEMPORARY, TEMPORARY]
        assert await put_aside(here) == []
        assert await here.one("select count(*) from message") == 0
