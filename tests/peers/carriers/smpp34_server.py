"""A carrier on PyPI's smpp34 (Rust), driven by lines of JSON as ``tests/peers/lines.py`` tells.

The library's server shows binds, submits and ends to Python, and takes texts and unbind; it tells neither password nor
mode, nothing of link checks, and gives no hold on its sockets. A wiretap in front of it does what it cannot. It takes
no port of the system's choosing either, so it listens on an address of 127/8 that is this process's own.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import Any, Final

import smpp34

from tests.peers.lines import Command, emit, encode_text, obey, read_text
from tests.peers.wiretap import Seen, Wiretap

BINDS: Final = {1: "bind_receiver", 2: "bind_transmitter", 9: "bind_transceiver"}
UNBIND, ENQUIRE_LINK, DELIVER_SM_RESP, UNBIND_RESP, ENQUIRE_LINK_RESP = 6, 0x15, 0x80000005, 0x80000006, 0x80000015
ESME_RTHROTTLED: Final = 0x58
BELOW: Final = {
    "password and mode of a bind": "the server accepts every bind and shows its system_id alone; read on the wire",
    "enquire_link to the ESME": "its server has no call for it; added on the wire",
    "seeing enquire_link": "it answers inside, and tells nobody; read on the wire",
    "deliver_sm to a receiver": "it never hears the response of one bound as a receiver; read on the wire",
}


class Carrier:
    """The server, its wiretap, and which of our numbers is which session of the library's."""

    def __init__(self) -> None:
        pid = os.getpid()
        self.host = f"127.{1 + (pid >> 16 & 127)}.{pid >> 8 & 255}.{pid & 255}"
        self.server = smpp34.Server(self.host, 2775, system_id="smpp34")
        self.wire = Wiretap((self.host, 2775), self.seen, lambda number: emit("closed", session=number))
        self.binding: dict[int, dict[str, Any]] = {}
        self.esmes: dict[int, smpp34.Esme] = {}
        self.numbers: dict[str, int] = {}
        self.refs: dict[int, list[Any]] = {}
        self.sending: set[asyncio.Future[smpp34.DeliverSmResp]] = set()
        self.throttle = 0
        self.ids = itertools.count(1)

    def seen(self, pdu: Seen) -> None:
        """Tell what the library does not."""
        number = pdu.connection
        if pdu.inbound and pdu.command in BINDS:
            system_id, password, *_ = pdu.octets[16:].split(b"\0")
            mode = BINDS[pdu.command]
            self.binding[number] = {"command": mode, "system_id": system_id.decode(), "password": password.decode()}
        elif pdu.inbound and pdu.command == ENQUIRE_LINK:
            emit("enquire_link", session=number)
        elif pdu.inbound and pdu.command == ENQUIRE_LINK_RESP and pdu.added:
            emit("enquire_link_resp", session=number)
        elif pdu.inbound and pdu.command == UNBIND:
            emit("unbind", session=number)
        elif pdu.inbound and pdu.command == UNBIND_RESP:
            emit("unbind_resp", session=number)
        elif pdu.inbound and pdu.command == DELIVER_SM_RESP and self.refs.get(number):
            emit("deliver_sm_resp", session=number, ref=self.refs[number].pop(0), status=pdu.status)

    def bound(self, esme: smpp34.Esme) -> None:
        """Find the connection of a session: the latest that bound under its name and can do what it can."""
        receives = esme.can_receive
        number = max(
            number
            for number, bind in self.binding.items()
            if bind["system_id"] == esme.system_id and (bind["command"] != "bind_transmitter") == receives
        )
        self.esmes[number], self.numbers[esme.session_id] = esme, number
        emit("bind", session=number, status="ESME_ROK", **self.binding[number])

    def submitted(self, event: smpp34.SubmitSmEvent) -> None:
        """Answer a submit_sm, and tell it."""
        throttled, self.throttle = self.throttle > 0, max(0, self.throttle - 1)
        message_id = "" if throttled else f"rust-{next(self.ids)}"
        emit(
            "submit_sm",
            session=self.numbers[event.session_id],
            source_addr=event.source_addr,
            destination_addr=event.destination_addr,
            data_coding=event.data_coding,
            esm_class=event.esm_class,
            registered_delivery=event.registered_delivery,
            status="ESME_RTHROTTLED" if throttled else "ESME_ROK",
            message_id=message_id,
            **read_text(event.short_message, event.data_coding, event.esm_class),
        )
        if throttled:
            event.reject(ESME_RTHROTTLED)
        else:
            event.accept(message_id)

    async def serve(self) -> None:
        """Take what the library tells."""
        await self.server.start()
        port = await self.wire.listen()
        emit("listening", port=port, library="smpp34", version=smpp34.__version__, below=BELOW)
        while True:
            event = await self.server.next()
            if isinstance(event, smpp34.Esme):
                self.bound(event)
            elif isinstance(event, smpp34.SubmitSmEvent):
                self.submitted(event)

    async def deliver(self, fields: dict[str, Any], command: Command) -> None:
        number, coding = command["session"], fields.get("data_coding", 0)
        self.refs.setdefault(number, []).append(command.get("ref"))
        sending = self.esmes[number].deliver_sm(
            fields["destination_addr"],
            encode_text(fields["short_message"], coding, fields.get("udh", "")),
            source_addr=fields["source_addr"],
            source_addr_ton=1,
            source_addr_npi=1,
            esm_class=fields.get("esm_class", 0),
            data_coding=coding,
        )
        # Not awaited: the answer is read on the wire, and for a receiver this would never end (see BELOW).
        self.sending.add(asyncio.ensure_future(sending))

    async def unbind(self, _: Any, command: Command) -> None:
        await self.esmes[command["session"]].unbind()

    async def enquire_link(self, _: Any, command: Command) -> None:
        self.wire.add(self.wire.connections[command["session"]].near, ENQUIRE_LINK)

    async def cut_within(self, octets: str, command: Command) -> None:
        connection = self.wire.connections[command["session"]]
        connection.near.write(bytes.fromhex(octets))
        connection.close()

    async def behave(self, changes: dict[str, int], _: Command) -> None:
        self.throttle = changes["throttle"]


async def main() -> None:
    carrier = Carrier()
    serving = asyncio.create_task(carrier.serve())
    names = ("deliver", "unbind", "enquire_link", "cut_within", "behave")
    await obey({name: getattr(carrier, name) for name in names})
    serving.cancel()


asyncio.run(main())
