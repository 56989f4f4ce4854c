"""Receipts: recorded, repeated, before their response, for an id that was used again; never a step back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from gateway.model.address import Msisdn
from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome, Permit
from gateway.store import hot_parts
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.keeping import drop_old
from gateway.traffic.settle import settle
from tests.traffic.bench import ANNE, BOB, LINE, Bench, mo, receipt, unreadable, verdicts
from tests.traffic.test_reports import counted
from tests.traffic.world import settle as settled
from tests.traffic.world import world

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


@pytest.mark.checklist("H7")
@pytest.mark.parametrize("second", [DELIVERED, UNDELIVERED])
def test_a_final_state_stays(bench: Bench, second: MessageState) -> None:
    id_ = sent(bench)
    take(bench, "a1")
    assert take(bench, "a1", state=second) == "receipt_repeated"
    assert bench.state(id_) is DELIVERED


@pytest.mark.checklist("H7")
def test_an_intermediate_receipt_is_nothing_to_record(bench: Bench) -> None:
    id_ = sent(bench)
    assert take(bench, "a1", state=None) == "receipt_intermediate"
    assert bench.state(id_) is SENT


@pytest.mark.checklist("H2")
def test_a_receipt_may_overtake_the_response_that_names_it(bench: Bench) -> None:
    """On another bind, for instance. Of several spellings of the id one is enough."""
    id_ = bench.queue()
    (permit,) = mint(bench, id_)
    assert take(bench, "A1", "161") == "receipt_parked"
    assert take(bench, "A1", state=UNDELIVERED) == "receipt_parked"
    accept(bench, permit, "A1")
    assert bench.state(id_) is DELIVERED, "the first that came counts"
    assert bench.rows("select * from parked_receipt") == []


@pytest.mark.checklist("H8")
def test_ids_are_the_carriers_own(bench: Bench) -> None:
    id_ = sent(bench)
    assert take(bench, "a1", carrier="other") == "receipt_parked"
    assert bench.state(id_) is SENT


@pytest.mark.checklist("H9")
def test_an_id_that_was_used_again_means_the_newest_message(bench: Bench) -> None:
    old, new = sent(bench), sent(bench)
    take(bench, "a1", state=UNDELIVERED)
    assert (bench.state(old), bench.state(new)) == (SENT, UNDELIVERED)


@pytest.mark.checklist("H7")
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
    assert [outcome.permit.message_id for outcome in first.sent] == [id_]
    assert (second.sent, second.moves) == ([], {}), "it is delivered by now, and stays so"
    assert first.over == second.over == {id_}
    assert bench.state(id_) is DELIVERED


@pytest.mark.checklist("H7")
@pytest.mark.parametrize("state", [DELIVERED, UNDELIVERED])
@pytest.mark.parametrize("segments", [{1}, {2}, {3}, {1, 2, 3}, {3, 1}])
def test_whichever_of_three_parts_a_receipt_is_for(bench: Bench, segments: set[int], state: MessageState) -> None:
    id_ = sent(bench, text="x" * 400)
    for segment in segments:
        assert take(bench, f"a1{segment}", state=state) == "receipt_recorded"
        assert bench.state(id_) is state
    assert take(bench, f"a1{max(segments)}", state=state) == "receipt_repeated"


@pytest.mark.checklist("H7")
def test_nothing_takes_a_final_state_back(bench: Bench) -> None:
    id_ = sent(bench)
    for state, outcome in [
        (None, "intermediate"),
        (DELIVERED, "recorded"),
        (None, "intermediate"),
        (UNDELIVERED, "repeated"),
        (DELIVERED, "repeated"),
    ]:
        assert take(bench, "a1", state=state) == f"receipt_{outcome}"
    assert bench.state(id_) is DELIVERED


@pytest.mark.checklist("H2", "H8")
def test_those_that_wait_are_the_latest(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_parts, "MOST_PARKED", 10)
    for number in range(20):
        assert take(bench, f"b{number}", f"B{number}") == "receipt_parked"
    waiting = [row[0] for row in bench.rows("select carrier_id from parked_receipt order by id")]
    assert waiting == [f"{case}{number}" for number in range(15, 20) for case in "bB"]


@pytest.mark.checklist("H2", "H8")
def test_they_wait_for_an_hour(bench: Bench) -> None:
    take(bench, "b1")
    for seconds, left in ((3_599, 1), (2, 0)):
        bench.clock.advance(seconds)
        bench.tx(lambda tx: drop_old(tx, 86_400.0))
        assert bench.one("select count(*) from parked_receipt") == left


@pytest.mark.checklist("H8")
async def test_receipts_by_carrier_and_result(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.send()
        await settled()
        here.bind.settle(*here.bind.write())
        await settled()
        [(known,)] = await here.tx(lambda tx: tx.rows("select carrier_id from permit"))
        here.bring(receipt(known, state=None), receipt(known), receipt(known), receipt("nobody's"))
        await settled()
        for result in ("intermediate", "recorded", "repeated", "parked"):
            assert counted(here, f'gateway_receipts_total{{carrier="acme",result="{result}"}}') == 1


# What may be a text.


def typed(
    bench: Bench, subscriber: Msisdn, words: str = "id:a1 stat:DELIVRD", *, state: MessageState | None = DELIVERED
) -> str:
    """Take in what reads as a receipt, of message type 0, where the carrier's receipts are so."""
    text = mo(words, subscriber)
    told = replace(receipt("a1", state=state), addresses=(subscriber, Msisdn(LINE)), perhaps=text)
    return bench.take(told).taken[0].outcome


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("state", [DELIVERED, None])
def test_a_receipt_by_its_words_counts_for_messages_to_its_sender(bench: Bench, state: MessageState | None) -> None:
    id_ = sent(bench)
    assert typed(bench, BOB, state=state) == ("receipt_parked" if state else "receipt_intermediate")
    assert typed(bench, ANNE, state=state) == ("receipt_recorded" if state else "receipt_intermediate")
    assert bench.state(id_) is (state or SENT)
    assert bench.rows("select * from message where direction = 0") == []


