"""Drives ``tests/peers/smsc.js``: an SMSC that is not ours, as a process of its own.

``async with node_smsc() as smsc`` starts it; ``smsc.port`` is where it listens; ``smsc.command(deliver={...})`` tells
it what to do; every event that it reports is kept in ``smsc.events``, and ``await smsc.wait(...)`` returns the next one
that fits. Nothing here sleeps: waiting is for an event, and a time limit only turns a hang into a failure.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import trio

PEERS: Final = Path(__file__).parents[1] / "peers"
PATIENCE_S: Final = 30

Event = Mapping[str, Any]


class NodeSmsc:
    """The running peer. ``events`` are all that it reported, oldest first; ``port`` is where it listens."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._heard = trio.Condition()
        self._next_id = 0
        self.events: list[Event] = []
        self.port = 0

    async def command(self, **command: Any) -> None:
        """Have one command of smsc.js carried out: ``command(deliver={...}, ref="a")``, ``command(cut=True)``.

        Raises RuntimeError with the peer's words where it could not be.
        """
        self._next_id += 1
        mine = self._next_id
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps({"id": mine, **command}).encode() + b"\n")
        done = await self.wait("done", lambda event: event["id"] == mine)
        if "error" in done:
            raise RuntimeError(f"the peer could not: {done['error']}")

    async def text(self, subscriber: str, line: str, text: str, ref: str = "") -> Event:
        """Deliver a text and return the gateway's answer to it."""
        ref = ref or f"text-{self._next_id}"
        seen = len(self.events)
        await self.command(
            deliver={"source_addr": subscriber, "destination_addr": line, "short_message": text}, ref=ref
        )
        return await self.wait("deliver_sm_resp", lambda event: event["ref"] == ref, since=seen)

    async def wait(self, kind: str, fits: Callable[[Event], bool] = lambda _event: True, since: int = 0) -> Event:
        """Return the first event of ``kind`` from index ``since`` on that fits; wait for it if it has yet to come."""
        with trio.fail_after(PATIENCE_S):
            async with self._heard:
                while True:
                    for event in self.events[since:]:
                        if event["event"] == kind and fits(event):
                            return event
                    since = max(since, len(self.events))
                    await self._heard.wait()

    def submits(self, subscriber: str | None = None) -> list[str]:
        """Return the texts that were submitted so far, to ``subscriber`` alone if one is named."""
        return [
            event["text"]
            for event in self.events
            if event["event"] == "submit_sm" and subscriber in (None, event["destination_addr"])
        ]

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        async for chunk in self._process.stdout:
            *lines, rest = (rest + bytes(chunk)).split(b"\n")
            async with self._heard:
                self.events += [json.loads(line) for line in lines]
                self._heard.notify_all()


@asynccontextmanager
async def node_smsc(port: int = 0) -> AsyncIterator[NodeSmsc]:
    """Run the peer on 127.0.0.1, on ``port`` or on a free one; it ends with the block."""
    node = shutil.which("node")
    assert node is not None, "node is missing; `make test` installs it"
    assert (PEERS / "node_modules" / "smpp").is_dir(), "the peers are missing; `make test` installs them"
    async with trio.open_nursery() as nursery:
        start = partial(
            trio.run_process, [node, str(PEERS / "smsc.js"), str(port)], stdin=PIPE, stdout=PIPE, check=False
        )
        process: trio.Process = await nursery.start(start)
        smsc = NodeSmsc(process)
        nursery.start_soon(smsc._listen)
        smsc.port = (await smsc.wait("listening"))["port"]
        try:
            yield smsc
        finally:
            nursery.cancel_scope.cancel()
