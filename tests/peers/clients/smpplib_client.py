"""A client on PyPI's smpplib, driven by lines of JSON as ``tests/peers/lines.py`` tells.

The library blocks, so one loop selects over commands and the socket, and reads a PDU at a time. Where its ``read_once``
would fail or keep silent, the PDU is looked at first: the library reads with ``read_pdu``, which is overridden.
"""

from __future__ import annotations

import select
import socket
import struct
from importlib.metadata import version
from typing import Any, Final

import smpplib.client  # type: ignore[import-untyped]  # smpplib ships no type information
import smpplib.gsm  # type: ignore[import-untyped]  # as above
from smpplib import consts, exceptions, smpp

from tests.peers.lines import STDIN, Command, Lines, answered, emit, named, read_text

HEADER: Final = 16
BELOW: Final = {
    "cancel_sm": "the library knows no cancel_sm; octets",
    "replace_sm": "the library knows no replace_sm; octets",
    "submit_multi": "the library knows no submit_multi; octets",
    "unbind by the carrier": "the client answers no unbind; its unbind_resp is sent from here",
}
NOT_READ: Final = frozenset((0x80000007, 0x80000008, 0x80000021))


class Client(smpplib.client.Client):  # type: ignore[misc]  # as above
    """The library's client, which tells what passes."""

    def read_pdu(self) -> Any:
        """Read one PDU, and tell those of which ``read_once`` tells nothing."""
        pdu = super().read_pdu()
        if pdu.command == "unbind":
            emit("unbind")
            answer = smpp.make_pdu("unbind_resp", client=self)
            answer.sequence = pdu.sequence
            self.send_pdu(answer)
        elif pdu.command == "enquire_link":
            emit("enquire_link")
        elif pdu.command in ("enquire_link_resp", "data_sm_resp", "query_sm_resp"):
            message_id = (getattr(pdu, "message_id", None) or b"").decode()
            emit(pdu.command, status=pdu.status, message_id=message_id)
        return pdu


class Esme:
    """One client at a time; ``refs`` are the submits that wait, by sequence number."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.client: Client | None = None
        self.refs: dict[int, Any] = {}

    def bind(self, mode: str, command: Command) -> None:
        client = Client("127.0.0.1", self.port, timeout=20, allow_unknown_opt_params=True)
        client.set_message_received_handler(self.received)
        client.set_message_sent_handler(self.sent)
        client.set_error_pdu_handler(lambda pdu: None)  # it is told to the handler of its command as well
        client.connect()
        try:
            getattr(client, f"bind_{mode}")(system_id=command["system_id"], password=command["password"])
        except exceptions.PDUError as error:
            client.disconnect()
            emit("refused", status=error.args[1])
        else:
            self.client = client
            emit("bound", mode=mode)

    def received(self, pdu: Any) -> int:
        emit(
            "deliver_sm",
            source_addr=pdu.source_addr.decode(),
            destination_addr=pdu.destination_addr.decode(),
            esm_class=pdu.esm_class,
            data_coding=pdu.data_coding,
            receipted_message_id=(pdu.receipted_message_id or b"").rstrip(b"\0").decode(),
            **read_text(pdu.short_message, pdu.data_coding, pdu.esm_class),
        )
        return int(consts.SMPP_ESME_ROK)

    def sent(self, pdu: Any) -> None:
        message_id = (getattr(pdu, "message_id", None) or b"").decode()
        emit("submit_sm_resp", ref=self.refs.pop(pdu.sequence), status=pdu.status, message_id=message_id)

    def submit(self, fields: dict[str, Any], command: Command) -> None:
        assert self.client is not None
        parts, coding, esm_class = smpplib.gsm.make_parts(fields.pop("text"))
        for part in parts:
            both = {**fields, "short_message": part, "data_coding": coding, "esm_class": esm_class}
            self.refs[self.client.send_message(**both).sequence] = command["ref"]

    def data_sm(self, fields: dict[str, Any], _: Command) -> None:
        text = fields.pop("text").encode()
        assert self.client is not None
        self.client.send_pdu(smpp.make_pdu("data_sm", client=self.client, message_payload=text, **fields))

    def query_sm(self, fields: dict[str, Any], _: Command) -> None:
        assert self.client is not None
        self.client.query_message(**fields)

    def octets(self, octets: str, _: Command) -> None:
        assert self.client is not None
        self.client._socket.sendall(bytes.fromhex(octets))

    def enquire_link(self, *_: Any) -> None:
        assert self.client is not None
        self.client.send_pdu(smpp.make_pdu("enquire_link", client=self.client))

    def unbind(self, *_: Any) -> None:
        assert self.client is not None
        self.client.unbind()
        self.close()

    def cut_within(self, octets: str, command: Command) -> None:
        self.octets(octets, command)
        self.close()

    def close(self) -> None:
        assert self.client is not None
        self.client.state = consts.SMPP_CLIENT_STATE_OPEN
        self.client.disconnect()
        self.client = None
        emit("closed")

    def read(self) -> None:
        """Let the library read a PDU, but for those that it cannot."""
        assert self.client is not None
        header = self.client._socket.recv(HEADER, socket.MSG_PEEK | socket.MSG_WAITALL)
        size, command, status, _ = struct.unpack(">IIII", header) if len(header) == HEADER else (0, 0, 0, 0)
        try:
            if command in NOT_READ:
                body = self.client._recv_exact(size)[HEADER:]
                answered(command, status, body)
            else:
                self.client.read_once(auto_send_enquire_link=False)
        except exceptions.ConnectionError:
            self.close()


def main(port: int) -> None:
    esme, lines = Esme(port), Lines()
    emit("ready", library="smpplib", version=version("smpplib"), below=BELOW)
    names = ("bind", "submit", "data_sm", "query_sm", "octets", "enquire_link", "unbind", "cut_within")
    table = {name: getattr(esme, name) for name in names}
    while not lines.ended:
        sources = [STDIN] if esme.client is None else [STDIN, esme.client._socket]
        ready, _, _ = select.select(sources, [], [])
        if STDIN in ready:
            for command in lines.read():
                try:
                    name = named(command, table)
                    table[name](command[name], command)
                except Exception as error:  # noqa: BLE001 - whatever the library raises, its driver is told
                    emit("done", id=command["id"], error=f"{type(error).__name__}: {error}")
                else:
                    emit("done", id=command["id"])
        elif esme.client is not None:
            esme.read()


if __name__ == "__main__":
    import sys

    main(int(sys.argv[1]))
