"""The real daemon as a process of its own: started from a configuration file, asked through its Unix socket.

It is forked from a process that has imported everything (``tests.kit.launcher``), or started ``afresh``, as by hand.

Ready is what it tells systemd (a notification socket of the test's), so nothing here waits for time to pass.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import trio

from tests.kit import launcher

PATIENCE_S: Final = 30
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Never used on a Unix socket; made once, since httpx would read all certificates of the system for each request."""

LINE: Final = """
[[line]]
address = "85700"
name = "Acme Alerts"
carriers = ["acme"]
unknown = "allow"
stop_reply = "Acme Alerts: you are unsubscribed and will receive no more messages."
start_reply = "Acme Alerts: you are subscribed again. Reply STOP to end, HELP for help."
help_reply = "Acme Alerts: call 800-555-0100. Reply STOP to end."

[[line.keyword]]
word = "JOIN"
action = "join"
list = "alerts"
user_reply = "You're on the Acme list."
auto_welcome = "Welcome to Acme Alerts! Reply HELP for help, STOP to end."
"""

WELCOME: Final = "Welcome to Acme Alerts! Reply HELP for help, STOP to end."
ON_THE_LIST: Final = "You're on the Acme list."
STOPPED: Final = "Acme Alerts: you are unsubscribed and will receive no more messages."
BACK: Final = "Acme Alerts: you are subscribed again. Reply STOP to end, HELP for help."
HELP: Final = "Acme Alerts: call 800-555-0100. Reply STOP to end."


def write_config(folder: Path, port: int, *, carrier: str = "", lines: str = LINE) -> Path:
    """Write the usual configuration: one line over one carrier on ``port``; ``carrier`` adds keys to the carrier."""
    file = folder / "gateway.toml"
    file.write_text(
        f"""
[gateway]
node = "gw1"
state_dir = "state"

[http]
listen = []

[[carrier]]
name = "acme"
port = {port}
system_id = "demo"
password = "secret"
reconnect_gap_s = 0.1
window = 10
{carrier}
{lines}
"""
    )
    return file


class Daemon:
    """A running daemon. ``lines`` are what it logged."""

    def __init__(self, process: trio.Process | launcher.Process, folder: Path, notices: trio.socket.SocketType) -> None:
        self.process = process
        self.log: list[str] = []
        self._heard = trio.lowlevel.ParkingLot()
        self._socket = folder / "state" / "gateway.sock"
        self._notices = notices

    async def told(self, word: str) -> None:
        """Wait until systemd would have been told ``word``."""
        with trio.fail_after(PATIENCE_S):
            while True:
                if word.encode() in (await self._notices.recv(4096)).split(b"\n"):
                    return

    async def said(self, *words: str) -> None:
        """Wait until it has logged a line with these words: what it does may be seen before what it says of that."""
        with trio.fail_after(PATIENCE_S):
            while not any(all(word in line for word in words) for line in self.log):
                await self._heard.park()

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask over the Unix socket, as the local user."""
        transport = httpx.AsyncHTTPTransport(uds=str(self._socket), verify=NO_TLS)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE_S) as client:
            return await client.request(method, path, **options)

    async def send(self, text: str, to: str = "+12125550101", **more: Any) -> httpx.Response:
        """Ask for a text to be sent."""
        return await self.request("POST", "/api/v1/messages", json={"line": "85700", "to": to, "text": text, **more})

    async def state(self, message_id: str) -> str:
        """Return the state of a message."""
        return str((await self.request("GET", f"/api/v1/messages/{message_id}")).json()["state"])

    async def consent(self, number: str = "+12125550101") -> str:
        """Return the consent status of a number."""
        return str((await self.request("GET", f"/api/v1/consents/85700/{number}")).json()["status"])

    async def ended(self) -> int:
        """Wait for the process to end; return its status."""
        with trio.fail_after(PATIENCE_S):
            return await self.process.wait()

    async def terminate(self) -> int:
        """SIGTERM, and wait."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """SIGKILL, and wait."""
        self.process.kill()
        await self.ended()

    async def _watch(self) -> None:
        """A daemon that ends before its time fails the test with what it said."""
        if await self.process.wait() not in (0, -signal.SIGKILL, -signal.SIGTERM):
            raise AssertionError("\n".join([f"the daemon ended with {self.process.returncode}", *self.log]))

    async def _read(self) -> None:
        assert self.process.stderr is not None
        rest = b""
        async for chunk in self.process.stderr:
            *whole, rest = (rest + bytes(chunk)).split(b"\n")
            self.log += [line.decode() for line in whole]
            self._heard.unpark_all()


@asynccontextmanager
async def daemon(file: Path, *, ready: bool = True, afresh: bool = False) -> AsyncIterator[Daemon]:
    """Run ``gateway run`` on a configuration; it is killed at the end of the block if it still runs."""
    address = str(file.parent / "notify.sock")
    await trio.Path(address).unlink(missing_ok=True)
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        await notices.bind(address)
        async with trio.open_nursery() as nursery:
            environment = {**os.environ, "NOTIFY_SOCKET": address}
            process: trio.Process | launcher.Process
            if afresh:
                command = [sys.executable, "-m", "gateway", "run", "-c", str(file)]
                process = await trio.lowlevel.open_process(command, stderr=-1, env=environment)
            else:
                process = await launcher.launch("run", "-c", str(file), env=environment)
            running = Daemon(process, file.parent, notices)
            nursery.start_soon(running._read)
            try:
                if ready:
                    nursery.start_soon(running._watch)
                    await running.told("READY=1")
                yield running
            finally:
                if process.returncode is None:
                    process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()
            nursery.cancel_scope.cancel()
