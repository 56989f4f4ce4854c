"""The short way lays what composer and codec write, for every permit and carrier; and it is taken where it may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.options import CarrierOptions
from gateway.carriers.quick_submit import QuickSubmit
from gateway.carriers.quirks import Request, Validity, names
from gateway.model.address import Msisdn
from gateway.model.permit import Permit, SegmentStyle
from gateway.smpp.codec import encode
from gateway.smpp.errors import LocalProtocolError
from tests.kit.permits import permit

WALL = 1_790_000_000.25


def composer(**keys: Any) -> Composer:
    options = CarrierOptions.model_validate({"name": "acme"} | keys)
    return Composer(options, habits(options))


def both(made: Composer, *permits: Permit) -> list[tuple[bytes | None, bytes]]:
    """Return what the short way lays, and the body that the long one writes, one permit after the other."""
    quick = QuickSubmit(made)
    return [(quick.body(one, WALL), encode(made.submit(one, WALL), 1)[16:]) for one in permits]


PLAIN = {
    "a short text": permit(),
    "one in UCS-2": permit(data_coding=8, body=b"\0h\0i"),
    "a full one": permit(body=b"x" * 160),
    "no text": permit(body=b""),
    "from a long code": permit(line="12125550000"),
    "from a name": permit(line="AcmeCo"),
    "with an end": permit(expires_at=WALL + 299.9),
    "with an end that is past": permit(expires_at=WALL - 1),
    "with an end in a year": permit(expires_at=WALL + 3e7),
    "a segment": permit(segment=2, segments=3, reference=0x1A2B),
    "a segment with a wide reference": permit(segment=2, segments=3, reference=0x1A2B, style=SegmentStyle.UDH16),
    "as payload, and short": permit(segments=1, style=SegmentStyle.PAYLOAD),
    "urgent": permit(urgent=True),
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("keys", [{}, {"service_type": "CMT", "source_ton": 0, "source_npi": 1}, {"validity": "none"}])
def test_a_plain_text_is_laid(name: str, keys: dict[str, Any]) -> None:
    ((quick, slow),) = both(composer(**keys), PLAIN[name])
    assert quick == slow


DECLINED = {
    "to what is no number": permit(subscriber=Msisdn("AcmeCo")),
    "by parameters": permit(segment=2, segments=3, style=SegmentStyle.SAR),
    "as payload": permit(body=b"x" * 141, style=SegmentStyle.PAYLOAD),
    "too long for short_message": permit(body=b"x" * 255),
}


@pytest.mark.parametrize("name", DECLINED)
def test_what_is_not_plain_is_declined(name: str) -> None:
    (quick, _), (after, slow) = both(composer(), DECLINED[name], permit())
    assert quick is None
    assert after == slow  # what is declined leaves nothing behind for the next one


@pytest.mark.parametrize("line", ["x" * 21, "Zoë's €", "a\0b"])
def test_an_address_that_no_pdu_can_hold_is_declined_each_time(line: str) -> None:
    made = composer()
    quick = QuickSubmit(made)
    for _ in range(2):
        assert quick.body(permit(line=line), WALL) is None
    with pytest.raises(LocalProtocolError, match="source_addr"):
        encode(made.submit(permit(line=line), WALL), 1)


def test_a_coding_that_we_do_not_send_is_declined() -> None:
    assert QuickSubmit(composer()).body(permit(data_coding=256), WALL) is None


def test_a_carrier_of_data_sm_has_no_short_way() -> None:
    assert QuickSubmit(composer(submit_with="data_sm")).body(permit(), WALL) is None


def test_a_carrier_of_another_alphabet_has_one_for_what_is_not_respelled() -> None:
    quick = QuickSubmit(composer(alphabet="latin-1"))
    assert quick.body(permit(), WALL) is None
    assert quick.body(permit(data_coding=8), WALL) is not None


PERMITS = st.builds(
    permit,
    st.integers(1, 9),
    subscriber=st.sampled_from(
        [Msisdn(number) for number in ("+12125550101", "+4915112345678", "85700", "Acme", "+1")]
    ),
    line=st.sampled_from(["85700", "12125550000", "AcmeCo"]),
    body=st.binary(max_size=300),
    segment=st.integers(1, 3),
    segments=st.sampled_from([1, 1, 3]),
    style=st.sampled_from(SegmentStyle),
    reference=st.integers(0, 0xFFFF),
    urgent=st.booleans(),
    expires_at=st.none() | st.floats(WALL - 10, WALL + 5e6),
    data_coding=st.sampled_from([0, 8]),
)


@settings(max_examples=300, deadline=None)
@given(
    permits=st.lists(PERMITS, min_size=1, max_size=4),
    quirk=st.sampled_from(sorted(names())),
    request=st.sampled_from(Request),
    validity=st.sampled_from(Validity),
    plus=st.booleans(),
)
def test_it_lays_what_the_long_way_writes(
    permits: list[Permit], quirk: str, request: Request, validity: Validity, *, plus: bool
) -> None:
    options = CarrierOptions(name="acme", quirk=quirk)
    made = Composer(options, replace(habits(options), request=request, validity=validity, plus=plus))
    for quick, slow in both(made, *permits):
        assert quick is None or quick == slow
