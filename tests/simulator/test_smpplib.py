"""An ESME that is not ours, smpplib's client, against the simulated carrier: a whole conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from smpplib import consts  # type: ignore[import-untyped]  # smpplib ships no type information
from smpplib.client import Client  # type: ignore[import-untyped]  # as above
from smpplib.exceptions import PDUError  # type: ignore[import-untyped]  # as above

from gateway.simulator import BindDown, Happening, SimulatedCarrier

PASSWORD = "secret"
in_thread = trio.to_thread.run_sync


class Foreigner:
    """A blocking smpplib client, for worker threads."""

    def __init__(self, port: int) -> None:
        self.client: Any = Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self.responses: list[Any] = []
        self.received: list[Any] = []
        self.client.set_message_sent_handler(self._note)
        self.client.set_message_received_handler(self._receive)
        self.client.connect()

    def _note(self, pdu: Any) -> None:
        self.responses.append(pdu)

    def _receive(self, pdu: Any) -> int:
        self.received.append(pdu)
        return int(consts.SMPP_ESME_ROK)

    def bind(self, password: str = PASSWORD) -> None:
        self.client.bind_transceiver(system_id="demo", password=password)

    def submit(self, text: bytes) -> None:
        self.client.send_message(
            source_addr="85700",
            dest_addr_ton=consts.SMPP_TON_INTL,
            destination_addr="12125550101",
            short_message=text,
            registered_delivery=True,
        )

    def read(self, count: int) -> None:
        """Read until so many PDUs have been handled."""
        for _ in range(count):
            self.client.read_once(auto_send_enquire_link=False)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Foreigner]:
    foreigner = await in_thread(Foreigner, port)
    try:
        yield foreigner
    finally:
        foreigner.client.disconnect()


async def test_a_conversation(nursery: trio.Nursery) -> None:
    carrier, seen = SimulatedCarrier(system_id="demo", password=PASSWORD), list[Happening]()
    carrier.watch(seen.append)
    port = await nursery.start(carrier.serve)
    async with connected(port) as foreigner:
        await in_thread(foreigner.bind)
        assert [link.mode for link in carrier.binds] == ["transceiver"]

        posted = carrier.post("JOIN €")
        await in_thread(foreigner.read, 1)
        assert await posted[0].wait() == 0
        assert foreigner.received[0].short_message == b"JOIN \x1be"
        assert foreigner.received[0].source_addr == b"12125550101"

        await in_thread(foreigner.submit, b"Welcome")
        await in_thread(foreigner.read, 2)  # the response and the receipt
        assert foreigner.responses[0].message_id == b"0000000001"
        assert foreigner.received[1].receipted_message_id.rstrip(b"\0") == b"0000000001"
        assert b"stat:DELIVRD" in foreigner.received[1].short_message
        arrived = await carrier.arrivals.receive()
        assert (arrived.line, arrived.subscriber, arrived.text) == ("85700", "+12125550101", "Welcome")

        answers: list[bool] = []

        async def check() -> None:
            answers.append(await carrier.enquire_link())

        async with trio.open_nursery() as checking:
            checking.start_soon(check)
            await in_thread(foreigner.read, 1)
        assert answers == [True]

        await in_thread(foreigner.client.unbind)
    await carrier.until(lambda carrier: not carrier.links)
    assert isinstance(seen[-1], BindDown)


async def test_a_wrong_password(nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(system_id="demo", password=PASSWORD)
    port = await nursery.start(carrier.serve)
    async with connected(port) as foreigner:
        with pytest.raises(PDUError, match="Invalid Password"):
            await in_thread(foreigner.bind, "wrong")
