"""A link that takes its short ways and one that has none are told the same, and say the same, octet by octet."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.harvest import Harvest
from gateway.carriers.link import Link, Terms
from gateway.carriers.options import CarrierOptions
from gateway.carriers.quick_submit import QuickSubmit
from gateway.carriers.translate import Translator
from gateway.model.messages import Mo
from gateway.model.permit import Fate, Outcome, Permit
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    EnquireLink,
    GenericNack,
    Pdu,
    SubmitSmResp,
    Tlv,
    Unbind,
)
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.shortcuts import NO_SHORTCUTS
from gateway.smpp.states import Role
from tests.kit.clock import FakeClock
from tests.kit.permits import permit

WINDOW = 3


class NoQuickSubmit(QuickSubmit):
    def body(self, permit: Permit, wall: float) -> None:
        """Decline."""


@dataclass
class Side:
    """One link, all that it said and all that it told."""

    link: Link
    clock: FakeClock
    said: bytearray = field(default_factory=bytearray)
    told: list[Harvest] = field(default_factory=list)

    def pump(self, room: int) -> None:
        def send(data: bytes) -> int:
            self.said.extend(data[:room])
            return min(room, len(data))

        self.told.append(self.link.pump(send))


def side(*, quick: bool) -> Side:
    """Return a link that is bound."""
    options, clock = CarrierOptions(name="acme", window=WINDOW), FakeClock()
    quirk = habits(options)
    terms = Terms(Composer(options, quirk), Translator("acme", quirk, lambda line: "US"), clock, WINDOW, 1_000)
    session = Session(Role.ESME, SessionOptions(window=WINDOW), clock.monotonic())
    made = Side(Link("gw1-1-acme/0-1", "acme/0", session, terms), clock)
    if not quick:
        link = made.link
        link._shortcuts = NO_SHORTCUTS
        link._encoder._quick = NoQuickSubmit(terms.composer)
    made.link.bind(BindTransceiver("demo"))
    made.pump(1 << 20)
    made.told.append(made.link.received(encode(BindTransceiverResp(), 1)))
    return made


MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"JOIN")
NUMBERS = st.integers(1, 6)
PDUS: st.SearchStrategy[tuple[Pdu, int]] = st.one_of(
    st.tuples(st.just(MO), st.just(0)),
    st.tuples(st.just(MO), st.just(0)),
    st.tuples(st.sampled_from([MO, DataSm(tlvs=(Tlv(0x0424, b"HELP"),)), EnquireLink()]), st.sampled_from([0, 1])),
    st.tuples(
        st.sampled_from([SubmitSmResp("a1"), SubmitSmResp(), SubmitSmResp("x" * 64)]), st.sampled_from([0, 0x58])
    ),
    st.tuples(st.just(SubmitSmResp("a1")), st.just(0)),
    st.tuples(st.sampled_from([SubmitSmResp("a1", (Tlv(1, b"x"),)), DataSmResp("a1"), GenericNack()]), st.just(0)),
    st.tuples(st.sampled_from([Unbind(), DeliverSm(esm_class=4, short_message=b"id:1 stat:DELIVRD")]), st.just(0)),
)
STREAMS = st.lists(st.tuples(PDUS, NUMBERS), max_size=5).map(
    lambda pdus: b"".join(encode(pdu, sequence, status) for (pdu, status), sequence in pdus)
)
STEPS = st.one_of(
    st.tuples(st.just("read"), STREAMS),
    st.tuples(st.just("part"), STREAMS),
    st.tuples(st.just("answer"), st.lists(st.tuples(NUMBERS, st.sampled_from([0, int(Status.ESME_RX_T_APPN)])))),
    st.tuples(st.just("offer"), st.lists(st.booleans(), max_size=2)),
    st.tuples(st.just("pump"), st.sampled_from([0, 1, 20, 90, 200, 1 << 20])),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 6.0])),
)


def take(to: Side, number: int, step: str, what: object) -> None:
    """Let one thing happen to a link."""
    link = to.link
    match step, what:
        case "read", bytes() as data if data:
            to.told.append(link.received(data))
        case "part", bytes() as data if len(data) > 7:
            to.told += [link.received(data[:-7]), link.received(data[-7:])]
        case "answer", list() as answers:
            link.acknowledge(answers)
        case "offer", list() as urgencies:
            expires_at = to.clock.wall() + 100 if number % 2 else None
            offered = range(10 * number, 10 * number + min(len(urgencies), link.free_urgent()))
            link.offer([permit(n, urgent=urgencies[n % 10], expires_at=expires_at) for n in offered])
        case "pump", int() as room:
            to.pump(room)
        case "wait", float() as seconds:
            to.clock.advance(seconds)
            to.told.append(link.tick())
        case _:
            return


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=14))
def test_both_are_told_and_say_the_same(steps: list[tuple[str, object]]) -> None:
    short, long = side(quick=True), side(quick=False)
    for number, (step, what) in enumerate(steps):
        for to in (short, long):
            take(to, number, step, what)
        assert short.told == long.told
        assert short.said == long.said
        for name in ("live", "unacked", "done", "sated", "answer_octets"):
            assert getattr(short.link, name) == getattr(long.link, name)
        assert short.link.free_slots() == long.link.free_slots()
        assert short.link.next_deadline() == long.link.next_deadline()
    assert short.link.end() == long.link.end()


def test_the_short_ways_are_taken() -> None:
    """So that the comparison above compares something."""
    short, long = side(quick=True), side(quick=False)
    seen: list[type[object]] = []
    for to in (short, long):
        to.link.offer([permit(1)])
        to.pump(1 << 20)
        events = to.link.session.receive_by(encode(MO, 7) + encode(SubmitSmResp("a1"), 2), 0.0, to.link._shortcuts)
        seen += [type(event) for event in events]
    assert seen[:2] == [Mo, Outcome]
    assert not {Mo, Outcome} & {*seen[2:]}
    assert short.said == long.said


def test_an_answer_to_what_was_never_asked_is_no_acceptance() -> None:
    to = side(quick=True)
    to.link.offer([permit(1)])
    to.pump(0)  # encoded, and so under a sequence number that the carrier may guess
    harvest = to.link.received(encode(SubmitSmResp("a1"), 2))
    assert [outcome.fate for outcome in harvest.outcomes] == [Fate.RETURNED]


def test_an_answer_to_what_was_never_asked_may_share_a_read_with_an_unbind() -> None:
    to = side(quick=True)
    to.link.offer([permit(1)])
    to.pump(0)
    harvest = to.link.received(encode(Unbind(), 1) + encode(SubmitSmResp("a1"), 2))
    assert [outcome.fate for outcome in harvest.outcomes] == [Fate.RETURNED]
    assert to.link.live == 0


def test_hundreds_of_answers_leave_in_order_however_little_is_taken() -> None:
    to = side(quick=True)
    numbers = list(range(10, 410))
    for number in numbers:
        to.link.received(encode(MO, number))
    to.said.clear()
    to.link.acknowledge([(number, number % 2) for number in numbers])
    octets = to.link.answer_octets
    written: list[int] = []
    while to.link.answer_octets:
        to.pump(101)
        written += to.told[-1].acks_written
        assert written == numbers[: len(to.said) // 17]
        assert to.link.answer_octets == octets - len(to.said)
    expected = (to.link.session.respond(CommandId.DELIVER_SM, number, 0, number % 2) for number in numbers)
    assert bytes(to.said) == b"".join(expected)
