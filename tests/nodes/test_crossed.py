"""What two nodes do to one message at once: receipts that cross their responses, parts that come late, rows to lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome
from gateway.store.hot_consent import lock_free, save_account_opt_outs, standings
from gateway.store.jobs import Committer, Identity
from gateway.store.tx import Tx
from gateway.traffic.elsewhere import crossed, everywhere
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.late import join_crossed
from gateway.traffic.overdue import overdue_texts
from gateway.traffic.settle import settle, take_receipt
from tests.kit.stores import engine_at, on_engine
from tests.traffic.bench import ANNE, BOB, LINE_ID, Bench, fresh, mo, parts, receipt, run, verdicts

T = TypeVar("T")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with on_engine("postgresql"), fresh() as directory:
        made = Bench(directory)
        yield made
        made.close()


@pytest.fixture
def other(bench: Bench) -> Iterator[Callable[[Callable[[Tx], T]], T]]:
    """Runs transactions as another node."""
    committer = Committer(engine_at(bench.directory), bench.clock)
    committer.identity = Identity("gw2", 1, 1)
    yield lambda fn: run(committer, fn)
    committer.close()


def test_a_receipt_and_its_response_in_two_transactions_at_once(bench: Bench, other: Callable[..., object]) -> None:
    id_ = bench.queue()
    claim = Claim(bench.mt(id_), "acme", "acme/0")
    [permit] = bench.tx(lambda tx: pass_gate(tx, [claim], bench.book)).permits["acme/0"]
    accepted = [Outcome(permit, Fate.ACCEPTED, carrier_id="a1")]

    def both(tx: Tx) -> None:
        settle(tx, accepted, bench.book, verdicts)
        other(lambda its: _take(its, bench))  # it does not see our answer, and we do not see its receipt

    bench.tx(both)
    assert bench.state(id_) is MessageState.SENT
    other(lambda tx: join_crossed(tx, bench.book, verdicts, 10))
    assert bench.state(id_) is MessageState.DELIVERED
    assert bench.one("select count(*) from parked_receipt") == 0
    assert not bench.tx(lambda tx: join_crossed(tx, bench.book, verdicts, 10)).moves


def _take(tx: Tx, bench: Bench) -> None:
    assert take_receipt(tx, receipt("a1"), bench.book, verdicts, lambda text: False) == "parked"


def test_an_overdue_text_that_was_joined_is_not_decided_again(bench: Bench) -> None:
    first, second = parts("JOIN or not", (4,))
    bench.take(first)
    bench.take(second)
    assert bench.one("select count(*) from message where direction = 0") == 1
    intake = bench.tx(lambda tx: overdue_texts(tx, bench.book, before=float("inf")))
    assert intake.taken == []


def test_locks_are_passed_over_and_a_pair_without_a_row_gets_one(bench: Bench, other: Callable[..., object]) -> None:
    keys = {(LINE_ID, ANNE), (LINE_ID, BOB)}
    bench.tx(lambda tx: standings(tx, [(LINE_ID, ANNE)]))

    def both(tx: Tx) -> None:
        standings(tx, [(LINE_ID, ANNE)])
        assert other(lambda its: lock_free(its, keys)) == {(LINE_ID, BOB)}

    bench.tx(both)
    assert other(lambda its: lock_free(its, keys)) == keys
    assert bench.rows("select subscriber, status from consent order by subscriber") == [(ANNE, 0), (BOB, 0)]


def test_a_row_that_was_made_to_be_locked_says_nothing(bench: Bench) -> None:
    """Somebody who opted out of everything is out on a line that only locked their row."""
    bench.tx(lambda tx: standings(tx, [(LINE_ID, ANNE)]))
    bench.tx(lambda tx: save_account_opt_outs(tx, [(ANNE, "text", None)]))
    standing = bench.standing()
    assert (standing.account_out, standing.opt_outs, standing.since) == (True, 1, bench.clock.wall())


def test_a_text_that_came_before_the_same_one_was_committed_elsewhere_is_a_redelivery(bench: Bench) -> None:
    """Its ack cannot have been written: the carrier did not wait for it."""
    text = mo("JOIN", received_at=bench.clock.wall())
    bench.take(text)
    latest = bench.standing().latest
    assert latest is not None
    committed = bench.one("select updated_at from message where direction = 0")

    def asked(session: str, received_at: float, here: frozenset[str] = frozenset(), words: str = "JOIN") -> bool:
        again = mo(words, session=session, received_at=received_at)
        return bench.tx(lambda tx: crossed(tx, again, latest, everywhere(tx, here)))

    assert asked("other", committed - 0.1)
    assert not asked("other", committed + 0.1)
    assert not asked("other", committed - 0.1, words="LEAVE")
    assert not asked("other", committed - 0.1, here=frozenset({latest.session}))  # ours: the ledger knows
    assert not bench.tx(lambda tx: crossed(tx, text, None, everywhere(tx, frozenset())))
    assert not bench.tx(lambda tx: crossed(tx, text, latest, frozenset()))
    assert bench.tx(lambda tx: latest.session in everywhere(tx, frozenset({latest.session})))
    assert bench.tx(lambda tx: latest.session not in everywhere(tx, frozenset()))
