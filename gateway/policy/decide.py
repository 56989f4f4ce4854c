"""What follows from one text of one subscriber: the decision, with its effects and its reason.

``decide`` joins what the text says (``read``) with who says it (the standing) and returns values; the inbound flow
performs them in its transaction. Must never read a clock or a table. The order, the exceptions and the words are those
of docs/policy.md.
"""

from __future__ import annotations

from gateway.model.address import is_number
from gateway.model.consent import ConsentStatus
from gateway.model.effects import Decision, Effect, HeldBack, Reply, TextOutcome
from gateway.model.messages import Mo
from gateway.model.permit import Grounds
from gateway.policy import moves
from gateway.policy.actions.contract import Use
from gateway.policy.read import Reading, Sense, read, read_otherwise
from gateway.policy.snapshot import Snapshot
from gateway.policy.transitions import status_of

_OUT = ConsentStatus.OPTED_OUT


def decide(mo: Mo, snapshot: Snapshot) -> Decision:
    """Return what follows from ``mo``, and why. Pure: the same values give the same decision."""
    reading = read(mo.text, snapshot.rules)
    if mo.other_readings and reading.sense is not Sense.STOP:
        reading = read_otherwise(mo.other_readings, snapshot.rules) or reading
    outcome, effects, because = _follow(reading, snapshot, partial=mo.partial)
    return Decision(
        outcome,
        reading.matched_by,
        reading.version,
        because,
        _sendable(effects, mo, snapshot),
        reading.keyword.word if reading.keyword is not None else None,
    )


def _follow(reading: Reading, snapshot: Snapshot, *, partial: bool) -> tuple[TextOutcome, tuple[Effect, ...], str]:
    """Return outcome, effects and reason, before anybody asks whether this address can be answered."""
    standing, rules, because = snapshot.standing, snapshot.rules, reading.because
    match reading.sense:
        case Sense.STOP:
            if reading.list_name is not None:
                return TextOutcome.OPT_OUT, moves.leave_list(standing, rules, reading.list_name), because
            return TextOutcome.OPT_OUT, moves.opt_out(standing, rules, reading.scope), because
        case Sense.HOLD:
            return TextOutcome.HOLD, moves.hold(standing, rules, reading.matched_by), because
        case Sense.HELP:
            return TextOutcome.HELP, moves.help_answer(_help_text(reading, snapshot)), because
        case Sense.START if not partial:
            return TextOutcome.OPT_IN, (*moves.opt_in(standing), *moves.answer(rules.start_reply)), because
        case Sense.KEYWORD if not (partial and reading.keyword is not None and reading.keyword.action.widens):
            return _keyword(reading, snapshot)
    if partial and reading.sense is not Sense.OTHER:
        because = "only a part of the text arrived, and a part brings nobody in"
    if status_of(standing) is _OUT or standing.hold is not None:
        return TextOutcome.NONE, (), f"{because}; no answer to someone opted out or on hold"
    return TextOutcome.NONE, moves.answer(rules.default_reply), because


def _keyword(reading: Reading, snapshot: Snapshot) -> tuple[TextOutcome, tuple[Effect, ...], str]:
    """Do what the keyword does, as far as this subscriber's standing lets it."""
    standing, rules, keyword = snapshot.standing, snapshot.rules, reading.keyword
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


def _help_text(reading: Reading, snapshot: Snapshot) -> str:
    """Return the help reply: of the keyword or list named, else of their only list, else the line's."""
    standing, rules = snapshot.standing, snapshot.rules
    if reading.keyword is not None and reading.keyword.help_reply:
        return reading.keyword.help_reply
    name = reading.list_name
    if name is None:
        joined = [name for name, status in standing.lists.items() if status is ConsentStatus.OPTED_IN]
        name = joined[0] if len(joined) == 1 else ""
    return rules.list_help.get(name, rules.help_reply)


def _sendable(effects: tuple[Effect, ...], mo: Mo, snapshot: Snapshot) -> tuple[Effect, ...]:
    """Take out replies that cannot or may not go, and every change where nobody is there to have a status."""
    if not mo.subscriber:
        return ()
    if snapshot.rules.mute or not is_number(mo.subscriber):
        return tuple(effect for effect in effects if not isinstance(effect, Reply))
    left: int | None = None
    kept: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Reply) and effect.automatic:
            if left is None:
                left = snapshot.rules.limit.left(snapshot.standing.replies, snapshot.now)
            left -= 1
            kept.append(effect if left >= 0 else HeldBack(effect.text))
        else:
            kept.append(effect)
    return tuple(kept)
