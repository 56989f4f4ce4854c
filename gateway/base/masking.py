"""How a subscriber's number appears in logs, traces and on terminals: never whole.

The rule is one for the whole product, so that two masked forms of one number can be compared by eye: the sign and up
to two leading digits, then the last four (two, where four would leave nearly nothing hidden). Short codes (six
characters or fewer) are ours or a carrier's and are shown.
"""

from __future__ import annotations


def mask(number: str) -> str:
    """Return ``number`` with its middle hidden: ``+12125550101`` gives ``+12…0101``.

    Anything of six characters or fewer is returned as it is; anything else shows at most seven characters of itself,
    and at least two are hidden.
    """
    if len(number) <= 6:
        return number
    head = 3 if number.startswith("+") else 2
    tail = 4 if len(number) - head >= 7 else 2
    return f"{number[:head]}…{number[-tail:]}"
