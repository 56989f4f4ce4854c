"""What follows from one text of one subscriber: the decision, with its effects and its reason.

``decide`` joins what the text says (``read``) with who says it (the standing) and returns values; the inbound flow
performs them in its transaction. Must never read a clock or a table. The order, the exceptions and the words are those
of docs/policy.md.

Most texts are a keyword or a reserved word from somebody of whom little is known yet. So a decision is remembered with
all that it depends on: the words, the line's rules and what the standing says (``_State``). Whose standing it is, and
what time it is, counts for the reply limit alone, which is applied anew each time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from gateway.model.address import Msisdn, is_number
from gateway.model.consent import ConsentStatus, Hold, Standing
from gateway.model.effects import Decision, Effect, HeldBack, Reply, TextOutcome
from gateway.model.messages import Mo
from gateway.model.permit import Grounds
from gateway.policy import moves
from gateway.policy.actions.contract import Use
from gateway.policy.compile import LineRules
from gateway.policy.read import REMEMBERED_LENGTH, Reading, Sense, read, read_otherwise
from gateway.policy.transitions import status_of

_OUT = ConsentStatus.OPTED_OUT
_SOMEBODY: Final = Msisdn("")

_State = tuple[
    ConsentStatus,
    int,
    bool | None,
    bool,
    bool,
    tuple[tuple[str, int], ...],
    tuple[tuple[str, ConsentStatus], ...],
    frozenset[str],
]
"""Of a standing, what a decision depends on: its status, its count of opt-outs, whether it is on hold (None) and was
asked, whether the way back was told, the account's opt-out, and the keywords, lists and suspensions."""


def decide(mo: Mo, standing: Standing, rules: LineRules, now: float) -> Decision:
    """Return what follows from ``mo`` at ``now`` (unix seconds), and why.

    Pure: the same values give the same decision. ``standing`` and ``rules`` are taken inside the transaction that will
    perform it; nothing else may influence it.
    """
    sendable = not rules.mute and is_number(mo.subscriber)
    hold = standing.hold
    if mo.partial or mo.other_readings or len(mo.text) > REMEMBERED_LENGTH:
        decision = _decided(_reading(mo, rules), standing, rules, partial=mo.partial, sendable=sendable)
    else:
        decision = _remembered(
            mo.text,
            rules,
            sendable,
            (
                standing.status,
                standing.opt_outs,
                None if hold is None else hold.clarified,
                standing.how_to_return,
                standing.account_out,
                tuple(standing.keywords.items()),
                tuple(standing.lists.items()),
                standing.suspended,
            ),
        )
    if not mo.subscriber:
        return replace(decision, effects=())  # nobody is there to have a status
    if decision.automatic and (left := rules.limit.left(standing.replies, now)) < decision.automatic:
        return replace(decision, effects=_within(decision.effects, left))
    return decision


def _reading(mo: Mo, rules: LineRules) -> Reading:
    """Read a text, and what its octets may also say."""
    reading = read(mo.text, rules)
    if mo.other_readings and reading.sense is not Sense.STOP:
        return read_otherwise(mo.other_readings, rules) or reading
    return reading


@lru_cache(maxsize=4096)
def _remembered(text: str, rules: LineRules, sendable: bool, state: _State) -> Decision:
    """Decide a text of somebody, by what their standing says."""
    status, opt_outs, asked, how_to_return, account_out, keywords, lists, suspended = state
    standing = Standing(
        rules.line_id,
        _SOMEBODY,
        status,
        opt_outs=opt_outs,
        hold=None if asked is None else Hold(0, 0, asked),
        how_to_return=how_to_return,
        account_out=account_out,
        keywords=dict(keywords),
        lists=dict(lists),
        suspended=suspended,
    )
    return _decided(read(text, rules), standing, rules, partial=False, sendable=sendable)


