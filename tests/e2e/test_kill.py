"""kill -9 at each moment of a STOP's way, and what must be true after the restart and the carrier's redelivery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from gateway.simulator.carrier import SimulatedCarrier
from gateway.simulator.deliveries import Delivery
from tests.kit.daemon import PATIENCE_S, STOPPED, daemon, write_config

Moment = Callable[[SimulatedCarrier, Delivery], bool]

MOMENTS: dict[str, Moment] = {
    "the text is under way": lambda carrier, stop: True,
    "the text is acked": lambda carrier, stop: stop.statuses != [],
    "the confirmation came, its response did not go": lambda carrier, stop: STOPPED in _confirmations(carrier),
}


def _confirmations(carrier: SimulatedCarrier) -> list[str]:
    return [arrived.text for arrived in carrier.arrived]


@pytest.mark.checklist("I1")
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
async def test_a_stop_survives_a_kill_at_any_moment(moment: Moment, tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = write_config(tmp_path, await nursery.start(carrier.serve))
        carrier.manners.swallow_responses = True
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                [stop] = carrier.post("STOP")
                await carrier.until(lambda carrier: moment(carrier, stop))
            await gateway.kill()
        carrier.manners.swallow_responses = False
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                await carrier.until(lambda carrier: stop.statuses != [] and STOPPED in _confirmations(carrier))
            assert stop.statuses[-1] == 0
            assert await gateway.consent() == "opted_out"
            refused = await gateway.send("news")
            assert refused.status_code == 409
            # One confirmation; one more only where it may have been written and its response was never recorded.
            assert len(_confirmations(carrier)) in ((1,) if "under way" in _name(moment) else (1, 2))
            assert await gateway.terminate() == 0
        assert set(_confirmations(carrier)) == {STOPPED}
        nursery.cancel_scope.cancel()


def _name(moment: Moment) -> str:
    return next(name for name, known in MOMENTS.items() if known is moment)
