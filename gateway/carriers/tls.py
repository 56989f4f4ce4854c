"""TLS around a wire: the engine of the standard library between two buffers, and a context from the configuration.

Behaves like any ``Wire``: *written* means taken by the engine, which takes at most one chunk and no more until all of
its ciphertext has reached the kernel, so that what an opt-out must still overtake waits with the bind. The carrier's
certificate is always verified, and its name too; there is no switch for that. The files are read anew for each
connection, so that a renewed certificate needs no restart.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from gateway.carriers.wire import RECEIVE_OCTETS, Wire, WireError

MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def make_context(ca: str, cert: str, key: str, minimum: str) -> ssl.SSLContext:
    """Return a client's context: ``ca`` (PEM file) is who may have signed the carrier's certificate, "" the system's.

    ``cert`` and ``key`` (PEM files; the key may be in ``cert``) are ours, "" for none. ``minimum`` is "1.2" or "1.3".
    Raises ValueError, naming the file, for one that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f'tls_ca: "{ca}" {_reason(error)}; name a PEM file with certificates') from error
    context.minimum_version = MINIMUM[minimum]
    if cert:
        try:
            context.load_cert_chain(cert, key or None)
        except (OSError, ssl.SSLError) as error:
            files = f'"{cert}" with the key in "{key}"' if key else f'"{cert}"'
            right = "name a PEM file with a certificate and, unless tls_key names it, its own key"
            raise ValueError(f"tls_cert: {files} {_reason(error)}; {right}") from error
    return context


_SAID: Final = {
    "KEY_VALUES_MISMATCH": "do not belong together",
    "NO_CERTIFICATE_OR_CRL_FOUND": "holds no certificate",
    "PEM lib": "holds no certificate, or no key that can be read",
    "NO_START_LINE": "holds no certificate",
}


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return next((words for name, words in _SAID.items() if name in str(error)), f"cannot be used: {error}")
    return f"cannot be read: {error.strerror}"


_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
"""What OpenSSL says of a first answer that is no record of TLS."""


class TlsWire:
    """A ``Wire`` that speaks TLS over another one, which it owns. Use it after ``handshake``.

    ``wrap`` makes the engine between two buffers: ``SSLContext.wrap_bio`` with its side and the carrier's name set.
    """

    def __init__(self, inner: Wire, wrap: Callable[[ssl.MemoryBIO, ssl.MemoryBIO], ssl.SSLObject]) -> None:
        self._inner = inner
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._engine = wrap(self._in, self._out)
        self._cipher = b""
        self._room = memoryview(bytearray(RECEIVE_OCTETS))

    async def handshake(self) -> None:
        """Agree on a session and verify the carrier. Raises ``WireError``."""
        with _renamed():
            while True:
                try:
                    self._engine.do_handshake()
                except ssl.SSLWantReadError:
                    await self._flush()
                    if not await self._feed():
                        raise WireError("the carrier closed the connection during the TLS handshake") from None
                except ssl.SSLError as error:
                    with suppress(WireError):  # the alert that tells the carrier why; it may be gone
                        await self._flush()
                    if error.reason in _NO_TLS:
                        raise WireError(f"the peer does not speak TLS on this port ({error.reason})") from error
                    raise
                else:
                    await self._flush()
                    return

    async def receive(self) -> bytes:
        """See ``Wire``."""
        with _renamed():
            while True:
                try:
                    return bytes(self._room[: self._read()])
                except ssl.SSLWantReadError:
                    self._push()
                    await self._feed()
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return b""

    def _read(self) -> int:
        """Decrypt what is there into the room for it; return how many octets."""
        count: Any = self._engine.read(RECEIVE_OCTETS, self._room)  # not what it returns without a buffer
        return int(count)

    def let_gather(self, octets: int) -> None:
        """See ``Wire``. Does nothing: ``receive`` alone knows what the engine still holds."""

    def receive_now(self) -> bytes | None:
        """See ``Wire``. Leaves it to ``receive``, always."""
        return None

    async def _feed(self) -> bool:
        """Give the engine what comes next; False at the end of the stream."""
        data = await self._inner.receive()
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()
        return bool(data)

    @property
    def unsent(self) -> bool:
        """See ``Wire``."""
        return bool(self._cipher)

    def send_some(self, data: bytes | memoryview) -> int:
        """See ``Wire``."""
        with _renamed():
            self._push()
            if self._cipher:
                return 0
            taken = self._engine.write(data)
            self._push()
            return taken

    def _push(self) -> None:
        """Move ciphertext on towards the kernel, as far as it takes it."""
        self._cipher += self._out.read()
        while self._cipher and (taken := self._inner.send_some(self._cipher)):
            self._cipher = self._cipher[taken:]

    async def _flush(self) -> None:
        self._push()
        while self._cipher:
            await self._inner.wait_writable()
            self._push()

    async def wait_writable(self) -> None:
        """See ``Wire``."""
        if self._cipher:
            await self._flush()
        else:
            await self._inner.wait_writable()

    def close(self) -> None:
        """See ``Wire``. Says close_notify if the kernel takes it at once."""
        with suppress(ssl.SSLError, WireError):
            try:
                self._engine.unwrap()
            finally:
                self._push()
        self._inner.close()


@contextmanager
def _renamed() -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise WireError(f"the carrier's certificate is not accepted: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise WireError(f"TLS failed: {error.reason or error}") from error
