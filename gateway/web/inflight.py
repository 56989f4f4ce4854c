"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): reading it, and what is under way in this process.

The durable half is the desk's: it stores the results with the key in the transaction that stores the messages, so
that even two nodes cannot send twice. This half only answers a duplicate at once with 409 while the first is still
being worked on, as the draft asks. It holds a key no longer than its request lasts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.model.requests import Actor, Idempotency
from gateway.web.answers import Fault
from gateway.web.problems import Problem, ProblemError

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(value: str | None, body: bytes, actor: Actor) -> Idempotency | None:
    """Return the caller's promise, None where there is none; ProblemError where the key has a wrong form."""
    if value is None:
        return None
    if _KEY.fullmatch(value) is None:
        expected = "1 to 255 visible ASCII characters, such as a UUID"
        fault = Fault(place="header", pointer=HEADER, detail="has a wrong form", expected=expected)
        detail = f"{HEADER} has a wrong form; right would be: {expected}."
        raise ProblemError(Problem("invalid-request", detail, errors=(fault,)))
    return Idempotency(actor.name, value, hashlib.sha256(body).digest())


class InFlight:
    """The keys whose requests are being worked on in this process."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def hold(self, idempotency: Idempotency | None) -> Iterator[None]:
        """Hold the key while the request lasts; ProblemError where somebody holds it already."""
        if idempotency is None:
            yield
            return
        key = (idempotency.token, idempotency.key)
        if key in self._keys:
            raise ProblemError(Problem("key-in-use", "Another request with this Idempotency-Key is under way."))
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.remove(key)
