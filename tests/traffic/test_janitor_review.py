"""The janitor against what hides behind a limit, a renamed node, and a step that fails by its own fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from gateway.model.address import Msisdn
from gateway.model.consent import Hold, Standing
from gateway.model.messages import MessageState
from gateway.model.permit import Fate
from gateway.store.hot_consent import save_standings
from gateway.store.jobs import Identity
from gateway.store.tx import Tx
from gateway.traffic import janitor
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.janitor import ROUND_S, STEP, expire_holds, recover
from gateway.traffic.overdue import PARTS_WAIT_S
from gateway.traffic.rulebook import RuleBook
from tests.kit.stores import kind
from tests.store.test_plans import Explaining
from tests.traffic.bench import ANNE, BOB, LINE_ID, OTHER, OTHER_ID, Bench, book, line_options, parts, verdicts
from tests.traffic.test_claims import subscribers
from tests.traffic.world import World, settle, world

DAY = 86_400.0
UNKNOWN_ID = 77
NEVER = "never"


Held = tuple[int, Msisdn, float]
"""A line, a subscriber, and since when they are held."""


def hold(*holds: Held) -> Callable[[Tx], None]:
    changes = [(Standing(line_id, who), Standing(line_id, who, hold=Hold(since, 1))) for line_id, who, since in holds]
    return lambda tx: save_standings(tx, changes)


def due(bench: Bench) -> list[tuple[int, str]]:
    return list(bench.tx(lambda tx: expire_holds(tx, bench.book)))


@pytest.mark.parametrize("more", range(4))
@pytest.mark.parametrize("patience", [(1, 10), (10, 1), (3, 3), (10, 10), (1, 2)])
def test_no_hold_waits_behind_another_ones_patience(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, patience: tuple[int, int], more: int
) -> None:
    """Each line, and one that nobody configured, has the others' holds before its own, more than a step of them."""
    monkeypatch.setattr(janitor, "STEP", 2)
    bench.book = book(line_options(hold_days=patience[0]), line_options(OTHER, hold_days=patience[1]))
    days = {LINE_ID: patience[0], OTHER_ID: patience[1], UNKNOWN_ID: 3}
    now = bench.clock.wall()
    holds: list[Held] = []
    expected: set[tuple[int, str]] = set()
    for age in range(1, 12):
        for line_id, patient in days.items():
            who = Msisdn(f"+121255502{age:02}")
            holds.append((line_id, who, now - age * DAY))
            holds += [(line_id, Msisdn(f"{who}{n}"), now - age * DAY + 60) for n in range(more)]
            if age >= patient:
                expected.add((line_id, who))
            expected |= {(line_id, f"{who}{n}") for n in range(more) if age > patient}
    bench.tx(hold(*holds))
    found: list[tuple[int, str]] = []
    while some := due(bench):
        assert len(some) <= 2
        found += some
    assert set(found) == expected
    assert len(found) == len(expected)


def test_with_no_line_configured_the_usual_patience_counts(bench: Bench) -> None:
    bench.book = RuleBook({}, {}, "c0ffee")
    now = bench.clock.wall()
    bench.tx(hold((LINE_ID, ANNE, now - 3 * DAY), (LINE_ID, BOB, now - 3 * DAY + 1)))
    assert due(bench) == [(LINE_ID, ANNE)]


def test_looking_for_holds_walks_their_index_and_for_live_permits_theirs(bench: Bench) -> None:
    """Both are asked when a store is large; neither may read it all."""
    bench.book = book(line_options(hold_days=10), line_options(OTHER, hold_days=1))
    seen: list[Explaining] = []

    def run(tx: Tx) -> None:
        tx.connection = look = Explaining(tx.connection)
        expire_holds(tx, bench.book)
        recover(tx, bench.book, verdicts)
        seen.append(look)

    bench.tx(run)
    if kind() != "sqlite":  # whose planner reads a table as small as this one whole
        assert any("using permit_live_" in plan for plan in seen[0].plans)
        return
    holds, permits = (plan for plan in seen[0].plans if "consent" in plan or "permit" in plan or "TEMP" in plan)
    assert holds == "SEARCH consent USING INDEX consent_held (held_since>? AND held_since<?)"
    assert "INDEX permit_live_" in permits


