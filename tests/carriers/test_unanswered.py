"""MOs that wait for their answer: each is answered once, those under one number in their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.unanswered import Unanswered
from gateway.smpp.constants import CommandId

STEPS = st.tuples(st.sampled_from(["ask", "answer"]), st.integers(1, 3), st.integers(16, 99))


@given(steps=st.lists(STEPS, max_size=60))
def test_questions_and_answers_meet(steps: list[tuple[str, int, int]]) -> None:
    account = Unanswered()
    model: dict[int, list[tuple[int, int]]] = {1: [], 2: [], 3: []}
    for step, sequence, number in steps:
        if step == "ask":
            command = CommandId.DATA_SM if number % 2 else CommandId.DELIVER_SM
            account.ask(command, sequence, number)
            model[sequence].append((command, number))
        else:
            expected = model[sequence].pop(0)[0] if model[sequence] else None
            assert account.answer_all([sequence]) == [expected]
        waiting = [octets for asked in model.values() for _, octets in asked]
        assert (account.count, account.octets) == (len(waiting), sum(waiting))
    for sequence, asked in model.items():
        assert account.answer_all([sequence] * (len(asked) + 1)) == [*(command for command, _ in asked), None]
    assert (account.count, account.octets) == (0, 0)
