"""The consent table, enumerated, and what a change carries with it."""

from __future__ import annotations

import pytest

from gateway.model.consent import ConsentStatus, EvidenceKind, Hold, Method
from gateway.model.effects import Scope
from gateway.model.refusal import Reason, Refusal
from gateway.policy.transitions import IN_BY, TABLE, Change, Trigger, opted_in, opted_out, refused, status_of
from tests.policy.world import NOW, say, someone

NONE, IN, OUT = ConsentStatus.NOT_DEFINED, ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT
BEHALF = (Method.API, Method.CLI, Method.PORTAL, Method.IMPORT)


def test_the_table_is_whole() -> None:
    assert set(TABLE) == {(status, trigger) for status in ConsentStatus for trigger in Trigger}
    assert {key for key, after in TABLE.items() if after is None} == {(OUT, Trigger.SIGN_UP), (OUT, Trigger.BEHALF)}
    assert all(after is OUT for (_, trigger), after in TABLE.items() if trigger is Trigger.OPT_OUT)


@pytest.mark.parametrize("method", [*BEHALF, Method.SIGN_UP])
@pytest.mark.parametrize("status", [NONE, IN])
def test_opting_in_on_behalf(method: Method, status: ConsentStatus) -> None:
    hold = Hold(NOW, 1)
    change = opted_in(someone(status=status, since=5.0, source="text", hold=hold), method, NOW, note="form 7")
    assert isinstance(change, Change)
    assert change.standing.status is IN
    assert change.standing.hold == hold
    assert change.standing.opt_outs == 0
    assert (change.standing.since, change.standing.source) == ((5.0, "text") if status is IN else (NOW, method.value))
    assert (change.evidence.kind, change.evidence.before, change.evidence.after, change.evidence.note) == (
        EvidenceKind.OPT_IN,
        status,
        IN,
        "form 7",
    )


@pytest.mark.parametrize("method", [*BEHALF, Method.SIGN_UP])
@pytest.mark.parametrize("facts", [{"status": OUT}, {"account_out": True}, {"status": OUT, "account_out": True}])
def test_nobody_lifts_an_opt_out_for_somebody_else(method: Method, facts: dict[str, object]) -> None:
    standing = someone(**facts, since=3.0, source="text")
    refusal = opted_in(standing, method, NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.since, refusal.source) == (Reason.OPTED_OUT, 3.0, "text")
    assert refused(standing, "import 9").kind is EvidenceKind.REFUSED
    assert refused(standing).before is refused(standing).after is OUT


@pytest.mark.parametrize("method", [Method.CARRIER, Method.HOLD_EXPIRED])
def test_a_carrier_or_an_expired_hold_opts_nobody_in(method: Method) -> None:
    assert method not in IN_BY
    with pytest.raises(KeyError, match=method.value):
        opted_in(someone(), method, NOW)


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("status", list(ConsentStatus))
@pytest.mark.parametrize("scope", list(Scope))
def test_opting_out_is_always_possible(method: Method, status: ConsentStatus, scope: Scope) -> None:
    before = someone(status=status, opt_outs=4, since=1.0, source="api", hold=Hold(2.0, 1), how_to_return=True)
    change = opted_out(before, method, NOW, scope)
    assert status_of(change.standing) is OUT
    assert change.standing.status is OUT
    assert change.standing.hold is None
    assert change.standing.opt_outs == (4 if status is OUT else 5)
    assert change.standing.account_out is (scope is Scope.ACCOUNT)
    if status is OUT and scope is Scope.LINE:
        assert (change.standing.since, change.standing.source) == (1.0, "api")
        assert change.standing.how_to_return
    else:
        assert (change.standing.since, change.standing.source) == (NOW, method.value)
        assert not change.standing.how_to_return
    assert (change.evidence.before, change.evidence.after) == (status, OUT)


def test_an_expired_hold_counts_from_its_text() -> None:
    held = someone(status=IN, hold=Hold(NOW - 9, 3))
    change = opted_out(held, Method.HOLD_EXPIRED, NOW, since=NOW - 9, note="nobody reviewed it")
    assert change.standing.since == NOW - 9


def test_the_count_moves_at_every_opt_out_and_at_no_repetition() -> None:
    standing = someone()
    counts = []
    for body in ("STOP", "STOP", "START", "STOP", "stop all", "JOIN", "STOP ALL", "stop"):
        standing, _ = say(body, standing)
        counts.append(standing.opt_outs)
    assert counts == [1, 1, 1, 2, 2, 2, 3, 3]


@pytest.mark.parametrize("status", [NONE, IN])
def test_an_opt_out_of_the_account_that_the_line_never_stored_is_counted_on_the_way_back(status: ConsentStatus) -> None:
    standing, _ = say("START", someone(status=status, account_out=True))
    assert (standing.status, standing.opt_outs, standing.account_out) == (IN, 1, False)
    assert opted_out(someone(status=status, account_out=True), Method.API, NOW).standing.opt_outs == 1
