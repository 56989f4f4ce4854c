"""The simulated carrier's side of TLS: a certificate from files, and the handshake of one connection.

It proves who it is and asks for no proof: whether to believe a carrier is what is tried out with it.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import trio

from gateway.base import GatewayError

PATIENCE_S = 10.0


class CertificateError(GatewayError):
    """A certificate or its key cannot be used."""

    exit_code = 64  # EX_USAGE: an option names them


def server_context(cert: Path, key: Path | None = None) -> ssl.SSLContext:
    """Return a server's context with the certificate (PEM) in ``cert``; its key is in ``key``, or in ``cert``, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:  # SSLError is one
        files = f"{cert} with the key {key}" if key else f"{cert} with its key"
        reason = error.strerror if error.errno and not isinstance(error, ssl.SSLError) else error.args[-1]
        raise CertificateError(
            f"{files} cannot be used: {reason}; both must be PEM files, the key without a passphrase"
        ) from error
    return context


async def shake_hands(stream: trio.SSLStream[trio.SocketStream]) -> str | None:
    """Agree with the ESME; return why that failed, None if it did not."""
    with trio.move_on_after(PATIENCE_S) as scope:
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError as error:
            cause = error.__cause__
            return (cause.reason if isinstance(cause, ssl.SSLError) else None) or "the connection broke"
    return f"nothing for {PATIENCE_S:g} s" if scope.cancelled_caught else None