@pytest.mark.checklist("H2", "H6")
def test_a_receipt_by_its_words_may_overtake_its_response(bench: Bench) -> None:
    """It places no hold, whatever the message said that it quotes; a STOP in such words is one all the same."""
    id_ = bench.queue()
    (permit,) = mint(bench, id_)
    assert typed(bench, ANNE, "id:a1 stat:DELIVRD text:Acme: Reply STOP to") == "receipt_parked"
    assert bench.rows("select * from consent where held_since is not null or status <> 0") == []
    accept(bench, permit, "a1")
    assert bench.state(id_) is DELIVERED
    assert typed(bench, BOB, "STOP id:7 stat:DELIVRD") == "receipt_parked"
    assert typed(bench, BOB, "STOP") == "opt_out"


def test_what_nobody_typed_is_nobodys_receipt(bench: Bench) -> None:
    """Without a sender it waits for nobody: it would be believed of everybody."""
    sent(bench)
    assert typed(bench, Msisdn("")) == "none"
    assert bench.rows("select * from parked_receipt") == []


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("line", [LINE, "60999"])
@pytest.mark.parametrize("text", ["STOP", "Stop.", "please stop texting me", "STOP ALL", "unsubscribe"])
def test_a_stop_flagged_as_a_receipt_is_in_force(bench: Bench, text: str, line: str) -> None:
    id_ = bench.queue()
    flagged = replace(unreadable(0), perhaps=mo(text, line=line))
    (taken,) = bench.take(flagged).taken
    assert (taken.outcome, taken.status, taken.arrival) == ("opt_out", 0, flagged.perhaps)
    assert bench.one("select status from consent where line_id = ?", taken.fenced[0][0]) == 2
    assert bench.rows("select * from quarantine") == []
    if line == LINE:
        assert bench.state(id_) is MessageState.REFUSED


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize(
    "text",
    [
        *("Message to +12125550101 delivered", "DELIVRD", "delivered: Acme: news. Reply STOP to end", "START", "JOIN"),
        *("HELP", "Info: message 77 delivered", "Delivery stopped: subscriber opted out", "END of delivery", ""),
    ],
)
def test_whatever_else_is_flagged_as_a_receipt_is_put_aside_unanswered(bench: Bench, text: str) -> None:
    (taken,) = bench.take(replace(unreadable(0), perhaps=mo(text, line="60999"))).taken
    assert (taken.outcome, taken.status) == ("unreadable", 0)
    assert bench.one("select count(*) from quarantine") == 1
    assert bench.rows("select * from message") == bench.rows("select * from consent") == []
    assert bench.rows("select * from line where address = '60999'") == []
