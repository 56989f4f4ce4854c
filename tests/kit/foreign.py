"""Drives the peers of ``tests/peers``: SMPP implementations that are not ours, each a process of its own.

A peer is one file, found by itself: everything in ``carriers`` and ``clients`` that ends in .js, .pl or .py. It speaks
lines of JSON (``tests/peers/lines.py`` tells how) and says first which library it is, of which version, and what that
library cannot do (``below``). Nothing here sleeps: waiting is for an event, and a time limit only turns a hang into a
failure that shows what was heard.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final, TypeVar

import trio

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ROOT / "tests" / "peers"
PATIENCE_S: Final = 30

Event = Mapping[str, Any]
P = TypeVar("P", bound="Peer")


def carriers() -> list[Path]:
    """Return the peers that play a carrier."""
    return _found("carriers")


def clients() -> list[Path]:
    """Return the peers that bind to one."""
    return _found("clients")


def _found(folder: str) -> list[Path]:
    files = sorted(file for kind in ("js", "pl", "py") for file in (PEERS / folder).glob(f"[a-z]*.{kind}"))
    assert files, f"no peers in {folder}"
    return files


def name_of(peer: Path) -> str:
    """Return what a test's id calls a peer."""
    return peer.stem


def _command(peer: Path) -> list[str]:
    """Return how a peer is run."""
    if peer.suffix == ".py":
        return [sys.executable, "-m", ".".join(peer.relative_to(ROOT).with_suffix("").parts)]
    interpreter = shutil.which({".js": "node", ".pl": "perl"}[peer.suffix])
    assert interpreter is not None, f"nothing runs {peer.name}; `make test` installs what does"
    return [interpreter, str(peer)]


class Peer:
    """A running peer. ``events`` are all that it reported, oldest first; ``hello`` is the first of them."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._heard = trio.Condition()
        self._next_id = 0
        self.ended = False
        self.events: list[Event] = []

    @property
    def hello(self) -> Event:
        return self.events[0]

    @property
    def library(self) -> str:
        return str(self.hello["library"])

    @property
    def port(self) -> int:
        """Where a carrier listens."""
        return int(self.hello["port"])

    async def command(self, **command: Any) -> None:
        """Have one command carried out: ``command(deliver={...}, ref="a")``, ``command(unbind=True)``.

        Raises RuntimeError with the peer's words where it could not be.
        """
        self._next_id += 1
        mine = self._next_id
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps({"id": mine, **command}).encode() + b"\n")
        done = await self.wait("done", lambda event: event["id"] == mine)
        if "error" in done:
            raise RuntimeError(f"the peer could not: {done['error']}")

    def named(self, kind: str, since: int = 0, **fields: Any) -> list[Event]:
        """Return the events of ``kind`` from index ``since`` on that have these fields."""
        return [
            event
            for event in self.events[since:]
            if event["event"] == kind and all(event.get(name) == value for name, value in fields.items())
        ]

    async def wait(self, kind: str, fits: Callable[[Event], bool] = lambda _event: True, since: int = 0) -> Event:
        """Return the first event of ``kind`` from index ``since`` on that fits; wait for it if it has yet to come."""
        await self.until(lambda: any(fits(event) for event in self.named(kind, since)), kind)
        return next(event for event in self.named(kind, since) if fits(event))

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait until ``condition`` holds; it is asked again after everything that the peer reports."""
        try:
            with trio.fail_after(PATIENCE_S):
                async with self._heard:
                    while not condition():
                        assert not self.ended, f"the peer ended before {what or condition}"
                        await self._heard.wait()
        except trio.TooSlowError:
            raise AssertionError(f"waited in vain for {what or condition}; last: {self.events[-10:]}") from None

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        async for chunk in self._process.stdout:
            *lines, rest = (rest + bytes(chunk)).split(b"\n")
            async with self._heard:
                self.events += [json.loads(line) for line in lines]
                self._heard.notify_all()
        async with self._heard:
            self.ended = True
            self._heard.notify_all()


@asynccontextmanager
async def running(make: Callable[[trio.Process], P], peer: Path, *arguments: str) -> AsyncIterator[P]:
    """Run a peer until the end of the block. ``make`` is the class that drives it."""
    async with trio.open_nursery() as nursery:
        command = [*_command(peer), *arguments]
        start = partial(trio.run_process, command, stdin=PIPE, stdout=PIPE, check=False, cwd=ROOT)
        process: trio.Process = await nursery.start(start)
        driver = make(process)
        nursery.start_soon(driver._listen)
        await driver.until(lambda: bool(driver.events), f"{peer.name} to say what it is")
        try:
            yield driver
        finally:
            nursery.cancel_scope.cancel()


def parts_of(event: Event) -> tuple[int, int, int]:
    """Return (reference, total, number) of a part, from its user data header; (0, 1, 1) of a text without."""
    for element in event["udh"]:
        octets = bytes.fromhex(element)
        if octets[:2] == b"\x00\x03":
            return octets[2], octets[3], octets[4]
        if octets[:2] == b"\x08\x04":
            return int.from_bytes(octets[2:4], "big"), octets[4], octets[5]
    return 0, 1, 1


def joined(events: list[Event]) -> str:
    """Return the text of parts that were reported in any order."""
    return "".join(event["text"] for event in sorted(events, key=parts_of))


def cut_up(text: str, reference: int = 7, size: int = 67) -> list[tuple[str, str]]:
    """Cut a text for UCS-2 as telephones do: (text, user data header in hexadecimal), no surrogate pair divided."""
    bodies: list[str] = []
    body = ""
    for character in text:
        if len((body + character).encode("utf-16-be")) > 2 * size:
            bodies.append(body)
            body = ""
        body += character
    bodies.append(body)
    return [
        (body, bytes((5, 0, 3, reference, len(bodies), number)).hex()) for number, body in enumerate(bodies, start=1)
    ]
