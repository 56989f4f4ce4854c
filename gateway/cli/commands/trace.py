"""``gateway trace``: what goes over the binds of the running gateway, PDU by PDU.

It asks the daemon again and again for what came after the last answer, so the daemon holds nothing for it and a slow
terminal holds up nobody. Hiding and decoding are done there; only the layout, and the capture file, are made here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import trio

from gateway.base import GatewayError
from gateway.carriers.capture import Capture
from gateway.cli.client import Client, UnreachableError, ask_at, find
from gateway.cli.options import config_option, json_option
from gateway.cli.output import plain

SHOWN_FIRST: Final = 20
POLL_S: Final = 0.5
PAGE: Final = 500
MOST_HEX: Final = 256
"""Octets of a PDU that cannot be read that are printed for people."""

HIDDEN: Final = b"****".hex()
"""What hidden octets look like."""

Show = Callable[[Mapping[str, Any]], None]


class CannotWriteError(GatewayError):
    """The capture file cannot be written."""

    exit_code = 73  # EX_CANTCREAT


@click.command(name="trace")
@config_option
@click.option("--last", type=click.IntRange(1, 1000), metavar="N", help="Show the latest N that are kept, and end.")
@click.option("--unmask", is_flag=True, help="Show whole numbers and texts. Who asked is audited.")
@click.option(
    "--pcap",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write a capture for Wireshark and tshark instead (- is stdout).",
)
@json_option
@click.argument("carrier", required=False)
def trace(config: Path, carrier: str | None, last: int | None, unmask: bool, pcap: Path | None, as_json: bool) -> None:
    """Show the PDUs of the running gateway as they come and go.

    Of one CARRIER (or bind), or of all, until Ctrl-C. It begins with the latest that are kept in memory: 20 of them,
    with --pcap all. Fields that are 0 or empty are left out. Numbers are masked and texts hidden unless --unmask says
    otherwise; passwords are never shown. With --json, each line is one PDU.

    \b
    Example:
      gateway trace -c gateway.toml acme
      gateway trace -c gateway.toml --pcap - | wireshark -k -i -
    """
    if pcap is not None and as_json:
        raise click.UsageError("--pcap and --json exclude each other")
    place = find(config)
    if not isinstance(place, Path):
        raise UnreachableError("no gateway is running with this configuration; only a running one can be traced")
    path = f"/api/v1/trace{'/unmasked' if unmask else ''}"
    with ExitStack() as files:
        show: Show = _print_json if as_json else _Terminal().show
        if pcap is not None:
            show = files.enter_context(_File(pcap)).show
        wanted = last or (None if pcap is not None else SHOWN_FIRST)
        try:
            ask_at(place, lambda client: _follow(client, path, carrier, wanted, show, ends=last is not None))
        except* KeyboardInterrupt:
            pass  # Ctrl-C is how it ends


async def _follow(client: Client, path: str, carrier: str | None, last: int | None, show: Show, *, ends: bool) -> None:
    page = await client.get(path, carrier=carrier, last=last, limit=None if last else PAGE)
    for bind in page["off"]:
        click.echo(f"{bind}: nothing is kept, because trace_octets of its carrier is 0", err=True)
    while True:
        for bind, count in page["missed"].items():
            click.echo(f"{bind}: {count} PDUs were missed, because newer ones took their memory", err=True)
        for pdu in page["pdus"]:
            show(pdu)
        if ends:
            if not page["pdus"]:
                click.echo("nothing is kept yet", err=True)
            return
        if not page["more"]:
            await trio.sleep(POLL_S)
        page = await client.get(path, carrier=carrier, cursor=page["next"], limit=PAGE)


def _print_json(pdu: Mapping[str, Any]) -> None:
    click.echo(json.dumps(pdu, ensure_ascii=False))


class _Terminal:
    """PDUs for people; says which session they are of when that changes."""

    def __init__(self) -> None:
        self._sessions: dict[str, str] = {}

    def show(self, pdu: Mapping[str, Any]) -> None:
        """Print one PDU."""
        if self._sessions.get(pdu["bind"]) != pdu["session"]:
            self._sessions[pdu["bind"]] = pdu["session"]
            click.echo(click.style(f"{pdu['bind']} session {pdu['session']}", dim=True))
        click.echo("\n".join(_lines(pdu)))


def _lines(pdu: Mapping[str, Any]) -> Iterator[str]:
    at = datetime.fromisoformat(pdu["at"]).astimezone().isoformat(" ", "milliseconds")[:23]
    arrow = "<-" if pdu["direction"] == "in" else "->"
    head = f"{at}  {pdu['bind']}  {arrow}  {pdu['command'] or 'octets'}"
    if pdu["sequence"] is not None:
        head += f"  seq {pdu['sequence']}"
        if pdu["status"] or (pdu["command"] or "").endswith("_resp"):
            head += f"  {pdu['status_name']}"
    yield click.style(head, bold=True)
    fields = [f"{name} {plain(value)}" for name, value in pdu["fields"].items() if value and name != "short_message"]
    if fields:
        yield f"    {', '.join(fields)}"
    for tlv in pdu["tlvs"]:
        yield f"    {tlv['name']} {plain(tlv['value'])}"
    if (part := pdu["part"]) is not None:
        yield f"    part {part['number']} of {part['total']}, reference {part['reference']}"
    if pdu["text"] is not None:
        yield f"    text: {plain(pdu['text'])}"
    elif pdu["hidden"]:
        yield "    text: hidden"
    if pdu["fault"] is not None:
        yield click.style(f"    fault: {plain(pdu['fault'])}", fg="red")
        octets = pdu["octets"]
        yield f"    octets: {octets[: 2 * MOST_HEX]}{'…' if len(octets) > 2 * MOST_HEX else ''}"
        if HIDDEN in octets:
            yield "    (2a, stars, is hidden: --unmask shows it, and `gateway quarantine --raw` what was set aside)"


class _File:
    """The capture file. It is for its owner alone, and whole after each PDU."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stdout = str(path) == "-"
        self._capture = Capture()
        self._count = 0
        self._file: BinaryIO

    def __enter__(self) -> _File:
        """Begin the file, in place of one that was there."""
        if self._stdout:
            self._file = sys.stdout.buffer
        else:
            try:
                self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
            except OSError as error:
                raise CannotWriteError(f"{self._path} cannot be written: {error.strerror}") from error
        self._write(self._capture.head())
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the file and say what is in it."""
        if not self._stdout:
            self._file.close()
            click.echo(f"{self._count} PDUs in {self._path}", err=True)

    def show(self, pdu: Mapping[str, Any]) -> None:
        """Add one PDU."""
        at = datetime.fromisoformat(pdu["at"]).timestamp()
        octets = bytes.fromhex(pdu["octets"])
        self._write(self._capture.packets(at, pdu["bind"], pdu["session"], pdu["direction"] == "in", octets))
        self._count += 1

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()


COMMAND = trace
