"""20,000 spoilt PDUs to the running daemon, over one session: it lives, serves, and its memory stays flat.

What grows with texts and addresses that nobody sent before are caches with a bound (docs/smpp.md has the figures), so
the last 5,000 are sent once more: what grows then would grow for ever.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.test_hostile_pdus import Joiners
from tests.fuzz.seeds import spoilt
from tests.kit.daemon import Daemon, daemon, write_config
from tests.kit.raw_smsc import UNBIND, RawBind, listening

BATCH: Final = 500
FEW, ALL = 5_000, 20_000
CACHES_MB: Final = 16.0
FLAT_MB: Final = 4.0


def _memory(gateway: Daemon) -> float:
    """Return the resident memory of the daemon, in MB."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def _batch(chance: random.Random) -> list[bytes]:
    """Return spoilt PDUs that leave the session as it is: all but unbind, which ends it lawfully.

    Their sequence numbers are above those of the good texts, which are told by their own.
    """
    found: list[bytes] = []
    while len(found) < BATCH:
        data = spoilt(chance)
        if int.from_bytes(data[4:8], "big") != UNBIND:
            found.append(data[:12] + bytes((data[12] | 0x80,)) + data[13:])
    return found


async def _send(bind: RawBind, joiners: Joiners, chance: random.Random, count: int) -> None:
    for sent in range(0, count, BATCH):
        await bind.send(*_batch(chance))
        await joiners.join(bind, f"{sent + BATCH} spoilt PDUs")


@pytest.mark.checklist("E9")
async def test_the_daemon_lives_and_its_memory_stays_flat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joiners = Joiners()
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()
        await joiners.join(bind, "the start")
        start = _memory(gateway)
        await _send(bind, joiners, random.Random(0), FEW)
        few = _memory(gateway)
        for seed in range(1, ALL // FEW):
            await _send(bind, joiners, random.Random(seed), FEW)
        end = _memory(gateway)
        await _send(bind, joiners, random.Random(ALL // FEW - 1), FEW)
        again = _memory(gateway)
        assert len(smsc.binds) == 1, "the session was never restarted"
        assert not [line for line in gateway.log if "Traceback" in line or "internal error" in line]
        metrics = (await gateway.request("GET", "/metrics")).text
        assert "gateway_internal_errors_total{" not in metrics
        assert await gateway.terminate() == 0
    [aside] = [line for line in metrics.splitlines() if line.startswith("gateway_quarantine_total")]
    with capsys.disabled():
        sys.stdout.write(
            f"\nresident set: {start:.1f} MB before, {few:.1f} MB after {FEW} spoilt PDUs, {end:.1f} MB after {ALL},"
            f" {again:.1f} MB after the last {FEW} once more; {float(aside.split()[1]):.0f} in quarantine\n"
        )
    assert end - few < CACHES_MB
    assert again - end < FLAT_MB
