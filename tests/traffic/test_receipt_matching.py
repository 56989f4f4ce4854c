"""Which message a receipt is credited to, where ids may be spelt alike: by rule, and through the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from gateway.carriers.quirks import IdBase
from gateway.carriers.receipts import spellings
from gateway.model.address import Msisdn
from gateway.model.messages import MessageState, Receipt
from gateway.model.permit import Fate, Outcome
from gateway.store.hot_parts import FEW, MOST_ALIKE, MOST_SPELLINGS, Parked, PermitMatch
from gateway.store.tx import Tx
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.matching import meant, named, overtook
from gateway.traffic.settle import settle, take_receipt
from tests.traffic.bench import ANNE, BOB, CARL, LINE, Bench, receipt, verdicts

S = MessageState
OURS = Msisdn(LINE)
TOLL_FREE = Msisdn("+18005550199")
"""A line, too; it is as long as a subscriber's number."""
AS_1000 = spellings("1000", IdBase.ANY)
AS_4096 = spellings("4096", IdBase.ANY)


def told(ids: tuple[str, ...], *addresses: Msisdn, state: MessageState = S.DELIVERED) -> Receipt:
    return replace(receipt(*ids, state=state), addresses=addresses)


def permit(id_: int, carrier_id: str, subscriber: Msisdn = ANNE) -> PermitMatch:
    return PermitMatch(id_, id_, None, carrier_id, subscriber)


def waits(receipt_id: int, place: int, subscriber: str = "") -> Parked:
    return Parked(receipt_id, place, subscriber, S.DELIVERED, "", 0.0)


@pytest.mark.parametrize(
    "addresses, permits, expected",
    [
        ((), [], None),
        ((), [permit(1, "a")], 1),
        ((), [permit(1, "b")], None),
        ((), [permit(2, "b"), permit(1, "a")], 1),
        ((), [permit(2, "a"), permit(1, "a")], 2),
        ((OURS, CARL), [permit(2, "b", BOB), permit(1, "a")], None),
        ((OURS,), [permit(2, "b", BOB), permit(1, "a")], 1),
        ((Msisdn("garbled"), OURS), [permit(1, "a")], 1),
        ((TOLL_FREE,), [permit(1, "a")], 1),
        ((TOLL_FREE, CARL), [permit(1, "a")], None),
        ((OURS, CARL), [permit(2, "b", BOB)], None),
        ((ANNE, OURS), [permit(2, "b"), permit(1, "a", BOB)], 2),
        ((OURS, ANNE), [permit(2, "b"), permit(1, "a", BOB)], 2),
        ((ANNE, OURS), [permit(3, "c"), permit(2, "b"), permit(1, "b")], 2),
        ((ANNE, OURS), [permit(3, "c"), permit(2, "b"), permit(1, "a")], 1),
    ],
)
def test_the_subscriber_then_the_spelling_then_the_newest(
    addresses: tuple[Msisdn, ...], permits: list[PermitMatch], expected: int | None
) -> None:
    receipt_ = told(("a", "b", "c"), *addresses)
    found = meant(receipt_, permits, named(receipt_, {LINE, "18005550199"}))
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    "waiting, expected",
    [
        ([], []),
        ([waits(1, 0)], [1]),
        ([waits(1, 0, BOB)], []),
        ([waits(1, 1)], []),
        ([waits(1, 1, BOB)], []),
        ([waits(1, 1, ANNE)], [1]),
        ([waits(1, 0, BOB), waits(5, 3, ANNE)], [5]),
        ([waits(1, 0), waits(5, 3, ANNE)], [5]),
        ([waits(1, 3, ANNE), waits(5, 0, ANNE)], [5]),
        ([waits(1, 0, ANNE), waits(5, 0, ANNE)], [1, 5]),
        ([waits(1, 0), waits(5, 0)], [1, 5]),
        ([waits(1, 0, BOB), waits(5, 0, CARL)], []),
        ([waits(1, 3), waits(5, 0)], [5]),
    ],
)
def test_which_of_those_that_wait(waiting: list[Parked], expected: list[int]) -> None:
    assert [item.receipt_id for item in overtook(waiting, ANNE)] == expected


# Through the store.


def accepted(bench: Bench, subscriber: Msisdn, carrier_id: str) -> int:
    id_ = bench.queue("hi", subscriber)
    mt = bench.mt(id_)
    ((minted,),) = bench.tx(lambda tx: pass_gate(tx, [Claim(mt, "acme", "acme/0")], bench.book)).permits.values()
    outcome = Outcome(minted, Fate.ACCEPTED, carrier_id=carrier_id)
    bench.tx(lambda tx: settle(tx, [outcome], bench.book, verdicts))
    return id_


