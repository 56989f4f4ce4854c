"""``action = "reply"``: answer, and change nothing."""

from __future__ import annotations

from gateway.model.effects import Effect
from gateway.policy.actions.contract import Action, Use
from gateway.policy.moves import keyword_replies


def act(use: Use) -> tuple[Effect, ...]:
    """Return the welcome, if due, and the user reply."""
    return keyword_replies(use.standing, use.keyword)


ACTION = Action("reply", act)
