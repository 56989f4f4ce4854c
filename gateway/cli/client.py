"""One way to the gateway's desk for every command: the daemon's Unix socket, or the store itself where none runs.

Both speak the same routes. With a daemon, requests go through ``gateway.sock`` in the state folder, and the kernel
tells the daemon who asks. Without one, the same application is served in this process on the store, whose single-owner
lock is held meanwhile. So a command is written once, and cannot do without a daemon what it could not do with one.

A daemon has read its configuration, and must be reachable (to be braked, say) while somebody edits the file: with one,
nothing but ``state_dir`` is needed of the file.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import httpx
import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.base import GatewayError
from gateway.cli.app import version
from gateway.cli.output import show_json
from gateway.config import Config, ConfigErrors, load
from gateway.config.folder import state_folder
from gateway.config.options import socket_in
from gateway.daemon.offline import offline_flow
from gateway.store.engines import find_engine
from gateway.telemetry import LogOptions, configure_logs
from gateway.web.access import PEER, Authority, Peer
from gateway.web.app import build_app

T = TypeVar("T")
TIMEOUT_S: Final = 60.0
BASE: Final = "http://gateway"

# sysexits(3)
EX_DATAERR: Final = 65
EX_UNAVAILABLE: Final = 69
EX_SOFTWARE: Final = 70
EX_TEMPFAIL: Final = 75
EX_NOPERM: Final = 77


class RefusedError(GatewayError):
    """What the gateway answered instead of doing it: an RFC 9457 problem."""

    def __init__(self, problem: Mapping[str, Any], status: int) -> None:
        self.problem = problem
        self.exit_code = _exit_code(status)
        title = str(problem.get("title", f"HTTP status {status}"))
        parts = [title if problem.get("errors") else str(problem.get("detail") or title)]
        for fault in problem.get("errors") or ():
            parts.append(f"{fault.get('pointer')} {fault.get('detail')}, expected {fault.get('expected')}")
        if problem.get("since"):
            parts.append(f"since {problem['since']}, by {problem.get('source', 'unknown')}")
        super().__init__("; ".join(part.rstrip(".") for part in parts if part))


class UnreachableError(GatewayError):
    """The daemon's socket is there and does not answer."""

    exit_code = EX_UNAVAILABLE
    transient = True


class NotOursError(GatewayError):
    """What belongs to the gateway's user is not for us to touch."""

    exit_code = EX_NOPERM


def _exit_code(status: int) -> int:
    if status in (401, 403):
        return EX_NOPERM
    if status in (408, 429, 503):
        return EX_TEMPFAIL
    return EX_SOFTWARE if status >= 500 else EX_DATAERR


class Client:
    """Asks for JSON and returns it; whatever is not a success is raised."""

    def __init__(self, http: httpx.AsyncClient, running: bool) -> None:
        self._http = http
        self.running = running  # whether a daemon does the work, and so sends what is accepted

    async def get(self, path: str, **query: object) -> Any:
        """GET ``path``; parameters that are None are left out."""
        return await self._ask("GET", path, params={key: str(item) for key, item in query.items() if item is not None})

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST ``body`` as JSON; members that are None are left out."""
        return await self._ask("POST", path, json={key: item for key, item in body.items() if item is not None})

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """PUT ``body`` as JSON."""
        return await self._ask("PUT", path, json=dict(body))

    async def delete(self, path: str) -> Any:
        """DELETE ``path``."""
        return await self._ask("DELETE", path)

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = await self._http.request(method, path, **request)
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise UnreachableError(
                f"the running gateway does not answer on its socket ({said}); is it stopping?"
            ) from error
        if answer.is_success:
            return answer.json()
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        raise RefusedError(problem if isinstance(problem, dict) else {}, answer.status_code)


def ask(config: Path, work: Callable[[Client], Awaitable[T]], *, begins: bool = False) -> T:
    """Run ``work`` with a client for the gateway of this configuration file, and return what it returns.

    With ``begins``, a store is made where there is none; a command that has nothing to store must not ask for that.
    """
    return ask_at(find(config), work, begins=begins)


def ask_at(place: Config | Path, work: Callable[[Client], Awaitable[T]], *, begins: bool = False) -> T:
    """As ``ask``, of what ``find`` has found."""
    return trio.run(partial(_work, place, work, begins=begins))


def find(file: Path) -> Config | Path:
    """Return the socket of the daemon that runs with this file; where none does, the configuration, whole and checked.

    What is wrong with the file is a warning beside a running daemon, else it raises ConfigErrors.
    """
    try:
        config = load(file, secrets=False)
    except ConfigErrors as errors:
        folder = state_folder(file)
        if folder is None or not listening(path := socket_in(folder)):
            raise
        many = f"{len(errors.problems)} problem{'s' if len(errors.problems) > 1 else ''}"
        click.echo(
            f"warning: {file} has {many}, which `gateway check` tells; this asks the running gateway, "
            "which goes by the configuration that it last read",
            err=True,
        )
        return path
    return config.socket_path if listening(config.socket_path) else config


async def _work(place: Config | Path, work: Callable[[Client], Awaitable[T]], *, begins: bool) -> T:
    async with reach(place, begins=begins) as client:
        try:
            return await work(client)
        except RefusedError as refused:
            if click.get_current_context().params.get("as_json"):
                show_json(refused.problem)  # for the program; the sentence on stderr is for whoever looks on
            raise


@asynccontextmanager
async def reach(place: Config | Path, *, begins: bool) -> AsyncIterator[Client]:
    """Reach the daemon behind a socket, or a configuration's store. Raises GatewayError where it may not be touched."""
    if isinstance(place, Path):
        transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(uds=str(place))
        async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=TIMEOUT_S) as http:
            yield Client(http, running=True)
        return
    config = place
    own(config.state_dir)
    made = find_engine(config.store, config.state_dir).missing()
    configure_logs(LogOptions(level="warning", format=config.log.format), node=config.gateway.node)
    async with offline_flow(config, begins=begins) as flow:
        if made:
            click.echo(f"There was no store at {made}; this has begun one.", err=True)
        app = build_app(flow.desk, flow.restoring, Authority(()), lambda: (b"", "text/plain"), version=version())
        transport = httpx.ASGITransport(app=_as_local_user(app))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
            yield Client(http, running=False)


def listening(path: Path) -> bool:
    """Return whether a daemon listens on the socket at ``path``. Raises GatewayError where we may not ask."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return False
        except OSError as error:
            raise NotOursError(
                f"{path} may not be used: {error.strerror}; run this as the gateway's user or root"
            ) from error
    return True


def own(folder: Path) -> None:
    """Raise GatewayError unless the state folder is ours, or there is none: its owner could not write what we wrote."""
    try:
        owner = folder.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return
    if owner != os.geteuid():
        raise NotOursError(
            f"{folder} belongs to another user; no gateway is running, so this works on the store itself: "
            "run it as the user who owns that folder"
        )


def _as_local_user(app: ASGIApp) -> ASGIApp:
    """Say who asks, as the daemon's socket would: this process."""
    peer = Peer(os.getpid(), os.geteuid(), os.getegid())

    async def with_peer(scope: Scope, receive: Receive, send: Send) -> None:
        scope[PEER] = peer
        await app(scope, receive, send)

    return with_peer
