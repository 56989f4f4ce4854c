"""What a batch of arrivals leaves in the store: texts in any company and order, unknown lines, the whole account."""

from __future__ import annotations

from itertools import permutations

import pytest

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane
from gateway.model.requests import MessageQuery
from gateway.policy.options import KeywordOptions
from gateway.store import queries
from gateway.store.lines import LineSpec, sync_lines
from gateway.store.tables import Line
from tests.traffic.bench import (
    ANNE,
    BOB,
    KEYWORDS,
    LINE,
    LINE_ID,
    OTHER,
    OTHER_ID,
    Bench,
    book,
    line_options,
    mo,
    receipt,
    unreadable,
)

IN, OUT, NONE = ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT, ConsentStatus.NOT_DEFINED
CONFIRMATION = "Acme: you are unsubscribed and will receive no more messages."
STARTED = "Acme: you are subscribed. Reply STOP to end, HELP for help."


def texts(bench: Bench, subscriber: Msisdn = ANNE) -> list[str]:
    return [text for text, _ in bench.outbox(subscriber)]


def test_join_welcomes_once_and_answers_each_time(bench: Bench) -> None:
    assert [bench.say("JOIN"), bench.say("JOIN")] == ["keyword", "keyword"]
    assert texts(bench) == ["Welcome!", "On the list.", "On the list."]
    assert bench.evidence() == ["opt_in", "list_join", "opt_in", "list_join"]
    assert bench.standing().lists == {"alerts": IN}


def test_welcome_comes_again_after_an_opt_out(bench: Bench) -> None:
    for text in ("JOIN", "STOP", "JOIN"):
        bench.say(text)
    assert texts(bench) == ["Welcome!", "On the list.", CONFIRMATION, "Welcome!", "On the list."]


@pytest.mark.parametrize("order", list(permutations(["STOP", "START", "JOIN"])), ids=" ".join)
@pytest.mark.parametrize("together", [True, False])
def test_one_batch_is_as_good_as_many(bench: Bench, order: tuple[str, ...], *, together: bool) -> None:
    """The last word counts, an old message never goes, and each opt-out is confirmed once."""
    old = bench.queue()
    if together:
        outcomes = [taken.outcome for taken in bench.take(*map(mo, order)).taken]
    else:
        outcomes = [bench.say(text) for text in order]
    assert outcomes == [{"STOP": "opt_out", "START": "opt_in", "JOIN": "keyword"}[text] for text in order]
    assert bench.standing().status is (OUT if order[-1] == "STOP" else IN)
    assert bench.standing().opt_outs == 1
    assert bench.mt(old).state.word == "refused"
    assert texts(bench).count(CONFIRMATION) == 1
    confirmed = bench.rows("select opt_outs, lane from message where text = ?", CONFIRMATION)
    assert confirmed == [(1, Lane.URGENT)]


@pytest.mark.checklist("I4")
def test_stop_start_stop_in_one_breath(bench: Bench) -> None:
    intake = bench.take(mo("STOP"), mo("START"), mo("STOP"))
    assert bench.standing().status is OUT
    assert bench.standing().opt_outs == 2
    counts = bench.rows("select opt_outs from message where text = ?", CONFIRMATION)
    assert counts == [(1,), (2,)], "the gate sends the second alone"
    assert [taken.fenced for taken in intake.taken] == [((LINE_ID, ANNE),), (), ((LINE_ID, ANNE),)]


@pytest.mark.checklist("I1")
def test_a_second_stop_is_silent_and_waits_for_the_fence_like_the_first(bench: Bench) -> None:
    bench.say("STOP")
    taken = bench.take(mo("stop!")).taken[0]
    assert (taken.outcome, taken.fenced) == ("opt_out", ((LINE_ID, ANNE),))
    assert texts(bench) == [CONFIRMATION]
    assert bench.evidence() == ["opt_out", "opt_out"]


