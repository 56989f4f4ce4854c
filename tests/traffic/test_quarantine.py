"""The quarantine: the same PDU is kept once and counted, and what has not come for long is let go."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from pydantic import ValidationError
from structlog.testing import capture_logs
from trio.testing import MockClock

from gateway.model.messages import Unreadable
from gateway.store.hot_parts import ROW_OCTETS, quarantine
from gateway.store.options import StoreOptions
from gateway.store.queries import quarantine as listed
from gateway.telemetry.metrics import Metrics
from gateway.traffic import intake, keeping, reports
from gateway.traffic.aside import aside
from gateway.traffic.keeping import STEP, drop_old
from gateway.traffic.reports import Reports
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.taken import Intake, Taken
from tests.kit.clock import FakeClock
from tests.traffic.bench import ANNE, BOB, LINE, OTHER, Bench, mo, receipt, unreadable
from tests.traffic.test_reports import counted
from tests.traffic.world import settle, world

DAY = 86_400.0


def pdu(sequence: int, body: bytes = b"\0STOP", *, length: int | None = None) -> bytes:
    """A deliver_sm as it came, with a header that says ``length``."""
    size = 16 + len(body) if length is None else length
    return b"".join(number.to_bytes(4) for number in (size, 5, 0, sequence)) + body


BASE = replace(unreadable(), raw=pdu(1), received_at=10.0)


def keep(bench: Bench, *items: Unreadable) -> list[tuple[Any, ...]]:
    for item in items:
        bench.tx(partial(quarantine, items=[item]))
    return bench.rows("select times, received_at, last_at, raw from quarantine order by id")


@pytest.mark.checklist("E9")
@pytest.mark.parametrize(
    "again",
    [
        BASE,
        replace(BASE, raw=pdu(2)),
        replace(BASE, bind="acme/1", session="another", sequence=9),
        replace(BASE, reason="said otherwise by a newer version"),
    ],
)
def test_the_same_again_is_counted(bench: Bench, again: Unreadable) -> None:
    assert keep(bench, BASE, replace(again, received_at=20.0)) == [(2, 10.0, 20.0, BASE.raw)]


@pytest.mark.parametrize(
    "other",
    [
        replace(BASE, carrier="other"),
        replace(BASE, status=8),
        replace(BASE, raw=pdu(1, b"\0STOP.")),
        replace(BASE, raw=pdu(1)[:8] + b"\0\0\0\1" + pdu(1)[12:]),
        replace(BASE, line=LINE, subscriber=ANNE),
    ],
)
def test_what_differs_has_a_row_of_its_own(bench: Bench, other: Unreadable) -> None:
    assert [row[0] for row in keep(bench, BASE, other, BASE)] == [2, 1]


@pytest.mark.parametrize("raw", [b"", b"STOP", pdu(1, length=99), pdu(1)[:15]])
def test_octets_without_a_header_are_compared_whole(bench: Bench, raw: bytes) -> None:
    """User data of joined parts are whose they are; a header that lies about its length is not trusted."""
    text = replace(BASE, raw=raw, line=LINE, subscriber=ANNE)
    others = [replace(text, subscriber=BOB), replace(text, line=OTHER), replace(text, raw=raw + b"\0")]
    if len(raw) >= 16:
        others.append(replace(text, raw=pdu(2, length=99)))
    assert [row[0] for row in keep(bench, text, *others, text)] == [2, *[1] * len(others)]


def test_what_was_there_before_it_was_counted_stays_apart(bench: Bench) -> None:
    """Rows of an earlier version have no fingerprint."""
    bench.tx(lambda tx: quarantine(tx, [BASE]))
    bench.tx(lambda tx: tx.execute("update quarantine set fingerprint = null"))
    assert [row[0] for row in keep(bench, BASE, BASE)] == [1, 2]


@pytest.mark.checklist("E9")
def test_twice_in_one_batch(bench: Bench) -> None:
    bench.take(unreadable(), unreadable())
    assert bench.rows("select times from quarantine") == [(2,)]


def test_old_ones_go_in_steps_and_what_still_comes_stays(bench: Bench) -> None:
    now = bench.clock.wall()
    old = [replace(BASE, raw=b"%d" % n, received_at=now - 91 * DAY) for n in range(STEP + 10)]
    bench.tx(lambda tx: quarantine(tx, old))
    keep(bench, replace(old[0], received_at=now), replace(BASE, received_at=now - 89 * DAY))
    for left in (11, 2, 2):
        bench.tx(lambda tx: drop_old(tx, 90 * DAY))
        assert bench.one("select count(*) from quarantine") == left
    assert {row.times for row in bench.tx(listed).rows} == {1, 2}


async def test_the_janitor_lets_go_of_it(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.bring(unreadable())
        await settle()
        for days, left in ((89, 1), (2, 0)):
            await trio.sleep(days * DAY)
            await here.janitor.round()
            assert len((await here.desk.quarantine(None, 10)).rows) == left


@pytest.mark.checklist("E9")
async def test_a_full_quarantine_lets_the_oldest_go(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In steps; counted, and said once a round."""
    monkeypatch.setattr(keeping, "QUARANTINE_STEP", 3)
    async with world(tmp_path) as here:
        for number in range(20):
            here.bring(replace(unreadable(), raw=b"%02d" % number + bytes(100_000 - 2 - ROW_OCTETS)))
            await trio.sleep(1)
        here.bring(replace(unreadable(), raw=b"00" + bytes(100_000 - 2 - ROW_OCTETS)))
        await settle()
        here.janitor._keeping._quarantine_octets = 1_250_000
        with capture_logs() as logs:
            for _ in range(3):
                await here.janitor.round()
        kept = await here.rows("select substr(raw, 1, 2) from quarantine order by id")
        assert kept == [(b"%02d" % number,) for number in (0, *range(9, 20))]
        assert [line["count"] for line in logs if line["event"].startswith("quarantine is full")] == [8]
        assert counted(here, "gateway_quarantine_dropped_total") == 8


