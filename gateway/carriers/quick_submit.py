"""The short way from a permit to the octets of its submit_sm, for texts that need neither a TLV nor another command.

``compose`` makes a PDU of any permit for any carrier, and the codec then checks and writes each of its eighteen fields;
that takes some 10 microseconds, and for nearly every message all but the number, the validity period and the text are
what they were for the one before. So what stands before the number is written once for each of our addresses (by the
composer and the codec themselves, so that nothing is said twice), and the rest is put behind it. Whatever else a permit
needs, this declines by returning None. It must never give octets other than those two would: a test compares them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from gateway.carriers.compose import Composer, placed, wants_payload
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


class QuickSubmit:
    """Lays the submit_sm of one carrier as ``composer`` and the codec do."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._plus = composer.quirk.plus
        self._registered_delivery = composer.quirk.registered_delivery
        self._heads: dict[str, bytes | None] = {}  # by our address: what stands before the number; there are few

    def body(self, permit: Permit, wall: float) -> bytes | None:
        """Return all that follows the header, or None where it is not plain. ``wall``: see ``Composer.submit``."""
        line, coding, octets = permit.line, permit.data_coding, permit.body
        head = self._heads[line] if line in self._heads else self._head(permit)
        if head is None or not is_number(permit.subscriber) or coding not in _CODINGS:
            return None
        if not coding and self._composer.respells:
            return None
        esm_class = 0
        if permit.segments > 1:
            esm_class, octets, tlvs = placed(permit, octets)
            if tlvs:
                return None
        size = len(octets)
        if wants_payload(size, permit.style):
            return None
        number = permit.subscriber if self._plus else permit.subscriber[1:]
        return b"%b%b\0%c\0\0\0%b\0%c\0%c\0%c%b" % (
            head,
            number.encode(),
            esm_class,
            self._composer.validity_of(permit, wall).encode(),
            self._registered_delivery,
            coding,
            size,
            octets,
        )

    def _head(self, permit: Permit) -> bytes | None:
        """Write what stands before a number when it comes from the address of ``permit``; None if no plain one can."""
        head = None
        if is_number(permit.subscriber):
            pdu = self._composer.submit(permit, 0.0)
            if isinstance(pdu, SubmitSm):
                bare = replace(pdu, destination_addr="", validity_period="", short_message=b"", tlvs=())
                with suppress(LocalProtocolError):  # whoever composes it is told why
                    head = encode(bare, 0)[HEADER_LENGTH:-_BEHIND_NUMBER]
            self._heads[permit.line] = head
        return head
