"""A life of one subscriber, at random: after a STOP only confirmation, help and the way back go until she returns."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.model.consent import ConsentStatus, Method, Standing
from gateway.model.effects import Reply, Scope
from gateway.model.messages import Lane, Mt
from gateway.model.permit import Grounds
from gateway.model.refusal import Reason, Refusal
from gateway.policy.grounds import grounds_for
from gateway.policy.transitions import Change, opted_in, opted_out, status_of
from tests.policy.world import NOW, RULES, mt, say, someone

TEXTS = (
    "STOP",
    "stop all",
    "START",
    "JOIN",
    "please join",
    "JOIN me",
    "NEWS",
    "VIP",
    "STOP JOIN",
    "HELP",
    "HOURS",
    "hello",
    "not interested",
    "JOIN STOP",
    "No JOIN",
    "stop texting me",
    "LEAVEME",
    "NONEWS",
    "BACKIN",
    "YESPLEASE",
    "cancel my order",
    "don't stop",
    "unstop",
)
ANSWERS_TO_OUT = {Grounds.OPT_OUT_CONFIRMATION, Grounds.HELP, Grounds.HOW_TO_RETURN}


class Life(RuleBasedStateMachine):
    """Texts, changes on her behalf and messages, in any order; every queued message is judged after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.standing: Standing = someone()
        self.now = NOW
        self.queue: list[tuple[Mt, int]] = []  # each message with the number of opt-outs before it
        self.opt_outs = 0
        self.confirmed = 0
        self.told = 0

    def _moved(self, standing: Standing) -> None:
        if status_of(standing) is ConsentStatus.OPTED_OUT and status_of(self.standing) is not ConsentStatus.OPTED_OUT:
            self.opt_outs += 1
            self.confirmed = self.told = 0
        self.standing = standing

    @rule(body=st.sampled_from(TEXTS), wait=st.sampled_from([0.0, 1.0, 200.0, 4000.0]))
    def texts(self, body: str, wait: float) -> None:
        self.now += wait
        before = self.standing
        standing, decision = say(body, before, now=self.now)
        self._moved(standing)
        if status_of(before) is ConsentStatus.OPTED_OUT and status_of(standing) is ConsentStatus.OPTED_IN:
            assert body in ("START", "JOIN", "please join", "NEWS", "BACKIN", "YESPLEASE", "unstop")
        for reply in (effect for effect in decision.effects if isinstance(effect, Reply)):
            message = mt(
                reply.claim,
                lane=reply.lane,
                opt_outs=standing.opt_outs,
                created_at=self.now,
                in_reply_to=7,
                text=reply.text,
            )
            assert not isinstance(grounds_for(message, standing, RULES, self.now), Refusal)
            self.queue.append((message, self.opt_outs))
            if status_of(standing) is ConsentStatus.OPTED_OUT:
                self.confirmed += reply.claim is Grounds.OPT_OUT_CONFIRMATION
                self.told += reply.claim is Grounds.HOW_TO_RETURN

    @rule(method=st.sampled_from([Method.API, Method.IMPORT, Method.PORTAL, Method.CLI, Method.SIGN_UP]))
    def is_opted_in_on_her_behalf(self, method: Method) -> None:
        was_out = status_of(self.standing) is ConsentStatus.OPTED_OUT
        change = opted_in(self.standing, method, self.now)
        assert isinstance(change, Refusal) is was_out
        if isinstance(change, Change):
            assert change.standing.hold == self.standing.hold
            self._moved(change.standing)

    @rule(method=st.sampled_from([Method.API, Method.CARRIER]), scope=st.sampled_from(Scope))
    def is_opted_out_on_her_behalf(self, method: Method, scope: Scope) -> None:
        self._moved(opted_out(self.standing, method, self.now, scope).standing)

    @rule(claim=st.sampled_from([Grounds.CONSENT, Grounds.SIGN_UP_CODE]), listed=st.sampled_from([None, "alerts"]))
    def is_sent_to(self, claim: Grounds, listed: str | None) -> None:
        message = mt(claim, lane=Lane.BULK, opt_outs=self.standing.opt_outs, created_at=self.now, list_name=listed)
        self.queue.append((message, self.opt_outs))

    @invariant()
    def nothing_goes_that_may_not(self) -> None:
        status = status_of(self.standing)
        for message, opt_outs in self.queue[-20:]:
            judged = grounds_for(message, self.standing, RULES, self.now)
            if isinstance(judged, Refusal):
                continue
            assert opt_outs == self.opt_outs or message.claim in ANSWERS_TO_OUT
            if status is ConsentStatus.OPTED_OUT:
                assert judged in ANSWERS_TO_OUT
            if self.standing.hold is not None:
                assert judged in {Grounds.CLARIFICATION, Grounds.HELP, Grounds.OPT_OUT_CONFIRMATION}
            if message.list_name is not None:
                assert self.standing.lists[message.list_name] is ConsentStatus.OPTED_IN

    @invariant()
    def an_old_message_is_stale_or_refused(self) -> None:
        for message, opt_outs in self.queue[-20:]:
            if opt_outs < self.opt_outs and message.claim is Grounds.CONSENT:
                judged = grounds_for(message, self.standing, RULES, self.now)
                assert isinstance(judged, Refusal)
                assert judged.reason in (Reason.STALE, Reason.OPTED_OUT)

    @invariant()
    def things_said_once_are_said_once(self) -> None:
        assert self.confirmed <= 2  # the line's, and once more if STOP ALL then takes the account
        assert self.told <= 1
        assert len(self.standing.replies) <= 100


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
