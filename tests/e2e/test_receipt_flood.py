"""25,000 receipts that wait at bind time: all are taken in, and memory stays flat.

The carrier writes them as fast as TCP takes them and waits for no answer; not one is refused, and a link check behind
them is answered. The peak of the resident set is that of the whole process's life, as the kernel keeps it, so it can be
compared before and after.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from gateway.model.messages import MessageState
from gateway.store.hot_parts import MOST_PARKED
from tests.e2e.test_hostile_pdus import Joiners
from tests.kit.daemon import Daemon, daemon, write_config
from tests.kit.raw_smsc import DELIVER, ENQUIRE, PATIENCE_S, RawBind, RawSmsc, listening, message, pdu

KNOWN: Final = 2_000
FEW: Final = 2_500
MANY: Final = 25_000
GROWTH_MB: Final = 24
"""What the peak may grow by between 2,500 receipts and 27,500: what is on its way at once, and caches that fill up."""

TEXT: Final = b"id:%s sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 text:%d"


def _peak(gateway: Daemon) -> float:
    """Return the largest resident set that the daemon ever had, in MB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _number(place: int) -> str:
    return f"1646{2_000_000 + place}"


def _receipts(known: Iterable[tuple[str, bytes]], unknown: Iterable[int]) -> list[bytes]:
    """Return bodies: for the messages that the carrier knows by (number, id), and for what somebody else sent."""
    bodies = [message(TEXT % (id_, 1), source=number.encode(), esm=4) for number, id_ in known]
    return bodies + [
        message(TEXT % (b"%x" % (0x7000_0000 + n), n), source=b"16502%06d" % (n % 5_000), esm=4) for n in unknown
    ]


async def _send(gateway: Daemon, bind: RawBind) -> list[tuple[str, bytes]]:
    """Send messages, and return (number, message_id) of each: the ids count from 1 in the order of the submits."""
    messages = [{"line": "85700", "to": f"+{_number(place)}", "text": "news"} for place in range(KNOWN)]
    answer = await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
    assert answer.status_code == 200
    await bind.until(lambda bind: len(bind.submits) == KNOWN, "all submits")
    with trio.fail_after(PATIENCE_S):
        while (await gateway.request("GET", "/api/v1/messages?state=sending&limit=1")).json()["messages"]:
            await trio.lowlevel.checkpoint()
    return [(submit.subscriber, b"id%d" % place) for place, submit in enumerate(bind.submits, 1)]


async def _bring(smsc: RawSmsc, bodies: Sequence[bytes]) -> RawBind:
    """Bring receipts with the bind_resp, and a link check behind them; each is taken, in one answer."""
    bind = await smsc.accept()
    await bind.login()
    sequences = [bind.next() for _ in bodies]
    check = bind.next()
    await bind.send(bind.bind_resp(), *map(partial(pdu, DELIVER), sequences, bodies), pdu(ENQUIRE, check))
    await bind.until(lambda bind: bool(bind.answers(check)) and all(map(bind.answers, sequences)))
    statuses = [[answer.status for answer in bind.answers(sequence)] for sequence in [*sequences, check]]
    assert statuses == [[0]] * len(statuses)
    return bind


@pytest.mark.checklist("C7", "H8")
async def test_25_000_receipts_at_bind_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_config(tmp_path, 1)
    async with listening() as smsc:
        file.write_text(
            file.read_text().replace("port = 1\n", f"port = {smsc.port}\n").replace("window = 10", "window = 500")
        )
        async with daemon(file) as gateway:
            bind = await smsc.bound()
            sent = await _send(gateway, bind)
            start = _peak(gateway)
            await bind.close()
            bind = await _bring(smsc, _receipts(sent[:300], range(FEW - 300)))
            few = _peak(gateway)
            await bind.close()
            bind = await _bring(smsc, _receipts(sent[300:], range(FEW, FEW + MANY - KNOWN + 300)))
            many = _peak(gateway)
            await Joiners().join(bind, "25,000 receipts")
            assert await gateway.terminate() == 0
    with capsys.disabled():
        sys.stdout.write(
            f"\npeak resident set: {start:.1f} MB before, {few:.1f} MB after {FEW} receipts,"
            f" {many:.1f} MB after {MANY} more\n"
        )
    assert many - few < GROWTH_MB
    with sqlite3.connect(tmp_path / "state" / "gateway.db") as store:
        states = store.execute("select state, count(*) from message where text = 'news' group by state").fetchall()
        assert states == [(MessageState.DELIVERED, KNOWN)]
        (parked,) = store.execute("select count(*) from parked_receipt").fetchone()
        assert FEW < parked <= MOST_PARKED
    store.close()
