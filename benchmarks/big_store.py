"""A big store: does a start take longer, does memory follow, does an ack wait?

    python -m benchmarks.big_store [--consents 10000000] [--queued 1000000] [--finished 0] [--rate 100] [--seconds 20]

Fills a SQLite store by SQL in a temporary folder (some 250 octets a consent row; ``--keep FOLDER`` uses it again), runs
the real daemon on it against a carrier of our own that counts, and prints: seconds from the start of the process to the
first bind (and of the processor until then), resident set at the bind and at the end, and how long texts waited for ack
and reply while the queue drained. ``--max-per-second`` slows the draining down, so that the backlog stays. Compare with
``--consents 0 --queued 0``: the difference is what size costs. What ``--finished`` makes is older than five years, so
that retention deletes it meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from gateway.smpp.codec import decode, encode
from gateway.smpp.framing import Framer
from gateway.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.options import StoreOptions
from gateway.store.schema import migrate

LINE = 1
FIRST = 12_000_000_000
STEP = 500_000

CONFIG = """
[gateway]
node = "gw1"
state_dir = "state"
max_backlog = 100_000_000

[log]
level = "warning"

[http]
listen = []

[[carrier]]
name = "acme"
port = {port}
system_id = "demo"
password = "secret"
window = 100
max_per_second = {max_per_second}

[[line]]
address = "85700"
name = "Acme Alerts"
carriers = ["acme"]
unknown = "allow"
reply_limit = "100/s"
stop_reply = "Acme Alerts: you are unsubscribed and will receive no more messages."
start_reply = "Acme Alerts: you are subscribed again. Reply STOP to end, HELP for help."
help_reply = "Acme Alerts: call 800-555-0100. Reply STOP to end."

[[line.keyword]]
word = "JOIN"
action = "join"
list = "alerts"
user_reply = "You're on the Acme list."
"""

CONSENTS = """
with recursive n (i) as (select ? union all select i + 1 from n where i + 1 < ?)
insert into consent (line_id, subscriber, account_id, status, since, source, opt_outs, keywords, latest_mo,
    latest_carrier, latest_session, latest_fingerprint, latest_at, last_carrier)
select 1, '+' || (12000000000 + i), 1, case when i % 10 = 3 then 2 else 1 end, 1790000000.0 + i, 'text', i % 10 = 3,
    '{"JOIN": 0}', i, 'acme', 'gw1-1-acme/0-1', randomblob(16), 1790000000.0 + i, 'acme' from n
"""
QUEUED = """
with recursive n (i) as (select ? union all select i + 1 from n where i + 1 < ?)
insert into message (id, account_id, line_id, subscriber, direction, state, lane, claim, text, created_at, updated_at,
    opt_outs, segments, actor)
select i + ?, 1, 1, '+' || (12000000000 + i * 10 + 1), 1, 0, 4, 1, 'Acme Alerts: our autumn sale ends on Sunday, all '
    || 'is cheaper until then. Reply STOP to end.', 1790000000.0 + i / 1e3, 1790000000.0 + i / 1e3, 0, 1, 'crm' from n
"""
FINISHED = """
with recursive n (i) as (select ? union all select i + 1 from n where i + 1 < ?)
insert into message (id, account_id, line_id, subscriber, direction, state, lane, claim, text, created_at, updated_at,
    opt_outs, segments, attempts, actor, carrier)
select i + 1, 1, 1, '+' || (12000000000 + abs(random()) % 10000000), 1, 3, 4, 1, 'Acme Alerts: our summer sale ends '
    || 'on Sunday, all is cheaper until then. Reply STOP to end.', 1600000000.0 + i, 1600000000.0 + i, 0, 1, 1, 'crm',
    'acme' from n
"""
PERMITS = """
insert into permit (id, account_id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds,
    opt_outs, minted_at, dies_at, fate, carrier_id, settled_at, receipt_state, receipt_at)
select id, 1, id, 1, 1, subscriber, 'acme', 'acme/0', 'gw1', 1, 1, 0, created_at, 0, 1, lower(hex(randomblob(8))),
    created_at, 3, created_at + 5 from message where id > ? and id <= ?
