"""Made-up subscribers by the million: who the n-th of them is, and whose number that is.

Owns the arithmetic by which a benchmark knows millions of numbers without keeping any. Numbers are of the North
American plan (an area code, then seven digits that begin with 2 to 9), eight million to an area code, so that the n-th
and its number follow from each other, and rise together. Nobody is texted: they live in the simulator alone.
"""

from __future__ import annotations

from math import gcd
from typing import Final

CROWD: Final = 20_000_000
"""How many subscribers there are."""
BASE: Final = 12_012_000_000
"""The number of the first one, without its plus sign."""
BLOCK: Final = 8_000_000
GAP: Final = 2_000_000
"""Numbers of each area code that begin with 0 or 1, which the plan does not allow."""
STRIDES: Final = (7_368_787, 7_368_791, 5_000_011)


def number_of(place: int) -> int:
    """Return the number of the subscriber at ``place`` (from 0), as an integer of eleven digits."""
    return BASE + place + place // BLOCK * GAP


def place_of(number: int) -> int:
    """Return whose number that is. Of a number that is nobody's, the result makes no sense."""
    offset = number - BASE
    return offset - offset // (BLOCK + GAP) * GAP


def stride(size: int) -> int:
    """Return a step by which every one of ``size`` places is visited once, in an order that looks like none."""
    return next((step for step in STRIDES if gcd(step, size) == 1), 1)


def spread(size: int) -> int:
    """Return the step by which ``size`` subscribers are spread evenly over the crowd (at least 1)."""
    return max(1, CROWD // max(1, size))
