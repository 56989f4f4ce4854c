"""The quarantine: the same PDU is kept once and counted, and what has not come for long is let go."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.messages import Unreadable
from gateway.store.hot_parts import quarantine
from gateway.store.queries import quarantine as listed
from gateway.traffic.janitor import STEP, drop_old
from tests.traffic.bench import ANNE, BOB, LINE, OTHER, Bench, unreadable
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
