"""Accepting: every reason why not, in the order asked; what is stored of a refusal; and how many fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from gateway.model.consent import ConsentStatus, Hold
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Grounds
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, SendRequest
from gateway.store.tx import Tx
from gateway.traffic import accept as accept_module
from gateway.traffic.accept import STORED, Acceptance, accept
from gateway.traffic.backlog import Headroom
from tests.traffic.bench import ANNE, BOB, LINE, LINE_ID, OTHER, Bench, book, line_options
from tests.traffic.test_gate import someone
from tests.traffic.world import ADMIN

IN, OUT = ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT


def ask(text: str = "hi", to: str = ANNE, line: str = LINE, **changes: Any) -> SendRequest:
    return SendRequest(line, to, text, **changes)


def send(bench: Bench, *requests: SendRequest, waiting: int = 0) -> Acceptance:
    return bench.tx(lambda tx: accept(tx, requests, ADMIN, bench.book, Headroom(bench.book, waiting)))


def reason(bench: Bench, request: SendRequest) -> Reason:
    (result,) = send(bench, request).results
    assert isinstance(result, Refusal), result
    assert result.detail.endswith(".")
    return result.reason


def stored(bench: Bench) -> Sequence[tuple[Any, ...]]:
    return bench.rows("select state, reason, actor from message where direction = 1 order by id")


def test_what_is_accepted_is_queued(bench: Bench) -> None:
    acceptance = send(bench, ask("hello", ref="r1", lane=Lane.BULK, expires_at=bench.clock.wall() + 60))
    (result,) = acceptance.results
    assert isinstance(result, Accepted)
    assert result.state is MessageState.QUEUED
    assert acceptance.queued == {(Lane.BULK, LINE_ID): 1}
    mt = bench.mt(result.id)
    assert (mt.text, mt.lane, mt.claim, mt.segments) == ("hello", Lane.BULK, Grounds.CONSENT, 1)
    assert bench.rows("select ref, actor, account_id from message") == [("r1", "ada", 1)]


@pytest.mark.parametrize("plain", [True, False])
def test_a_line_may_make_typography_plain(bench: Bench, plain: bool) -> None:
    """What is stored is what goes out, and what it costs."""
    bench.book = book(line_options(transliterate=plain), line_options(OTHER))
    text = "it’s " * 16
    (result,) = send(bench, ask(text)).results
    assert isinstance(result, Accepted)
    mt = bench.mt(result.id)
    assert (mt.text, mt.segments) == (("it's " * 16, 1) if plain else (text, 2))


@pytest.mark.parametrize(
    "request_, wanted",
    [
        (ask(""), Reason.EMPTY),
        (ask(" \n"), Reason.EMPTY),
        (ask("x" * 40_000), Reason.TOO_LONG),
        (ask("x" * 1_531), Reason.TOO_LONG),
        (ask(expires_at=1.0), Reason.EXPIRED),
        (ask(line="12345"), Reason.UNKNOWN_LINE),
        (ask(to="ACME"), Reason.NOT_A_NUMBER),
        (ask(to="123"), Reason.NOT_A_NUMBER),
        (ask(list_name="nothing"), Reason.UNKNOWN_LIST),
        (ask(in_reply_to=77), Reason.NOT_AN_ANSWER),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_a_malformed_request_is_refused_and_not_stored(bench: Bench, request_: SendRequest, wanted: Reason) -> None:
    assert reason(bench, request_) is wanted
    assert not stored(bench)
    assert wanted not in STORED


def test_a_text_of_the_greatest_length_is_accepted(bench: Bench) -> None:
    (result,) = send(bench, ask("x" * 1_530)).results
    assert isinstance(result, Accepted)
    assert bench.mt(result.id).segments == 10


def test_lines_without_a_name_to_offer(bench: Bench) -> None:
    bench.book = book(line_options(keyword=()))
    (result,) = send(bench, ask(list_name="alerts")).results
    assert isinstance(result, Refusal)
    assert "none" in result.detail


@pytest.mark.parametrize(
    "standing, changes, wanted",
    [
        (someone(OUT, since=5.0, source="text"), {}, Reason.OPTED_OUT),
        (someone(IN, hold=Hold(1.0, 1)), {}, Reason.HELD),
        (someone(IN), {"list_name": "alerts"}, Reason.NOT_A_MEMBER),
        (someone(OUT), {"list_name": "alerts"}, Reason.OPTED_OUT),
    ],
)
def test_a_refusal_for_lack_of_consent_is_part_of_the_numbers_story(
    bench: Bench, standing: Any, changes: dict[str, Any], wanted: Reason
) -> None:
    bench.put(standing)
    (result,) = send(bench, ask(**changes)).results
    assert isinstance(result, Refusal)
    assert result.reason is wanted
    if "list_name" not in changes and wanted is Reason.OPTED_OUT:
        assert (result.since, result.source) == (5.0, "text")
    assert stored(bench) == [(MessageState.REFUSED, wanted.value, "ada")]


def test_a_line_may_ask_for_an_opt_in(bench: Bench) -> None:
    bench.book = book(line_options(unknown="refuse"))
    assert reason(bench, ask()) is Reason.NOT_OPTED_IN
    bench.say("JOIN")
    assert isinstance(send(bench, ask()).results[0], Accepted)


def test_a_suspended_member(bench: Bench) -> None:
    bench.say("JOIN")
    bench.rows("update member set suspended = 1")
    assert reason(bench, ask(list_name="alerts")) is Reason.SUSPENDED


def test_an_answer_goes_for_a_day_to_who_is_not_opted_out(bench: Bench) -> None:
    bench.book = book(line_options(unknown="refuse"), line_options(OTHER))
    bench.say("what are your hours?")
    asked, at = bench.one("select id from message"), bench.clock.wall()
    (result,) = send(bench, ask("9 to 5", in_reply_to=asked)).results
    assert isinstance(result, Accepted)
    mt = bench.mt(result.id)
    assert (mt.claim, mt.expires_at, mt.in_reply_to) == (Grounds.ANSWER, at + 86_400, asked)
    (dated,) = send(bench, ask("9 to 5", in_reply_to=asked, expires_at=at + 60)).results
    assert isinstance(dated, Accepted)
    assert bench.mt(dated.id).expires_at == at + 60
    assert reason(bench, ask("9 to 5", BOB, in_reply_to=asked)) is Reason.NOT_AN_ANSWER
    assert reason(bench, ask("9 to 5", line=OTHER, in_reply_to=asked)) is Reason.NOT_AN_ANSWER
    assert reason(bench, ask("9 to 5", in_reply_to=result.id)) is Reason.NOT_AN_ANSWER, "it is no text of theirs"
    bench.say("STOP")
    assert reason(bench, ask("9 to 5", in_reply_to=asked)) is Reason.OPTED_OUT
    bench.clock.advance(86_401)
    assert reason(bench, ask("9 to 5", in_reply_to=asked)) is Reason.NOT_AN_ANSWER


@pytest.mark.parametrize("spelt", ["+12125550101", "2125550101", "(212) 555-0101", "0012125550101", "+1 212 555 0101"])
def test_numbers_and_lines_have_one_spelling(bench: Bench, spelt: str) -> None:
    bench.say("STOP")
    assert reason(bench, ask(to=spelt, line="857 00")) is Reason.OPTED_OUT


def test_results_are_in_the_order_of_the_requests(bench: Bench) -> None:
    bench.say("STOP", BOB)
    results = send(bench, ask("1"), ask(""), ask("2", BOB), ask("3")).results
    kinds = [result.reason if isinstance(result, Refusal) else "ok" for result in results]
    assert kinds == ["ok", Reason.EMPTY, Reason.OPTED_OUT, "ok"]


def test_the_queue_has_a_limit(bench: Bench) -> None:
    bench.say("STOP", BOB)
    requests = [ask("1"), ask("", ANNE), ask("2", BOB), ask("3"), ask("4")]
    bench.book = book(line_options(), max_backlog=12)
    results = send(bench, *requests, waiting=10).results
    kinds = [result.reason if isinstance(result, Refusal) else "ok" for result in results]
    assert kinds == ["ok", Reason.EMPTY, Reason.OPTED_OUT, "ok", Reason.BACKLOG_FULL], "refused ones take no room"


def test_what_there_is_no_room_for_costs_no_look_at_the_store(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.say("STOP", BOB)
    bench.book = book(line_options(), max_backlog=12)
    asked: list[object] = []

    def noted(_tx: Tx, keys: Collection[object]) -> dict[object, object]:
        asked.extend(keys)
        return {}

    monkeypatch.setattr(accept_module, "standings", noted)
    (full, empty) = send(bench, ask("1", BOB), ask(""), waiting=12).results
    assert isinstance(full, Refusal)
    assert isinstance(empty, Refusal)
    assert (full.reason, empty.reason) == (Reason.BACKLOG_FULL, Reason.EMPTY)
    assert asked == []
    assert len(stored(bench)) == 1, "the confirmation alone"


def test_ten_thousand_at_once(bench: Bench) -> None:
    bench.say("STOP", BOB)
    requests = [ask(f"n {n}", BOB if n % 10 == 0 else f"+1646555{n:04}") for n in range(10_000)]
    results = send(bench, *requests).results
    assert [isinstance(result, Refusal) for result in results] == [n % 10 == 0 for n in range(10_000)]
    ids = [result.id for result in results if isinstance(result, Accepted)]
    assert ids == sorted(set(ids))
    counts = bench.rows("select state, count(*) from message where actor = 'ada' group by state")
    assert dict(counts) == {MessageState.QUEUED: 9_000, MessageState.REFUSED: 1_000}
