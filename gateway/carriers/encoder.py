"""Makes the requests of a session's permits: which may leave now, their octets, their numbers and slots.

Between the outbox, which knows the order, and the session, which knows what is legal and numbers it. A block of plain
texts, which nearly all are, is asked at once; what ``quick_submit`` declines goes by way of composer and codec.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from gateway.carriers.compose import Composer
from gateway.carriers.entries import Entry
from gateway.carriers.quick_submit import QuickSubmit
from gateway.carriers.slots import Slots
from gateway.smpp.constants import HEADER_LENGTH
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.session import Session


class LinkEncoder:
    """See ``entries.Encoder``. ``now`` (the session's clock) and ``wall`` (unix seconds) are when it is asked."""

    def __init__(self, session: Session, composer: Composer, slots: Slots) -> None:
        self.now = self.wall = 0.0
        self._session = session
        self._composer = composer
        self._slots = slots
        self._quick = QuickSubmit(composer)

    def encode(self, entries: Iterable[Entry], room: int, urgent: int) -> tuple[int, list[tuple[Entry, str]]]:
        """See ``entries.Encoder``."""
        session, quick, wall = self._session, self._quick.body, self.wall
        free, least = session.free, self._slots.least(urgent)
        legal = session.can_send  # where it is not, the long way says why
        encoded = 0
        unencodable: list[tuple[Entry, str]] = []
        plain: list[Entry] = []  # those that are asked together, and what is laid of them
        bodies: list[bytes] = []
        for entry in entries:
            permit = entry.permit
            if room <= 0 or free < (1 if permit.urgent else least):
                break
            body = quick(permit, wall) if legal else None
            if body is not None:
                plain.append(entry)
                bodies.append(body)
                room -= HEADER_LENGTH + len(body)
            else:
                if plain:
                    self._ask(plain, bodies)
                    plain, bodies = [], []
                try:
                    entry.data = session.request(self._composer.submit(permit, wall), self.now, entry)
                except LocalProtocolError as error:
                    unencodable.append((entry, str(error)))
                    continue
                entry.sequence = session.last_sequence
                room -= len(entry.data)
            encoded += 1
            free -= 1
        if plain:
            self._ask(plain, bodies)
        return encoded, unencodable

    def _ask(self, entries: list[Entry], bodies: list[bytes]) -> None:
        """Give entries the submit_sm of which ``bodies`` are laid."""
        asked = self._session.submit_plainly(bodies, self.now, entries)
        for entry, (sequence, data) in zip(entries, asked, strict=True):
            entry.sequence, entry.data = sequence, data

    def take_back(self, entry: Entry) -> None:
        """See ``entries.Encoder``."""
        with suppress(LocalProtocolError):  # the carrier has just answered what it was never asked
            self._session.withdraw(entry.sequence)
