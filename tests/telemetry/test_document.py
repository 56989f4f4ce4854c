"""The page about metrics says what is declared."""

from __future__ import annotations

from gateway.telemetry import Metrics
from gateway.telemetry.document import page


def test_every_metric_has_a_row_and_a_sentence() -> None:
    text = page()
    for name, kind, labels, help_text in Metrics().declared:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert kind in row
        assert all(f"`{label}`" in row for label in labels)
        assert help_text.endswith(".")
