"""The gate: which grounds a message gets in which standing, what it is refused for, and that nothing else mints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.model.consent import ConsentStatus, Hold, Standing
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Grounds, Outcome, Permit
from gateway.model.refusal import Reason
from gateway.policy.grounds import REPLY_LIFE_S
from gateway.traffic.gate import PERMIT_LIFE_S, SHORT_LIFE_S, Claim, Minted, pass_gate
from gateway.traffic.settle import settle
from tests.kit.stores import kind
from tests.traffic.bench import ANNE, LINE_ID, Bench, book, line_options, verdicts

IN, OUT, NONE = ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT, ConsentStatus.NOT_DEFINED
G = Grounds


def someone(status: ConsentStatus = NONE, **facts: object) -> Standing:
    return replace(Standing(LINE_ID, ANNE, status=status), **facts)  # type: ignore[arg-type]  # the tests' own facts


def passes(bench: Bench, *message_ids: int) -> Minted:
    claims = [Claim(bench.mt(id_), "acme", "acme/0") for id_ in message_ids]
    return bench.tx(lambda tx: pass_gate(tx, claims, bench.book))


def permits(minted: Minted) -> list[Permit]:
    return minted.permits.get("acme/0", [])


def tell(bench: Bench, permit: Permit, fate: Fate, status: int = 0) -> None:
    bench.tx(lambda tx: settle(tx, [Outcome(permit, fate, status)], bench.book, verdicts))


HELD = Hold(since=1.0, mo_id=1)
# claim, standing, lane, in_reply_to -> grounds or why not
CASES: list[tuple[Grounds, Standing, Lane, int | None, Grounds | Reason]] = [
    (G.CONSENT, someone(IN), Lane.NORMAL, None, G.CONSENT),
    (G.CONSENT, someone(), Lane.BULK, None, G.UNDEFINED_ALLOWED),
    (G.CONSENT, someone(OUT), Lane.NORMAL, None, Reason.OPTED_OUT),
    (G.CONSENT, someone(IN, account_out=True), Lane.NORMAL, None, Reason.OPTED_OUT),
    (G.CONSENT, someone(IN, opt_outs=1), Lane.NORMAL, None, Reason.STALE),
    (G.CONSENT, someone(IN, hold=HELD), Lane.NORMAL, None, Reason.HELD),
    (G.ANSWER, someone(), Lane.REPLY, 1, G.ANSWER),
    (G.ANSWER, someone(), Lane.REPLY, None, Reason.NOT_AN_ANSWER),
    (G.ANSWER, someone(OUT), Lane.REPLY, 1, Reason.OPTED_OUT),
    (G.ANSWER, someone(IN, hold=HELD), Lane.REPLY, 1, Reason.HELD),
    (G.CLARIFICATION, someone(IN, hold=HELD), Lane.REPLY, 1, G.CLARIFICATION),
    (G.CLARIFICATION, someone(IN), Lane.REPLY, 1, Reason.STALE),
    (G.CLARIFICATION, someone(OUT), Lane.REPLY, 1, Reason.OPTED_OUT),
    (G.SIGN_UP_CODE, someone(), Lane.URGENT, None, G.SIGN_UP_CODE),
    (G.SIGN_UP_CODE, someone(OUT), Lane.URGENT, None, Reason.OPTED_OUT),
    (G.OPT_OUT_CONFIRMATION, someone(OUT), Lane.URGENT, 1, G.OPT_OUT_CONFIRMATION),
    (G.OPT_OUT_CONFIRMATION, someone(OUT, opt_outs=2), Lane.URGENT, 1, Reason.STALE),
    (G.HELP, someone(OUT), Lane.URGENT, 1, G.HELP),
    (G.HELP, someone(IN, hold=HELD), Lane.URGENT, 1, G.HELP),
    (G.HOW_TO_RETURN, someone(OUT), Lane.REPLY, 1, G.HOW_TO_RETURN),
    (G.HOW_TO_RETURN, someone(IN), Lane.REPLY, 1, Reason.STALE),
]


@pytest.mark.checklist("I6")
@pytest.mark.parametrize("claim, standing, lane, in_reply_to, wanted", CASES)
def test_every_ground(
    bench: Bench, claim: Grounds, standing: Standing, lane: Lane, in_reply_to: int | None, wanted: Grounds | Reason
) -> None:
    bench.put(standing)
    id_ = bench.queue(lane=lane, claim=claim, in_reply_to=in_reply_to)
    minted = passes(bench, id_)
    rows = bench.rows("select grounds, message_id, node, life, fate, dies_at from permit")
    if isinstance(wanted, Grounds):
        (permit,) = permits(minted)
        assert permit.grounds is wanted
        life_s = PERMIT_LIFE_S if kind() == "sqlite" else SHORT_LIFE_S
        assert permit.dies_at == bench.clock.boot() + life_s
        assert rows == [(wanted, id_, "gw1", 1, Fate.LIVE, permit.dies_at)]
        assert bench.state(id_) is MessageState.SENDING
        assert permit.urgent is (lane is Lane.URGENT)
        return
    assert not rows
    if wanted is Reason.HELD:
        assert [mt.id for mt in minted.waiting] == [id_]
        assert bench.state(id_) is MessageState.QUEUED
    else:
        assert [(mt.id, refusal.reason) for mt, refusal in minted.refused] == [(id_, wanted)]
        assert bench.state(id_) is MessageState.REFUSED
        assert bench.one("select reason from message where id = ?", id_) == wanted.value


def test_consent_is_asked_for_where_the_line_says_so(bench: Bench) -> None:
    bench.book = book(line_options(unknown="refuse"))
    ((_, refusal),) = passes(bench, bench.queue()).refused
    assert refusal.reason is Reason.NOT_OPTED_IN


@pytest.mark.parametrize(
    "lists, suspended, reason",
    [
        ({}, frozenset(), Reason.NOT_A_MEMBER),
        ({"alerts": OUT, "news": IN}, frozenset(), Reason.NOT_A_MEMBER),
        ({"alerts": IN}, frozenset({"alerts"}), Reason.SUSPENDED),
        ({"alerts": IN}, frozenset(), None),
    ],
)
def test_a_list_send_asks_the_list(
    bench: Bench, lists: dict[str, ConsentStatus], suspended: frozenset[str], reason: Reason | None
) -> None:
    bench.put(someone(IN, lists=lists))
    for name in suspended:
        bench.rows("update member set suspended = 1 where list_name = ?", name)
    minted = passes(bench, bench.queue(list_name="alerts"))
    assert [refusal.reason for _, refusal in minted.refused] == ([reason] if reason else [])


@pytest.mark.checklist("I2", "I6")
@pytest.mark.parametrize("text", ["START", "JOIN"])
def test_what_was_accepted_before_a_stop_never_goes(bench: Bench, text: str) -> None:
    """Not even when it was with its carrier at that moment and came back afterwards."""
    queued, out_there = bench.queue(), bench.queue()
    (permit,) = permits(passes(bench, out_there))
    bench.say("STOP")
    bench.say(text)
    tell(bench, permit, Fate.REVOKED)
    assert bench.state(out_there) is MessageState.QUEUED
    ((_, refusal),) = passes(bench, out_there).refused
    assert refusal.reason is Reason.STALE
    assert [bench.state(id_) for id_ in (queued, out_there)] == [MessageState.REFUSED] * 2


def test_held_messages_wait_and_go_on_release(bench: Bench) -> None:
    bench.say("JOIN")
    bench.say("cancel my appointment")
    id_ = bench.queue()
    assert [mt.id for mt in passes(bench, id_).waiting] == [id_]
    bench.say("START")
    assert len(permits(passes(bench, id_))) == 1


def test_a_reply_that_is_too_old_is_expired(bench: Bench) -> None:
    reply = bench.queue(lane=Lane.REPLY, claim=G.ANSWER, in_reply_to=1)
    dated = bench.queue(expires_at=bench.clock.wall() + 10)
    bench.clock.advance(10)
    assert [r.reason for _, r in passes(bench, dated).refused] == [Reason.EXPIRED]
    assert bench.state(dated) is MessageState.EXPIRED
    bench.clock.advance(REPLY_LIFE_S - 10)
    assert permits(passes(bench, reply))
    late = bench.queue(lane=Lane.REPLY, claim=G.ANSWER, in_reply_to=1)
    bench.clock.advance(REPLY_LIFE_S + 0.1)
    assert [r.reason for _, r in passes(bench, late).refused] == [Reason.EXPIRED]


@pytest.mark.checklist("D4", "D5")
@pytest.mark.parametrize("busy", [0x58, 0x14])
def test_only_segments_that_were_not_accepted_are_minted_again(bench: Bench, busy: int) -> None:
    id_ = bench.queue("x" * 400)
    first = permits(passes(bench, id_))
    assert [(p.segment, p.segments) for p in first] == [(1, 3), (2, 3), (3, 3)]
    tell(bench, first[0], Fate.RETURNED)
    tell(bench, first[1], Fate.ACCEPTED)
    assert bench.state(id_) is MessageState.SENDING, "one is still out there"
    tell(bench, first[2], Fate.REJECTED, status=busy)
    assert bench.state(id_) is MessageState.QUEUED
    second = permits(passes(bench, id_))
    assert [p.segment for p in second] == [1, 3]
    assert {p.id for p in first}.isdisjoint(p.id for p in second)
    assert [(p.segment, p.reference, p.body) for p in second] == [
        (p.segment, p.reference, p.body) for p in (first[0], first[2])
    ]
    for permit in second:
        tell(bench, permit, Fate.ACCEPTED)
    assert bench.state(id_) is MessageState.SENT
    assert bench.one("select attempts from message where id = ?", id_) == 5


def partly_sent(bench: Bench) -> int:
    id_ = bench.queue("x" * 200)
    first, second = permits(passes(bench, id_))
    tell(bench, first, Fate.ACCEPTED)
    tell(bench, second, Fate.RETURNED)
    assert bench.state(id_) is MessageState.QUEUED
    return id_


@pytest.mark.checklist("D5")
def test_what_is_refused_after_a_part_of_it_went_is_partial(bench: Bench) -> None:
    id_ = partly_sent(bench)
    bench.put(someone(IN, opt_outs=1))
    passes(bench, id_)
    assert bench.state(id_) is MessageState.PARTIAL


@pytest.mark.checklist("D5", "I2")
def test_what_a_stop_ends_after_a_part_of_it_went_is_partial(bench: Bench) -> None:
    id_, whole = partly_sent(bench), bench.queue("x" * 200)
    bench.say("STOP")
    assert [bench.state(i) for i in (id_, whole)] == [MessageState.PARTIAL, MessageState.REFUSED]
    assert bench.one("select reason from message where id = ?", id_) == "opted-out"


def test_messages_of_a_line_that_is_gone_wait(bench: Bench) -> None:
    id_ = bench.queue(line_id=77)
    minted = passes(bench, id_)
    assert not minted.permits
    assert not minted.refused
    assert bench.state(id_) is MessageState.QUEUED


def test_one_passage_judges_each_on_its_own(bench: Bench) -> None:
    bench.say("STOP")
    confirmation = bench.one("select id from message where direction = 1")
    stale, fresh = bench.queue(), bench.queue(opt_outs=1)
    help_ = bench.queue(claim=G.HELP, opt_outs=1, lane=Lane.URGENT)
    minted = passes(bench, stale, confirmation, fresh, help_)
    assert [p.message_id for p in permits(minted)] == [confirmation, help_]
    assert [mt.id for mt, _ in minted.refused] == [stale, fresh]


def test_a_passage_that_is_rolled_back_leaves_nothing(bench: Bench) -> None:
    id_ = bench.queue()
    mt = bench.mt(id_)

    def job(tx: object) -> None:
        pass_gate(tx, [Claim(mt, "acme", "acme/0")], bench.book)  # type: ignore[arg-type]  # a Tx
        raise ValueError("another job's fault")

    with pytest.raises(ValueError, match="another"):
        bench.tx(job)
    assert not bench.rows("select * from permit")
    assert bench.state(id_) is MessageState.QUEUED
    assert len(permits(passes(bench, id_))) == 1
