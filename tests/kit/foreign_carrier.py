"""One port to every foreign carrier: what a scenario asks of it, whichever library plays it.

A session is one connection of the gateway's; it is found by the system_id that it bound under and the mode. Whatever
differs between libraries is in the peers themselves (``tests/peers/carriers``).
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import trio

from tests.kit.foreign import Event, Peer, cut_up, joined, parts_of
from tests.kit.raw_smsc import DELIVER, message, pdu

TRANSCEIVER, RECEIVER, TRANSMITTER = "bind_transceiver", "bind_receiver", "bind_transmitter"
RECEIPT: Final = "id:{id} sub:001 dlvrd:001 submit date:2611220000 done date:2611220001 stat:{stat} err:000 text:"
UCS2, UDHI, RECEIPT_CLASS = 8, 0x40, 0x04


class ForeignCarrier(Peer):
    """A running carrier."""

    def __init__(self, process: trio.Process) -> None:
        super().__init__(process)
        self._refs = (f"text {n}" for n in itertools.count(1))

    # Binds.

    async def bound(self, system_id: str = "demo", mode: str = TRANSCEIVER, *, times: int = 1) -> int:
        """Wait until ``system_id`` has bound in ``mode`` so many times; return the latest session."""

        def binds() -> list[Event]:
            return self.named("bind", system_id=system_id, command=mode)

        await self.until(lambda: len(binds()) >= times, f"bind {times} of {system_id}")
        return int(binds()[-1]["session"])

    async def closed(self, session: int) -> None:
        """Wait until a session's connection has ended."""
        await self.wait("closed", lambda event: event["session"] == session)

    async def throttle(self, count: int) -> None:
        """Answer the next ``count`` submits with ESME_RTHROTTLED."""
        await self.command(behave={"throttle": count})

    async def enquire_link(self, session: int) -> None:
        """Check the link; wait for the answer."""
        seen = len(self.events)
        await self.command(enquire_link=True, session=session)
        await self.wait("enquire_link_resp", lambda event: event["session"] == session, seen)

    async def unbind(self, session: int) -> None:
        """Unbind; wait for the answer."""
        await self.command(unbind=True, session=session)
        await self.wait("unbind_resp", lambda event: event["session"] == session)

    async def cut_within_a_pdu(self, session: int) -> None:
        """Send half a text, and close."""
        whole = pdu(DELIVER, 9_999, message(b"half of this never arrives"))
        await self.command(cut_within=whole[: len(whole) // 2].hex(), session=session)
        await self.closed(session)

    # Texts.

    async def deliver(self, session: int, fields: dict[str, Any]) -> int:
        """Bring a deliver_sm; return the status of its answer."""
        ref = next(self._refs)
        await self.command(deliver=fields, session=session, ref=ref)
        return int((await self.wait("deliver_sm_resp", lambda event: event["ref"] == ref))["status"])

    async def text(self, session: int, text: str, *, line: str, subscriber: str) -> int:
        """Bring a text, in parts of UCS-2 where it is not ASCII; return the first status that is not 0."""
        both = {"source_addr": subscriber, "destination_addr": line}
        if text.isascii():
            return await self.deliver(session, {**both, "short_message": text})
        statuses = [
            await self.deliver(
                session, {**both, "short_message": part, "udh": udh, "data_coding": UCS2, "esm_class": UDHI}
            )
            for part, udh in cut_up(text)
        ]
        return next((status for status in statuses if status), 0)

    async def receipt(self, session: int, submit: Event, stat: str = "DELIVRD") -> int:
        """Bring the receipt for a submit; return the status of its answer."""
        text = RECEIPT.format(id=submit["message_id"], stat=stat)
        addresses = {"source_addr": submit["destination_addr"], "destination_addr": submit["source_addr"]}
        return await self.deliver(session, {**addresses, "short_message": text, "esm_class": RECEIPT_CLASS})

    def submits(self, line: str, subscriber: str) -> list[Event]:
        """Return every submit_sm from a line to a subscriber, throttled ones too."""
        return self.named("submit_sm", source_addr=line, destination_addr=subscriber)

    def heard(self, line: str, subscriber: str) -> list[str]:
        """Return the texts that a line sent to a subscriber, parts joined, in the order in which they began."""
        texts: dict[tuple[int, int], list[Event]] = {}
        single = itertools.count(-1, -1)
        for event in self.submits(line, subscriber):
            if event["status"] == "ESME_ROK":
                reference, total, _ = parts_of(event)
                texts.setdefault((reference if total > 1 else next(single), total), []).append(event)
        return [joined(parts) for (_, total), parts in texts.items() if len(parts) == total]

    async def until_heard(self, line: str, subscriber: str, *expected: str) -> None:
        """Wait until a subscriber has as many texts from a line as expected; they must be these, in this order."""
        await self.until(lambda: len(self.heard(line, subscriber)) >= len(expected), f"{len(expected)} texts")
        assert self.heard(line, subscriber) == list(expected)