def test_permits_of_a_node_that_was_renamed_are_uncertain(bench: Bench) -> None:
    ours, theirs = bench.queue(subscriber=ANNE), bench.queue(subscriber=BOB)
    for node, life, id_ in (("old", 1, ours), ("gw1", 1, theirs)):
        bench._committer.identity = Identity(node, 1, life)
        bench.tx(partial(pass_gate, claims=[Claim(bench.mt(id_), "acme", "acme/0")], book=bench.book))
    assert bench.tx(lambda tx: recover(tx, bench.book, verdicts)) == 1
    assert [bench.state(id_) for id_ in (ours, theirs)] == [MessageState.UNCERTAIN, MessageState.SENDING]
    assert bench.rows("select node, fate from permit order by id") == [("old", Fate.UNCERTAIN), ("gw1", Fate.LIVE)]


async def test_a_round_ends_every_hold_that_is_due(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        since = here.clock.wall() - 4 * DAY
        people = subscribers(2 * STEP + 1)
        await here.tx(hold(*((LINE_ID, who, since) for who in people)))
        await here.janitor.round()
        assert await here.one("select count(*) from consent where held_since is not null") == 0
        assert await here.one("select count(*) from evidence where kind = 'opt_out'") == len(people)


async def test_a_submit_that_stalls_delays_no_other_subscribers_opt_out(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Anne's is half-written and takes the fence's patience; Bob's is taken back at the commit already."""
    async with world(tmp_path) as here:
        for who in (ANNE, BOB):
            here.say("cancel my appointment", subscriber=who)
            await settle()
        assert [permit.subscriber for permit in here.bind.waiting] == [ANNE, BOB]
        here.bind.begin()
        await trio.sleep(3 * DAY)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.janitor.round)
            await trio.sleep(1)
            assert BOB not in [permit.subscriber for permit in here.bind.waiting]
            nursery.cancel_scope.cancel()


def failing(here: World, name: str) -> None:
    """Let one step of the janitor stumble, every time."""

    async def stumble(_book: RuleBook) -> None:
        raise ValueError(NEVER)

    here.janitor.steps = tuple(
        janitor.Step(step.name, stumble if step.name == name else step.do) for step in here.janitor.steps
    )


STEPS = [
    *("overdue_texts", "expired_holds", "expired_messages", "drop", "quarantine", "routes", "crossed_receipts"),
    *("depth", "witness"),
]


@pytest.mark.parametrize("name", STEPS)
async def test_a_step_that_fails_ends_neither_the_round_nor_the_daemon(
    autojump_clock: MockClock, tmp_path: Path, name: str
) -> None:
    async with world(tmp_path) as here:
        assert [step.name for step in here.janitor.steps] == STEPS
        failing(here, name)
        past = here.clock.wall() - 4 * DAY
        await here.tx(hold((LINE_ID, ANNE, past)))
        here.bring(parts("STOP it. And", (8,), subscriber=BOB)[0])
        await here.send("late", subscriber=subscribers(1)[0], expires_at=here.clock.wall() + 1)
        await trio.sleep(PARTS_WAIT_S + 1)
        assert here.nursery is not None
        with capture_logs() as logs:
            here.nursery.start_soon(here.janitor.run)
            await trio.sleep(2.5 * ROUND_S)
        told = [line for line in logs if line["log_level"] == "error"]
        assert [(line["step"], line["exc_info"]) for line in told] == [(name, True)] * 3
        count = f'gateway_internal_errors_total{{where="janitor.{name}"}} 3.0'
        assert count in here.metrics.exposition().decode()
        done = {
            "overdue_texts": await here.one("select count(*) from part where mo_id is null") == 0,
            "expired_holds": await here.one("select count(*) from consent where held_since is not null") == 0,
        }
        assert done == {step: step != name for step in done}