def take(bench: Bench, *receipts: Receipt) -> list[str]:
    return [taken.outcome.removeprefix("receipt_") for taken in bench.take(*receipts).taken]


@pytest.mark.checklist("H1", "H9")
@pytest.mark.parametrize("addresses", [(ANNE, OURS), (OURS, ANNE), (), (Msisdn("garbled"),)])
def test_two_ids_that_are_spelt_alike(bench: Bench, addresses: tuple[Msisdn, ...]) -> None:
    """The hexadecimal 1000 is 4096: with or without addresses, each message gets its own."""
    first, second = accepted(bench, ANNE, "1000"), accepted(bench, BOB, "4096")
    assert take(bench, told(AS_1000, *addresses, state=S.UNDELIVERED)) == ["recorded"]
    assert [bench.state(id_) for id_ in (first, second)] == [S.UNDELIVERED, S.SENT]
    others = tuple(BOB if address == ANNE else address for address in addresses)
    assert take(bench, told(AS_4096, *others)) == ["recorded"]
    assert [bench.state(id_) for id_ in (first, second)] == [S.UNDELIVERED, S.DELIVERED]


@pytest.mark.checklist("H1", "H9")
def test_an_unlikely_spelling_counts_for_the_subscriber_alone(bench: Bench) -> None:
    hers = accepted(bench, ANNE, "4096")
    assert take(bench, told(AS_1000), told(AS_1000, OURS, BOB)) == ["parked"] * 2
    assert bench.state(hers) is S.SENT
    assert take(bench, told(AS_1000, ANNE, OURS)) == ["recorded"]
    assert bench.state(hers) is S.DELIVERED


@pytest.mark.checklist("H2", "H9")
def test_a_receipt_that_waits_is_not_given_to_whoever_comes_first(bench: Bench) -> None:
    assert take(bench, told(AS_1000), told(AS_1000, OURS, BOB)) == ["parked"] * 2
    hers = accepted(bench, ANNE, "4096")
    assert bench.state(hers) is S.SENT
    his = accepted(bench, BOB, "3e8")
    assert bench.state(his) is S.DELIVERED
    assert bench.one("select count(distinct receipt_id) from parked_receipt") == 1, "gone under all its spellings"
    assert bench.one("select count(*) from parked_receipt") == len(AS_1000)
    assert bench.state(accepted(bench, CARL, "1000")) is S.DELIVERED, "the likeliest spelling needs no address"
    assert bench.one("select count(*) from parked_receipt") == 0


@pytest.mark.checklist("H2", "H7")
def test_a_receipt_that_waits_twice_goes_once(bench: Bench) -> None:
    take(bench, told(AS_1000, ANNE, OURS), told(AS_1000, ANNE, OURS, state=S.UNDELIVERED))
    assert bench.state(accepted(bench, ANNE, "1000")) is S.DELIVERED, "the first that came counts"
    assert bench.one("select count(*) from parked_receipt") == 0
    assert bench.state(accepted(bench, ANNE, "1000")) is S.SENT, "the id was used again"


def test_the_rows_of_one_receipt(bench: Bench) -> None:
    ids = tuple(f"id{n}" for n in range(MOST_SPELLINGS + 3))
    facts: dict[str, Any] = {"addresses": (ANNE, OURS)}
    take(bench, replace(receipt("x"), **facts), replace(receipt(*ids), **facts), receipt("y"))
    rows = bench.rows("select receipt_id, place, carrier_id, subscriber from parked_receipt order by id")
    first = rows[0][0]
    assert rows[0] == (first, 0, "x", ANNE)
    assert rows[1:-1] == [(first + 1, n, f"id{n}", ANNE) for n in range(MOST_SPELLINGS)]
    assert rows[-1] == (first + 1 + MOST_SPELLINGS, 0, "y", "")
    accepted(bench, ANNE, "id31")
    assert bench.rows("select carrier_id from parked_receipt") == [("x",), ("y",)]


@pytest.mark.checklist("H2", "H9")
def test_a_receipt_of_two_numbers_waits_for_either(bench: Bench) -> None:
    """Neither is a line of ours, so either may be the subscriber."""
    take(bench, told(("a", "A"), ANNE, BOB), told(("b",), CARL, BOB))
    assert bench.state(accepted(bench, CARL, "a")) is S.SENT
    assert bench.state(accepted(bench, BOB, "A")) is S.DELIVERED
    assert bench.rows("select carrier_id, subscriber from parked_receipt order by id") == [("b", CARL), ("b", BOB)]


