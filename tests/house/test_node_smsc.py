"""The foreign carrier that end-to-end tests lean on does what its driver says, judged by smpplib as the ESME.

smpplib blocks, so it runs in a worker thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import smpplib.client  # type: ignore[import-untyped]  # smpplib ships no type information
import trio

from tests.kit.node_smsc import node_smsc


class Esme:
    """smpplib's client, bound as a transceiver."""

    def __init__(self, port: int) -> None:
        self.received: list[str] = []
        self.answers: list[int] = []
        self.client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self.client.set_message_received_handler(self._received)
        self.client.set_message_sent_handler(lambda pdu: self.answers.append(pdu.status))
        self.client.set_error_pdu_handler(lambda pdu: None)  # it comes to the handler above as well
        self.client.connect()
        self.client.bind_transceiver(system_id="demo", password="secret")

    def _received(self, pdu: Any) -> None:
        self.received.append(pdu.short_message.decode())

    def submit(self, text: bytes) -> None:
        self.client.send_message(
            source_addr="85700", destination_addr="12125550101", short_message=text, registered_delivery=1
        )

    def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.client.read_once()

    def end(self) -> None:
        self.client.unbind()
        self.client.disconnect()


async def test_the_conversation() -> None:
    async with node_smsc() as smsc:
        esme = await trio.to_thread.run_sync(Esme, smsc.port)
        bound = await smsc.wait("bind")
        assert (bound["system_id"], bound["password"], bound["status"]) == ("demo", "secret", "ESME_ROK")

        await smsc.command(behave={"throttle": 1, "receipts": True})
        for text in (b"first", b"second"):
            await trio.to_thread.run_sync(esme.submit, text)
        await trio.to_thread.run_sync(esme.until, lambda: len(esme.answers) == 2 and len(esme.received) == 1)
        assert esme.answers == [0x58, 0]
        assert "stat:DELIVRD" in esme.received[0]
        assert smsc.submits() == ["first", "second"]
        assert smsc.submits("19995550000") == []

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, esme.until, lambda: esme.received[-1] == "JOIN")
            answer = await smsc.text("12125550101", "85700", "JOIN")
        assert answer["status"] == 0

        await trio.to_thread.run_sync(esme.end)
        await smsc.wait("unbind")
        await smsc.wait("closed")


async def test_what_it_cannot_do_it_says() -> None:
    async with node_smsc() as smsc:
        with pytest.raises(RuntimeError, match="no session is bound to receive"):
            await smsc.command(deliver={})
        with pytest.raises(RuntimeError, match="no such behaviour: thottle"):
            await smsc.command(behave={"thottle": 1})
