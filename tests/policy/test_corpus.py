"""A corpus of texts, each with what it must lead to."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway.model.consent import ConsentStatus
from tests.policy.world import judge_text, someone

CORPUS = tomllib.loads((Path(__file__).parent / "corpus.toml").read_text(encoding="utf-8"))
CASES = [(body, outcome) for outcome, bodies in CORPUS.items() for body in bodies]
MEMBER = someone(status=ConsentStatus.OPTED_IN, lists={"alerts": ConsentStatus.OPTED_IN})


@pytest.mark.checklist("I5")
@pytest.mark.parametrize("body,outcome", CASES)
def test_text_leads_to(body: str, outcome: str) -> None:
    decision = judge_text(body, MEMBER)
    assert decision.outcome.value == outcome, decision
    assert decision.matched_by
    assert decision.rule_version
    assert decision.because


def test_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(CASES) > 250
    assert len({body for body, _ in CASES}) == len(CASES)
