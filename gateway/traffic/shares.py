"""How lanes 2 to 4 share what a carrier can take: smooth weighted turns, 8 : 4 : 1.

Pure. The credit that a lane has left is carried from claim to claim, so that the shares hold even when one slot comes
free at a time; a lane with nothing waiting neither takes turns nor saves them up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from gateway.model.messages import Lane

WEIGHTS: Final[Mapping[Lane, int]] = MappingProxyType({Lane.REPLY: 8, Lane.NORMAL: 4, Lane.BULK: 1})


def turns(budget: int, waiting: Collection[Lane], credit: dict[Lane, int]) -> Counter[Lane]:
    """Share ``budget`` slots among the ``waiting`` lanes; ``credit`` is carried on and changed in place.

    Returns how many slots each lane may use. The shares of any long run of turns are those of ``WEIGHTS``.
    """
    lanes = [lane for lane in WEIGHTS if lane in waiting]
    for lane in credit.keys() - set(lanes):
        del credit[lane]
    shares: Counter[Lane] = Counter()
    if not lanes:
        return shares
    total = sum(WEIGHTS[lane] for lane in lanes)
    rounds, rest = divmod(budget, total)
    for lane in lanes:
        shares[lane] += rounds * WEIGHTS[lane]
    for _ in range(rest):
        for lane in lanes:
            credit[lane] = credit.get(lane, 0) + WEIGHTS[lane]
        chosen = max(lanes, key=lambda lane: credit[lane])
        credit[chosen] -= total
        shares[chosen] += 1
    return shares
