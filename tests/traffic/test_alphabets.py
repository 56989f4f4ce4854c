"""MT in the alphabet of the carrier that they go to: which coding the gate takes, and what the carrier then reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.options import CarrierOptions
from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome, Permit, SegmentStyle, Writing
from gateway.model.refusal import Reason, Refusal
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import DataSm, SubmitSm, tlv
from gateway.sms import ALPHABETS, Part, concat_of, join, reading, sar_concat, split_udh
from gateway.traffic.cutting import Writings, count, cut, too_long
from gateway.traffic.gate import Claim, Minted, pass_gate
from gateway.traffic.settle import settle
from tests.kit.permits import permit
from tests.traffic.bench import Bench, book, line_options, verdicts
from tests.traffic.world import settle as rest
from tests.traffic.world import world

UDH8, UDH16, SAR, PAYLOAD = SegmentStyle.UDH8, SegmentStyle.UDH16, SegmentStyle.SAR, SegmentStyle.PAYLOAD
WRITINGS: Writings = {alphabet: Writing(UDH8, alphabet) for alphabet in ALPHABETS}
PLAIN = "me@x.com costs $5 [now] " * 10  # 260 septets and more: two segments
EURO = "5 € or 6 € a month, " * 10  # GSM: 220 septets, two segments; UCS-2: 200 units, three
TEXTS = st.one_of(st.text("abc @$_[]{}é\n", max_size=400), st.text("a€Ω@", max_size=300), st.text("aж😀", max_size=90))


def passes(bench: Bench, message_id: int, carrier: str, writings: Writings = WRITINGS) -> Minted:
    claim = Claim(bench.mt(message_id), carrier, f"{carrier}/0")
    return bench.tx(lambda tx: pass_gate(tx, [claim], bench.book, writings))


def minted(bench: Bench, message_id: int, carrier: str, writings: Writings = WRITINGS) -> list[Permit]:
    (permits,) = passes(bench, message_id, carrier, writings).permits.values()
    return permits


def tell(bench: Bench, one: Permit, fate: Fate) -> None:
    bench.tx(lambda tx: settle(tx, [Outcome(one, fate)], bench.book, verdicts))


def shape(permits: list[Permit]) -> list[tuple[int, int, int]]:
    return [(one.segment, one.segments, one.data_coding) for one in permits]


def read_by(pdus: list[SubmitSm | DataSm], alphabet: str) -> str:
    """Return the text that an SMSC of this alphabet reads in the segments of one message."""
    parts = []
    for pdu in pdus:
        octets = (pdu.short_message if isinstance(pdu, SubmitSm) else b"") or tlv(pdu, Tag.MESSAGE_PAYLOAD) or b""
        udh, body = split_udh(octets) if pdu.esm_class & 0x40 else (b"", octets)
        tags = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
        sar = [int.from_bytes(tlv(pdu, tag) or b"", "big") for tag in tags]
        place = concat_of(udh) or sar_concat(*sar)
        number, total = (1, 1) if place is None else (place.number, place.total)
        if alphabet == "gsm" or alphabet == "gsm-packed" or pdu.data_coding == 8:
            parts.append(Part(number, total, body, pdu.data_coding, reading(alphabet, udh)))
        else:  # strictly what it says, with none of our own leniency
            text = body.decode(alphabet)
            parts.append(Part(number, total, text.encode("utf-16-be"), 8))
    joined = join(parts)
    assert joined is not None
    return joined.text


@pytest.mark.checklist("F1", "F4", "F5")
@given(
    TEXTS.filter(lambda text: not text.endswith("@")),
    st.sampled_from(ALPHABETS),
    st.sampled_from([UDH8, UDH16, PAYLOAD]),
    st.sampled_from(["submit_sm", "data_sm"]),
)
def test_what_the_carrier_reads_under_its_alphabet_is_the_text(
    text: str, alphabet: str, style: SegmentStyle, command: str
) -> None:
    made = cut(text, Writing(style, alphabet))
    total = len(made.bodies)
    if alphabet == "gsm-packed" and any(body.endswith(b"\0") for body in made.bodies[:-1]):
        return  # an "@" at an octet's end looks like padding to our own reader; tests/sms has it bit by bit
    options = CarrierOptions.model_validate(
        {"name": "acme", "alphabet": alphabet, "segments": style.value, "submit_with": command}
    )
    composer = Composer(options, habits(options))
    pdus = [
        composer.submit(
            permit(1, body=body, data_coding=made.data_coding, style=style, segment=number, segments=total), 0
        )
        for number, body in enumerate(made.bodies, 1)
    ]
    assert {pdu.data_coding for pdu in pdus} == {8 if made.data_coding == 8 else 0}
    assert read_by(pdus, alphabet) == text
    for pdu in pdus:
        assert isinstance(pdu, DataSm) or len(pdu.short_message) <= 254


@pytest.mark.checklist("F1")
@pytest.mark.parametrize(
    "text, carrier, expected",
    [
        *[(PLAIN, alphabet, [(1, 2, 0), (2, 2, 0)]) for alphabet in ALPHABETS if alphabet != "ucs-2"],
        (PLAIN, "ucs-2", [(number, 4, 8) for number in (1, 2, 3, 4)]),
        *[(EURO, alphabet, [(1, 2, 0), (2, 2, 0)]) for alphabet in ("gsm", "gsm-packed", "utf-8")],
        *[(EURO, alphabet, [(number, 3, 8) for number in (1, 2, 3)]) for alphabet in ("latin-1", "ascii", "ucs-2")],
        ("Ωmega", "latin-1", [(1, 1, 8)]),
        ("é", "ascii", [(1, 1, 8)]),
        ("é", "latin-1", [(1, 1, 0)]),
        ("é", "unknown", [(1, 1, 0)]),
    ],
)
def test_the_gate_takes_a_coding_that_the_carrier_can_be_told(
    bench: Bench, text: str, carrier: str, expected: list[tuple[int, int, int]]
) -> None:
    id_ = bench.queue(text)
    assert shape(minted(bench, id_, carrier)) == expected
    assert bench.mt(id_).segments == len(expected), "what is stored is what was minted"


@pytest.mark.parametrize("first", ALPHABETS)
@pytest.mark.parametrize("then", ALPHABETS)
@pytest.mark.parametrize("text", [PLAIN, EURO])
def test_what_was_begun_is_finished_in_its_coding_or_not_at_all(bench: Bench, first: str, then: str, text: str) -> None:
    id_ = bench.queue(text)
    begun = minted(bench, id_, first)
    tell(bench, begun[0], Fate.ACCEPTED)
    for one in begun[1:]:
        tell(bench, one, Fate.RETURNED)
    found = passes(bench, id_, then)
    says = {"gsm", "gsm-packed", "utf-8"} | ({"latin-1", "ascii"} if text is PLAIN else set())
    if begun[0].data_coding == 8 or then in says:
        (again,) = found.permits.values()
        assert [(one.segment, one.body, one.data_coding) for one in again] == [
            (one.segment, one.body, one.data_coding) for one in begun[1:]
        ]
        for one in again:
            tell(bench, one, Fate.ACCEPTED)
        assert bench.state(id_) is MessageState.SENT
    else:
        assert [refusal.reason for _, refusal in found.refused] == [Reason.NOT_IN_ALPHABET]
        assert bench.state(id_) is MessageState.PARTIAL
        assert bench.one("select reason from message where id = ?", id_) == "not-in-alphabet"


def test_only_what_is_left_must_be_in_the_alphabet(bench: Bench) -> None:
    id_ = bench.queue("€" + "x" * 200)
    begun = minted(bench, id_, "gsm")
    tell(bench, begun[0], Fate.ACCEPTED)
    tell(bench, begun[1], Fate.RETURNED)
    assert shape(minted(bench, id_, "latin-1")) == [(2, 2, 0)]


@pytest.mark.parametrize(
    "text, style, then, expected",
    [
        ("5 €", UDH8, "latin-1", [(1, 1, 8)]),
        ("x" * 100, UDH8, "latin-1", [(1, 1, 0)]),
        ("€" + "x" * 100, UDH8, "latin-1", None),  # it would be two segments now, and the one may have arrived
        ("€" + "x" * 100, UDH8, "utf-8", [(1, 1, 0)]),
        ("x" * 100, UDH8, "ucs-2", None),
        (EURO, PAYLOAD, "latin-1", [(1, 1, 8)]),
        (PLAIN, PAYLOAD, "ucs-2", [(1, 1, 8)]),
    ],
)
def test_one_segment_that_may_have_gone_out_may_change_its_coding_but_stays_one(
    bench: Bench, text: str, style: SegmentStyle, then: str, expected: list[tuple[int, int, int]] | None
) -> None:
    bench.book = book(line_options(on_uncertain="resend"))
    id_ = bench.queue(text)
    (begun,) = minted(bench, id_, "acme", {"acme": Writing(style)})
    tell(bench, begun, Fate.UNCERTAIN)
    assert bench.state(id_) is MessageState.QUEUED
    found = passes(bench, id_, then, {"acme": Writing(style), then: Writing(UDH8, then)})
    if expected is None:
        assert [refusal.reason for _, refusal in found.refused] == [Reason.NOT_IN_ALPHABET]
    else:
        assert [shape(permits) for permits in found.permits.values()] == [expected]


def test_a_carrier_that_got_another_alphabet_leaves_the_cut(bench: Bench) -> None:
    """Begun as UCS-2 on Latin-1; the carrier is one of GSM now, and the other three segments are still UCS-2."""
    id_ = bench.queue(EURO)
    begun = minted(bench, id_, "acme", {"acme": Writing(UDH8, "latin-1")})
    tell(bench, begun[0], Fate.ACCEPTED)
    for one in begun[1:]:
        tell(bench, one, Fate.RETURNED)
    assert [one.body for one in minted(bench, id_, "acme", {"acme": Writing()})] == [one.body for one in begun[1:]]


@pytest.mark.parametrize(
    "text, writing, most, takes",
    [
        (EURO, Writing(UDH8), 2, None),
        (EURO, Writing(UDH8, "latin-1"), 2, 3),
        (EURO, Writing(PAYLOAD, "latin-1"), 2, 3),
        (EURO, Writing(PAYLOAD, "utf-8"), 2, None),
        ("é" * 160, Writing(UDH8, "utf-8"), 1, None),
        ("x" * 71, Writing(UDH8, "ucs-2"), 1, 2),
    ],
)
def test_the_limit_is_on_what_the_handset_gets(text: str, writing: Writing, most: int, takes: int | None) -> None:
    found = too_long(text, cut(text, writing), writing.alphabet, most)
    if takes is None:
        assert found is None
        assert count(text, writing) <= most
    else:
        detail = f"The text takes {takes} segments on this carrier; the limit is {most}."
        assert found == Refusal(Reason.TOO_LONG, detail)
        assert count(text, writing) == takes


async def test_the_dispatcher_tells_the_gate_of_the_carriers_alphabet(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path) as here:
        here.carrier.writing = Writing(UDH8, "latin-1")
        id_ = await here.send(EURO)
        await rest()
        assert shape(list(here.bind.offered)) == [(1, 3, 8), (2, 3, 8), (3, 3, 8)]
        assert await here.one("select segments from message where id = ?", id_) == 3
