"""A carrier that stops reading keeps what it was given; nobody else notices, and a STOP is in force all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.carriers.options import CarrierOptions
from gateway.model.messages import MessageState
from gateway.model.requests import Accepted, MessageQuery, SendRequest
from tests.daemon.test_carriers_reload import ADMIN, bound, serving
from tests.kit.raw_smsc import RawBind, listening

BOTH = ("acme", "other")
WINDOW = 1000
USUAL = CarrierOptions(name="other").window
THEIRS = [f"1939555{n:04}" for n in range(2 * WINDOW)]
OURS = [f"1212555{n:04}" for n in range(WINDOW)]
TEXT = "Our autumn sale ends on Sunday, and all is cheaper until then. Reply STOP to end these messages."
PATIENCE_S = 30


def got(bind: RawBind) -> set[str]:
    return {submit.subscriber for submit in bind.submits}


@pytest.mark.checklist("C5")
async def test_a_carrier_that_stops_reading_costs_the_others_nothing(tmp_path: Path) -> None:
    async with listening(kernel_buffer=4096) as acme, listening() as other, trio.open_nursery() as nursery:
        deaf_keys = f'port = {acme.port}\nwindow = {WINDOW}\nweight = 0\nprefixes = ["+1939"]\nresponse_timeout_s = 120'
        async with serving(tmp_path, BOTH, acme=deaf_keys, other=f"port = {other.port}") as (gateway, _):
            deaf, hears = await bound(acme), await bound(other)
            deaf.reading, deaf.mute = False, True  # what comes next is the last that it reads
            requests = [SendRequest("85700", f"+{number}", TEXT) for number in (*THEIRS, *OURS)]
            results = await gateway.flow.desk.send(requests, ADMIN)
            assert isinstance(results, list)
            assert all(isinstance(result, Accepted) for result in results)
            await hears.until(lambda bind: got(bind) == set(OURS), "all that goes over the other carrier")

            await gateway.flow.hub.recorded()  # what was answered is under way until the store knows
            assert gateway.flow.dispatcher.under_way <= WINDOW + USUAL, "the rest is in the store, and not in memory"
            page = await gateway.flow.desk.messages(MessageQuery(state=MessageState.QUEUED, limit=1))
            assert page.rows, "the rest waits"  # type: ignore[union-attr]  # it is a page
            assert [bind.bound for carrier in gateway.flow.carriers for bind in carrier.binds] == [True, True]

            # One whose permit the bind holds, one who waits in the store; both text over the carrier that works.
            stopped = [THEIRS[WINDOW - 50], THEIRS[-1]]
            for number in stopped:
                assert (await hears.text(b"STOP", source=number.encode())).status == 0
            for number in OURS[:20]:
                assert (await hears.text(b"HELP", source=number.encode())).status == 0
            await hears.until(lambda bind: all(b"Call us." in bind.to(number) for number in OURS[:20]), "HELP")

            deaf.reading = True
            nursery.start_soon(deaf.run)
            await deaf.release()
            left = set(THEIRS) - set(stopped)
            with trio.fail_after(PATIENCE_S):
                await deaf.until(lambda bind: got(bind) >= left, "all the others, once it reads again")
            for number in stopped:
                assert TEXT.encode() not in deaf.to(number) + hears.to(number), "nothing follows a STOP"
        nursery.cancel_scope.cancel()
