"""``gateway bench``: how fast is the gateway on this machine, with everything on?"""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import trio

from gateway.base import GatewayError
from gateway.cli.app import version
from gateway.cli.options import json_option
from gateway.cli.output import show_json
from gateway.daemon.bench import BenchPlan
from gateway.daemon.bench import bench as measure
from gateway.daemon.bench_result import is_whole
from gateway.daemon.bench_store import FILE

EX_NOT_WHOLE: Final = 1
MEMORY_MS: Final = 0.01
"""A disk that syncs faster is none."""


class EndedError(GatewayError):
    """SIGTERM came."""

    exit_code = 143  # 128 + SIGTERM, as shells say it


@click.command(name="bench")
@click.option(
    "--window", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Un-acked PDUs at a time."
)
@click.option("--rate", type=click.FloatRange(0.1), metavar="N", help="Texts a second; without it, as many as go.")
@click.option("--seconds", type=click.FloatRange(0.1), default=10.0, show_default=True, help="How long to text.")
@click.option("--rtt", type=click.FloatRange(0, 10_000), default=0.0, metavar="MS", help="Round trip to the carrier.")
@click.option("--mt", type=click.IntRange(1, 10_000_000), metavar="N", help="Send N queued messages, as a broadcast.")
@click.option(
    "--consents", type=click.IntRange(0, 20_000_000), default=0, metavar="N", help="Rows in the store before."
)
@click.option("--welcome", is_flag=True, help="Give the keyword a welcome: a JOIN gets two answers.")
@click.option("--rough", is_flag=True, help="Let the carrier cut, throttle and dawdle at random.")
@click.option("--store", metavar="URL", default=FILE, show_default=True, help="Where the store is, as in [store] url.")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make the temporary files in this folder: its disk is measured.",
)
@json_option
def bench(
    window: int,
    rate: float | None,
    seconds: float,
    rtt: float,
    mt: int | None,
    consents: int,
    welcome: bool,
    rough: bool,
    store: str,
    state_dir: Path | None,
    as_json: bool,
) -> int:
    """Measure how fast the gateway is on this machine.

    It starts a gateway with a store of its own, and a carrier that texts JOIN, STOP, START, HELP and chatter from
    numbers that do not repeat; each text gets one answer. Everything is on, and each ack is a synced commit. All that
    it makes is removed. Where there are two cores, the gateway has one to itself. On a server that --store
    names (a postgresql URL), a database is made and dropped.

    Times are from the moment when a text was due (--rate), or was sent, and include the round trip. With --mt, N
    messages wait for N subscribers who have opted in; while they go out, 50 subscribers a second text STOP. The
    window is then the gateway's. With --mt and --rate, the usual texts come instead, for --seconds.

    Exit status 1 says that a text was lost or answered twice, or that something went out after the ack of a STOP.

    \b
    Example:
      gateway bench                                  as many as it takes
      gateway bench --rate 200 --seconds 30          latency under a steady load
      gateway bench --mt 100000 --rtt 20             a broadcast, to a carrier 20 ms away
      gateway bench --consents 1000000 --json        a store with a million subscribers
    """
    if rough and mt:
        raise click.UsageError("--rough and --mt exclude each other")
    plan = BenchPlan(
        window=window,
        rate=rate or 0.0,
        seconds=seconds,
        rtt_s=rtt / 1e3,
        consents=consents,
        broadcast=mt or 0,
        url=store,
        folder=state_dir,
        welcome=welcome,
        rough=rough,
    )
    found = trio.run(_until_ended, plan)
    if as_json:
        show_json(found)
    else:
        for line in _report(found):
            click.echo(line)
    return 0 if is_whole(found) else EX_NOT_WHOLE


COMMAND = bench


