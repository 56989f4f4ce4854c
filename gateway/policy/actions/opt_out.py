"""``action = "opt_out"``: a word of the sender's own for STOP. With a ``list``, it is STOP for that list."""

from __future__ import annotations

from gateway.model.effects import Effect, TextOutcome
from gateway.policy.actions.contract import Action, Use
from gateway.policy.moves import leave_list, opt_out


def act(use: Use) -> tuple[Effect, ...]:
    """Return the opt-out with its one confirmation: the keyword's user reply, or else the line's stop reply."""
    if use.keyword.list_name:
        return leave_list(use.standing, use.rules, use.keyword.list_name)
    return opt_out(use.standing, use.rules, use.rules.stop_scope, use.keyword.user_reply)


ACTION = Action("opt_out", act, outcome=TextOutcome.OPT_OUT, narrows=True)
