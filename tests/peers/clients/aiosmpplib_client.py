"""A client on PyPI's aiosmpplib, driven by lines of JSON as ``tests/peers/lines.py`` tells.

The library runs a session by itself: it takes messages from a queue, joins parts, matches receipts, binds again after
any loss, and tells a hook of every PDU. What it has no call for goes through its writer (``below``).
"""

from __future__ import annotations

import asyncio
import logging
import struct
import sys
from importlib.metadata import version
from typing import Any, Final

from aiosmpplib import (  # type: ignore[import-untyped]  # aiosmpplib ships no type information
    ESME,
    NPI,
    TON,
    AbstractHook,
    AbstractRetryTimer,
    BindMode,
    DeliverSm,
    EnquireLink,
    PhoneNumber,
    SubmitSm,
)

from tests.peers.lines import Command, answered, emit, obey, read_text

UDHI: Final = 0x40
NO_CALL: Final = "the library knows the name of it only; octets"
BELOW: Final = {
    **dict.fromkeys(("data_sm", "query_sm", "cancel_sm", "replace_sm", "submit_multi"), NO_CALL),
    "enquire_link at will": "it checks links by its own timer; sent as its timer does",
}
BIND_RESPONSES: Final = (0x80000001, 0x80000002, 0x80000009)
SUBMIT_SM_RESP, DELIVER_SM, ENQUIRE_LINK, UNBIND = 0x80000004, 0x05, 0x15, 0x06
LONGEST_SINGLE: Final = 70


class AtOnce(AbstractRetryTimer):  # type: ignore[misc]  # as above
    """Binds again without waiting, but not where it was refused: a password does not become right by itself."""

    def __init__(self) -> None:
        self.refused = False

    async def wait(self) -> None:
        if self.refused:
            await asyncio.Event().wait()

    def reset(self) -> None:
        return

    def next_delay(self) -> float:
        return 0.0


class Hook(AbstractHook):  # type: ignore[misc]  # as above
    """Hears of every PDU, and tells."""

    def __init__(self, esme: Esme) -> None:
        self.esme = esme

    async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        return

    async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        _, command, status, _ = struct.unpack_from(">IIII", pdu)
        if command in BIND_RESPONSES:
            self.esme.timer.refused = status != 0
            emit("refused", status=status) if status else emit("bound", mode=self.esme.mode)
        elif command == SUBMIT_SM_RESP and smpp_message is None:
            return  # of a part: the library tells the last response when all parts have theirs
        elif command == SUBMIT_SM_RESP:
            emit("submit_sm_resp", ref=smpp_message.log_id, status=status, message_id=smpp_message.message_id)
        elif command == DELIVER_SM and isinstance(smpp_message, DeliverSm):
            self.delivered(smpp_message)
        elif command == ENQUIRE_LINK:
            emit("enquire_link")
        elif command == UNBIND:
            emit("unbind")
        else:
            answered(command, status, pdu[16:])

    def delivered(self, message: Any) -> None:
        """Tell a text or a receipt. The library joins parts before it hands them over, so there is no header."""
        receipt = message.parse_receipt() if message.is_receipt() else {}
        emit(
            "deliver_sm",
            source_addr=message.source.number,
            destination_addr=message.destination.number,
            esm_class=message.esm_class & ~UDHI,
            data_coding=8 if message.encoding else 0,
            receipted_message_id=receipt.get("id", ""),
            ref=message.log_id,
            **{**read_text(b"", 0, 0), "text": message.short_message or message.message_payload},
        )

    async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:
        emit("error", error=repr(error))


class Esme:
    """One client at a time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mode = ""
        self.timer = AtOnce()
        self.library: Any = None
        self.running: asyncio.Task[None] | None = None

    async def bind(self, mode: str, command: Command) -> None:
        await self.end()
        self.mode, self.timer = mode, AtOnce()
        self.library = ESME(
            smsc_host="127.0.0.1",
            smsc_port=self.port,
            system_id=command["system_id"],
            password=command["password"],
            bind_mode=BindMode[mode.upper()],
            hook=Hook(self),
            retry_timer=self.timer,
            log_level=logging.CRITICAL,
        )
        self.running = asyncio.create_task(self.library.start())

    async def end(self) -> None:
        """End a session that is not wanted any more: it would bind again for ever."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
            self.running = None

    async def submit(self, fields: dict[str, Any], command: Command) -> None:
        long = len(fields["text"]) > LONGEST_SINGLE
        message = SubmitSm(
            short_message=fields["text"],
            source=PhoneNumber(fields["source_addr"]),
            destination=PhoneNumber(fields["destination_addr"], TON(fields["dest_addr_ton"]), NPI.ISDN),
            registered_delivery=fields["registered_delivery"],
            esm_class=UDHI if long else 0,
            auto_message_payload=not long,
            log_id=command["ref"],
        )
        await self.library.broker.enqueue(message)

    async def octets(self, octets: str, _: Command) -> None:
        self.library._writer.write(bytes.fromhex(octets))

    async def enquire_link(self, *_: Any) -> None:
        await self.library._send_data(EnquireLink())

    async def unbind(self, *_: Any) -> None:
        await self.library.stop()
        emit("closed")

    async def cut_within(self, octets: str, _: Command) -> None:
        writer = self.library._writer
        writer.write(bytes.fromhex(octets))
        writer.close()
        emit("closed")

    async def run(self) -> None:
        emit("ready", library="aiosmpplib", version=version("aiosmpplib"), below=BELOW, binds_again=True)
        names = ("bind", "submit", "octets", "enquire_link", "unbind", "cut_within")
        await obey({name: getattr(self, name) for name in names})
        await self.end()


if __name__ == "__main__":
    asyncio.run(Esme(int(sys.argv[1])).run())
