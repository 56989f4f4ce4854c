"""Writes docs/metrics.md from the metrics that exist: ``python -m gateway.telemetry.document > docs/metrics.md``.

A house test compares the page with this output, so that a metric cannot be added without being documented.
"""

from __future__ import annotations

import sys

from gateway.telemetry.metrics import Metrics

HEAD = """# Metrics

The daemon serves its metrics at `/metrics` in Prometheus's text format. Every name begins with `gateway_`; the usual
`process_*` metrics of the process stand beside them. Labels have a bound: no label holds a subscriber's number, and a
label value that is not known counts under `other`. `bind` is the bind's name (`acme/0`), `lane` is one of `urgent`,
`reply`, `normal` and `bulk`. `reason` is a problem type of the HTTP interface, except where the metric names its own.

This page is made by `python -m gateway.telemetry.document`.

| metric | kind | labels | what it says |
|---|---|---|---|
"""


def page() -> str:
    """Return docs/metrics.md."""
    rows = []
    for name, kind, labels, text in Metrics().declared:
        shown = ", ".join(f"`{label}`" for label in labels) or "–"
        rows.append(f"| `{name}` | {kind} | {shown} | {text} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
