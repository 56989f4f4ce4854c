"""A line, a subscriber and texts: what the policy tests share."""

from __future__ import annotations

from gateway.model.address import Msisdn
from gateway.model.consent import Standing
from gateway.model.effects import Decision, Effect, Reply
from gateway.model.messages import Lane, MessageState, Mo, Mt
from gateway.model.permit import Grounds
from gateway.policy.compile import LineRules, compile_line
from gateway.policy.decide import decide
from gateway.policy.options import KeywordOptions, LineOptions
from gateway.policy.transitions import after

ANNE = Msisdn("+12125550101")
NOW = 1_700_000_000.0

KEYWORDS = (
    KeywordOptions(
        word="JOIN",
        aliases=("SIGNUP", "sign up"),
        action="join",
        list="alerts",
        user_reply="You're on the Acme list.",
        auto_welcome="Welcome to Acme Alerts! 4 msgs/month. Reply HELP for help, STOP to end.",
        help_reply="Acme Alerts: about the alerts, call 800-555-0101.",
    ),
    KeywordOptions(word="NEWS", action="join", user_reply="News it is."),
    KeywordOptions(word="VIP", action="join", list="vip", user_reply="VIP.", rejoin=False),
    KeywordOptions(word="HOURS", action="reply", user_reply="9 to 5."),
    KeywordOptions(word="YESPLEASE", action="opt_in"),
    KeywordOptions(word="BACKIN", action="opt_in", list="alerts", user_reply="Back in."),
    KeywordOptions(word="LEAVEME", action="opt_out", user_reply="Gone."),
    KeywordOptions(word="NONEWS", action="opt_out", list="news"),
    KeywordOptions(word="WHO", action="help", help_reply="We are Acme."),
)
OPTIONS = LineOptions(address="85700", name="Acme Alerts", keyword=KEYWORDS, default_reply="Text HELP for help.")
RULES = compile_line(OPTIONS, 1)


def text(body: str, subscriber: str = ANNE, *, partial: bool = False) -> Mo:
    """An MO of these words."""
    return Mo(
        "acme", "acme/0", "s1", 1, "85700", Msisdn(subscriber), body, body.encode(), 0, b"f", NOW, partial=partial
    )


def someone(**facts: object) -> Standing:
    """A standing of Anne on line 1."""
    return Standing(1, ANNE, **facts)  # type: ignore[arg-type]  # the tests' own keyword arguments


def judge_text(body: str, standing: Standing | None = None, rules: LineRules = RULES, now: float = NOW) -> Decision:
    """Decide a text."""
    return decide(text(body), standing or someone(), rules, now)


def say(body: str, standing: Standing, rules: LineRules = RULES, now: float = NOW) -> tuple[Standing, Decision]:
    """Decide a text and return the standing afterwards."""
    decision = decide(text(body), standing, rules, now)
    return after(standing, decision, 7, now), decision


def replies(decision: Decision) -> list[str]:
    """The texts that a decision queues."""
    return [effect.text for effect in decision.effects if isinstance(effect, Reply)]


def kinds(effects: tuple[Effect, ...]) -> list[str]:
    """The names of the effects, in order."""
    return [type(effect).__name__ for effect in effects]


def mt(claim: Grounds, **facts: object) -> Mt:
    """A stored message to Anne."""
    base: dict[str, object] = {
        "id": 5,
        "line_id": 1,
        "subscriber": ANNE,
        "text": "x",
        "lane": Lane.NORMAL,
        "claim": claim,
        "state": MessageState.QUEUED,
        "opt_outs": 0,
        "created_at": NOW,
        "expires_at": None,
        "in_reply_to": None,
        "list_name": None,
        "segments": 1,
        "attempts": 0,
        "resends": 0,
        "carrier": None,
    }
    return Mt(**(base | facts))  # type: ignore[arg-type]  # the tests' own keyword arguments
