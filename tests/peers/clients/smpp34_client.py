"""A client on PyPI's smpp34 (Rust), driven by lines of JSON as ``tests/peers/lines.py`` tells.

Its Python side binds, submits, unbinds, and hands over deliver_sm; it answers those and link checks by itself. What
else is asked of it goes through a wiretap between it and the carrier (``below``). Long texts go as message_payload.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import smpp34

from tests.peers.lines import Command, answered, emit, encode_text, obey, read_text
from tests.peers.wiretap import Connection, Seen, Wiretap

MODES: Final = {"transceiver": "TRX", "transmitter": "TX", "receiver": "RX"}
ENQUIRE_LINK, UNBIND = 0x15, 0x06
BIND_RESPONSES: Final = (0x80000001, 0x80000002, 0x80000009)
NO_CALL: Final = "its client has no call for it; octets on the wire"
BELOW: Final = {
    **dict.fromkeys(("data_sm", "query_sm", "cancel_sm", "replace_sm", "submit_multi", "enquire_link"), NO_CALL),
    "seeing enquire_link and unbind": "it answers inside, and tells nobody; read on the wire",
    "a refused bind": "connect() waits on for its time limit; read on the wire, and given up",
}
SHORTEST_PAYLOAD: Final = 255


class Esme:
    """One client at a time, through a wiretap."""

    def __init__(self, port: int) -> None:
        self.wire = Wiretap(("127.0.0.1", port), self.seen, lambda _: emit("closed"))
        self.port = 0
        self.client: smpp34.Client | None = None
        self.binding: asyncio.Task[None] | None = None
        self.smsc: smpp34.Smsc | None = None
        self.reading: asyncio.Task[None] | None = None

    def seen(self, pdu: Seen) -> None:
        """Tell what the library does not."""
        if pdu.added:
            answered(pdu.command, pdu.status, pdu.octets[16:])
        elif not pdu.inbound and pdu.command == ENQUIRE_LINK:
            emit("enquire_link")
        elif not pdu.inbound and pdu.command == UNBIND:
            emit("unbind")
        elif pdu.command in BIND_RESPONSES and pdu.status and self.binding is not None:
            self.binding.cancel()
            emit("refused", status=pdu.status)

    def connection(self) -> Connection:
        """Return the latest connection."""
        return self.wire.connections[max(self.wire.connections)]

    async def bind(self, mode: str, command: Command) -> None:
        name, password = command["system_id"], command["password"]
        self.client = smpp34.Client("127.0.0.1", self.port, name, password, bind_type=MODES[mode])
        self.binding = asyncio.create_task(self.connect(self.client, mode))

    async def connect(self, client: smpp34.Client, mode: str) -> None:
        self.smsc = await client.connect()
        self.reading = asyncio.create_task(self.read(self.smsc))
        emit("bound", mode=mode)

    async def read(self, smsc: smpp34.Smsc) -> None:
        """Tell what comes, until the session ends."""
        while isinstance(event := await smsc.next(), smpp34.DeliverSmEvent):
            ids = [tlv.as_string() for tlv in event.tlvs if tlv.tag == smpp34._smpp34.TLV_RECEIPTED_MESSAGE_ID]
            emit(
                "deliver_sm",
                source_addr=event.source_addr,
                destination_addr=event.destination_addr,
                esm_class=event.esm_class,
                data_coding=event.data_coding,
                receipted_message_id=ids[0] if ids else "",
                **read_text(event.short_message, event.data_coding, event.esm_class),
            )

    async def submit(self, fields: dict[str, Any], command: Command) -> None:
        text = fields.pop("text")
        coding = 0 if text.isascii() else 8
        octets, tlvs = encode_text(text, coding), []
        if len(octets) >= SHORTEST_PAYLOAD:
            octets, tlvs = b"", [smpp34.Tlv(smpp34._smpp34.TLV_MESSAGE_PAYLOAD, octets)]
        destination = fields.pop("destination_addr")
        assert self.smsc is not None
        answer = await self.smsc.submit_sm(destination, octets, data_coding=coding, tlvs=tlvs, **fields)
        emit("submit_sm_resp", ref=command["ref"], status=answer.command_status, message_id=answer.message_id or "")

    async def octets(self, octets: str, _: Command) -> None:
        self.connection().far.write(bytes.fromhex(octets))

    async def cut_within(self, octets: str, _: Command) -> None:
        connection = self.connection()
        connection.far.write(bytes.fromhex(octets))
        connection.close()

    async def unbind(self, *_: Any) -> None:
        assert self.smsc is not None
        await self.smsc.unbind()

    async def run(self) -> None:
        self.port = await self.wire.listen()
        emit("ready", library="smpp34", version=smpp34.__version__, below=BELOW)
        await obey({name: getattr(self, name) for name in ("bind", "submit", "octets", "cut_within", "unbind")})


if __name__ == "__main__":
    asyncio.run(Esme(int(sys.argv[1])).run())