"""


def fill(folder: Path, consents: int, queued: int, finished: int) -> None:
    """Make the store; rows go in by key, as fast as SQLite writes them."""
    folder.mkdir(parents=True)
    engine = SqliteEngine(StoreOptions(), folder)
    handle = engine.open_writer()
    migrate(handle, str(folder))
    engine.close(handle)
    connection = sqlite3.connect(engine.path, isolation_level=None)
    connection.executescript("pragma synchronous = off; pragma cache_size = -500000; pragma wal_autocheckpoint = 50000")
    connection.execute("insert into line (id, address, origin, created_at) values (1, '85700', 'file', 1790000000)")
    for name, sql, count, more in (
        ("finished", FINISHED, finished, ()),
        ("consents", CONSENTS, consents, ()),
        ("queued", QUEUED, queued, (finished + 1,)),
    ):
        for at in range(0, count, STEP):
            end = min(count, at + STEP)
            connection.execute(sql, (at, end, *more))
            if name == "finished":
                connection.execute(PERMITS, (at, end))
            print(f"{name}: {end:,} of {count:,}", file=sys.stderr)
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


class Carrier:
    """A carrier that accepts all, and counts."""

    def __init__(self) -> None:
        self.bound_at = 0.0
        self.submits = 0
        self.sent: dict[int, float] = {}
        self.asked: dict[str, float] = {}
        self.acks: list[float] = []
        self.replies: list[float] = []
        self.refused = 0
        self.up = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._sequence = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                out = [self._answer(frame) for frame in framer.feed(data)]
                writer.write(b"".join(out))
                if self.bound_at and self._writer is None:
                    self._writer = writer
                    self.up.set()
        writer.close()

    def _answer(self, frame: bytes) -> bytes:
        read = decode(frame)
        now = time.perf_counter()
        match read.pdu:
            case BindTransceiver():
                self.bound_at = now
                return encode(BindTransceiverResp(system_id="carrier"), read.sequence)
            case SubmitSm():
                self.submits += 1
                if (asked := self.asked.pop(read.pdu.destination_addr, None)) is not None:
                    self.replies.append(now - asked)
                return encode(SubmitSmResp(message_id=f"{self.submits:x}"), read.sequence)
            case DeliverSmResp():
                self.acks.append(now - self.sent.pop(read.sequence))
                self.refused += read.status != 0
            case EnquireLink():
                return encode(EnquireLinkResp(), read.sequence)
            case Unbind():
                return encode(UnbindResp(), read.sequence)
        return b""

    def text(self, number: str, text: bytes) -> None:
        assert self._writer is not None
        self._sequence += 1
        now = time.perf_counter()
        self.sent[self._sequence] = now
        self.asked[number] = now
        mo = DeliverSm(
            source_addr_ton=1, source_addr_npi=1, source_addr=number, destination_addr="85700", short_message=text
        )
        self._writer.write(encode(mo, self._sequence))


def resident(pid: int) -> dict[str, int]:
    """Return the resident set and its peak in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    named = dict(line.split(":", 1) for line in lines)
    return {"rss_mb": int(named["VmRSS"].split()[0]) // 1024, "peak_mb": int(named["VmHWM"].split()[0]) // 1024}


def quantiles(values: list[float]) -> dict[str, float]:
    """Return milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return {}
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[min(last, int(share * len(ordered)))] * 1e3, 2) for name, share in shares.items()}


async def measure(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    carrier = Carrier()
    server = await asyncio.start_server(carrier.serve, "127.0.0.1", 0)
    file = folder / "gateway.toml"
    port = server.sockets[0].getsockname()[1]
    file.write_text(CONFIG.format(port=port, max_per_second=args.max_per_second))
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "gateway", "run", "-c", str(file))
    await asyncio.wait_for(carrier.up.wait(), 120)
    result: dict[str, object] = {
        "start_to_bound_s": round(carrier.bound_at - begun, 3),
        "cpu_to_bound_s": cpu_seconds(process.pid),
    }
    await asyncio.sleep(1)
    result["after_bind"] = resident(process.pid)
    draw = random.Random()  # noqa: S311 - not those of a run before: the same text again is a redelivery
    texts = (b"JOIN", b"STOP", b"HELP", b"what is this", b"START")
    cpu = cpu_seconds(process.pid)
    started = time.perf_counter()
    submits = carrier.submits
    for nth in range(int(args.rate * args.seconds)):
        number = f"{FIRST + draw.randrange(max(args.consents, 1_000_000))}"
        carrier.text(number, texts[nth % len(texts)])
        await asyncio.sleep(max(0.0, started + (nth + 1) / args.rate - time.perf_counter()))
    took = time.perf_counter() - started
    await asyncio.sleep(1)
    result |= {
        "cpu_share": round((cpu_seconds(process.pid) - cpu) / (took + 1), 3),
        "submits_per_s": round((carrier.submits - submits) / (took + 1)),
        "at_end": resident(process.pid),
        "texts": int(args.rate * args.seconds),
        "acked": len(carrier.acks),
        "refused": carrier.refused,
        "ack": quantiles(carrier.acks),
        "reply": quantiles(carrier.replies),
        "wal_mb": (folder / "state/gateway.db-wal").stat().st_size // 1_000_000,
        "db_mb": (folder / "state/gateway.db").stat().st_size // 1_000_000,
    }
    process.send_signal(signal.SIGTERM)
    await process.wait()
    server.close()
    return result


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, usual in (("consents", 10_000_000), ("queued", 1_000_000), ("finished", 0), ("max-per-second", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        if not (folder / "state").exists():
            fill(folder / "state", args.consents, args.queued, args.finished)
        print(json.dumps(asyncio.run(measure(folder, args)), indent=1))


if __name__ == "__main__":
    main()
