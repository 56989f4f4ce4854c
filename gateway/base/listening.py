"""Why we cannot listen somewhere, said the same way by everything that listens.

Owns the sentence and the exit status for each reason. It opens nothing.
"""

from __future__ import annotations

import errno
import os
import socket

from gateway.base.errors import GatewayError


class ListenError(GatewayError):
    """We cannot listen there. 69 (EX_UNAVAILABLE) where somebody else does, 71 (EX_OSERR) otherwise."""

    def __init__(self, text: str, *, taken: bool = False) -> None:
        super().__init__(text)
        self.exit_code = 69 if taken else 71


def listen_error(address: str, error: OSError, where: str) -> ListenError:
    """Return why nobody listens on ``address`` (host:port); ``where`` says how another one is chosen."""
    if error.errno == errno.EADDRINUSE:
        return ListenError(f"cannot listen on {address}: another process does; stop it, or {where}", taken=True)
    if isinstance(error, socket.gaierror):
        host = address.rpartition(":")[0].strip("[]")
        return ListenError(f"cannot listen on {address}: {host} is not a known host; use one of this machine")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return ListenError(f"cannot listen on {address}: {reason}; use an address of this machine and a port above 1023")
