"""``action = "help"``: a word of the sender's own for HELP."""

from __future__ import annotations

from gateway.model.effects import Effect, TextOutcome
from gateway.policy.actions.contract import Action, Use
from gateway.policy.moves import help_answer


def act(use: Use) -> tuple[Effect, ...]:
    """Return the keyword's help reply, else its user reply, else the line's help reply."""
    return help_answer(use.keyword.help_reply or use.keyword.user_reply or use.rules.help_reply)


ACTION = Action("help", act, outcome=TextOutcome.HELP, narrows=True)
