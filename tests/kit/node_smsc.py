"""Drives ``tests/peers/carriers/node_smpp.js`` alone: the foreign carrier that conversations are played with.

``async with node_smsc() as smsc`` starts it; ``smsc.port`` is where it listens; ``smsc.command(deliver={...})`` tells
it what to do; ``await smsc.wait(...)`` returns the next event that fits. All foreign carriers together are driven by
``tests/kit/foreign_carrier.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.kit.foreign import PEERS, Event, Peer, running


class NodeSmsc(Peer):
    """The running peer."""

    async def text(self, subscriber: str, line: str, text: str, ref: str = "") -> Event:
        """Deliver a text and return the gateway's answer to it."""
        ref = ref or f"text-{len(self.events)}"
        seen = len(self.events)
        await self.command(
            deliver={"source_addr": subscriber, "destination_addr": line, "short_message": text}, ref=ref
        )
        return await self.wait("deliver_sm_resp", lambda event: event["ref"] == ref, since=seen)

    def submits(self, subscriber: str | None = None) -> list[str]:
        """Return the texts that were submitted so far, to ``subscriber`` alone if one is named."""
        return [event["text"] for event in self.named("submit_sm") if subscriber in (None, event["destination_addr"])]


@asynccontextmanager
async def node_smsc(port: int = 0) -> AsyncIterator[NodeSmsc]:
    """Run the peer on 127.0.0.1, on ``port`` or on a free one; it ends with the block."""
    assert (PEERS / "node_modules" / "smpp").is_dir(), "the peers are missing; `make test` installs them"
    async with running(NodeSmsc, PEERS / "carriers" / "node_smpp.js", str(port)) as smsc:
        yield smsc
