"""Anybody says anything, applications send whatever they like, things go well or badly: STOP holds all the same.

A hypothesis state machine over policy, gate and store. Its model knows three facts of each (line, subscriber): whether
they are out, how often they went, and whether they are on hold. Texts are labelled by hand, not read.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, Mo
from gateway.model.permit import Fate, Grounds, Outcome, Permit
from gateway.model.refusal import Refusal
from gateway.model.requests import SendRequest
from gateway.store.hot_consent import Key
from gateway.store.tx import Tx
from gateway.traffic import claims
from gateway.traffic.accept import accept
from gateway.traffic.backlog import Headroom
from gateway.traffic.claims import Demand, Room, Supply, Turns, claim
from gateway.traffic.gate import pass_gate
from gateway.traffic.janitor import expire_holds, recover
from gateway.traffic.settle import settle
from tests.traffic.bench import ANNE, BOB, LINE, LINE_ID, OTHER, OTHER_ID, Bench, fresh, mo, verdicts
from tests.traffic.world import ADMIN

LINES = {LINE: LINE_ID, OTHER: OTHER_ID}
KEYS = [(line, who) for line in LINES.values() for who in (ANNE, BOB)]
PLACES = frozenset((lane, line, "") for lane in Lane for line in LINES.values())
# What a text does, by hand: out, out of everything, in, in unless out, a hold unless out, nothing.
TEXTS = {
    "STOP": "out", "stop.": "out", "Unsubscribe": "out", "quit": "out", "please stop texting me": "out",
    "STOP ALL": "all", "stopall": "all",
    "START": "in", "unstop": "in", "JOIN": "in", "join please": "in",
    "VIP": "in unless out", "I JOIN gladly": "in unless out or held",
    "cancel my appointment": "hold",
    "HELP": "", "info": "", "hello": "", "what time is it": "", "I can't stop laughing": "",
}  # fmt: skip
FATES = [
    (Fate.ACCEPTED, 0), (Fate.REJECTED, 8), (Fate.REJECTED, 0x58), (Fate.REJECTED, 11), (Fate.REVOKED, 0),
    (Fate.RETURNED, 0), (Fate.UNCERTAIN, 0),
]  # fmt: skip
WHILE_OUT = {Grounds.OPT_OUT_CONFIRMATION, Grounds.HELP, Grounds.HOW_TO_RETURN}
WHILE_HELD = {Grounds.OPT_OUT_CONFIRMATION, Grounds.HELP, Grounds.CLARIFICATION}


@dataclass
class Someone:
    """One (line, subscriber), as the model knows them.

    ``everywhere``: out by STOP ALL. ``confirmed`` counts opt-outs that are owed a confirmation, ``accepted`` has the
    messages of applications, each with ``outs`` at that time.
    """

    out: bool = False
    outs: int = 0
    held: bool = False
    everywhere: bool = False
    confirmed: int = 0
    accepted: dict[int, int] = field(default_factory=dict)

    def go(self, *, everywhere: bool = False, confirmed: bool = False) -> None:
        """Opt out. Leaving the account too, from a line that was left before, is an opt-out of its own."""
        self.confirmed += confirmed and (not self.out or (everywhere and not self.everywhere))
        self.outs += not self.out
        self.out, self.held = True, False
        self.everywhere = self.everywhere or everywhere

    def come(self) -> None:
        """Opt in."""
        self.out = self.held = self.everywhere = False


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.bench = Bench(self.stack.enter_context(fresh()))
        # So little is read by age that most is found from subscriber to subscriber.
        self.stack.enter_context(patch.multiple(claims, _PAGE=2, _DEEP=1))
        self.stack.callback(self.bench.close)
        self.people: dict[Key, Someone] = {key: Someone() for key in KEYS}
        self.live: dict[int, Permit] = {}
        self.uncertain: list[Permit] = []
        self.last: dict[Key, Mo] = {}
        self.lanes: dict[int, Lane] = {}
        self.turns = Turns()

    def teardown(self) -> None:
        self.stack.close()

    @rule(text=st.sampled_from(sorted(TEXTS)), who=st.sampled_from([ANNE, BOB]), line=st.sampled_from(sorted(LINES)))
    def say(self, text: str, who: Msisdn, line: str) -> None:
        self.last[LINES[line], who] = said = mo(text, who, line, received_at=self.bench.clock.wall())
        self.bench.take(said)
        self.mean(TEXTS[text], (LINES[line], who))

    @rule(who=st.sampled_from([ANNE, BOB]), line=st.sampled_from(sorted(LINES)))
    def leaves_and_returns_in_one_breath(self, who: Msisdn, line: str) -> None:
        self.say("STOP", who, line)
        self.say("START", who, line)

    def mean(self, label: str, key: Key) -> None:
        """Tell the model what a text does."""
        person = self.people[key]
        if label in ("out", "all"):
            person.go(everywhere=label == "all", confirmed=True)
            for other in KEYS if label == "all" else ():
                if other[1] == key[1] and other != key:
                    self.people[other].go(everywhere=True)
        elif (
            label == "in"
            or (label == "in unless out" and not person.out)
            or (label == "in unless out or held" and not (person.out or person.held))
        ):
            person.come()
        elif label == "hold" and not person.out:
            person.held = True

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def redeliver(self, data: st.DataObject) -> None:
        """The latest text of somebody comes again: it changes nothing."""
        key = data.draw(st.sampled_from(sorted(self.last)))
        if self.bench.clock.wall() - self.last[key].received_at < 900:
            (taken,) = self.bench.take(self.last[key], disturbed=True).taken
            assert taken.outcome == "duplicate"

    @rule(
        who=st.sampled_from([ANNE, BOB]),
        line=st.sampled_from(sorted(LINES)),
        lane=st.sampled_from(Lane),
        long=st.booleans(),
        answer=st.booleans(),
    )
    def send(self, who: Msisdn, line: str, lane: Lane, *, long: bool, answer: bool) -> None:
        key = (LINES[line], who)
        latest = self.bench.standing(who, key[0]).latest
        reply = latest.mo_id if answer and latest else None
        request = SendRequest(line, who, "x" * (200 if long else 5), lane, in_reply_to=reply)
        rules = self.bench.book
        (result,) = self.bench.tx(lambda tx: accept(tx, [request], ADMIN, rules, Headroom(rules))).results
        person = self.people[key]
        if isinstance(result, Refusal):
            assert person.out or person.held or reply is not None
        else:
            assert not person.out
            assert not person.held
            person.accepted[result.id] = person.outs

    @rule(slots=st.integers(1, 20))
    def dispatch(self, slots: int) -> None:
        busy = {(p.line_id, p.subscriber) for p in self.live.values() if self.lanes[p.message_id] is not Lane.URGENT}
        room = Room("acme/0", slots - 1, slots, not self.live)
        supply = Supply("acme", [room], 1_000, tuple((id_, "") for id_ in LINES.values()), self.turns)

        def job(tx: Tx) -> Any:
            claimed = claim(tx, [supply], Demand(PLACES, busy, ())).claims
            return pass_gate(tx, claimed, self.bench.book)

        minted = self.bench.tx(job)
        for permit in [permit for permits in minted.permits.values() for permit in permits]:
            person = self.people[permit.line_id, permit.subscriber]
            assert not person.out or permit.grounds in WHILE_OUT, permit
            assert not person.held or permit.grounds in WHILE_HELD, permit
            assert person.accepted.get(permit.message_id, person.outs) == person.outs, "accepted before an opt-out"
            self.live[permit.id] = permit
            self.lanes[permit.message_id] = minted.messages[permit.message_id].lane
        for mt in minted.messages.values():
            place = (mt.lane, mt.line_id, mt.subscriber, mt.id)
            sql = "select claim from message where state = 0 and lane = ? and line_id = ? and subscriber = ? and id < ?"
            earlier = {Grounds(row[0]) for row in self.bench.rows(sql, *place)}
            # Who is held gets what may go while they are, past what may not.
            assert not (earlier & WHILE_HELD if self.people[mt.line_id, mt.subscriber].held else earlier)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), end=st.sampled_from(FATES))
    def answer(self, data: st.DataObject, end: tuple[Fate, int]) -> None:
        permit = self.live.pop(data.draw(st.sampled_from(sorted(self.live))))
        self.settle(Outcome(permit, *end))
        if end[0] is Fate.UNCERTAIN:
            self.uncertain.append(permit)

    @precondition(lambda self: self.uncertain)
    @rule(end=st.sampled_from(FATES[:4]))
    def answer_late(self, end: tuple[Fate, int]) -> None:
        self.settle(Outcome(self.uncertain.pop(), *end, late=True))

    def settle(self, outcome: Outcome) -> None:
        self.bench.tx(lambda tx: settle(tx, [outcome], self.bench.book, verdicts))

    @rule()
    def restart(self) -> None:
        self.bench.restart()
        found = self.bench.tx(lambda tx: recover(tx, self.bench.book, verdicts))
        assert found == len(self.live)
        self.uncertain += self.live.values()
        self.live = {}

    @rule(seconds=st.sampled_from([1.0, 70.0, 301.0, 90_000.0, 3 * 86_400.0]))
    def wait(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)
        for key in self.bench.tx(lambda tx: expire_holds(tx, self.bench.book)):
            assert self.people[key].held
            self.people[key].go()

    @invariant()
    def the_store_agrees(self) -> None:
        for key, person in self.people.items():
            standing = self.bench.standing(key[1], key[0])
            assert (standing.status is ConsentStatus.OPTED_OUT) is person.out
            assert standing.opt_outs == person.outs
            assert (standing.hold is not None) is person.held

    @invariant()
    def one_confirmation_an_opt_out(self) -> None:
        rows = self.bench.rows("select line_id, subscriber from message where claim = ?", Grounds.OPT_OUT_CONFIRMATION)
        confirmations = Counter(rows)
        for key, person in self.people.items():
            assert confirmations[key] == person.confirmed

    @invariant()
    def nothing_is_stuck(self) -> None:
        """What is being sent has a live permit; what has one is being sent."""
        sending = {row[0] for row in self.bench.rows("select id from message where state = 1")}
        assert sending == {permit.message_id for permit in self.live.values()}


Machine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestMachine = Machine.TestCase
