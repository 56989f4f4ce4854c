"""A decision as ``gateway explain`` prints it: one JSON object a text."""

from __future__ import annotations

from gateway.model.effects import Decision, Reply


def explanation(text: str, decision: Decision) -> dict[str, object]:
    """Return what would happen on ``text``: the outcome, what matched, the replies in order, and the reason."""
    return {
        "text": text,
        "outcome": decision.outcome.value,
        "keyword": decision.keyword,
        "matched_by": decision.matched_by,
        "replies": [effect.text for effect in decision.effects if isinstance(effect, Reply)],
        "because": decision.because,
    }
