"""What a carrier's table says outranks its quirk; and what of the login is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from trio.testing import MockClock

from gateway.carriers import quirks
from gateway.carriers.habits import habits, login_of
from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Request, Validity
from gateway.carriers.statuses import UNSENDABLE, Verdict, verdict
from gateway.model.permit import SegmentStyle
from gateway.smpp.constants import Status
from gateway.smpp.events import BindRequested
from gateway.smpp.pdu import BindTransceiver
from tests.carriers.rig import Rig

LONG_NAME, LONG_PASSWORD = "n" * 16, "p" * 12


def of(**keys: Any) -> quirks.Quirk:
    return habits(CarrierOptions.model_validate({"name": "acme"} | keys))


@pytest.mark.parametrize("name", sorted(quirks.names()))
def test_a_table_that_says_nothing_changes_nothing(name: str) -> None:
    assert of(quirk=name) is quirks.load(name)


@pytest.mark.parametrize(
    "key, value, field, becomes",
    [
        ("alphabet", "utf-8", "alphabet", "utf-8"),
        ("segments", "sar", "segments", SegmentStyle.SAR),
        ("submit_with", "data_sm", "request", Request.DATA_SM),
        ("validity", "absolute", "validity", Validity.ABSOLUTE),
        ("truncate_login", True, "truncate_login", True),
    ],
)
def test_each_key_outranks_the_quirk(key: str, value: object, field: str, becomes: object) -> None:
    changed: dict[str, Any] = {field: becomes}
    assert of(quirk="vibes", **{key: value}) == replace(quirks.load("vibes"), **changed)


@pytest.mark.parametrize("style", SegmentStyle)
@pytest.mark.parametrize("request_", Request)
@pytest.mark.parametrize("period", Validity)
def test_every_habit_can_be_configured(style: SegmentStyle, request_: Request, period: Validity) -> None:
    made = of(quirk="vibes", segments=style.value, submit_with=request_.value, validity=period.value)
    assert (made.segments, made.request, made.validity) == (style, request_, period)


@pytest.mark.checklist("D3", "D4")
def test_statuses_of_the_table_join_those_of_the_quirk() -> None:
    made = of(quirk="hollatags", statuses={"0x45": "opted_out", "1025": "retry", "0X44d": "throttle"})
    means = {status: verdict(status, made.verdicts) for status in (0, 0x45, 0x401, 0x44D, 0x431, 0x58, 0x22)}
    assert means == {
        0: Verdict.SENT,
        0x45: Verdict.OPTED_OUT,
        0x401: Verdict.RETRY,
        0x44D: Verdict.THROTTLE,
        0x431: Verdict.RETRY,
        0x58: Verdict.THROTTLE,
        0x22: Verdict.FAIL,
    }
    assert verdict(Status.ESME_RSUBMITFAIL, quirks.load("hollatags").verdicts) is Verdict.FAIL


@pytest.mark.parametrize("name", sorted(quirks.names()))
def test_no_status_means_opted_out_unless_somebody_says_so(name: str) -> None:
    overrides = quirks.load(name).verdicts
    assert Verdict.OPTED_OUT not in {verdict(status, overrides) for status in (*range(0x500), UNSENDABLE)}


@pytest.mark.parametrize("name", sorted(quirks.names()))
def test_what_no_carrier_was_asked_is_final_everywhere(name: str) -> None:
    assert verdict(UNSENDABLE, quirks.load(name).verdicts) is Verdict.FAIL


@pytest.mark.checklist("B6")
@pytest.mark.parametrize("cut", [None, False, True])
async def test_the_login_is_sent_as_it_is_written_unless_it_is_to_be_cut(
    autojump_clock: MockClock, *, cut: bool | None
) -> None:
    keys: dict[str, Any] = {"truncate_login": cut, "password": LONG_PASSWORD, "system_id": LONG_NAME}
    async with Rig(**keys).bound() as rig:
        (asked,) = [event for event in rig.smsc.events if isinstance(event, BindRequested)]
        pdu = asked.frame.pdu
        assert isinstance(pdu, BindTransceiver)
        expected = (LONG_NAME[:15], LONG_PASSWORD[:8]) if cut else (LONG_NAME, LONG_PASSWORD)
        assert (pdu.system_id, pdu.password) == expected


def test_short_logins_are_whole_either_way() -> None:
    options = CarrierOptions(name="acme", system_id="n" * 15, password=SecretStr("p" * 8))
    for cut in (False, True):
        assert login_of(options, replace(quirks.load("standard"), truncate_login=cut)) == ("n" * 15, "p" * 8)
