"""The graphs of docs/performance.md, drawn from figures as JSON.

    python -m benchmarks.graphs [FOLDER]

Reads ``sweep.json`` (``benchmarks.sweep --out``) and ``soak.json`` (``gateway bench --rough --json``) in the folder, by
default docs/performance, and writes an SVG file for each graph beside them; what is not there is not drawn. Needs
matplotlib (``pip install -e '.[bench]'``). The same figures give the same files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

FOLDER = Path(__file__).parents[1] / "docs" / "performance"
COLOURS = {0: "#1b6ca8", 20: "#c8553d", 50: "#588157"}
MARKS = {0: "o", 20: "s", 50: "^"}


def panels(title: str, left: str, right: str) -> tuple[Any, Axes, Axes]:
    figure, (one, two) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title, fontsize=11)
    for axes, label in ((one, left), (two, right)):
        axes.set_title(label, fontsize=9)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, one, two


def counted(axes: Axes, places: list[int]) -> None:
    """Let the x axis be logarithmic, with these places named."""
    axes.set_xscale("log")
    axes.set_xticks(places, [_short(place) for place in places])
    axes.minorticks_off()


def window(figures: dict[str, Any]) -> Any:
    figure, rate, times = panels("Texts against the window, by round trip", "answers a second", "ms to the ack")
    for rtt, colour in COLOURS.items():
        points = [found for found in figures["window"] if found["plan"]["rtt_ms"] == rtt]
        x = [found["plan"]["window"] for found in points]
        line = {"color": colour, "marker": MARKS[rtt], "markersize": 4}
        rate.plot(x, [found["mo"]["per_s"] for found in points], label=f"{rtt} ms", **line)
        times.plot(x, [found["mo"]["ack_ms"]["p50"] for found in points], label=f"{rtt} ms, p50", **line)
        times.plot(x, [found["mo"]["ack_ms"]["p99"] for found in points], linestyle=":", label=f"{rtt} ms, p99", **line)
        for axes in (rate, times):
            counted(axes, x)
            axes.set_xlabel("window (un-acked deliver_sm)")
    times.set_yscale("log")
    times.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    rate.legend(fontsize=8)
    times.legend(fontsize=7, ncols=2)
    return figure


def rows(figures: dict[str, Any]) -> Any:
    figure, rate, times = panels("Texts against the size of the store, window 100", "answers a second", "ms to the ack")
    points = figures["rows"]
    x = [found["plan"]["consents"] for found in points]
    rate.plot(x, [found["mo"]["per_s"] for found in points], color=COLOURS[0], marker="o", markersize=4)
    rate.set_ylim(bottom=0)
    for name, style in (("p50", "-"), ("p95", "--"), ("p99", ":")):
        values = [found["mo"]["ack_ms"][name] for found in points]
        times.plot(x, values, style, color=COLOURS[0], marker="o", markersize=4, label=name)
    times.set_ylim(bottom=0)
    times.legend(fontsize=8)
    for axes in (rate, times):
        counted(axes, x)
        axes.set_xlabel("consent rows")
    return figure


def broadcast(figures: dict[str, Any]) -> Any:
    figure, rate, times = panels(
        "A broadcast against the round trip", "messages a second", "ms to a STOP's confirmation"
    )
    for size, colour, mark in ((100, COLOURS[0], "o"), (10, COLOURS[20], "s")):
        points = [found for found in figures["broadcast"] if found["plan"]["window"] == size]
        x = [found["plan"]["rtt_ms"] for found in points]
        line = {"color": colour, "marker": mark, "markersize": 4}
        rate.plot(x, [found["mt"]["per_s"] for found in points], label=f"window {size}", **line)
        far = [rtt for rtt in x if rtt]
        rate.plot(far, [size / rtt * 1e3 for rtt in far], ":", color=colour, label=f"{size} / round trip")
        times.plot(x, [found["mt"]["stop_ms"]["p50"] for found in points], label=f"window {size}, p50", **line)
        times.plot(x, [found["mt"]["stop_ms"]["p99"] for found in points], linestyle=":",
                   label=f"window {size}, p99", **line)  # fmt: skip
    rate.set_yscale("log")
    rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for axes in (rate, times):
        axes.set_xlabel("round trip, ms")
        axes.legend(fontsize=7)
    times.set_ylim(bottom=0)
    return figure


def soak(figures: dict[str, Any]) -> Any:
    figure, memory, done = panels("Under a rough carrier", "resident set, MB", "answers a second")
    samples = figures["samples"]
    minutes = [sample["at"] / 60 for sample in samples]
    memory.plot(minutes, [sample["rss_mb"] for sample in samples], color=COLOURS[0], linewidth=1)
    memory.set_ylim(bottom=0)
    steps = [(b["answered"] - a["answered"]) / (b["at"] - a["at"]) for a, b in pairwise(samples)]
    done.plot(minutes[1:], steps, color=COLOURS[20], linewidth=0.6)
    done.set_ylim(bottom=0)
    for axes in (memory, done):
        axes.set_xlabel("minutes")
    return figure


GRAPHS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "window": ("sweep", window),
    "rows": ("sweep", rows),
    "broadcast": ("sweep", broadcast),
    "soak": ("soak", soak),
}


def _short(number: int) -> str:
    for size, unit in ((1_000_000, " M"), (1_000, " k")):
        if number >= size:
            return f"{number // size}{unit}"
    return str(number)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "gateway"
    mpl.rcParams["font.size"] = 8
    for name, (source, draw) in GRAPHS.items():
        file = folder / f"{source}.json"
        if not file.exists():
            print(f"{name}: there is no {file}")
            continue
        draw(json.loads(file.read_text("utf-8"))).savefig(folder / f"{name}.svg", metadata={"Date": None})
        print(f"{name}: {folder / f'{name}.svg'}")


if __name__ == "__main__":
    main()