@pytest.mark.parametrize("text", ["STOP", "STOP JOIN", "cancel my appointment"])
def test_a_redelivery_waits_for_the_fence_too(bench: Bench, text: str) -> None:
    """Whatever the first narrowed: the line, a list, or a hold."""
    bench.say("JOIN")
    bench.say("NEWS")
    first = bench.take(mo(text)).taken[0]
    again = bench.take(mo(text), disturbed=True).taken[0]
    assert first.fenced == ((LINE_ID, ANNE),)
    assert (again.outcome, again.fenced, again.mo_id) == ("duplicate", first.fenced, first.mo_id)


def test_texts_that_narrow_nothing_raise_no_fence(bench: Bench) -> None:
    for text in ("JOIN", "HELP", "START", "what a day"):
        assert bench.take(mo(text)).taken[0].fenced == ()
        assert bench.take(mo(text), disturbed=True).taken[0].fenced == ()


def test_a_hold_raises_the_fence_and_asks_once(bench: Bench) -> None:
    bench.say("JOIN")
    taken = [bench.take(mo(text)).taken[0] for text in ("cancel my appointment", "cancel my order")]
    assert [item.outcome for item in taken] == ["hold", "hold"]
    assert all(item.fenced == ((LINE_ID, ANNE),) for item in taken)
    claims = bench.rows("select claim from message where direction = 1 and text like '%do you want%'")
    assert claims == [(4,)]


@pytest.mark.checklist("I2")
def test_older_messages_are_refused_with_the_opt_out(bench: Bench) -> None:
    mine, others = bench.queue(), bench.queue(subscriber=BOB)
    elsewhere = bench.queue(line_id=OTHER_ID)
    assert bench.take(mo("STOP")).refused == 1
    assert [bench.state(id_).word for id_ in (mine, others, elsewhere)] == ["refused", "queued", "queued"]
    assert bench.one("select reason from message where id = ?", mine) == "opted-out"


def test_an_unknown_line_is_heard_and_does_not_speak(bench: Bench) -> None:
    for text in ("JOIN", "HELP", "STOP", "anything"):
        assert bench.take(mo(text, line="99999")).taken[0].status == 0
    line_id = bench.one("select id from line where address = '99999'")
    assert bench.standing(line_id=line_id).status is OUT
    assert texts(bench) == []
    assert bench.one("select count(*) from message where line_id = ? and direction = 0", line_id) == 4


def test_the_stop_to_an_unknown_line_is_in_force_when_it_becomes_one(bench: Bench) -> None:
    bench.say("STOP", line="99999")
    ids = bench.tx(lambda tx: sync_lines(tx, [LineSpec(LINE), LineSpec(OTHER), LineSpec("99999")]))
    bench.book = book(line_options(), line_options(OTHER), line_options("99999"))
    assert bench.standing(line_id=ids["99999"]).status is OUT
    assert bench.say("JOIN perhaps", line="99999") == "keyword"
    assert bench.standing(line_id=ids["99999"]).status is OUT


@pytest.mark.checklist("I4")
@pytest.mark.parametrize("text", ["STOP ALL", "STOPALL", "stop all please"])
def test_stop_all_covers_every_line_and_those_to_come(bench: Bench, text: str) -> None:
    bench.say("JOIN")
    bench.say("JOIN", line=OTHER)
    bench.say("HELP", line="99999")
    mine, there = bench.queue(), bench.queue(line_id=OTHER_ID)
    taken = bench.take(mo(text)).taken[0]
    unknown = bench.one("select id from line where address = '99999'")
    assert set(taken.fenced) == {(line, ANNE) for line in (LINE_ID, OTHER_ID, unknown)}
    assert [bench.state(id_).word for id_ in (mine, there)] == ["refused", "refused"]
    assert texts(bench).count(CONFIRMATION) == 1, "on the line that it came to"
    added = bench.tx(lambda tx: sync_lines(tx, [LineSpec(LINE), LineSpec(OTHER), LineSpec("85702")]))["85702"]
    for line in (LINE_ID, OTHER_ID, unknown, added):
        assert bench.standing(line_id=line).status is OUT, line
    assert bench.standing(BOB, added).status is NONE


