"""The handsets' memory for parts is bounded."""

from __future__ import annotations

import pytest

from gateway.simulator import Submitted, inbox
from gateway.smpp.pdu import SubmitSm
from gateway.sms import build_concat16


def part(reference: int, number: int) -> Submitted:
    octets = build_concat16(reference, 2, number) + b"x"
    pdu = SubmitSm(source_addr="85700", destination_addr="12125550101", esm_class=0x40, short_message=octets)
    return Submitted("1", 1, pdu, str(reference), 0, 0.0)


def test_parts_whose_rest_never_comes_are_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_MOST_WAITING", 2)
    handsets = inbox.Inbox()
    for reference in (1, 2, 3):
        assert handsets.take(part(reference, 1)) is None
    assert handsets.take(part(1, 2)) is None
    assert handsets.take(part(2, 2)) is None
    arrived = handsets.take(part(1, 1))
    assert arrived is not None
    assert (arrived.text, arrived.message_ids) == ("xx", ("1", "1"))
