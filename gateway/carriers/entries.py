"""What the outbox keeps and tells: a permit with what became of it, who makes its PDU, and what one step did.

Values and a protocol alone; ``outbox`` decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from gateway.model.permit import Permit


class Stage(Enum):
    """How far a permit's PDU is. WAITING: not one octet was taken, encoded or not."""

    WAITING = "waiting"
    BEGUN = "begun"
    WRITTEN = "written"


class Entry:
    """One permit in this session. Also the token under which its request is outstanding.

    ``data`` and ``sequence`` are set once it is encoded, and ``data`` is forgotten once it is taken.
    """

    data: bytes | None = None
    sequence = 0
    stage = Stage.WAITING

    def __init__(self, permit: Permit) -> None:
        self.permit = permit

    def __repr__(self) -> str:
        return f"<Entry permit {self.permit.id} {self.stage.value} sequence {self.sequence}>"


class Encoder(Protocol):
    """Turns permits into requests of the session, and takes one back that was never begun."""

    def encode(self, entries: Iterable[Entry], room: int, urgent: int) -> tuple[int, list[tuple[Entry, str]]]:
        """Set ``data`` and ``sequence`` of the entries from the first on, until the window is full, or ``room`` octets.

        ``urgent``: how many urgent permits are unsettled. The last one may have more octets than there was room for.
        Returns how many have theirs now, and those that no PDU can hold, and why: they are passed over.
        """
        ...

    def take_back(self, entry: Entry) -> None:
        """Give the entry's sequence number and window slot back: nothing of it was or will be sent."""
        ...


class Pumped:
    """What one step did. ``answers``: sequence numbers of MOs whose response is now wholly taken.

    ``returned``: permits whose life was over before their first octet. ``unencodable``: permits that no PDU can hold,
    and why. ``octets``: how many were taken. ``blocked``: that is less than was offered.
    """

    __slots__ = ("answers", "blocked", "octets", "returned", "unencodable")

    def __init__(self, returned: list[Permit]) -> None:
        self.returned = returned
        self.answers: list[int] = []
        self.unencodable: list[tuple[Permit, str]] = []
        self.octets = 0
        self.blocked = False
