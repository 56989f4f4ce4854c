"""``action = "join"``: opt in to the line and enter the keyword's list."""

from __future__ import annotations

from gateway.model.effects import Effect
from gateway.policy.actions.contract import Action, Use
from gateway.policy.moves import join_list, keyword_replies, opt_in


def act(use: Use) -> tuple[Effect, ...]:
    """Return the opt-in, the membership and the replies."""
    return (
        *opt_in(use.standing),
        *join_list(use.standing, use.keyword.list_name),
        *keyword_replies(use.standing, use.keyword),
    )


ACTION = Action("join", act, widens=True)
