"""Receipts: recorded, repeated, before their response, for an id that was used again; never a step back."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome, Permit
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.settle import settle
from tests.traffic.bench import Bench, receipt, verdicts

SENT, DELIVERED, UNDELIVERED = MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED


def mint(bench: Bench, message_id: int) -> list[Permit]:
    mt = bench.mt(message_id)
    minted = bench.tx(lambda tx: pass_gate(tx, [Claim(mt, "acme", "acme/0")], bench.book))
    return minted.permits["acme/0"]


def accept(bench: Bench, permit: Permit, carrier_id: str, **changes: Any) -> None:
    outcome = Outcome(permit, Fate.ACCEPTED, carrier_id=carrier_id, **changes)
    bench.tx(lambda tx: settle(tx, [outcome], bench.book, verdicts))


def sent(bench: Bench, carrier_id: str = "a1", text: str = "hi") -> int:
    """Send a message, all of whose segments get ``carrier_id`` plus their number where there are several."""
    id_ = bench.queue(text)
    permits = mint(bench, id_)
    for permit in permits:
        accept(bench, permit, carrier_id if len(permits) == 1 else f"{carrier_id}{permit.segment}")
    return id_


def take(bench: Bench, *ids: str, **changes: Any) -> str:
    return bench.take(receipt(*ids, **changes)).taken[0].outcome


@pytest.mark.parametrize("state", [DELIVERED, UNDELIVERED])
def test_a_receipt_gives_the_message_its_state(bench: Bench, state: MessageState) -> None:
    id_ = sent(bench)
    assert bench.state(id_) is SENT
    assert take(bench, "a1", state=state) == "receipt_recorded"
    assert bench.state(id_) is state
    assert bench.rows("select receipt_state, receipt_error from permit") == [(state, "000")]


@pytest.mark.parametrize("second", [DELIVERED, UNDELIVERED])
def test_a_final_state_stays(bench: Bench, second: MessageState) -> None:
    id_ = sent(bench)
    take(bench, "a1")
    assert take(bench, "a1", state=second) == "receipt_repeated"
    assert bench.state(id_) is DELIVERED


def test_an_intermediate_receipt_is_nothing_to_record(bench: Bench) -> None:
    id_ = sent(bench)
    assert take(bench, "a1", state=None) == "receipt_intermediate"
    assert bench.state(id_) is SENT


def test_a_receipt_may_overtake_the_response_that_names_it(bench: Bench) -> None:
    """On another bind, for instance. Of several spellings of the id one is enough."""
    id_ = bench.queue()
    (permit,) = mint(bench, id_)
    assert take(bench, "A1", "161") == "receipt_parked"
    assert take(bench, "A1", state=UNDELIVERED) == "receipt_parked"
    accept(bench, permit, "A1")
    assert bench.state(id_) is DELIVERED, "the first that came counts"
    assert bench.rows("select * from parked_receipt") == []


def test_ids_are_the_carriers_own(bench: Bench) -> None:
    id_ = sent(bench)
    assert take(bench, "a1", carrier="other") == "receipt_parked"
    assert bench.state(id_) is SENT


def test_an_id_that_was_used_again_means_the_newest_message(bench: Bench) -> None:
    old, new = sent(bench), sent(bench)
    take(bench, "a1", state=UNDELIVERED)
    assert (bench.state(old), bench.state(new)) == (SENT, UNDELIVERED)


def test_receipts_of_the_segments(bench: Bench) -> None:
    id_ = sent(bench, text="x" * 200)
    take(bench, "a11")
    assert bench.state(id_) is DELIVERED, "some carriers send one for the first segment alone"
    take(bench, "a12", state=UNDELIVERED)
    assert bench.state(id_) is MessageState.PARTIAL


def test_a_receipt_for_what_is_uncertain_settles_nothing_but_is_kept(bench: Bench) -> None:
    """Without a response there is no id to know it by; a late response finds it."""
    id_ = bench.queue()
    (permit,) = mint(bench, id_)
    bench.tx(lambda tx: settle(tx, [Outcome(permit, Fate.UNCERTAIN)], bench.book, verdicts))
    assert bench.state(id_) is MessageState.UNCERTAIN
    assert take(bench, "z9") == "receipt_parked"
    accept(bench, permit, "z9", late=True)
    assert bench.state(id_) is DELIVERED


def test_settling_twice_is_settling_once(bench: Bench) -> None:
    """After a commit of unknown outcome the same outcomes come again."""
    id_ = bench.queue()
    (permit,) = mint(bench, id_)
    outcome = Outcome(permit, Fate.ACCEPTED, carrier_id="a1")
    first = bench.tx(lambda tx: settle(tx, [outcome], bench.book, verdicts))
    take(bench, "a1")
    second = bench.tx(lambda tx: settle(tx, [outcome], bench.book, verdicts))
    assert (set(first.moves), set(second.moves)) == ({id_}, set())
    assert first.over == second.over == {id_}
    assert bench.state(id_) is DELIVERED
