"""``action = "opt_in"``: a word of the sender's own for START. With a ``list``, that list is entered too."""

from __future__ import annotations

from gateway.model.effects import Effect, TextOutcome
from gateway.policy.actions.contract import Action, Use
from gateway.policy.moves import answer, join_list, keyword_replies, opt_in


def act(use: Use) -> tuple[Effect, ...]:
    """Return the opt-in and the keyword's replies, or the line's start reply where the keyword has none."""
    listed = join_list(use.standing, use.keyword.list_name) if use.keyword.list_name else ()
    replies = keyword_replies(use.standing, use.keyword)
    if not use.keyword.speaks:
        replies = (*replies, *answer(use.rules.start_reply))
    return (*opt_in(use.standing), *listed, *replies)


ACTION = Action("opt_in", act, outcome=TextOutcome.OPT_IN, widens=True)