def test_stop_all_covers_an_unknown_line_that_was_texted_in_the_same_breath(bench: Bench) -> None:
    bench.say("hello", BOB, line="99998")  # Anne has no row there: nothing is written, and she is out all the same
    bench.take(mo("hello", line="99999"), mo("STOP ALL"), mo("hello", line="99999"))
    lines = [bench.one("select id from line where address = '99998'"), bench.one("select max(id) from line")]
    for line in lines:
        assert bench.standing(line_id=line).status is OUT
        assert bench.standing(BOB, line).status is NONE
    assert bench.evidence() == ["opt_out"] * 3


def test_start_on_a_line_restores_that_line(bench: Bench) -> None:
    bench.say("STOP ALL")
    added = 3  # as the book counts
    bench.tx(lambda tx: tx.change(Line.insert(id=added, address="85702", origin="file", created_at=0)))
    bench.book = book(line_options(), line_options(OTHER), line_options("85702"))
    assert bench.say("START", line="85702") == "opt_in"
    assert bench.standing(line_id=added).status is IN
    assert bench.standing(line_id=LINE_ID).status is OUT
    assert bench.standing(line_id=OTHER_ID).status is OUT
    bench.say("STOP ALL", line="85702")
    assert bench.standing(line_id=added).opt_outs == 2
    assert bench.one("select opt_outs from account_opt_out") == 2


@pytest.mark.checklist("I4")
def test_plain_stop_may_mean_the_account(bench: Bench) -> None:
    bench.book = book(line_options(), line_options(OTHER), stop_scope="account")
    bench.say("STOP")
    assert bench.standing(line_id=OTHER_ID).status is OUT
    assert bench.evidence() == ["opt_out", "opt_out"]


@pytest.mark.checklist("I4")
def test_stop_all_and_start_elsewhere_in_one_breath(bench: Bench) -> None:
    bench.take(mo("STOP ALL"), mo("START", line=OTHER))
    assert [bench.standing(line_id=line).status for line in (LINE_ID, OTHER_ID)] == [OUT, IN]
    bench.take(mo("START", BOB, line=OTHER), mo("STOP ALL", BOB))
    assert [bench.standing(BOB, line).status for line in (LINE_ID, OTHER_ID)] == [OUT, OUT]


def test_texts_replies_and_evidence_are_in_the_lists_of_their_pairs(bench: Bench) -> None:
    """What a text brings costs no entry of an index by pair, and is found; what was sent between, too."""
    bench.take(mo("STOP ALL"), mo("hi", BOB), mo("hi"), mo("START"))
    sent = bench.queue()
    bench.take(mo("JOIN"), mo("START", line=OTHER))
    assert bench.rows("select id from message where previous is null") == [(sent,)]
    assert bench.one("select count(*) from evidence where previous is null") == 0
    for line_id, line in ((LINE_ID, LINE), (OTHER_ID, OTHER)):
        ids = bench.rows("select id from message where line_id = ? and subscriber = ? order by id desc", line_id, ANNE)
        found = bench.tx(lambda tx, line=line: queries.messages(tx, MessageQuery(line=line, number=ANNE)))  # type: ignore[misc]  # a lambda with a default
        assert [(row.id,) for row in found.rows] == ids
        events = bench.rows("select id from evidence where line_id = ? and subscriber = ? order by id", line_id, ANNE)
        shown = bench.tx(lambda tx, line=line: queries.evidence(tx, line, ANNE))  # type: ignore[misc]  # as above
        assert [(row.id,) for row in shown] == events
        assert len(events) > 1


