"""What ``decide`` sees of the world: one subscriber's standing on one line, the line's rules, the time.

A snapshot is taken inside the transaction that will perform the decision; nothing else may influence it.
"""

from __future__ import annotations

from gateway.base.value import value
from gateway.model.consent import Standing
from gateway.policy.compile import LineRules


@value
class Snapshot:
    """One (line, subscriber) at one moment. ``now`` in unix seconds."""

    standing: Standing
    rules: LineRules
    now: float
