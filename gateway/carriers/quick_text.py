"""The short way from the octets of a deliver_sm to an Mo, for the plain text that nearly all of them are.

``translate`` reads whatever a carrier may send, from a PDU that ``gateway.smpp.codec`` has read before it; that is
right and takes some 8 microseconds. Most texts have no header, no TLV, no schedule, and nothing but characters that
every alphabet of one octet a character writes alike. Of such a one everything is known where it stands, so this takes
it from the octets in one go. Whatever else there is, or may be, it declines by returning None, so that each oddity
is dealt with in one place, and it must never tell an Mo other than ``translate`` would: a test compares the two.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from gateway.carriers.translate import MOST_ADDRESS, Origin, Translator, begun_fingerprint, fingerprint_of
from gateway.model.address import read_line, read_msisdn
from gateway.model.messages import Mo
from gateway.sms.coding import charset_of
from gateway.sms.gsm import BASIC

_ALIKE: Final = frozenset({"gsm", "latin-1", "ascii", "utf-8"})
"""Alphabets in which the octets of ``PLAIN`` are the same characters."""

PLAIN: Final = bytes(code for code in range(0x80) if BASIC[code] == chr(code) and (code >= 0x20 or code in b"\r\n"))
"""Octets that are one character in all of them, and no sign of any other reading (``gateway.sms.doubt``)."""


_TEXT: Final = re.compile(
    rb".{16}[^\0]*\0"  # header and service_type
    rb"(.).([^\0]{0,%d})\0"  # source: TON, NPI, address
    rb"..([^\0]{1,%d})\0"  # destination
    rb"\0..\0\0..(.).(.)"  # esm_class, schedule and validity are none; data_coding and sm_length
    rb"([%b]*)" % (MOST_ADDRESS, MOST_ADDRESS, re.escape(PLAIN)),
    re.DOTALL,
)
"""A deliver_sm that is nothing but a plain text (SMPP 3.4 section 4.6.1)."""


@lru_cache(maxsize=4096)
def _alike(coding: int, octets: bytes) -> tuple[str, bytes]:
    """Return the characters of a plain text, and its fingerprint: most texts are keywords, and came before."""
    return octets.decode("ascii"), fingerprint_of(_begun(coding), octets)


@lru_cache(maxsize=256)
def _begun(coding: int) -> blake2b:
    return begun_fingerprint(coding, 0, None)


class QuickText:
    """Reads the plain texts of a session as ``translator`` does. ``wall`` (unix seconds) is when what it reads came."""

    def __init__(self, translator: Translator, origin: Origin) -> None:
        self.wall = 0.0
        quirk = translator.quirk
        self._carrier = translator.carrier
        self._bind = origin.bind
        self._session = origin.session
        self._alphabet = quirk.alphabet
        self._region_of = translator.region_of
        # None at all if a text of this carrier's may be a receipt.
        may_be_receipt = quirk.receipt_by_text or 0 in quirk.receipt_types
        codings = () if may_be_receipt else range(0x100)
        self._codings = frozenset(c for c in codings if charset_of(c, quirk.alphabet).alphabet in _ALIKE)

    def read(self, raw: bytes, sequence: int) -> Mo | None:
        """Return the text of a whole deliver_sm, or None if it is not plain.

        Octets 4 to 8 of ``raw`` are those of deliver_sm; everything else is looked at.
        """
        match = _TEXT.fullmatch(raw)
        if match is None:
            return None
        ton, source, destination, (coding,), (length,), octets = match.groups()
        if coding not in self._codings or length != len(octets):
            return None
        text, fingerprint = _alike(coding, octets)
        line = read_line(destination.decode("latin-1"))
        subscriber = read_msisdn(source.decode("latin-1"), self._region_of(line), ton[0])
        return Mo(
            self._carrier,
            self._bind,
            self._session,
            sequence,
            line,
            subscriber,
            text,
            octets,
            coding,
            fingerprint,
            self.wall,
            self._alphabet,
            None,
            False,
            (),
            raw,
        )