# One id for everything.


def answered(bench: Bench, count: int, carrier_id: str = "0") -> None:
    """So many permits, each to another number, all answered with one id."""
    bench.rows(
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < ?)"
        " insert into permit (id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds,"
        " opt_outs, minted_at, dies_at, fate, carrier_id)"
        " select 1000 + n, 1000 + n, 1, 1, '+1213555' || (1000 + n), 'acme', 'acme/0', 'gw1', 1, 1, 0, 0, 0, 1, ?"
        " from n",
        count,
        carrier_id,
    )


class Counting:
    """A connection that counts the rows that are read."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.rows = 0

    def execute(self, *args: Any) -> Any:
        return self._Rows(self, self._connection.execute(*args))

    def executemany(self, *args: Any) -> Any:
        return self._connection.executemany(*args)

    class _Rows:
        def __init__(self, counting: Counting, cursor: Any) -> None:
            self.counting, self.cursor, self.rowcount = counting, cursor, cursor.rowcount

        def fetchall(self) -> list[Any]:
            found: list[Any] = self.cursor.fetchall()
            self.counting.rows += len(found)
            return found


def read(bench: Bench, act: Callable[[Tx], object]) -> int:
    """Return how many rows were handed out to ``act``."""

    def job(tx: Tx) -> int:
        real, counting = tx.connection, Counting(tx.connection)
        tx.connection = cast(Any, counting)
        try:
            act(tx)
        finally:
            tx.connection = real
        return counting.rows

    return bench.tx(job)


@pytest.mark.checklist("H8", "H9")
@pytest.mark.parametrize("addresses", [(ANNE, OURS), (CARL, OURS), (), (OURS,)])
def test_a_carrier_that_gives_one_id_to_all(bench: Bench, addresses: tuple[Msisdn, ...]) -> None:
    """As many rows are read for its receipts as for those of a carrier that counts."""
    hers = accepted(bench, ANNE, "0")
    answered(bench, 2000)
    one = told(("0", "00", "0000000000"), *addresses)
    assert read(bench, lambda tx: take_receipt(tx, one, bench.book, verdicts, lambda _: False)) < 20
    assert bench.state(hers) is (S.DELIVERED if ANNE in addresses else S.SENT)
    parked = bench.one("select count(*) from parked_receipt")
    assert bool(parked) is (CARL in addresses), "without a number it is the newest one's, or repeats it"


@pytest.mark.checklist("H8")
@pytest.mark.parametrize("alike, expected", [(MOST_ALIKE, ["recorded"]), (MOST_ALIKE + 1, ["parked"])])
def test_an_id_of_very_many_that_none_of_the_latest_has(bench: Bench, alike: int, expected: list[str]) -> None:
    answered(bench, alike + MOST_ALIKE)
    bench.rows("update permit set carrier_id = 'x' || id where id > ?", 1000 + alike)
    assert take(bench, told(("0",))) == expected


@pytest.mark.checklist("H2", "H8")
def test_receipts_that_wait_for_one_id_in_thousands(bench: Bench) -> None:
    """Those that name others are not read, nor believed."""
    many = [told(("0",), Msisdn(f"+1213555{n}"), OURS) for n in range(1000, 2000)]
    take(bench, *many, told(("0",), ANNE, OURS))
    id_ = bench.queue("hi", ANNE)
    mt = bench.mt(id_)
    ((minted,),) = bench.tx(lambda tx: pass_gate(tx, [Claim(mt, "acme", "acme/0")], bench.book)).permits.values()
    outcome = Outcome(minted, Fate.ACCEPTED, carrier_id="0")
    assert read(bench, lambda tx: settle(tx, [outcome], bench.book, verdicts)) < 20
    assert bench.state(id_) is S.DELIVERED
    assert bench.state(accepted(bench, BOB, "0")) is S.SENT
    assert bench.one("select count(*) from parked_receipt") == 1000


@pytest.mark.parametrize("addresses", [(ANNE,), ()])
def test_the_same_receipt_in_thousands_is_read_a_few_at_a_time(bench: Bench, addresses: tuple[Msisdn, ...]) -> None:
    take(bench, *(told(("0",), *addresses) for _ in range(100)))
    assert bench.state(accepted(bench, ANNE, "0")) is S.DELIVERED
    assert bench.one("select count(*) from parked_receipt") == 100 - FEW
