"""One port to every foreign client: what a scenario asks of it, whichever library plays it.

What a library has no call for (``below`` in its peer) is asked with octets that are laid here by hand; the answer is
told in the same way. Whatever else differs is in the peers themselves (``tests/peers/clients``).
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import trio

from tests.kit.foreign import Event, Peer, parts_of
from tests.kit.raw_smsc import SUBMIT, message, pdu, tlv

LINE, PASSWORD = "85700", "secret"
_ADDED: Final = 0x7F000000
"""Sequence numbers of octets laid here: no library counts that far (``OURS`` of the wiretap)."""
_SOURCE, _TO, _ID = b"\0\x01" + LINE.encode() + b"\0", b"\x01\x0112125550101\0", b"0000000001\0"
_TAIL: Final = b"\0\0\0" + b"\0" + b"\0" + b"\0\0\0\0\x02hi"
BODIES: Final = {
    "enquire_link": (0x15, b""),
    "data_sm": (0x103, b"\0" + _SOURCE + _TO + b"\0\0\0" + tlv(0x424, b"hello as data")),
    "query_sm": (0x03, _ID + _SOURCE),
    "cancel_sm": (0x08, b"\0" + _ID + _SOURCE + _TO),
    "replace_sm": (0x07, _ID + _SOURCE + b"\0" + b"\0" + b"\0\0\x02hi"),
    "submit_multi": (0x21, b"\0" + _SOURCE + b"\x01\x01" + _TO + _TAIL),
}
"""What is asked where a library cannot: command_id and body, each what ``FIELDS`` says of it."""
_ADDRESSES: Final = {"source_addr": LINE, "destination_addr": "12125550101", "dest_addr_ton": 1, "dest_addr_npi": 1}
FIELDS: Final[dict[str, dict[str, Any]]] = {
    "enquire_link": {},
    "data_sm": {**_ADDRESSES, "text": "hello as data"},
    "query_sm": {"message_id": "0000000001", "source_addr": LINE},
    "cancel_sm": {**_ADDRESSES, "message_id": "0000000001"},
    "replace_sm": {"message_id": "0000000001", "source_addr": LINE, "short_message": "hi"},
    "submit_multi": {**_ADDRESSES, "short_message": "hi"},
}


class ForeignClient(Peer):
    """A running client."""

    def __init__(self, process: trio.Process) -> None:
        super().__init__(process)
        self._refs = (f"submit {n}" for n in itertools.count(1))
        self._sequences = itertools.count(_ADDED)

    async def _bind(self, outcome: str, mode: str, password: str) -> Event:
        seen = len(self.events)
        await self.command(bind=mode, system_id="demo", password=password)
        return await self.wait(outcome, since=seen)

    async def bind(self, mode: str = "transceiver") -> None:
        """Connect, bind, and wait until it is bound."""
        await self._bind("bound", mode, PASSWORD)

    async def refused(self, password: str) -> int:
        """Bind with a wrong password; return the status."""
        return int((await self._bind("refused", "transceiver", password))["status"])

    async def bound_again(self, since: int) -> None:
        """Be bound again after the loss of a connection: some libraries see to it themselves."""
        if self.hello.get("binds_again"):
            await self.wait("bound", since=since)
        else:
            await self.wait("closed", since=since)
            await self.bind()

    async def unbind(self) -> None:
        """Unbind, and close."""
        seen = len(self.events)
        await self.command(unbind=True)
        await self.wait("closed", since=seen)

    async def cut_within_a_pdu(self) -> None:
        """Send half a submit_sm, and close."""
        whole = pdu(SUBMIT, next(self._sequences), message(b"half of this never arrives"))
        await self.command(cut_within=whole[: len(whole) // 2].hex())

    async def ask(self, what: str) -> Event:
        """Ask something of ``BODIES``, with the library's call or with octets; return the answer."""
        seen = len(self.events)
        if what in self.hello["below"]:
            command, body = BODIES[what]
            await self.command(octets=pdu(command, next(self._sequences), body).hex())
        else:
            await self.command(**{what: FIELDS[what]})
        return await self.wait(f"{what}_resp", since=seen)

    async def submit(self, text: str, subscriber: str, *, receipt: bool = False) -> Event:
        """Submit a text; return the (first) response. The library codes and cuts it as it does."""
        ref = next(self._refs)
        to = {"source_addr": LINE, "destination_addr": subscriber, "dest_addr_ton": 1, "dest_addr_npi": 1}
        await self.command(submit={**to, "text": text, "registered_delivery": int(receipt)}, ref=ref)
        return await self.wait("submit_sm_resp", lambda event: event["ref"] == ref)

    async def texts(self, subscriber: str, whole: int = 1) -> list[Event]:
        """Return what came from a subscriber, parts and receipts too, once there are so many whole ones."""

        def came() -> list[Event]:
            return self.named("deliver_sm", source_addr=subscriber)

        await self.until(lambda: sum(1 / parts_of(event)[1] for event in came()) > whole - 0.01, f"{whole} texts")
        return came()
