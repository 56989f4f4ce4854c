"""Several nodes on one PostgreSQL database: their configuration, and what they wrote, in its order.

Nodes that run inside the test's process share its loop, so what all of their binds wrote has one order: the order in
which the kernel took it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import trio

from gateway.carriers.carrier import Carrier
from gateway.daemon.daemon import Running
from gateway.smpp.codec import decode
from gateway.smpp.framing import Framer
from gateway.smpp.pdu import Frame
from tests.kit import postgres
from tests.kit.daemon import LINE
from tests.kit.raw_smsc import RawSmsc

FAST = "lease_s = 3"
LOOK_S = 0.02


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of an empty database; the first node that starts makes the schema."""
    with postgres.database() as name:
        yield postgres.server().url(name)


def write_config(
    folder: Path, node: str, url: str, port: int, *, store: str = FAST, carrier: str = "binds = 2", lines: str = LINE
) -> Path:
    """Write the configuration of one node into a folder of its own; return the file."""
    home = folder / node
    home.mkdir()
    file = home / "gateway.toml"
    file.write_text(
        f"""
[gateway]
node = "{node}"
state_dir = "state"

[store]
url = "{url}"
{store}

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


async def take_binds(smsc: RawSmsc) -> None:
    """Take every bind that comes, until cancelled."""
    while True:
        bind = await smsc.taken.receive()
        await bind.bound()


async def until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until something holds that nobody tells of."""
    for _ in range(int(seconds / LOOK_S)):
        if condition():
            return
        await trio.sleep(LOOK_S)
    raise AssertionError(f"waited in vain for {what}")


def grow_old(url: str) -> None:
    """Let all nodes that are up have been there for long, so that others make room for them at their next heartbeat."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update node set joined_at = joined_at - 1000")


async def spread(nodes: Sequence[Running], url: str) -> None:
    """Wait until each of these nodes, which run in this process, holds one bind of the two."""
    await trio.to_thread.run_sync(grow_old, url)

    def even() -> bool:
        return all([bind.bound for bind in node.flow.carriers[0].binds].count(True) == 1 for node in nodes)

    await until(even, "each node to hold one bind")


@dataclass(frozen=True)
class Piece:
    """One PDU that was written whole: its places in the order of all octets of all binds."""

    bind: str
    frame: Frame
    first: int
    last: int


@dataclass
class Record:
    """What binds wrote. ``pieces`` grows as PDUs are complete."""

    pieces: list[Piece] = field(default_factory=list)
    _written: int = 0

    def watch(self, carriers: Sequence[Carrier]) -> None:
        """Write down what these carriers' binds write from now on, in sessions that begin after this."""
        for carrier in carriers:
            for bind in carrier.binds:
                bind.tap = _Tap(self, bind.name)

    def wrote(self, count: int) -> int:
        """Return the place of the first of ``count`` octets."""
        first = self._written
        self._written += count
        return first


class _Tap:
    def __init__(self, record: Record, bind: str) -> None:
        self._record = record
        self._bind = bind
        self._framer = Framer()
        self._places: list[int] = []

    def __call__(self, direction: str, octets: bytes) -> None:
        if direction != "out":
            return
        first = self._record.wrote(len(octets))
        self._places += range(first, first + len(octets))
        for whole in self._framer.feed(octets):
            places, self._places = self._places[: len(whole)], self._places[len(whole) :]
            frame = decode(whole)
            self._record.pieces.append(Piece(self._bind, frame, places[0], places[-1]))
