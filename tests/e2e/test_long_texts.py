"""Long texts through the real daemon to the simulated carrier, in each style and with each command."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import trio

from gateway.carriers.quirks import Request
from gateway.model.permit import SegmentStyle
from gateway.simulator.carrier import SimulatedCarrier
from tests.kit.daemon import PATIENCE_S, daemon, write_config

TEXTS = (
    "One septet too many for a single message, so it takes two: " + "x" * 102,
    "[€] on a boundary " + "y" * 134 + "€ and on: " + "z" * 150,
    "Smiles for everyone 😀 " * 12,
    "short",
)


@pytest.mark.checklist("F4", "G5")
@pytest.mark.parametrize("style, request_", list(product(SegmentStyle, Request)))
async def test_long_texts_arrive_whole(tmp_path: Path, style: SegmentStyle, request_: Request) -> None:
    keys = f'segments = "{style.value}"\nsubmit_with = "{request_.value}"'
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        port = await nursery.start(carrier.serve)
        async with daemon(write_config(tmp_path, port, carrier=keys)) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                ids = []
                for text in TEXTS:
                    answer = await gateway.send(text)
                    assert answer.status_code == 202, answer.text
                    ids.append(answer.json()["id"])
                await carrier.until(lambda here: len(here.arrived) >= len(TEXTS))
                assert [arrived.text for arrived in carrier.arrived] == list(TEXTS)
                for id_ in ids:
                    while await gateway.state(id_) in ("queued", "sending"):
                        await trio.lowlevel.checkpoint()
            assert {await gateway.state(id_) for id_ in ids} <= {"sent", "delivered"}
        nursery.cancel_scope.cancel()
