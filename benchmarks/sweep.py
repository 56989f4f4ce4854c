"""How speed follows the window, the round trip and the size of the store: one run of ``gateway bench`` for each point.

    python -m benchmarks.sweep [--seconds 2] [--rows 100000] [--mt 20000] [--out FILE]

Prints a line for each point and, with ``--out``, writes all figures as JSON, of which ``benchmarks.graphs`` draws. The
figures of docs/performance.md are those of ``--seconds 3 --rows 10000000 --mt 100000``, on a machine that does nothing
else. Ends with 1 if a run lost something.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

WINDOWS = (1, 2, 5, 10, 20, 50, 100, 200)
ROUND_TRIPS_MS = (0, 20, 50)
ROWS = (10_000, 100_000, 1_000_000, 10_000_000)


def run(**options: float) -> dict[str, Any]:
    """Run ``gateway bench`` with these options and return its figures without the samples."""
    arguments = [f"--{name}={value}" for name, value in options.items()]
    done = subprocess.run(  # noqa: S603 - our own command with numbers
        [sys.executable, "-m", "gateway", "bench", "--json", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    found.pop("samples")
    found["whole"] = done.returncode == 0
    return found


def show(name: str, value: float, found: dict[str, Any]) -> None:
    mo, mt = found["mo"], found["mt"]
    rate = mt["per_s"] if mt else mo["per_s"]
    times = mt["stop_ms"] if mt else mo["ack_ms"]
    faults = "" if found["whole"] else "  SOMETHING WAS LOST"
    cpu = found["gateway"]["cpu_s_per_10k"]
    print(f"{name:>24} {value:>11,}  {rate:>8,.0f}/s  p50 {times['p50']:8.2f} ms  p99 {times['p99']:8.2f} ms  "
          f"cpu {cpu:5.2f} s/10k{faults}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rows", type=int, default=100_000, help="the largest store")
    parser.add_argument("--mt", type=int, default=20_000, help="messages of a broadcast")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    figures: dict[str, list[dict[str, Any]]] = {"window": [], "rows": [], "broadcast": []}
    for rtt in ROUND_TRIPS_MS:
        for window in WINDOWS:
            figures["window"].append(found := run(window=window, rtt=rtt, seconds=given.seconds))
            show(f"window, {rtt} ms away", window, found)
    for rows in [rows for rows in ROWS if rows <= given.rows]:
        figures["rows"].append(found := run(consents=rows, seconds=given.seconds))
        show("consent rows", rows, found)
    for rtt in ROUND_TRIPS_MS:
        for window in (10, 100):
            figures["broadcast"].append(
                found := run(window=window, rtt=rtt, mt=given.mt if window > 10 else given.mt // 4)
            )
            show(f"broadcast, {rtt} ms away", window, found)
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if all(found["whole"] for series in figures.values() for found in series) else 1)


if __name__ == "__main__":
    main()
