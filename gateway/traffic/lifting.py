"""What a change would bring back: which opt-outs it lifts, of the line or of a list, and which holds it releases.

Asked before it is performed, because a text that its subscriber sent before they left must not do it
(docs/decisions/0009). Changes nothing; since when somebody is off a list is the store's to say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from gateway.model.consent import ConsentStatus, Standing
from gateway.policy.transitions import status_of
from gateway.store.hot_consent import member_since
from gateway.store.tx import Tx

_OUT: Final = ConsentStatus.OPTED_OUT


@dataclass(frozen=True, slots=True)
class Lifted:
    """Something that ends: in force ``since`` (unix seconds); None for the opt-out of ``list_name``."""

    since: float | None
    list_name: str = ""


def lifted(before: Standing, now: Standing) -> list[Lifted]:
    """Return what a change from ``before`` to ``now`` lifts; nothing while the line's opt-out is in force."""
    was_out = before.account_out or before.status is _OUT  # ``status_of``, without a call for every text
    if not (was_out or before.lists or before.hold) or status_of(now) is _OUT:
        return []
    found = [
        Lifted(None, name)
        for name, status in before.lists.items()
        if status is _OUT and now.lists.get(name) is not _OUT
    ]
    if before.hold is not None and now.hold is None:
        found.append(Lifted(before.hold.since))
    if was_out:
        found.append(Lifted(math.inf if before.since is None else before.since))
    return found


def since(tx: Tx, stored: Standing, what: Lifted) -> float:
    """Return since when (unix seconds) ``what`` is in force; ``stored`` is the standing as the transaction read it."""
    if what.since is not None:
        return what.since
    left = stored.lists.get(what.list_name) is ConsentStatus.OPTED_OUT
    known = member_since(tx, (stored.line_id, stored.subscriber), what.list_name) if left else None
    return tx.now if known is None else known  # they left it in this very transaction
