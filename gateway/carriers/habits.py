"""What one configured carrier is like: its quirk, and what its ``[[carrier]]`` table says otherwise.

Owns that one joining, so that whoever reads a habit reads one ``Quirk`` and never asks where it came from. A quirk is
about a family of carriers and is code; an account's own arrangement with its carrier is configuration, and outranks it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from gateway.carriers import quirks
from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Quirk, Request, Validity
from gateway.carriers.statuses import Verdict
from gateway.model.permit import SegmentStyle

MOST_SYSTEM_ID: Final = 15
MOST_PASSWORD: Final = 8
"""Octets that SMPP 3.4 has room for in a bind, without the NUL (sections 5.2.1 and 5.2.2)."""


def habits(options: CarrierOptions) -> Quirk:
    """Return the quirk of a carrier, with what its configuration says otherwise."""
    quirk = quirks.load(options.quirk)
    changes: dict[str, Any] = {}
    if options.alphabet is not None:
        changes["alphabet"] = options.alphabet
    if options.segments is not None:
        changes["segments"] = SegmentStyle(options.segments)
    if options.submit_with is not None:
        changes["request"] = Request(options.submit_with)
    if options.validity is not None:
        changes["validity"] = Validity(options.validity)
    if options.truncate_login is not None:
        changes["truncate_login"] = options.truncate_login
    if options.statuses:
        own = {int(status, 0): Verdict(meaning) for status, meaning in options.statuses.items()}
        changes["verdicts"] = {**quirk.verdicts, **own}
    return replace(quirk, **changes) if changes else quirk


def login_of(options: CarrierOptions, quirk: Quirk) -> tuple[str, str]:
    """Return system_id and password as they are sent."""
    system_id, password = options.system_id, options.password.get_secret_value()
    if quirk.truncate_login:
        return system_id[:MOST_SYSTEM_ID], password[:MOST_PASSWORD]
    return system_id, password
