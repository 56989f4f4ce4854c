"""A decision that is remembered is the one that would be taken anew, for whoever texts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Hold, Latest, Standing
from gateway.model.effects import Decision, HeldBack, PlaceHold, RecordEvidence, Reply, TextOutcome
from gateway.model.messages import Lane
from gateway.model.permit import Grounds
from gateway.policy.decide import _decided, _remembered, decide
from gateway.policy.read import read
from gateway.policy.transitions import after
from tests.policy.world import ANNE, NOW, RULES, someone, text

TEXTS = ("STOP", "stop all", "stop news", "START", "HELP", "help news", "NEWS", "VIP", "no news please", "NONEWS", "x")
STATUSES = st.sampled_from(ConsentStatus)
STANDINGS = st.builds(
    Standing,
    st.just(1),
    st.just(ANNE),
    status=STATUSES,
    since=st.sampled_from((None, 5.0)),
    source=st.sampled_from((None, "api")),
    opt_outs=st.integers(0, 2),
    hold=st.sampled_from((None, Hold(3.0, 4), Hold(3.0, 4, clarified=True))),
    how_to_return=st.booleans(),
    account_out=st.booleans(),
    keywords=st.dictionaries(st.sampled_from(("news", "vip")), st.integers(0, 2)),
    lists=st.dictionaries(st.sampled_from(("news", "vip")), STATUSES),
    suspended=st.sampled_from((frozenset(), frozenset({"news"}))),
    latest=st.sampled_from((None, Latest(1, "acme", "s1", b"f", NOW))),
    last_carrier=st.sampled_from((None, "acme")),
)


@given(st.sampled_from(TEXTS), STANDINGS)
def test_it_is_the_one_that_would_be_taken_anew(body: str, standing: Standing) -> None:
    decision = decide(text(body), standing, RULES, NOW)
    assert decision == _decided(read(body, RULES), standing, RULES, partial=False, sendable=True)


@given(st.sampled_from(TEXTS), STANDINGS)
def test_what_follows_is_the_text_s_and_the_subscriber_s_own(body: str, standing: Standing) -> None:
    """The time, the id and the rest of the standing are those of this text, whoever said the same before."""
    decision = decide(text(body), standing, RULES, NOW)
    now = after(standing, decision, 7, NOW + 1)
    for name in ("line_id", "subscriber", "suspended", "latest", "last_carrier"):
        assert getattr(now, name) == getattr(standing, name)
    if standing.hold is None and now.hold is not None:
        assert (now.hold.since, now.hold.mo_id) == (NOW + 1, 7)
    latest = Latest(7, "else", "s2", b"g", NOW)
    assert after(standing, decision, 7, NOW + 1, latest, "else") == replace(now, latest=latest, last_carrier="else")


def test_it_is_remembered_whoever_texts() -> None:
    _remembered.cache_clear()
    first = decide(text("NEWS"), someone(), RULES, NOW)
    bob = Msisdn("+12125550177")
    assert decide(text("NEWS", bob), Standing(1, bob), RULES, NOW + 5) is first
    assert _remembered.cache_info().misses == 1


def test_a_long_text_is_not_remembered() -> None:
    """A peer could fill the memory."""
    _remembered.cache_clear()
    assert decide(text("x" * 321), someone(), RULES, NOW).outcome == "none"
    assert _remembered.cache_info().currsize == 0


@pytest.mark.parametrize("body", TEXTS)
def test_the_effects_by_kind(body: str) -> None:
    decision = decide(text(body), someone(status=ConsentStatus.OPTED_IN), RULES, NOW)
    effects = decision.effects
    assert decision.replies == tuple(effect for effect in effects if isinstance(effect, Reply))
    assert decision.evidence == tuple(effect for effect in effects if isinstance(effect, RecordEvidence))
    kinds = (RecordEvidence, Reply)
    assert decision.steps[: len(effects)] == tuple(effect for effect in effects if not isinstance(effect, kinds))
    assert decision.automatic == sum(reply.automatic for reply in decision.replies)
    assert decision.disclosure == "\n".join(reply.text for reply in decision.replies)
    assert bool(decision.narrowing) is (decision.outcome in ("opt_out", "hold"))
    assert decision.held_back == 0


def test_what_is_held_back_is_counted() -> None:
    full = someone(replies=(NOW,) * 10)
    decision = decide(text("NEWS"), full, RULES, NOW)
    assert decision.held_back == len([effect for effect in decision.effects if isinstance(effect, HeldBack)]) > 0
    assert not decision.replies


def test_decisions_are_equal_by_what_they_say() -> None:
    """What is worked out from the effects follows from them."""
    compared = {each.name for each in fields(Decision) if each.compare}
    assert compared == {each.name for each in fields(Decision) if each.init}
    hold = Decision(TextOutcome.HOLD, "r", "1", "because", (PlaceHold(),))
    assert hold.narrowing == hold.steps == (PlaceHold(),)


def test_a_question_that_nothing_waits_for_is_noted_nowhere() -> None:
    asked = Decision(TextOutcome.NONE, "r", "1", "because", (Reply("Stop?", Lane.REPLY, Grounds.CLARIFICATION),))
    assert after(someone(), asked, 7, NOW) == someone(replies=(NOW,))
