"""The short way from a permit to the octets of its submit_sm, for texts that need neither a TLV nor another command.

``compose`` makes a PDU of any permit for any carrier, and the codec then checks and writes each of its eighteen fields;
that takes some 10 microseconds, and for nearly every message all but the number, the validity period and the text are
what they were for the one before. So what stands before the number is written once for each of our addresses (by the
composer and the codec themselves, so that nothing is said twice), what stands behind it once for texts that are sent
often, and the rest is put between. Whatever else a permit needs, this declines by returning None. It must never give
octets other than those two would: a test compares them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Final

from gateway.carriers.compose import PAYLOAD_OVER, Composer, placed, wants_payload
from gateway.model.address import is_number
from gateway.model.permit import Permit
from gateway.smpp.codec import encode
from gateway.smpp.constants import HEADER_LENGTH
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import SubmitSm
from gateway.sms.coding import Encoding

_CODINGS: Final = frozenset(Encoding)
_BEHIND_NUMBER: Final = 11
"""Octets of a submit_sm's body from the NUL behind destination_addr to sm_length, without a schedule or a validity."""


_ALIKE: Final = 256
"""How many texts of one segment are remembered, written but for number and validity period: most are sent often."""

_Around = tuple[bytes, bytes, bytes]
"""What stands before the number, between it and the validity period, and behind that."""


class QuickSubmit:
    """Lays the submit_sm of one carrier as ``composer`` and the codec do."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._from = 0 if composer.quirk.plus else 1  # where a number begins in its one spelling
        self._registered_delivery = composer.quirk.registered_delivery
        self._heads: dict[str, bytes | None] = {}  # by our address: what stands before the number; there are few
        self._around_alike = lru_cache(maxsize=_ALIKE)(self._around)

    def body(self, permit: Permit, wall: float) -> bytes | None:
        """Return all that follows the header, or None where it is not plain. ``wall``: see ``Composer.submit``."""
        subscriber, line, octets = permit.subscriber, permit.line, permit.body
        if not is_number(subscriber) or (line not in self._heads and self._head(permit) is None):
            return None
        if permit.segments > 1:
            esm_class, octets, tlvs = placed(permit, octets)
            if tlvs or wants_payload(len(octets), permit.style):
                return None
            around = self._around(line, permit.data_coding, octets, esm_class)
        elif len(octets) > PAYLOAD_OVER and wants_payload(len(octets), permit.style):
            return None
        else:
            around = self._around_alike(line, permit.data_coding, octets)
        if around is None:
            return None
        before, between, behind = around
        until = b"" if permit.expires_at is None else self._composer.validity_of(permit, wall).encode()
        return b"".join((before, subscriber[self._from :].encode(), between, until, behind))

    def _around(self, line: str, coding: int, octets: bytes, esm_class: int = 0) -> _Around | None:
        """Write all but the number and the validity period; None where it is not plain. ``line`` has its head."""
        head = self._heads[line]
        if head is None or coding not in _CODINGS or (not coding and self._composer.respells):
            return None
        behind = b"\0%c\0%c\0%c%b" % (self._registered_delivery, coding, len(octets), octets)
        return head, b"\0%c\0\0\0" % esm_class, behind

    def _head(self, permit: Permit) -> bytes | None:
        """Write what stands before a number when it comes from the address of ``permit``; None if no plain one can.

        ``permit`` is for a number.
        """
        head = None
        pdu = self._composer.submit(permit, 0.0)
        if isinstance(pdu, SubmitSm):
            bare = replace(pdu, destination_addr="", validity_period="", short_message=b"", tlvs=())
            with suppress(LocalProtocolError):  # whoever composes it is told why
                head = encode(bare, 0)[HEADER_LENGTH:-_BEHIND_NUMBER]
        self._heads[permit.line] = head
        return head
