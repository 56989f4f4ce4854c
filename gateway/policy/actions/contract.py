"""What an action is, and what it may see.

``Use`` is one use of a keyword by one subscriber. ``Action.act`` returns the effects; the decision around it (who may
be answered, the reply limit, evidence of the text itself) is not an action's business, so that none can get it wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.model.consent import Standing
from gateway.model.effects import Effect, TextOutcome

if TYPE_CHECKING:
    from gateway.policy.compile import KeywordRules, LineRules


@dataclass(frozen=True, slots=True)
class Use:
    """One use of ``keyword``. ``whole`` is true when the text was the keyword and courtesy words alone.

    ``standing`` says its status, hold, keywords and lists, and not whose it is: what follows is remembered, and done
    for everybody of whom the same is known.
    """

    standing: Standing
    rules: LineRules
    keyword: KeywordRules
    whole: bool


@dataclass(frozen=True, slots=True)
class Action:
    """What a keyword does.

    ``widens`` marks an action that may make a subscriber opted in or a member: it is not done with a negation in the
    text, and from someone opted out only for a whole text with ``rejoin``. ``narrows`` marks one that opts out or asks
    for help: it works whatever the subscriber's status. ``outcome`` is what the text then counts as.
    """

    name: str
    act: Callable[[Use], tuple[Effect, ...]]
    outcome: TextOutcome = TextOutcome.KEYWORD
    widens: bool = False
    narrows: bool = False
