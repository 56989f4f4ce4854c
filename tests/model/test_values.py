"""The words that interfaces and tables rely on, and the defaults of a subscriber without a row."""

from __future__ import annotations

from enum import IntEnum

import pytest

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Standing
from gateway.model.effects import Decision, Scope, TextOutcome
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Grounds
from gateway.model.refusal import Reason
from gateway.model.requests import MAX_TEXT, Role, SendRequest, plainly_refused
from gateway.model.views import ConsentRow, MessageRow, Page, Readiness

STORED: dict[type[IntEnum], dict[str, int]] = {
    ConsentStatus: {"NOT_DEFINED": 0, "OPTED_IN": 1, "OPTED_OUT": 2},
    Lane: {"URGENT": 1, "REPLY": 2, "NORMAL": 3, "BULK": 4},
    MessageState: {
        "QUEUED": 0,
        "SENDING": 1,
        "SENT": 2,
        "DELIVERED": 3,
        "UNDELIVERED": 4,
        "FAILED": 5,
        "PARTIAL": 6,
        "REFUSED": 7,
        "EXPIRED": 8,
        "CANCELLED": 9,
        "UNCERTAIN": 10,
        "RECEIVED": 20,
    },
    Grounds: {
        "CONSENT": 1,
        "UNDEFINED_ALLOWED": 2,
        "ANSWER": 3,
        "CLARIFICATION": 4,
        "SIGN_UP_CODE": 5,
        "OPT_OUT_CONFIRMATION": 6,
        "HELP": 7,
        "HOW_TO_RETURN": 8,
    },
    Fate: {"LIVE": 0, "ACCEPTED": 1, "REJECTED": 2, "REVOKED": 3, "RETURNED": 4, "UNCERTAIN": 5},
}


@pytest.mark.parametrize("kind", STORED)
def test_stored_numbers_never_change(kind: type[IntEnum]) -> None:
    assert {member.name: member.value for member in kind} == STORED[kind]


@pytest.mark.parametrize("kind", [ConsentStatus, Lane, MessageState, Grounds, Role])
def test_every_word_is_the_name_in_lower_case(kind: type[ConsentStatus | Lane | MessageState | Grounds | Role]) -> None:
    assert [member.word for member in kind] == [member.name.lower() for member in kind]


def test_a_subscriber_without_a_row() -> None:
    standing = Standing(line_id=1, subscriber=Msisdn("+12125550101"))
    assert standing.status is ConsentStatus.NOT_DEFINED
    assert (standing.opt_outs, standing.hold, standing.account_out, standing.replies) == (0, None, False, ())
    assert not standing.keywords
    assert not standing.lists


def test_higher_roles_include_lower_ones() -> None:
    assert Role.ADMIN > Role.OPERATOR > Role.VIEWER


def test_the_outcomes_are_the_public_words() -> None:
    assert [outcome.value for outcome in TextOutcome] == ["opt_out", "opt_in", "help", "keyword", "hold", "none"]
    assert [scope.value for scope in Scope] == ["line", "account"]
    assert Decision(TextOutcome.NONE, "no-rule", "1", "Nothing matched.").effects == ()


def test_rows_are_values() -> None:
    row = ConsentRow("85700", "+12125550101", ConsentStatus.OPTED_IN, False, 1.0, "text", 0)
    assert Page([row], None) == Page([row], None)
    assert Readiness(True, "", ()).store_ok
    assert "permits" in MessageRow.__slots__


@pytest.mark.parametrize(
    "request_, reason",
    [
        (SendRequest("85700", "+12125550101", "Hello"), None),
        (SendRequest("85700", "+12125550101", "Hello", expires_at=100.5), None),
        (SendRequest("85700", "+12125550101", "x" * MAX_TEXT), None),
        (SendRequest("85700", "+12125550101", ""), Reason.EMPTY),
        (SendRequest("85700", "+12125550101", " \n\t "), Reason.EMPTY),
        (SendRequest("85700", "+12125550101", "x" * (MAX_TEXT + 1)), Reason.TOO_LONG),
        (SendRequest("85700", "+12125550101", "Hello", expires_at=100.0), Reason.EXPIRED),
    ],
)
def test_what_needs_no_look_at_the_store(request_: SendRequest, reason: Reason | None) -> None:
    refusal = plainly_refused(request_, now=100.0)
    assert (refusal and refusal.reason) == reason
    assert refusal is None or refusal.detail.endswith(".")
