"""200,000 spoilt PDUs through the reader: nothing but our two errors comes out of it, whatever went in."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

import pytest

from gateway.smpp.codec import decode
from gateway.smpp.errors import BadBody, LostFraming
from tests.fuzz.seeds import spoilt

ROUNDS: Final = 50_000


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_pdus_are_read_or_refused(seed: int) -> None:
    """Another octet in the header, too: one PDU in sixteen has its command_length changed, or is cut short."""
    chance = random.Random(seed)
    fates: Counter[str] = Counter()
    for number in range(ROUNDS):
        data = spoilt(chance)
        if number % 16 == 0:
            data = data[: chance.randrange(len(data))] if number % 32 else bytes(4) + data[4:]
        try:
            frame = decode(data)
        except BadBody as bad:
            fates["bad body" if bad.status and bad.reason else "refused without a reason"] += 1
        except LostFraming:
            fates["lost framing"] += 1
        else:
            fates["read" if frame.pdu is not None else "unknown, or a response that cannot be read"] += 1
    assert "refused without a reason" not in fates
    assert len(fates) == 4
    assert min(fates.values()) > 1_000, "the changes do reach every fate"
    assert sum(fates.values()) == ROUNDS
