"""What a link does with the two PDUs of every message in one step: a plain text becomes an Mo, a yes an Outcome.

It stands between the session (``gateway.smpp.shortcuts`` says what that keeps to itself) and the link's account of what
waits: whoever tells an outcome settles the permit, and the link notes the texts that must be answered. What is out of
the ordinary is declined before anything is noted, and goes through ``link``.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.entries import Entry, Stage
from gateway.carriers.outbox import Outbox
from gateway.carriers.quick_text import QuickText
from gateway.carriers.receipts import MOST_ID
from gateway.model.permit import Fate, Outcome, Permit

_ACCEPTED: Final = Fate.ACCEPTED
_WAITING: Final = Stage.WAITING


class LinkShortcuts:
    """See ``gateway.smpp.shortcuts.Shortcuts``. Whoever asks for a text notes that it waits for its answer."""

    def __init__(self, texts: QuickText, outbox: Outbox) -> None:
        self.text = texts.read
        self._settle = outbox.settle

    def accepted(self, token: object, message_id: str) -> Outcome | None:
        """Settle a permit whose submit_sm was accepted; not one that was never written, or is settled."""
        if type(token) is not Entry or token.stage is _WAITING or not self._settle(token):
            return None
        return acceptance(token.permit, message_id)


def acceptance(permit: Permit, message_id: str, *, late: bool = False) -> Outcome:
    """Return that the carrier has taken the message of ``permit`` under ``message_id``.

    One that is too long to keep counts as none: no receipt will be found by it.
    """
    carrier_id = message_id.strip()
    return Outcome(permit, _ACCEPTED, 0, carrier_id if len(carrier_id) <= MOST_ID else "", "", late)