@pytest.mark.checklist("E1", "E2")
@pytest.mark.parametrize("source", ["", "ACME", "12345"])
def test_a_source_that_is_no_number_is_journalled(bench: Bench, source: str) -> None:
    """Nothing can be answered; nobody without an address gets a row of consent."""
    who = Msisdn(source)
    assert bench.take(mo("STOP", who)).taken[0].status == 0
    assert texts(bench, who) == []
    assert bench.one("select count(*) from message where direction = 0") == 1
    assert bench.one("select count(*) from consent") == (1 if source else 0)


@pytest.mark.checklist("I3")
def test_the_reply_limit_holds_back_and_counts(bench: Bench) -> None:
    bench.book = book(line_options(reply_limit="2/min", default_reply="Text HELP."))
    held = [bench.take(mo(f"hello {n}")).taken[0].held_back for n in range(4)]
    assert held == [0, 0, 1, 1]
    assert len(texts(bench)) == 2


def test_the_journal_says_what_and_why(bench: Bench) -> None:
    bench.say("Join")
    columns = "text, outcome, keyword, matched_by, carrier, config_hash, segments, partial, raw"
    (row,) = bench.rows(f"select {columns} from message where direction = 0")  # noqa: S608 - the names above
    assert row == ("Join", "keyword", "JOIN", "keyword:join", "acme", "c0ffee", 1, 0, b"Join")


def test_evidence_of_an_opt_in_keeps_what_was_disclosed(bench: Bench) -> None:
    bench.say("JOIN")
    bench.say("STOP")
    rows = bench.rows("select kind, disclosure, raw, rule, config_hash, mo_id from evidence order by id")
    first = bench.one("select min(id) from message where direction = 0")
    assert rows[0] == ("opt_in", "Welcome!\nOn the list.", b"JOIN", "keyword:join", "c0ffee", first)
    assert rows[2][:3] == ("opt_out", "", b"STOP")


@pytest.mark.checklist("E9")
def test_unreadable_pdus_go_to_quarantine_before_the_final_answer(bench: Bench) -> None:
    intake = bench.take(unreadable(status=0x44), mo("JOIN"), unreadable(status=0, answer=False))
    assert [(taken.outcome, taken.status) for taken in intake.taken] == [
        ("unreadable", 0x44),
        ("keyword", 0),
        ("unreadable", 0),
    ]
    assert bench.rows("select status, raw from quarantine order by id") == [(0x44, b"\0\1"), (0, b"\0\1")]


def test_a_batch_of_everything(bench: Bench) -> None:
    intake = bench.take(mo("JOIN"), receipt("x"), unreadable(), mo("HELP", BOB), mo("STOP"))
    outcomes = [taken.outcome for taken in intake.taken]
    assert outcomes == ["keyword", "receipt_parked", "unreadable", "help", "opt_out"]


def test_places_are_those_of_the_replies(bench: Bench) -> None:
    assert bench.take(mo("JOIN"), mo("HELP", line=OTHER)).places == {(Lane.REPLY, LINE_ID), (Lane.URGENT, OTHER_ID)}
    assert bench.take(mo("STOP ALL"), mo("thank you")).places == {(Lane.URGENT, LINE_ID)}


def test_how_to_return_is_told_once(bench: Bench) -> None:
    keyword = KeywordOptions(word="CLUB", action="join", list="club", rejoin=False, user_reply="Club.")
    bench.book = book(line_options(keyword=(*KEYWORDS, keyword)))
    for text in ("STOP", "CLUB", "CLUB", "START", "STOP", "CLUB"):
        bench.say(text)
    assert sum("Text START" in text for text in texts(bench)) == 2


def test_removed_lines_keep_their_subscribers(bench: Bench) -> None:
    bench.say("JOIN", line=OTHER)
    bench.book = book(line_options())
    assert bench.say("STOP", line=OTHER) == "opt_out"
    assert bench.standing(line_id=OTHER_ID).status is OUT
    assert CONFIRMATION not in texts(bench), "a line that is gone does not speak"
    assert bench.say("JOIN", line=LINE) == "keyword"