def _decided(reading: Reading, standing: Standing, rules: LineRules, *, partial: bool, sendable: bool) -> Decision:
    """Decide, but for the reply limit. To an address that is not ``sendable`` no reply goes."""
    outcome, effects, because = _follow(reading, standing, rules, partial=partial)
    if not sendable:
        effects = tuple(effect for effect in effects if not isinstance(effect, Reply))
    keyword = reading.keyword.word if reading.keyword is not None else None
    return Decision(outcome, reading.matched_by, reading.version, because, effects, keyword)


def _follow(
    reading: Reading, standing: Standing, rules: LineRules, *, partial: bool
) -> tuple[TextOutcome, tuple[Effect, ...], str]:
    """Return outcome, effects and reason, before anybody asks whether this address can be answered."""
    because = reading.because
    match reading.sense:
        case Sense.STOP:
            if reading.list_name is not None:
                return TextOutcome.OPT_OUT, moves.leave_list(standing, rules, reading.list_name), because
            return TextOutcome.OPT_OUT, moves.opt_out(standing, rules, reading.scope), because
        case Sense.HOLD:
            return TextOutcome.HOLD, moves.hold(standing, rules, reading.matched_by), because
        case Sense.HELP:
            return TextOutcome.HELP, moves.help_answer(_help_text(reading, standing, rules)), because
        case Sense.START if not partial:
            return TextOutcome.OPT_IN, (*moves.opt_in(standing), *moves.answer(rules.start_reply)), because
        case Sense.KEYWORD if not (partial and reading.keyword is not None and reading.keyword.action.widens):
            return _keyword(reading, standing, rules)
    if partial and reading.sense is not Sense.OTHER:
        because = "only a part of the text arrived, and a part brings nobody in"
    if status_of(standing) is _OUT or standing.hold is not None:
        return TextOutcome.NONE, (), f"{because}; no answer to someone opted out or on hold"
    return TextOutcome.NONE, moves.answer(rules.default_reply), because


def _keyword(reading: Reading, standing: Standing, rules: LineRules) -> tuple[TextOutcome, tuple[Effect, ...], str]:
    """Do what the keyword does, as far as this subscriber's standing lets it."""
    keyword = reading.keyword
    assert keyword is not None  # noqa: S101 - Sense.KEYWORD always carries one; this tells the type checker
    action = keyword.action
    effects = action.act(Use(standing, rules, keyword, reading.whole))
    out = status_of(standing) is _OUT
    if action.narrows:
        return action.outcome, effects, reading.because
    if out and action.widens and not keyword.rejoin:
        due = () if standing.how_to_return else moves.answer(rules.return_reply, claim=Grounds.HOW_TO_RETURN)
        return TextOutcome.KEYWORD, due, f"{reading.because}; opted out, and this keyword brings nobody back"
    left = action.widens and standing.lists.get(keyword.list_name) is _OUT
    if (out or left) and not (action.widens and reading.whole):
        return TextOutcome.KEYWORD, (), f"{reading.because}; opted out, and only the keyword alone would bring back"
    if standing.hold is not None and not (action.widens and reading.whole):
        return TextOutcome.KEYWORD, (), f"{reading.because}; on hold, and this is no clear answer"
    return action.outcome, effects, reading.because


def _help_text(reading: Reading, standing: Standing, rules: LineRules) -> str:
    """Return the help reply: of the keyword or list named, else of their only list, else the line's."""
    if reading.keyword is not None and reading.keyword.help_reply:
        return reading.keyword.help_reply
    name = reading.list_name
    if name is None:
        joined = [name for name, status in standing.lists.items() if status is ConsentStatus.OPTED_IN]
        name = joined[0] if len(joined) == 1 else ""
    return rules.list_help.get(name, rules.help_reply)


def _within(effects: tuple[Effect, ...], left: int) -> tuple[Effect, ...]:
    """Hold back the automatic replies that are more than ``left``."""
    kept: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Reply) and effect.automatic:
            left -= 1
            kept.append(effect if left >= 0 else HeldBack(effect.text))
        else:
            kept.append(effect)
    return tuple(kept)