async def _until_ended(plan: BenchPlan) -> dict[str, Any]:
    """Measure; SIGTERM and Ctrl-C end it in order."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end, signals)
            found = await measure(plan, version(), partial(_say, live=sys.stderr.isatty()))
            nursery.cancel_scope.cancel()
    return found


async def _end(signals: Any) -> None:
    async for number in signals:
        if number == signal.SIGINT:  # Python's own may come up where exceptions are lost: in a finalizer
            raise KeyboardInterrupt
        raise EndedError("ended by SIGTERM; nothing is left behind")


def _say(line: str, *, live: bool) -> None:
    """Show how far it is, on one line of a terminal; a pipe is not filled with it."""
    if live:
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)


def _report(found: Mapping[str, Any]) -> Iterator[str]:
    """Lay the figures out for people."""
    plan, machine, gateway, mo, mt = (found[key] for key in ("plan", "machine", "gateway", "mo", "mt"))
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)
    pinned = "the gateway has one to itself" if plan["pinned"] else "shared"
    yield f"machine     {machine['cpu']}, cores: {machine['cores']} ({pinned}), Python {machine['python']}"
    yield (
        f"yardsticks  fdatasync {machine['fdatasync_ms']:.3f} ms, interpreter {machine['cpu_us']:.2f} us a round"
        + (" (that is memory, not a disk: name a folder with --state-dir)" if _is_memory(plan, machine) else "")
    )
    bound = f"bound {found['start_s']:.2f} s after the start"
    yield f"store       {plan['store']}, {plan['consents']:,} consent rows; {bound}"
    pace = f"{plan['rate']:g} texts a second" if plan["rate"] else "as many as go"
    yield f"load        {pace}, window {plan['window']}, round trip {plan['rtt_ms']:g} ms"
    yield ""
    yield f"{'':10}  {'per second':>10}  {'p50 ms':>8}  {'p95 ms':>8}  {'p99 ms':>8}  {'max ms':>8}"
    if mt is not None:
        yield _row("broadcast", mt["per_s"], None)
    if mt is not None and not plan["rate"]:
        yield _row("STOP", mo["per_s"], mt["stop_ms"])
    else:
        yield _row("acks", mo["acked_per_s"], mo["ack_ms"])
        yield _row("answers", mo["per_s"], mo["reply_ms"])
    yield ""
    counts = f"{mo['sent']:,} sent, {mo['answered']:,} answered, {mo['lost']} lost, {mo['twice']} answered twice"
    yield f"texts       {counts}, {mo['unacked']} not acked, {mo['refused']} put off"
    if mt is not None:
        yield (
            f"broadcast   {mt['received']:,} of {plan['mt']:,} received, {mt['twice']} twice, "
            f"{mt['after_stop']} after the ack of a STOP"
        )
    if plan["rough"]:
        moods = ", ".join(f"{name} {count}" for name, count in mo["moods"].items())
        yield f"carrier     {moods}; {mo['again']} answers again, since their response was lost"
    share = f"{gateway['core_share'] * 100:.0f} % of a core"
    yield f"cpu         {gateway['cpu_s_per_10k']:.2f} s per 10,000 messages, {share}"
    most = gateway["most_jobs_per_commit"]
    yield (
        f"commits     {gateway['commits']:,} of {gateway['commit_ms']:.2f} ms, "
        f"{gateway['messages_per_commit']:.1f} messages each (jobs: {gateway['jobs_per_commit']:.1f}, "
        f"most {'over 5,000' if most is None else f'up to {most:,}'})"
    )
    yield f"memory      {gateway['rss_mb']:.0f} MB, at most {gateway['rss_max_mb']:.0f} MB"


def _row(name: str, per_s: float, times: Mapping[str, float] | None) -> str:
    cells = [f"{times[key]:8.2f}" for key in ("p50", "p95", "p99", "max")] if times else []
    return "  ".join([f"{name:10}", f"{math.floor(per_s):>10,}", *cells])


def _is_memory(plan: Mapping[str, Any], machine: Mapping[str, Any]) -> bool:
    return bool(plan["store"] == "sqlite" and machine["fdatasync_ms"] < MEMORY_MS)
