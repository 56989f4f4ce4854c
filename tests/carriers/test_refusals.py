"""What a carrier says with a refusal, as people get to read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.refusals import explain
from gateway.smpp.constants import Status, Tag, describe
from gateway.smpp.pdu import DataSmResp, SubmitSmResp, Tlv
from gateway.store.hot_permits import MOST_DETAIL

STATUS = Status.ESME_RDELIVERYFAILURE
MEANING = describe(STATUS)
REASON, NETWORK, WORDS = Tag.DELIVERY_FAILURE_REASON, Tag.NETWORK_ERROR_CODE, Tag.ADDITIONAL_STATUS_INFO_TEXT

pytestmark = pytest.mark.checklist("D2")


@pytest.mark.parametrize(
    "tlvs, said",
    [
        ((), ""),
        ((Tlv(REASON, b"\0"),), "; destination unavailable"),
        ((Tlv(REASON, b"\1"),), "; destination address invalid"),
        ((Tlv(REASON, b"\2"),), "; permanent network error"),
        ((Tlv(REASON, b"\3"),), "; temporary network error"),
        ((Tlv(REASON, b"\0\0\0\2"),), "; permanent network error"),
        ((Tlv(REASON, b"2"),), "; permanent network error"),
        ((Tlv(REASON, b"\x63"),), "; delivery failure 99, which SMPP 3.4 does not define"),
        ((Tlv(REASON, b""),), ""),
        ((Tlv(REASON, b"\0" * 5),), ""),
        ((Tlv(NETWORK, b"\3\0\x1b"),), "; network error 27"),
        ((Tlv(NETWORK, b"000"),), "; network error 000"),
        ((Tlv(WORDS, b"number ported\0"),), ": number ported"),
        ((Tlv(WORDS, b"number ported"),), ": number ported"),
        ((Tlv(WORDS, b" caf\xe9 \0\0"),), ": café"),
        ((Tlv(WORDS, b"\0"),), ""),
        ((Tlv(WORDS, b" "),), ""),
        (
            (Tlv(WORDS, b"number ported\0"), Tlv(NETWORK, b"\3\0\x1b"), Tlv(0x1400, b"x"), Tlv(REASON, b"\2")),
            "; permanent network error; network error 27: number ported",
        ),
    ],
)
@pytest.mark.parametrize("answer", [SubmitSmResp, DataSmResp])
def test_the_tlvs_say_why(answer: type[SubmitSmResp | DataSmResp], tlvs: tuple[Tlv, ...], said: str) -> None:
    assert explain(STATUS, answer(tlvs=tlvs)) == MEANING + said


def test_an_answer_without_a_body() -> None:
    assert explain(0x401, None) == describe(0x401)


@given(st.lists(st.builds(Tlv, st.sampled_from([REASON, NETWORK, WORDS]), st.binary(max_size=256)), max_size=4))
def test_whatever_they_hold_it_is_said_and_the_store_has_room_for_it(tlvs: list[Tlv]) -> None:
    said = explain(STATUS, SubmitSmResp(tlvs=tuple(tlvs)))
    assert said.startswith(MEANING)
    assert len(said) <= MOST_DETAIL