def test_how_much_there_may_be_is_an_option() -> None:
    assert StoreOptions().quarantine_mb == 256
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        StoreOptions(quarantine_mb=0)


# What is said of it.


def reported(*items: Unreadable) -> list[int]:
    """Return after how many each log line came."""
    told = Reports(Metrics(), FakeClock())
    lines: list[int] = []
    for number, item in enumerate(items, 1):
        with capture_logs() as logs:
            told.taken_in(Intake([Taken(item, "unreadable", item.status)]), RuleBook({}, {}, ""))
        lines += [number] * len(logs)
    return lines


def test_the_same_again_is_said_less_and_less() -> None:
    assert reported(*[unreadable()] * 100) == [*range(1, 9), 16, 32, 64]


def test_other_reasons_and_carriers_are_said_apart_but_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_REASONS", 3)
    one, two = [unreadable()] * 10, [replace(unreadable(), carrier="other")] * 10
    assert reported(*one, *two) == [*range(1, 9), *range(11, 19)]
    assert reported(*(replace(unreadable(), reason=f"reason {n}") for n in range(100))) == [
        *range(1, 12),
        *(3 + n for n in (16, 32, 64)),
    ]


async def test_poison_is_said_less_and_less(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> str:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(intake, "take_receipt", fails)
    async with world(tmp_path) as here:
        with capture_logs() as logs:
            here.bring(*(receipt("a") for _ in range(100)))
            await settle()
        assert sum(line["event"].startswith("an arrival is poison") for line in logs) == 11
        assert counted(here, 'gateway_internal_errors_total{where="intake"}') == 100


def test_whose_it_was_is_said_of_all_that_may_be_a_text() -> None:
    """A STOP that we fail on, flagged as a receipt or in the words of one, is decided by hand."""
    text = mo("STOP")
    for arrival in (replace(unreadable(0), perhaps=text), replace(receipt("a"), perhaps=text)):
        kept = aside(arrival, ZeroDivisionError("a bug of ours"))
        assert (kept.line, kept.subscriber, kept.perhaps) == (LINE, ANNE, None)
    again = aside(replace(unreadable(), line=LINE, subscriber=BOB), ZeroDivisionError("a bug of ours"))
    assert (again.line, again.subscriber) == (LINE, BOB)
