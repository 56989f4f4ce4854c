"""docs/smpp.md says what the code does: the table of states, the events, the timers and their defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from gateway.smpp import events
from gateway.smpp.constants import CommandId
from gateway.smpp.session import SessionOptions
from gateway.smpp.states import Role, State, legal
from gateway.smpp.timers import StopReason

PAGE = (Path(__file__).parents[2] / "docs" / "smpp.md").read_text()
LETTERS = {Role.ESME: "E", Role.SMSC: "S"}
STATES = [State.OPEN, State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX]


def test_the_table_of_states_is_the_codes() -> None:
    for command in CommandId:
        marks = ["".join(LETTERS[role] for role in Role if legal(command, state, role)) for state in STATES]
        row = f"| `{command.name.lower()}` | " + " | ".join(marks) + " |"
        assert re.sub(" +", " ", row) in PAGE, row


def test_every_event_is_in_the_table() -> None:
    documented = re.findall(r"^\| `(\w+)` \| (?:ESME|SMSC|both) \|", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(event.__name__ for event in get_args(events.Event))


def test_every_timer_and_its_default_is_in_the_table() -> None:
    options = SessionOptions()
    for name in ("bind_timeout_s", "read_timeout_s", "enquire_link_s", "response_timeout_s"):
        assert f"`{name}` ({getattr(options, name):g} s)" in PAGE
    for reason in StopReason:
        assert f'`Closed("{reason}")`' in PAGE
    assert f"{options.max_pdu:,} octets" in PAGE
